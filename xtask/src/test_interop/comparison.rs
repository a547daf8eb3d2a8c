//! Compares what a client sent and received in two runs.

use std::fs;
use std::path::Path;

use crate::workspace::XtaskError;

/// Fails if two runs with one seed differ in their requests or responses, apart from ports.
pub(super) fn check_equal(name: &str, first: &Path, second: &Path) -> Result<(), XtaskError> {
    let read = |path: &Path| -> Result<Vec<String>, XtaskError> {
        let text = fs::read_to_string(path).map_err(XtaskError::file(path))?;
        Ok(text.lines().map(without_ports).collect())
    };
    let (first, second) = (read(first)?, read(second)?);
    let differs = first.iter().zip(&second).find(|(one, other)| one != other);
    if let Some((one, other)) = differs {
        return Err(XtaskError::Differs(format!("{name}: two runs differ:\n{one}\n{other}")));
    }
    if first.len() != second.len() {
        let (one, other) = (first.len(), second.len());
        return Err(XtaskError::Differs(format!("{name}: {one} requests, then {other}")));
    }
    Ok(())
}

fn without_ports(line: &str) -> String {
    let mut parts = line.split("127.0.0.1:");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("127.0.0.1:PORT");
        text.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_do_not_count() {
        let line = r#"{"host":"127.0.0.1:40123","link":"http://127.0.0.1:5/x"}"#;
        assert_eq!(without_ports(line), r#"{"host":"127.0.0.1:PORT","link":"http://127.0.0.1:PORT/x"}"#);
    }
}
