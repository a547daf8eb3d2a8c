//! Color settings and color codes.

use std::ffi::OsString;

/// The values of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On terminals, unless an environment variable disables colors.
    #[default]
    Auto,
    Always,
    Never,
}

/// Decides whether a stream is colored. Precedence: the flag, `VIMEO_FORCE_TTY`, `NO_COLOR`, `CLICOLOR_FORCE`,
/// `CLICOLOR`, then whether the stream is a terminal.
pub(crate) fn use_color(
    choice: ColorChoice,
    is_terminal: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("VIMEO_FORCE_TTY").is_some() => true,
        ColorChoice::Auto if set("NO_COLOR").is_some() => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorChoice::Auto if set("CLICOLOR").is_some_and(|value| value == "0") => false,
        ColorChoice::Auto => is_terminal && set("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// Adds color codes to text, if colors are enabled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_settings_follow_precedence() {
        use ColorChoice::{Always, Auto, Never};
        type Case<'a> = (ColorChoice, bool, &'a [(&'a str, &'a str)], bool);
        let cases: [Case<'_>; 12] = [
            (Auto, true, &[], true),
            (Auto, false, &[], false),
            (Always, false, &[("NO_COLOR", "1")], true),
            (Never, true, &[("VIMEO_FORCE_TTY", "1")], false),
            (Auto, false, &[("VIMEO_FORCE_TTY", "1"), ("NO_COLOR", "1")], true),
            (Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("CLICOLOR", "1")], true),
            (Auto, true, &[("TERM", "dumb")], false),
        ];
        for (choice, terminal, variables, colored) in cases {
            let find = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            assert_eq!(use_color(choice, terminal, find), colored, "{choice:?} {terminal} {variables:?}");
        }
    }
}
