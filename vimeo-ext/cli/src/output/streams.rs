//! Standard input, output and error, and whether they are terminals.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, BufRead, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::color::{ColorChoice, Paint, use_color};
use super::pager::{Pager, RunningPager};
use crate::exit::{CliError, Result};
use crate::interrupt::Interrupt;
use crate::text::{escape_controls, escape_controls_except_colors};

/// Maximum size of standard input and of files named on the command line. Larger than any token or request body.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Maximum length of an answer to a prompt.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// All input and output of a command: data goes to standard output, everything else to standard error.
pub(crate) struct IoStreams {
    out: Mutex<Output>,
    err: Mutex<Box<dyn Write + Send>>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    in_is_terminal: bool,
    can_prompt: bool,
    out_color: bool,
    err_color: bool,
    width: Option<usize>,
    interrupt: Interrupt,
}

/// Standard output, possibly through a pager.
struct Output {
    writer: Box<dyn Write + Send>,
    /// The configured pager.
    pager: Option<Pager>,
    /// The pager to start when the first data is written.
    pending_pager: Option<Pager>,
    running: Option<RunningPager>,
}

impl IoStreams {
    /// The streams of this process. `VIMEO_FORCE_TTY` makes standard output count as a terminal; a number sets its
    /// width. `VIMEO_PROMPT_DISABLED` and `CI` disable prompts.
    pub(crate) fn from_env(color: ColorChoice, interrupt: Interrupt) -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let set = |name: &str| variable(name).is_some_and(|value: OsString| !value.is_empty());
        let forced = variable("VIMEO_FORCE_TTY").filter(|value| !value.is_empty());
        let out_is_terminal = forced.is_some() || io::stdout().is_terminal();
        let err_is_terminal = io::stderr().is_terminal();
        let in_is_terminal = io::stdin().is_terminal();
        let can_prompt = in_is_terminal && out_is_terminal && !set("VIMEO_PROMPT_DISABLED") && !set("CI");
        let width = forced
            .as_ref()
            .and_then(|value| value.to_str()?.parse().ok().filter(|width| *width > 1))
            .or_else(|| Some(usize::from(console::Term::stdout().size_checked()?.1)))
            .or_else(|| std::env::var("COLUMNS").ok()?.parse().ok());
        Self {
            out: Output::new(BufWriter::new(io::stdout()), Pager::choose(out_is_terminal, variable)),
            err: Mutex::new(Box::new(io::stderr())),
            out_is_terminal,
            err_is_terminal,
            in_is_terminal,
            can_prompt,
            out_color: use_color(color, out_is_terminal, variable),
            err_color: use_color(color, err_is_terminal, variable),
            width: if out_is_terminal { width.or(Some(80)) } else { None },
            interrupt,
        }
    }

    pub(crate) fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    pub(crate) fn in_is_terminal(&self) -> bool {
        self.in_is_terminal
    }

    /// Whether prompts are possible.
    pub(crate) fn can_prompt(&self) -> bool {
        self.can_prompt
    }

    /// The width of the terminal; `None` if standard output is not a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    pub(crate) fn paint(&self) -> Paint {
        Paint(self.out_color)
    }

    pub(crate) fn paint_err(&self) -> Paint {
        Paint(self.err_color)
    }

    /// Sends the following output through the pager, if standard output is a terminal.
    pub(crate) fn start_pager(&self) {
        let mut out = self.out();
        out.pending_pager = out.pager.take();
    }

    /// The interrupt handling of this process.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Writes text of this program, such as help, without escaping.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.put(&[bytes])
    }

    /// Writes a line composed by this program. On a terminal, control characters except color codes are escaped.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let text = if self.out_is_terminal { escape_controls_except_colors(text) } else { text.into() };
        self.put(&[text.as_bytes(), b"\n"])
    }

    /// Writes untrusted data: unmodified to a pipe, with control characters escaped to a terminal.
    pub(crate) fn data(&self, bytes: &[u8]) -> io::Result<()> {
        match self.out_is_terminal {
            true => self.put(&[escape_controls(&String::from_utf8_lossy(bytes)).as_bytes()]),
            false => self.put(&[bytes]),
        }
    }

    /// Writes a line of untrusted data, like [`data`](Self::data).
    pub(crate) fn data_line(&self, text: &str) -> io::Result<()> {
        let text: Cow<'_, str> = if self.out_is_terminal { escape_controls(text) } else { text.into() };
        self.put(&[text.as_bytes(), b"\n"])
    }

    fn put(&self, parts: &[&[u8]]) -> io::Result<()> {
        self.out().write(parts, &self.interrupt)
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.out().writer.flush()
    }

    /// Flushes the output and waits for the pager to end. Later output is discarded.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut out = self.out();
        let flushed = out.writer.flush();
        out.writer = Box::new(io::sink());
        // A pager error comes first: it causes the flush error.
        let paged = out.running.take().map_or(Ok(()), RunningPager::wait);
        self.interrupt.paging(false);
        paged.and(flushed)
    }

    fn out(&self) -> MutexGuard<'_, Output> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one JSON document: indented on a terminal, otherwise on one line.
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let text = match self.out_is_terminal {
            true => serde_json::to_string_pretty(value),
            false => serde_json::to_string(value),
        };
        self.data_line(&text.map_err(io::Error::other)?)
    }

    /// Writes a value from a filter: strings without quotes, everything else as JSON.
    pub(crate) fn filter_output(&self, value: &Value) -> io::Result<()> {
        match value {
            Value::String(text) => self.data_line(text),
            other => self.json(other),
        }
    }

    /// Writes a line for people to standard error. Errors are ignored.
    pub(crate) fn note(&self, text: &str) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(err, "{}", escape_controls_except_colors(text));
    }

    /// Writes a note, but only to a terminal.
    pub(crate) fn hint(&self, text: &str) {
        if self.err_is_terminal {
            self.note(&self.paint_err().dim(text));
        }
    }

    /// Prompts on standard error, so that redirected output stays clean. Returns `None` at the end of the input.
    pub(crate) async fn prompt(&self, question: &str) -> Result<Option<String>> {
        self.write_prompt(question)?;
        let line = run_on_thread(|| read_line(io::stdin().lock())).await;
        line.map_err(|error| CliError::io("read", Path::new("standard input"), &error))
    }

    /// Like [`prompt`](Self::prompt), with hidden input.
    pub(crate) async fn prompt_password(&self, question: &str) -> Result<Option<String>> {
        self.write_prompt(question)?;
        let line = match self.interrupt.disable_echo().await {
            Some(_guard) => run_on_thread(|| read_line(io::stdin().lock())).await,
            None => run_on_thread(|| console::Term::stderr().read_secure_line().map(Some)).await,
        };
        // The newline was not echoed either.
        self.note("");
        line.map_err(|error| CliError::io("read", Path::new("standard input"), &error))
    }

    fn write_prompt(&self, question: &str) -> io::Result<()> {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        write!(err, "{}", escape_controls_except_colors(question))?;
        err.flush()
    }

    /// Reads a file named on the command line, or standard input for `-`, up to the size limit.
    pub(crate) async fn read_input(&self, file: &str) -> Result<Vec<u8>> {
        let (name, read) = match file {
            "-" => ("standard input".to_owned(), run_on_thread(|| read_limited(io::stdin().lock())).await),
            file => {
                let path = PathBuf::from(file);
                (file.to_owned(), run_on_thread(move || read_limited(std::fs::File::open(path)?)).await)
            }
        };
        read.map_err(|error| CliError::io("read", Path::new(&name), &error))
    }
}

