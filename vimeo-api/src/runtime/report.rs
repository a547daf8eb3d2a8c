//! The `Debug` output of errors, which Rust prints for an error that `main` returns.

use std::error::Error;
use std::fmt;

/// Writes the text of an error, followed by the text of each cause that is not part of it already.
///
/// Escapes control and direction characters, like derived `Debug`: the text can quote a server, and a terminal must not
/// interpret it.
#[doc(hidden)]
pub fn write_report(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = error.to_string();
    write_escaped(&shown, f)?;
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !shown.contains(&text) {
            f.write_str("\ncaused by: ")?;
            write_escaped(&text, f)?;
            shown.push('\n');
            shown.push_str(&text);
        }
        cause = error.source();
    }
    Ok(())
}

fn write_escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // They need escapes only in literals.
    const QUOTES: [char; 3] = ['"', '\'', '\\'];
    for piece in text.split_inclusive(QUOTES) {
        // A whole string keeps its combining characters, which single characters escape.
        let plain = piece.strip_suffix(QUOTES).unwrap_or(piece);
        write!(f, "{}", plain.escape_debug())?;
        f.write_str(piece.get(plain.len()..).unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Example {
        #[error("the file cannot be read: {0}")]
        Read(#[source] std::io::Error),
        #[error("the upload failed")]
        Upload(#[source] Box<Example>),
    }

    struct Report<'a>(&'a dyn Error);

    impl fmt::Display for Report<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_report(self.0, f)
        }
    }

    #[test]
    fn writes_each_cause_once() {
        let read = Example::Read(std::io::Error::other("the disk is gone"));
        assert_eq!(Report(&read).to_string(), "the file cannot be read: the disk is gone");
        let upload = Example::Upload(Box::new(read));
        assert_eq!(
            Report(&upload).to_string(),
            "the upload failed\ncaused by: the file cannot be read: the disk is gone"
        );
    }

    #[test]
    fn escapes_control_characters() {
        let read =
            Example::Read(std::io::Error::other("\u{1b}[31mred\nline \u{202e}\"back\\\u{7}é u\u{308}"));
        let report = Report(&read).to_string();
        assert_eq!(
            report,
            "the file cannot be read: \\u{1b}[31mred\\nline \\u{202e}\"back\\\\u{7}é u\u{308}"
        );
    }
}
