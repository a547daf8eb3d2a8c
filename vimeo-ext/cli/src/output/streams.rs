//! Standard input, output and error, and what kind of ends they have.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, BufRead, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::colour::{ColourChoice, Paint, is_coloured};
use super::pager::{Pager, Running};
use crate::exit::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::text::{escaped, escaped_but_colours};

/// The most that is read of standard input or of a file that is named on the command line. No token and no request body of
/// ours reaches it.
const LONGEST_INPUT: u64 = 64 << 20;

/// The longest answer to a question.
const LONGEST_LINE: u64 = 64 << 10;

/// The one object through which a command talks: data to standard output, everything else to standard error.
pub(crate) struct IoStreams {
    out: Mutex<Out>,
    err: Mutex<Box<dyn Write + Send>>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    in_is_terminal: bool,
    may_prompt: bool,
    out_colour: bool,
    err_colour: bool,
    width: Option<usize>,
    interrupt: Interrupt,
}

/// Where data goes.
struct Out {
    writer: Box<dyn Write + Send>,
    /// What there is to page with.
    pager: Option<Pager>,
    /// What the first data starts.
    wanted: Option<Pager>,
    running: Option<Running>,
}

impl IoStreams {
    /// Those of the process. `VIMEO_FORCE_TTY` makes standard output count as a terminal, of that width when it is a
    /// number; `VIMEO_PROMPT_DISABLED` and `CI` keep questions away.
    pub(crate) fn of_process(colour: ColourChoice, interrupt: Interrupt) -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let set = |name: &str| variable(name).is_some_and(|value: OsString| !value.is_empty());
        let forced = variable("VIMEO_FORCE_TTY").filter(|value| !value.is_empty());
        let out_is_terminal = forced.is_some() || io::stdout().is_terminal();
        let err_is_terminal = io::stderr().is_terminal();
        let in_is_terminal = io::stdin().is_terminal();
        let may_prompt = in_is_terminal && out_is_terminal && !set("VIMEO_PROMPT_DISABLED") && !set("CI");
        let width = forced
            .as_ref()
            .and_then(|value| value.to_str()?.parse().ok().filter(|width| *width > 1))
            .or_else(|| Some(usize::from(console::Term::stdout().size_checked()?.1)))
            .or_else(|| std::env::var("COLUMNS").ok()?.parse().ok());
        Self {
            out: Out::new(BufWriter::new(io::stdout()), Pager::choose(out_is_terminal, variable)),
            err: Mutex::new(Box::new(io::stderr())),
            out_is_terminal,
            err_is_terminal,
            in_is_terminal,
            may_prompt,
            out_colour: is_coloured(colour, out_is_terminal, variable),
            err_colour: is_coloured(colour, err_is_terminal, variable),
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

    /// Whether there is somebody to ask.
    pub(crate) fn may_prompt(&self) -> bool {
        self.may_prompt
    }

    /// The columns of the terminal; `None` when the output is not for a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    pub(crate) fn paint(&self) -> Paint {
        Paint(self.out_colour)
    }

    pub(crate) fn paint_err(&self) -> Paint {
        Paint(self.err_colour)
    }

    /// What comes from here on may be long and is there to be read: on a terminal it goes through the pager.
    pub(crate) fn page(&self) {
        let mut out = self.out();
        out.wanted = out.pager.take();
    }

