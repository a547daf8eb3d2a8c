//! The program that shows long output a page at a time.

use std::ffi::OsString;
use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};

/// What output goes through on its way to a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pager(OsString);

/// A pager that reads.
pub(super) struct Running {
    pager: Pager,
    process: Child,
}

impl Pager {
    /// `VIMEO_PAGER`, else `PAGER`, through the shell; an empty one and `cat` are none. Only a terminal gets one.
    pub(super) fn choose(out_is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let named = variable("VIMEO_PAGER").or_else(|| variable("PAGER"));
        named.filter(|pager| out_is_terminal && !pager.is_empty() && pager != "cat").map(Self)
    }

    /// Starts it; what is written to the second goes to it.
    pub(super) fn start(&self) -> io::Result<(Running, ChildStdin)> {
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut command = Command::new(shell);
        command.arg(flag).arg(&self.0).stdin(Stdio::piped());
        // What fits is printed as ever, colours stay colours.
        for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let mut process = command.spawn().map_err(|_| self.missing())?;
        let input = process.stdin.take().ok_or_else(|| self.missing())?;
        Ok((Running { pager: self.clone(), process }, input))
    }

    fn missing(&self) -> io::Error {
        io::Error::other(format!(
            "the pager `{}` cannot be run; VIMEO_PAGER names another, and none when it is empty",
            self.0.display()
        ))
    }
}

impl Running {
    /// Waits until whoever reads has read enough. Its input has to be closed by then.
    pub(super) fn wait(mut self) -> io::Result<()> {
        match self.process.wait()?.code() {
            // The shell's words for what is not there, or no program.
            Some(126 | 127) => Err(self.pager.missing()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_the_pager_that_is_named_first() {
        type Case<'a> = (bool, &'a [(&'a str, &'a str)], Option<&'a str>);
        let cases: [Case<'_>; 8] = [
            (true, &[], None),
            (true, &[("PAGER", "less")], Some("less")),
            (true, &[("PAGER", "less"), ("VIMEO_PAGER", "more -s")], Some("more -s")),
            (true, &[("PAGER", "less"), ("VIMEO_PAGER", "")], None),
            (true, &[("PAGER", "less"), ("VIMEO_PAGER", "cat")], None),
            (true, &[("PAGER", "cat")], None),
            (false, &[("PAGER", "less")], None),
            (false, &[("VIMEO_PAGER", "less")], None),
        ];
        for (terminal, variables, pager) in cases {
            let find = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            let chosen = Pager::choose(terminal, find);
            assert_eq!(chosen, pager.map(|name| Pager(name.into())), "{terminal} {variables:?}");
        }
    }
}
