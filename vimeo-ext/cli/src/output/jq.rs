//! Built-in jq filters.
//!
//! A filter is a program: it can loop forever, recurse without end, and produce unlimited output. It therefore runs on
//! a separate thread with limits on time, depth, memory and output. The thread stops itself at a limit if it can;
//! otherwise the process exits and the thread with it.

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
use super::field_usage::FieldUsage;
use crate::exit::{CliError, ExitCode, Result};

type Program = jaq_core::compile::Filter<Native<GuardedData>>;

/// The limits of one filter run.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Running time, not counting the time it waits for its output to be read.
    time: Duration,
    /// Output in bytes of JSON.
    output: usize,
    /// Stack size in bytes.
    stack: usize,
    /// Memory in bytes, in addition to what the process used before.
    memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), output: 1 << 30, stack: 256 << 20, memory: 2 << 30 }
    }
}

/// Stack reserved beyond the depth limit: for calls until the next check, and for dropping nested values.
const STACK_RESERVE: usize = 64 << 20;

/// Maximum nesting depth of values, the same as for parsed JSON.
const MAX_NESTING: usize = 127;

/// Interval of the memory checks while a filter produces no output.
const MEMORY_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// A compiled filter that can run many times.
pub(crate) struct Filter {
    source: Arc<Source>,
    limits: Limits,
    /// Started on first use.
    worker: OnceLock<Mutex<Worker>>,
}

struct Source {
    program: Program,
    /// The usage of each list element.
    element_usage: FieldUsage,
}

/// The thread that runs the filter.
struct Worker {
    jobs: mpsc::Sender<Job>,
    results: mpsc::Receiver<Outcome>,
}

enum Job {
    /// Add an element to the list that the filter will run over.
    Element(Vec<u8>),
    /// Run over the list of elements.
    List,
    /// Run over this document.
    Document(Vec<u8>),
}

enum Outcome {
    Value(Value),
    Done,
    Failed(CliError),
}

impl Filter {
    /// Compiles a filter.
    pub(crate) fn compile(code: &str) -> Result<Self> {
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let invalid =
            || CliError::usage(format!("invalid jq filter `{code}`")).with_next_step("vimeo help formatting");
        let modules = Loader::new(defs).load(&arena, File { code, path: () }).map_err(|_| invalid())?;
        let program = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let unknown: Vec<String> =
                errors.iter().flat_map(|(_, errors)| errors).map(|(name, _)| format!("`{name}`")).collect();
            CliError::usage(format!(
                "the jq filter `{code}` uses {}, which is not defined",
                unknown.join(", ")
            ))
            .with_next_step("vimeo help formatting")
        })?;
        let source = Arc::new(Source { program, element_usage: FieldUsage::analyze(code).each() });
        Ok(Self { source, limits: Limits::default(), worker: OnceLock::new() })
    }

    /// Runs the filter over a document and prints its output.
    pub(crate) async fn print(&self, document: Vec<u8>, streams: &IoStreams) -> Result<()> {
        self.run(Job::Document(document), &mut |value| Ok(streams.filter_output(&value)?)).await
    }

    /// Adds an element to the list that [`print_list`](Self::print_list) runs over. Only the parts that the filter uses
    /// are kept.
    pub(crate) async fn push_element(&self, element: &[u8]) -> Result<()> {
        let worker = self.worker()?.lock().await;
        worker.jobs.send(Job::Element(element.to_vec())).await.map_err(|_| worker_gone())
    }

    /// Runs the filter over the list of added elements and prints its output.
    pub(crate) async fn print_list(&self, streams: &IoStreams) -> Result<()> {
        self.run(Job::List, &mut |value| Ok(streams.filter_output(&value)?)).await
    }

    async fn run(&self, job: Job, each: &mut dyn FnMut(Value) -> Result<()>) -> Result<()> {
        let mut worker = self.worker()?.lock().await;
        let before = resident_memory();
        worker.jobs.send(job).await.map_err(|_| worker_gone())?;
        let mut waited = Duration::ZERO;
        loop {
            match tokio::time::timeout(MEMORY_CHECK_INTERVAL, worker.results.recv()).await {
                Ok(Some(Outcome::Value(value))) => each(value)?,
                Ok(Some(Outcome::Done)) => return Ok(()),
                Ok(Some(Outcome::Failed(failure))) => return Err(failure),
                Ok(None) => return Err(worker_gone()),
                Err(_) => {
                    waited = waited.saturating_add(MEMORY_CHECK_INTERVAL);
                    // The thread stops itself earlier, unless it is in the middle of a long step.
                    if waited > self.limits.time.saturating_add(MEMORY_CHECK_INTERVAL) {
                        return Err(StopReason::Time.failure(self.limits));
                    }
                    if resident_memory().saturating_sub(before) > self.limits.memory {
                        return Err(StopReason::Memory.failure(self.limits));
                    }
                }
            }
        }
    }

    fn worker(&self) -> Result<&Mutex<Worker>> {
        if let Some(worker) = self.worker.get() {
            return Ok(worker);
        }
        let (jobs, mut job_receiver) = mpsc::channel(64);
        let (result_sender, results) = mpsc::channel(64);
        let (source, limits) = (Arc::clone(&self.source), self.limits);
        std::thread::Builder::new()
            .name("filter".to_owned())
            .stack_size(limits.stack)
            .spawn(move || source.serve(limits, &mut job_receiver, &result_sender))
            .map_err(|error| {
                CliError::new(ExitCode::Other, format!("cannot start the jq filter thread: {error}"))
            })?;
        Ok(self.worker.get_or_init(|| Mutex::new(Worker { jobs, results })))
    }
}

