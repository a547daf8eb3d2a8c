//! How an error is shown by `Debug`, which is what `main` prints of the error that it returns.

use std::error::Error;
use std::fmt;

/// Writes the text of an error, and below it the text of each cause that is not part of it already.
#[doc(hidden)]
pub fn write_report(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = error.to_string();
    f.write_str(&shown)?;
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !shown.contains(&text) {
            write!(f, "\ncaused by: {text}")?;
            shown.push('\n');
            shown.push_str(&text);
        }
        cause = error.source();
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
    fn each_cause_is_written_once() {
        let read = Example::Read(std::io::Error::other("the disk is gone"));
        assert_eq!(Report(&read).to_string(), "the file cannot be read: the disk is gone");
        let upload = Example::Upload(Box::new(read));
        assert_eq!(
            Report(&upload).to_string(),
            "the upload failed\ncaused by: the file cannot be read: the disk is gone"
        );
    }
}
