//! Standard input, output and error, and what kind of ends they have.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::colour::{ColourChoice, Paint, is_coloured};
use super::pager::{Pager, Running};

/// The one object through which a command talks: data to standard output, everything else to standard error.
pub(crate) struct Streams {
    out: Mutex<Out>,
    err: Mutex<Box<dyn Write + Send>>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    in_is_terminal: bool,
    may_prompt: bool,
    out_colour: bool,
    err_colour: bool,
    width: Option<usize>,
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

impl Streams {
    /// Those of the process. `VIMEO_FORCE_TTY` makes standard output count as a terminal, of that width when it is a
    /// number; `VIMEO_PROMPT_DISABLED` and `CI` keep questions away.
    pub(crate) fn of_process(colour: ColourChoice) -> Self {
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

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.out().write(&[bytes])
    }

    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        self.out().write(&[text.as_bytes(), b"\n"])
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
        out.running.take().map_or(Ok(()), Running::wait).and(flushed)
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
        self.line(&text.map_err(io::Error::other)?)
    }

    /// What a filter gives: text as it is, the rest as JSON.
    pub(crate) fn filtered(&self, value: &Value) -> io::Result<()> {
        match value {
            Value::String(text) => self.line(text),
            other => self.json(other),
        }
    }

    /// A line for people, on standard error. That it cannot be written is nothing to fail for.
    pub(crate) fn note(&self, text: &str) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(err, "{text}");
    }

    /// A note only where somebody is looking.
    pub(crate) fn hint(&self, text: &str) {
        if self.err_is_terminal {
            self.note(&self.paint_err().dim(text));
        }
    }

    /// Asks on standard error, so that a redirected output stays clean; `None` at the end of the input.
    pub(crate) fn ask(&self, question: &str) -> io::Result<Option<String>> {
        {
            let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
            write!(err, "{question}")?;
            err.flush()?;
        }
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim().to_owned()))
    }

    /// All of standard input, up to a bound that no token or body of ours reaches.
    pub(crate) fn read_in(&self) -> io::Result<Vec<u8>> {
        const MOST: u64 = 64 << 20;
        let mut text = Vec::new();
        io::stdin().lock().take(MOST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MOST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "standard input holds more than 64 MiB"));
        }
        Ok(text)
    }
}

impl Out {
    fn new(writer: impl Write + Send + 'static, pager: Option<Pager>) -> Mutex<Self> {
        Mutex::new(Self { writer: Box::new(writer), pager, wanted: None, running: None })
    }

    fn write(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        if let Some(pager) = self.wanted.take() {
            self.writer.flush()?;
            let (running, input) = pager.start()?;
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
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
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

    impl Streams {
        /// Streams whose output is kept; a terminal of that width, or a pipe.
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
            };
            (streams, out, err)
        }
    }
}