fn worker_gone() -> CliError {
    CliError::new(ExitCode::Other, "the jq filter thread ended unexpectedly")
}

impl Source {
    /// Processes jobs until the channel is closed.
    fn serve(&self, limits: Limits, jobs: &mut mpsc::Receiver<Job>, results: &mpsc::Sender<Outcome>) {
        let stack_start = stack_address();
        let mut list = Vec::new();
        while let Some(job) = jobs.blocking_recv() {
            let outcome = match job {
                Job::Element(text) => match parse(&text) {
                    Ok(value) => {
                        list.push(self.element_usage.prune(value));
                        continue;
                    }
                    Err(failure) => Err(failure),
                },
                Job::List => Ok(Val::Arr(std::mem::take(&mut list).into())),
                Job::Document(text) => parse(&text),
            };
            let guard = Guard {
                min_stack_address: stack_start.saturating_sub(limits.stack.saturating_sub(STACK_RESERVE)),
                limits,
                steps: Cell::new(0),
                busy: Cell::new(Duration::ZERO),
                since: Cell::new(Instant::now()),
            };
            let outcome = outcome.and_then(|input| {
                // Sending fails if the reader is gone.
                let mut emit = |value| results.blocking_send(Outcome::Value(value)).is_ok();
                catch_unwind(AssertUnwindSafe(|| self.run(input, &guard, &mut emit)))
                    .unwrap_or_else(|panic| Err(StopReason::from_panic(panic).failure(limits)))
            });
            let last = match outcome {
                Ok(()) => Outcome::Done,
                Err(failure) => Outcome::Failed(failure),
            };
            if results.blocking_send(last).is_err() {
                return;
            }
        }
    }

    /// Runs the filter and emits its values until `emit` returns `false`.
    fn run(&self, input: Val, guard: &Guard, emit: &mut dyn FnMut(Value) -> bool) -> Result<()> {
        let data = Data { lut: &self.program.lut, guard };
        let context = Ctx::<GuardedData>::new(data, Vars::new([]));
        let mut emitted = 0_usize;
        for value in self.program.id.run((context, input)).map(unwrap_valr) {
            let value = value.map_err(|error| {
                CliError::new(
                    ExitCode::Other,
                    format!("the jq filter failed: {}", truncated(&error.to_string())),
                )
            })?;
            let (value, length) = to_json(&value, guard.limits)?;
            emitted = emitted.saturating_add(length);
            if emitted > guard.limits.output {
                return Err(StopReason::Output.failure(guard.limits));
            }
            guard.pause();
            if !emit(value) {
                return Ok(());
            }
            guard.resume();
        }
        Ok(())
    }
}

/// Why a filter was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopReason {
    Time,
    Depth,
    Nesting,
    Output,
    Memory,
    Panic,
}

impl StopReason {
    fn from_panic(panic: Box<dyn Any + Send>) -> Self {
        panic.downcast_ref().copied().unwrap_or(Self::Panic)
    }

