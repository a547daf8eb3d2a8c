//! Pagers for long output.

use std::ffi::OsString;
use std::io;
use std::process::{Child, ChildStdin, Command, Stdio};

/// The command line of a pager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pager(OsString);

/// A running pager.
pub(super) struct RunningPager {
    pager: Pager,
    process: Child,
}

impl Pager {
    /// Returns the pager from `VIMEO_PAGER` or `PAGER`, run in a shell. `None` if output is not a terminal, or if the
    /// pager is empty or `cat`.
    pub(super) fn choose(out_is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let named = variable("VIMEO_PAGER").or_else(|| variable("PAGER"));
        named.filter(|pager| out_is_terminal && !pager.is_empty() && pager != "cat").map(Self)
    }

    /// Starts the pager. Returns the process and its standard input.
    pub(super) fn start(&self) -> io::Result<(RunningPager, ChildStdin)> {
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut command = Command::new(shell);
        command.arg(flag).arg(&self.0).stdin(Stdio::piped());
        // Make less and lv print short output directly and show colors.
        for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let mut process = command.spawn().map_err(|_| self.missing())?;
        let input = process.stdin.take().ok_or_else(|| self.missing())?;
        Ok((RunningPager { pager: self.clone(), process }, input))
    }

    fn missing(&self) -> io::Error {
        io::Error::other(format!(
            "cannot run the pager `{}`; set VIMEO_PAGER to another pager, or to an empty value to disable paging",
            self.0.display()
        ))
    }
}

impl RunningPager {
    /// Waits until the user quits the pager. Its input must be closed first.
    pub(super) fn wait(mut self) -> io::Result<()> {
        match self.process.wait()?.code() {
            // The shell's exit codes for "not executable" and "not found".
            Some(126 | 127) => Err(self.pager.missing()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_the_pager_by_precedence() {
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
