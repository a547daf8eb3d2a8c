//! jq filters, built in.
//!
//! A filter is a program: it may run for ever, call itself without an end, and give more than fits anywhere. So it runs on a
//! thread of its own, with bounds on its time, its depth, its memory and what it gives. The thread stops at a bound by
//! itself where it can; where it cannot, it ends with the process, which ends at once.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Lut, Native, Vars, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use super::IoStreams;
use super::demand::FieldUsage;
use crate::exit::{Exit, Failure, Result};

type Program = jaq_core::compile::Filter<Native<Kind>>;

/// What one run of a filter may take.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Without the time in which nobody takes what it gives.
    time: Duration,
    /// Bytes of JSON.
    output: usize,
    /// Bytes of the stack.
    stack: usize,
    /// Bytes, on top of what the process had.
    memory: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), output: 1 << 30, stack: 256 << 20, memory: 2 << 30 }
    }
}

/// What is left of the stack when a filter is stopped: for what it calls until the next check, and to let go of nested
/// values.
const SPARE_STACK: usize = 64 << 20;

/// How deep a value may be nested, as in JSON that is read.
const MAX_NESTED: usize = 127;

/// How often memory is looked at while a filter gives nothing.
const LOOK: Duration = Duration::from_millis(100);

/// A filter that was read once and can run many times.
pub(crate) struct Filter {
    source: Arc<Source>,
    bounds: Bounds,
    /// Started when it is first needed.
    worker: OnceLock<Mutex<Worker>>,
}

struct Source {
    program: Program,
    /// What of each element of a list is looked at.
    of_each: FieldUsage,
}

/// The thread that runs the filter.
struct Worker {
    jobs: mpsc::Sender<Job>,
    results: mpsc::Receiver<Outcome>,
}

enum Job {
    /// An element of the list that the filter will run over as a whole.
    Element(Vec<u8>),
    /// Run over those elements.
    List,
    /// Run over this document.
    Document(Vec<u8>),
}

enum Outcome {
    Value(Value),
    Done,
    Failed(Failure),
}

impl Filter {
    /// Reads a filter; what cannot be read is said before anything is sent.
    pub(crate) fn compile(code: &str) -> Result<Self> {
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let bad = || {
            Failure::usage(format!("`{code}` is no jq filter that can be run")).next("vimeo help formatting")
        };
        let modules = Loader::new(defs).load(&arena, File { code, path: () }).map_err(|_| bad())?;
        let program = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let unknown: Vec<String> =
                errors.iter().flat_map(|(_, errors)| errors).map(|(name, _)| format!("`{name}`")).collect();
            Failure::usage(format!("the filter `{code}` uses {}, which is not known", unknown.join(", ")))
                .next("vimeo help formatting")
        })?;
        let source = Arc::new(Source { program, of_each: FieldUsage::of(code).each() });
        Ok(Self { source, bounds: Bounds::default(), worker: OnceLock::new() })
    }

    /// Prints all that the filter gives for a document.
    pub(crate) async fn print(&self, document: Vec<u8>, streams: &IoStreams) -> Result<()> {
        self.run(Job::Document(document), &mut |value| Ok(streams.filtered(&value)?)).await
    }

    /// Takes an element of the list that [`print_list`](Self::print_list) runs over, and keeps of it what the filter looks
    /// at.
    pub(crate) async fn take(&self, element: &[u8]) -> Result<()> {
        let worker = self.worker()?.lock().await;
        worker.jobs.send(Job::Element(element.to_vec())).await.map_err(|_| broke_off())
    }

    /// Prints all that the filter gives for the list of the elements that were taken.
    pub(crate) async fn print_list(&self, streams: &IoStreams) -> Result<()> {
        self.run(Job::List, &mut |value| Ok(streams.filtered(&value)?)).await
    }

    async fn run(&self, job: Job, each: &mut dyn FnMut(Value) -> Result<()>) -> Result<()> {
        let mut worker = self.worker()?.lock().await;
        let before = memory();
        worker.jobs.send(job).await.map_err(|_| broke_off())?;
        let mut waited = Duration::ZERO;
        loop {
            match tokio::time::timeout(LOOK, worker.results.recv()).await {
                Ok(Some(Outcome::Value(value))) => each(value)?,
                Ok(Some(Outcome::Done)) => return Ok(()),
                Ok(Some(Outcome::Failed(failure))) => return Err(failure),
                Ok(None) => return Err(broke_off()),
                Err(_) => {
                    waited = waited.saturating_add(LOOK);
                    // The thread has stopped by itself before, unless it is in the middle of a long step.
                    if waited > self.bounds.time.saturating_add(LOOK) {
                        return Err(Stop::Time.failure(self.bounds));
                    }
                    if memory().saturating_sub(before) > self.bounds.memory {
                        return Err(Stop::Memory.failure(self.bounds));
                    }
                }
            }
        }
    }

    fn worker(&self) -> Result<&Mutex<Worker>> {
        if let Some(worker) = self.worker.get() {
            return Ok(worker);
        }
        let (jobs, mut waiting) = mpsc::channel(64);
        let (told, results) = mpsc::channel(64);
        let (source, bounds) = (Arc::clone(&self.source), self.bounds);
        std::thread::Builder::new()
            .name("filter".to_owned())
            .stack_size(bounds.stack)
            .spawn(move || source.serve(bounds, &mut waiting, &told))
            .map_err(|error| Failure::new(Exit::Other, format!("the filter cannot be started: {error}")))?;
        Ok(self.worker.get_or_init(|| Mutex::new(Worker { jobs, results })))
    }
}