    fn failure(self, limits: Limits) -> CliError {
        let reason = match self {
            Self::Time => format!("timed out after {} s", limits.time.as_secs()),
            Self::Depth => "recurses too deeply".to_owned(),
            Self::Nesting => format!("returned a value nested more than {MAX_NESTING} levels deep"),
            Self::Output => format!("returned more than {}", super::bytes(limits.output as u64)),
            Self::Memory => format!("used more than {} of memory", super::bytes(limits.memory)),
            Self::Panic => "caused an internal error".to_owned(),
        };
        CliError::new(ExitCode::Other, format!("the jq filter {reason}"))
            .with_next_step("remove --jq and pipe the output to jq")
    }
}

/// The jaq data type of our filters: checks the limits at every step.
struct GuardedData;

impl DataT for GuardedData {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

#[derive(Clone, Copy)]
struct Data<'a> {
    lut: &'a Lut<GuardedData>,
    guard: &'a Guard,
}

impl<'a> HasLut<'a, GuardedData> for Data<'a> {
    /// Called at every step of a filter.
    fn lut(&self) -> &'a Lut<GuardedData> {
        self.guard.check();
        self.lut
    }
}

struct Guard {
    /// The lowest stack address that a filter can use; stacks grow downwards.
    min_stack_address: usize,
    limits: Limits,
    steps: Cell<u32>,
    busy: Cell<Duration>,
    since: Cell<Instant>,
}

impl Guard {
    /// Unwinds the filter at a limit: there is no other way to stop a recursive filter.
    fn check(&self) {
        if stack_address() < self.min_stack_address {
            resume_unwind(Box::new(StopReason::Depth));
        }
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if steps.is_multiple_of(1024)
            && self.busy.get().saturating_add(self.since.get().elapsed()) > self.limits.time
        {
            resume_unwind(Box::new(StopReason::Time));
        }
    }

    fn pause(&self) {
        self.busy.set(self.busy.get().saturating_add(self.since.get().elapsed()));
    }

    fn resume(&self) {
        self.since.set(Instant::now());
    }
}

/// Returns the approximate stack address.
#[inline(never)]
fn stack_address() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// Returns the resident memory of the process; 0 if unknown.
fn resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|size| size.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1024)
}

fn parse(text: &[u8]) -> Result<Val> {
    if depth(text) > MAX_NESTING {
        let message =
            format!("the response is nested more than {MAX_NESTING} levels deep, too deep for a jq filter");
        return Err(CliError::new(ExitCode::Other, message).with_next_step("remove --jq"));
    }
    read::parse_single(text)
        .map_err(|error| CliError::new(ExitCode::Other, format!("the response is not valid JSON: {error}")))
}