/// Runs blocking input on a separate thread, so that a signal can end the wait. The thread ends with the process.
async fn run_on_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("input".to_owned()).spawn(move || done.send(work()))?;
    result.await.unwrap_or_else(|_| Err(io::Error::other("the input thread ended unexpectedly")))
}

fn read_limited(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 MiB"));
    }
    Ok(bytes)
}

fn read_line(input: impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if input.take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim().to_owned()))
}

impl Output {
    fn new(writer: impl Write + Send + 'static, pager: Option<Pager>) -> Mutex<Self> {
        Mutex::new(Self { writer: Box::new(writer), pager, pending_pager: None, running: None })
    }

    fn write(&mut self, parts: &[&[u8]], interrupt: &Interrupt) -> io::Result<()> {
        if let Some(pager) = self.pending_pager.take() {
            self.writer.flush()?;
            let (running, input) = pager.start()?;
            interrupt.paging(true);
            self.writer = Box::new(BufWriter::new(input));
            self.running = Some(running);
        }
        parts.iter().try_for_each(|part| self.writer.write_all(part))
    }
}

#[cfg(test)]
pub(crate) mod captured {
    use std::sync::Arc;

    use super::*;

    /// The captured output of a stream.
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.bytes()).unwrap()
        }

        pub(crate) fn bytes(&self) -> Vec<u8> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl IoStreams {
        /// Creates streams whose output is captured; a terminal of this width, or a pipe.
        pub(crate) fn captured(width: Option<usize>) -> (Self, Captured, Captured) {
            let (out, err) = (Captured::default(), Captured::default());
            let streams = Self {
                out: Output::new(out.clone(), None),
                err: Mutex::new(Box::new(err.clone())),
                out_is_terminal: width.is_some(),
                err_is_terminal: width.is_some(),
                in_is_terminal: false,
                can_prompt: false,
                out_color: false,
                err_color: false,
                width,
                interrupt: Interrupt::none(false),
            };
            (streams, out, err)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLE: &str = "\u{1b}]52;c;eA==\u{7}\u{9b}31m\u{202e}gnp";

    #[test]
    fn escapes_control_characters_on_terminals() {
        let write = |width: Option<usize>| {
            let (streams, out, err) = IoStreams::captured(width);
            streams.filter_output(&Value::from(TITLE)).unwrap();
            streams.json(&serde_json::json!({ "name": TITLE })).unwrap();
            streams.data(TITLE.as_bytes()).unwrap();
            streams.data(b"\n\xff latin").unwrap();
            streams.line(TITLE).unwrap();
            streams.note(TITLE);
            (out.bytes(), err.bytes())
        };
        let has_controls = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(crate::text::is_control);
        let (out, err) = write(Some(80));
        assert!(!has_controls(&out) && !has_controls(&err), "{:?}", String::from_utf8_lossy(&out));
        let (out, err) = write(None);
        assert!(out.starts_with(TITLE.as_bytes()) && out.windows(7).any(|part| part == b"\xff latin"));
        assert!(!has_controls(&err), "standard error is always escaped");
    }

    #[test]
    fn reads_input_up_to_the_size_limit() {
        assert_eq!(read_limited(&b"token"[..]).unwrap(), b"token");
        let endless = read_limited(io::repeat(0)).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_line(&b" yes \nno"[..]).unwrap().as_deref(), Some("yes"));
        assert_eq!(read_line(&b""[..]).unwrap(), None);
        let endless = read_line(io::BufReader::new(io::repeat(b'y'))).unwrap();
        assert_eq!(endless.map(|line| line.len() as u64), Some(MAX_LINE_BYTES));
    }
}