fn broke_off() -> Failure {
    Failure::new(Exit::Other, "the filter broke off")
}

impl Source {
    /// Does the jobs, until nobody has one any more.
    fn serve(&self, bounds: Bounds, jobs: &mut mpsc::Receiver<Job>, told: &mpsc::Sender<Outcome>) {
        let bottom = here();
        let mut list = Vec::new();
        while let Some(job) = jobs.blocking_recv() {
            let outcome = match job {
                Job::Element(text) => match parsed(&text) {
                    Ok(value) => {
                        list.push(self.of_each.keep(value));
                        continue;
                    }
                    Err(failure) => Err(failure),
                },
                Job::List => Ok(Val::Arr(std::mem::take(&mut list).into())),
                Job::Document(text) => parsed(&text),
            };
            let guard = Guard {
                lowest: bottom.saturating_sub(bounds.stack.saturating_sub(SPARE_STACK)),
                bounds,
                steps: Cell::new(0),
                busy: Cell::new(Duration::ZERO),
                since: Cell::new(Instant::now()),
            };
            let outcome = outcome.and_then(|input| {
                // Whoever read it has ended when it cannot be sent.
                let mut give = |value| told.blocking_send(Outcome::Value(value)).is_ok();
                catch_unwind(AssertUnwindSafe(|| self.run(input, &guard, &mut give)))
                    .unwrap_or_else(|stopped| Err(Stop::of(stopped).failure(bounds)))
            });
            let last = match outcome {
                Ok(()) => Outcome::Done,
                Err(failure) => Outcome::Failed(failure),
            };
            if told.blocking_send(last).is_err() {
                return;
            }
        }
    }

    /// Gives one value after the other, for as long as they are wanted.
    fn run(&self, input: Val, guard: &Guard, give: &mut dyn FnMut(Value) -> bool) -> Result<()> {
        let data = Data { lut: &self.program.lut, guard };
        let context = Ctx::<Kind>::new(data, Vars::new([]));
        let mut given = 0_usize;
        for value in self.program.id.run((context, input)).map(unwrap_valr) {
            let value = value.map_err(|error| {
                Failure::new(Exit::Other, format!("the filter stopped: {}", short(&error.to_string())))
            })?;
            let (value, length) = back(&value, guard.bounds)?;
            given = given.saturating_add(length);
            if given > guard.bounds.output {
                return Err(Stop::Output.failure(guard.bounds));
            }
            guard.pause();
            if !give(value) {
                return Ok(());
            }
            guard.go_on();
        }
        Ok(())
    }
}

/// Why a filter is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Time,
    Depth,
    Nested,
    Output,
    Memory,
    Fault,
}

impl Stop {
    fn of(stopped: Box<dyn Any + Send>) -> Self {
        stopped.downcast_ref().copied().unwrap_or(Self::Fault)
    }

    fn failure(self, bounds: Bounds) -> Failure {
        let why = match self {
            Self::Time => format!("is not done after {} s", bounds.time.as_secs()),
            Self::Depth => "calls itself too deeply".to_owned(),
            Self::Nested => format!("gives a value that is nested more than {MAX_NESTED} deep"),
            Self::Output => format!("gives more than {}", super::bytes(bounds.output as u64)),
            Self::Memory => format!("needs more than {} of memory", super::bytes(bounds.memory)),
            Self::Fault => "has run into a fault of this program".to_owned(),
        };
        Failure::new(Exit::Other, format!("the filter of --jq {why}"))
            .next("leave --jq out, and run jq over the output")
    }
}