/// Returns the nesting depth of JSON text.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut max_depth) = (0_usize, 0_usize);
    let (mut in_text, mut after_backslash) = (false, false);
    for byte in text {
        match byte {
            _ if after_backslash => after_backslash = false,
            b'\\' => after_backslash = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                max_depth = max_depth.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    max_depth
}

/// Converts a value from the filter to JSON. Also returns the length of its text.
fn to_json(value: &Val, limits: Limits) -> Result<(Value, usize)> {
    if exceeds_depth(value, MAX_NESTING) {
        return Err(StopReason::Nesting.failure(limits));
    }
    let text = value.to_string();
    let value = serde_json::from_str(&text).map_err(|_| {
        CliError::new(
            ExitCode::Other,
            format!("the jq filter returned {}, which is not valid JSON", truncated(&text)),
        )
    })?;
    Ok((value, text.len()))
}

/// Whether a value is nested deeper than `max_depth`.
fn exceeds_depth(value: &Val, max_depth: usize) -> bool {
    let deeper = |value: &Val| match max_depth.checked_sub(1) {
        Some(max_depth) => exceeds_depth(value, max_depth),
        None => true,
    };
    match value {
        Val::Arr(list) => list.iter().any(deeper),
        Val::Obj(object) => object.iter().any(|(key, value)| deeper(key) || deeper(value)),
        _ => false,
    }
}

/// Truncates a text for a message.
fn truncated(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
impl Filter {
    /// Returns the filter's values for a document.
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

    /// Runs the filter on this thread. Returns its values and whether it succeeded.
    pub(crate) fn run_inline(&self, input: Val) -> (Vec<Value>, bool) {
        let guard = Guard {
            min_stack_address: 0,
            limits: self.limits,
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

/// Converts a document to a filter's input.
#[cfg(test)]
pub(crate) fn input(document: &Value) -> Val {
    parse(document.to_string().as_bytes()).unwrap()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn run(code: &str, input: &Value) -> Vec<Value> {
        Filter::compile(code).unwrap().values(input).await.unwrap()
    }

    #[tokio::test]
    async fn runs_filters_over_documents() {
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
    async fn one_filter_runs_over_documents_and_a_list() {
        let filter = Filter::compile("map(.n)").unwrap();
        assert_eq!(filter.values(&json!([{"n": 1}])).await.unwrap(), [json!([1])]);
        let (streams, out, _) = IoStreams::captured(None);
        for n in 2..4 {
            filter.push_element(json!({"n": n, "more": "text"}).to_string().as_bytes()).await.unwrap();
        }
        filter.print_list(&streams).await.unwrap();
        filter.print(b"[]".to_vec(), &streams).await.unwrap();
        streams.flush().unwrap();
        assert_eq!(out.text(), "[2,3]\n[]\n");
    }

    #[tokio::test]
    async fn rejects_deeply_nested_responses() {
        for (text, deep) in
            [("[]", 1), (r#"{"a": [[1], {"b": "[[[[\"{{"}]}"#, 3), (r#""text""#, 0), ("[[", 2), ("]]]][", 1)]
        {
            assert_eq!(depth(text.as_bytes()), deep, "{text}");
        }
        let filter = Filter::compile("length").unwrap();
        let (streams, ..) = IoStreams::captured(None);
        let refused = filter.print("[".repeat(10_000_000).into_bytes(), &streams).await.unwrap_err();
        assert!(refused.message().contains("nested more than 127 levels deep"), "{refused}");
        assert_eq!(filter.values(&json!([1, 2])).await.unwrap(), [json!(2)]);
    }

    #[tokio::test]
    async fn compile_rejects_invalid_filters() {
        assert_eq!(Filter::compile(".[").err().unwrap().exit, ExitCode::Usage);
        let unknown = Filter::compile("frobnicate").err().unwrap();
        assert_eq!(unknown.message(), "the jq filter `frobnicate` uses `frobnicate`, which is not defined");
        let unknown = Filter::compile("$x").err().unwrap();
        assert_eq!(unknown.message(), "the jq filter `$x` uses `$x`, which is not defined");
        let stopped = Filter::compile(".a").unwrap().values(&json!([1])).await.unwrap_err();
        assert!(stopped.message().starts_with("the jq filter failed"), "{stopped}");
    }

    #[tokio::test]
    async fn stops_endless_filters_at_their_limits() {
        let narrow = Limits {
            time: Duration::from_millis(300),
            output: 4096,
            stack: STACK_RESERVE + (8 << 20),
            memory: 256 << 20,
        };
        for (code, limits, expected) in [
            ("reduce range(1e15) as $i (0; . + 1)", narrow, "timed out after"),
            ("def f: f; f", narrow, "timed out after"),
            ("last(repeat(1))", narrow, "timed out after"),
            ("range(infinite)", narrow, "returned more than 4.0 KiB"),
            ("def f: 1 + f; f", narrow, "recurses too deeply"),
            ("def f: [f]; f", narrow, "recurses too deeply"),
            ("def f(g): 1 + f(g); f(.)", narrow, "recurses too deeply"),
            ("reduce range(1000) as $i (null; [.])", Limits::default(), "nested more than 127 levels deep"),
        ] {
            let filter = Filter { limits, ..Filter::compile(code).unwrap() };
            let stopped = filter.values(&json!(null)).await.unwrap_err();
            assert!(stopped.message().contains(expected), "{code}: {stopped}");
            assert!(stopped.next_step().is_some_and(|next| next.contains("pipe the output to jq")), "{code}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn stops_filters_that_use_too_much_memory() {
        let limits = Limits { memory: 64 << 20, ..Limits::default() };
        let filter = Filter { limits, ..Filter::compile("[range(40000000)] | length").unwrap() };
        let stopped = filter.values(&json!(null)).await.unwrap_err();
        assert!(stopped.message().contains("used more than 64.0 MiB of memory"), "{stopped}");
    }
}