    /// The signals that may end what is waited for here.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Text of this program's own, such as help: it may steer the terminal.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.put(&[bytes])
    }

    /// A line that this program has put together. On a terminal it may have colours, and nothing else that steers it.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let text = if self.out_is_terminal { escaped_but_colours(text) } else { text.into() };
        self.put(&[text.as_bytes(), b"\n"])
    }

    /// What somebody else wrote: as it is in a pipe, without anything that steers it on a terminal.
    pub(crate) fn data(&self, bytes: &[u8]) -> io::Result<()> {
        match self.out_is_terminal {
            true => self.put(&[escaped(&String::from_utf8_lossy(bytes)).as_bytes()]),
            false => self.put(&[bytes]),
        }
    }

    /// A line of what somebody else wrote.
    pub(crate) fn data_line(&self, text: &str) -> io::Result<()> {
        let text: Cow<'_, str> = if self.out_is_terminal { escaped(text) } else { text.into() };
        self.put(&[text.as_bytes(), b"\n"])
    }

    fn put(&self, parts: &[&[u8]]) -> io::Result<()> {
        self.out().write(parts, &self.interrupt)
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.out().writer.flush()
    }

    /// Writes out what is left, and waits for whoever reads it in a pager. Data after that goes nowhere.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut out = self.out();
        let flushed = out.writer.flush();
        out.writer = Box::new(io::sink());
        // Its own trouble is what the rest comes of.
        let paged = out.running.take().map_or(Ok(()), Running::wait);
        self.interrupt.paging(false);
        paged.and(flushed)
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One JSON document: indented for people, on one line for programs.
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let text = match self.out_is_terminal {
            true => serde_json::to_string_pretty(value),
            false => serde_json::to_string(value),
        };
        self.data_line(&text.map_err(io::Error::other)?)
    }

    /// What a filter gives: text as it is, the rest as JSON.
    pub(crate) fn filtered(&self, value: &Value) -> io::Result<()> {
        match value {
            Value::String(text) => self.data_line(text),
            other => self.json(other),
        }
    }

    /// A line for people, on standard error. That it cannot be written is nothing to fail for.
    pub(crate) fn note(&self, text: &str) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(err, "{}", escaped_but_colours(text));
    }

    /// A note only where somebody is looking.
    pub(crate) fn hint(&self, text: &str) {
        if self.err_is_terminal {
            self.note(&self.paint_err().dim(text));
        }
    }

    /// Asks on standard error, so that a redirected output stays clean; `None` at the end of the input.
    pub(crate) async fn ask(&self, question: &str) -> Result<Option<String>> {
        self.question(question)?;
        let line = apart(|| read_line(io::stdin().lock())).await;
        line.map_err(|error| Failure::file("read", Path::new("standard input"), &error))
    }

    /// As [`ask`](Self::ask), without showing what is typed.
    pub(crate) async fn ask_secretly(&self, question: &str) -> Result<Option<String>> {
        self.question(question)?;
        let line = match self.interrupt.without_echo().await {
            Some(_guard) => apart(|| read_line(io::stdin().lock())).await,
            None => apart(|| console::Term::stderr().read_secure_line().map(Some)).await,
        };
        // The line end was not shown either.
        self.note("");
        line.map_err(|error| Failure::file("read", Path::new("standard input"), &error))
    }

    fn question(&self, question: &str) -> io::Result<()> {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        write!(err, "{}", escaped_but_colours(question))?;
        err.flush()
    }

    /// A file that is named on the command line, or standard input for `-`, up to a bound.
    pub(crate) async fn read_input(&self, file: &str) -> Result<Vec<u8>> {
        let (name, read) = match file {
            "-" => ("standard input".to_owned(), apart(|| read_bounded(io::stdin().lock())).await),
            file => {
                let path = PathBuf::from(file);
                (file.to_owned(), apart(move || read_bounded(std::fs::File::open(path)?)).await)
            }
        };
        read.map_err(|error| Failure::file("read", Path::new(&name), &error))
    }
}

/// Does what may wait for ever on a thread of its own, so that a signal can end the waiting. The thread ends with the
/// process.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("input".to_owned()).spawn(move || done.send(work()))?;
    result.await.unwrap_or_else(|_| Err(io::Error::other("reading broke off")))
}

fn read_bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(LONGEST_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it holds more than 64 MiB"));
    }
    Ok(bytes)
}

fn read_line(input: impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if input.take(LONGEST_LINE).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim().to_owned()))
}

impl Out {
    fn new(writer: impl Write + Send + 'static, pager: Option<Pager>) -> Mutex<Self> {
        Mutex::new(Self { writer: Box::new(writer), pager, wanted: None, running: None })
    }

    fn write(&mut self, parts: &[&[u8]], interrupt: &Interrupt) -> io::Result<()> {
        if let Some(pager) = self.wanted.take() {
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

    /// What a command wrote to one stream.
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
        /// IoStreams whose output is kept; a terminal of that width, or a pipe.
        pub(crate) fn captured(width: Option<usize>) -> (Self, Captured, Captured) {
            let (out, err) = (Captured::default(), Captured::default());
            let streams = Self {
                out: Out::new(out.clone(), None),
                err: Mutex::new(Box::new(err.clone())),
                out_is_terminal: width.is_some(),
                err_is_terminal: width.is_some(),
                in_is_terminal: false,
                may_prompt: false,
                out_colour: false,
                err_colour: false,
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
    fn what_others_wrote_steers_no_terminal_and_is_as_it_was_in_a_pipe() {
        let write = |width: Option<usize>| {
            let (streams, out, err) = IoStreams::captured(width);
            streams.filtered(&Value::from(TITLE)).unwrap();
            streams.json(&serde_json::json!({ "name": TITLE })).unwrap();
            streams.data(TITLE.as_bytes()).unwrap();
            streams.data(b"\n\xff latin").unwrap();
            streams.line(TITLE).unwrap();
            streams.note(TITLE);
            (out.bytes(), err.bytes())
        };
        let steers = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(crate::text::is_steering);
        let (out, err) = write(Some(80));
        assert!(!steers(&out) && !steers(&err), "{:?}", String::from_utf8_lossy(&out));
        let (out, err) = write(None);
        assert!(out.starts_with(TITLE.as_bytes()) && out.windows(7).any(|part| part == b"\xff latin"));
        assert!(!steers(&err), "what people read is clean wherever it goes");
    }

    #[test]
    fn input_is_read_up_to_a_bound() {
        assert_eq!(read_bounded(&b"token"[..]).unwrap(), b"token");
        let endless = read_bounded(io::repeat(0)).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_line(&b" yes \nno"[..]).unwrap().as_deref(), Some("yes"));
        assert_eq!(read_line(&b""[..]).unwrap(), None);
        let endless = read_line(io::BufReader::new(io::repeat(b'y'))).unwrap();
        assert_eq!(endless.map(|line| line.len() as u64), Some(LONGEST_LINE));
    }
}