/// The kind of program: a jq filter with a guard at every step.
struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

#[derive(Clone, Copy)]
struct Data<'a> {
    lut: &'a Lut<Kind>,
    guard: &'a Guard,
}

impl<'a> HasLut<'a, Kind> for Data<'a> {
    /// Every step of a filter asks for it.
    fn lut(&self) -> &'a Lut<Kind> {
        self.guard.check();
        self.lut
    }
}

struct Guard {
    /// The lowest address of the stack that a filter may come to; stacks grow downwards.
    lowest: usize,
    bounds: Bounds,
    steps: Cell<u32>,
    busy: Cell<Duration>,
    since: Cell<Instant>,
}

impl Guard {
    /// Ends the filter where it is at a bound: nothing else ends a program that calls itself.
    fn check(&self) {
        if here() < self.lowest {
            resume_unwind(Box::new(Stop::Depth));
        }
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if steps.is_multiple_of(1024)
            && self.busy.get().saturating_add(self.since.get().elapsed()) > self.bounds.time
        {
            resume_unwind(Box::new(Stop::Time));
        }
    }

    fn pause(&self) {
        self.busy.set(self.busy.get().saturating_add(self.since.get().elapsed()));
    }

    fn go_on(&self) {
        self.since.set(Instant::now());
    }
}

/// About where the stack is.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// What the process has in memory; 0 where the system does not say.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|size| size.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1024)
}

fn parsed(text: &[u8]) -> Result<Val> {
    if depth(text) > MAX_NESTED {
        let message =
            format!("the answer is nested more than {MAX_NESTED} deep, which no filter is run over");
        return Err(Failure::new(Exit::Other, message).next("leave --jq out"));
    }
    read::parse_single(text)
        .map_err(|error| Failure::new(Exit::Other, format!("the answer cannot be read as JSON: {error}")))
}

/// How deep the JSON is nested.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_text, mut after_backslash) = (false, false);
    for byte in text {
        match byte {
            _ if after_backslash => after_backslash = false,
            b'\\' => after_backslash = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A value that the filter gives, and how long its text is.
fn back(value: &Val, bounds: Bounds) -> Result<(Value, usize)> {
    if is_nested(value, MAX_NESTED) {
        return Err(Stop::Nested.failure(bounds));
    }
    let text = value.to_string();
    let value = serde_json::from_str(&text).map_err(|_| {
        Failure::new(Exit::Other, format!("the filter gave {}, which is no JSON", short(&text)))
    })?;
    Ok((value, text.len()))
}

/// Whether a value is nested deeper than that.
fn is_nested(value: &Val, deepest: usize) -> bool {
    let deeper = |value: &Val| match deepest.checked_sub(1) {
        Some(deepest) => is_nested(value, deepest),
        None => true,
    };
    match value {
        Val::Arr(list) => list.iter().any(deeper),
        Val::Obj(object) => object.iter().any(|(key, value)| deeper(key) || deeper(value)),
        _ => false,
    }
}

/// The beginning of a text, for a message.
fn short(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
impl Filter {
    /// All values that the filter gives for a document.
    pub(crate) async fn values(&self, document: &Value) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        let text = document.to_string().into_bytes();
        self.run(Job::Document(text), &mut |value| {
            values.push(value);
            Ok(())
        })
        .await?;
        Ok(values)
    }

    /// The values that the filter gives for an input, and how it ended.
    pub(crate) fn over(&self, input: Val) -> (Vec<Value>, bool) {
        let guard = Guard {
            lowest: 0,
            bounds: self.bounds,
            steps: Cell::new(0),
            busy: Cell::default(),
            since: Cell::new(Instant::now()),
        };
        let mut values = Vec::new();
        let ended = self.source.run(input, &guard, &mut |value| {
            values.push(value);
            true
        });
        (values, ended.is_ok())
    }
}

/// A document as a filter's input.
#[cfg(test)]
pub(crate) fn input(document: &Value) -> Val {
    parsed(document.to_string().as_bytes()).unwrap()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn run(code: &str, input: &Value) -> Vec<Value> {
        Filter::compile(code).unwrap().values(input).await.unwrap()
    }

    #[tokio::test]
    async fn filters_run_over_documents() {
        let page = json!([{"uri": "/videos/1", "n": 1}, {"uri": "/videos/2", "n": 123_456_789_012_345_i64}]);
        assert_eq!(run("length", &page).await, [json!(2)]);
        assert_eq!(run(".[].uri", &page).await, [json!("/videos/1"), json!("/videos/2")]);
        assert_eq!(run("map(.n) | add", &page).await, [json!(123_456_789_012_346_i64)]);
        assert_eq!(run("[.[] | select(.n > 1) | {uri}]", &page).await, [json!([{"uri": "/videos/2"}])]);
        assert_eq!(run(r#".[0].uri | split("/") | last"#, &page).await, [json!("1")]);
        assert_eq!(run("def f: if . > 9000 then . else . + 1 | f end; f", &json!(0)).await, [json!(9001)]);
        assert_eq!(run("[limit(3; repeat(1))]", &json!(0)).await, [json!([1, 1, 1])]);
    }

    #[tokio::test]
    async fn a_filter_runs_over_one_document_after_the_other_and_over_a_list() {
        let filter = Filter::compile("map(.n)").unwrap();
        assert_eq!(filter.values(&json!([{"n": 1}])).await.unwrap(), [json!([1])]);
        let (streams, out, _) = IoStreams::captured(None);
        for n in 2..4 {
            filter.take(json!({"n": n, "more": "text"}).to_string().as_bytes()).await.unwrap();
        }
        filter.print_list(&streams).await.unwrap();
        filter.print(b"[]".to_vec(), &streams).await.unwrap();
        streams.flush().unwrap();
        assert_eq!(out.text(), "[2,3]\n[]\n");
    }

    #[tokio::test]
    async fn an_answer_that_is_nested_too_deep_is_refused_whatever_is_asked_of_it() {
        for (text, deep) in
            [("[]", 1), (r#"{"a": [[1], {"b": "[[[[\"{{"}]}"#, 3), (r#""text""#, 0), ("[[", 2), ("]]]][", 1)]
        {
            assert_eq!(depth(text.as_bytes()), deep, "{text}");
        }
        let filter = Filter::compile("length").unwrap();
        let (streams, ..) = IoStreams::captured(None);
        let refused = filter.print("[".repeat(10_000_000).into_bytes(), &streams).await.unwrap_err();
        assert!(refused.message().contains("nested more than 127 deep"), "{refused}");
        assert_eq!(filter.values(&json!([1, 2])).await.unwrap(), [json!(2)]);
    }

    #[tokio::test]
    async fn what_is_no_filter_is_found_before_it_runs() {
        assert_eq!(Filter::compile(".[").err().unwrap().exit, Exit::Usage);
        let unknown = Filter::compile("frobnicate").err().unwrap();
        assert_eq!(unknown.message(), "the filter `frobnicate` uses `frobnicate`, which is not known");
        let stopped = Filter::compile(".a").unwrap().values(&json!([1])).await.unwrap_err();
        assert!(stopped.message().starts_with("the filter stopped"), "{stopped}");
    }

    #[tokio::test]
    async fn a_filter_that_does_not_end_is_stopped_at_its_bound() {
        let narrow = Bounds {
            time: Duration::from_millis(300),
            output: 4096,
            stack: SPARE_STACK + (8 << 20),
            memory: 256 << 20,
        };
        for (code, bounds, says) in [
            ("reduce range(1e15) as $i (0; . + 1)", narrow, "is not done after"),
            ("def f: f; f", narrow, "is not done after"),
            ("last(repeat(1))", narrow, "is not done after"),
            ("range(infinite)", narrow, "gives more than 4.0 KiB"),
            ("def f: 1 + f; f", narrow, "calls itself too deeply"),
            ("def f: [f]; f", narrow, "calls itself too deeply"),
            ("def f(g): 1 + f(g); f(.)", narrow, "calls itself too deeply"),
            ("reduce range(1000) as $i (null; [.])", Bounds::default(), "nested more than 127 deep"),
        ] {
            let filter = Filter { bounds, ..Filter::compile(code).unwrap() };
            let stopped = filter.values(&json!(null)).await.unwrap_err();
            assert!(stopped.message().contains(says), "{code}: {stopped}");
            assert!(stopped.next_step().is_some_and(|next| next.contains("run jq")), "{code}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_filter_that_fills_the_memory_is_given_up() {
        let bounds = Bounds { memory: 64 << 20, ..Bounds::default() };
        let filter = Filter { bounds, ..Filter::compile("[range(40000000)] | length").unwrap() };
        let stopped = filter.values(&json!(null)).await.unwrap_err();
        assert!(stopped.message().contains("needs more than 64.0 MiB of memory"), "{stopped}");
    }
}
