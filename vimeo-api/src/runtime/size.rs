//! Limits the memory that a JSON response takes once it is parsed.

/// Bodies below this size cannot exceed the limit and are not scanned.
const MIN_SCANNED_BYTES: usize = 512 * 1024;

/// The maximum number of values in a response. An object counts as eleven values, because even a small one takes some hundred
/// bytes.
///
/// A page of 100 videos with all fields has about a sixth of this. At this limit a JSON tree takes at most about 120 MB in
/// addition to its strings. Without it, a response of 64 MiB could take gigabytes.
const MAX_VALUES: usize = 2_000_000;
const OBJECT_COST: usize = 11;

/// Whether a JSON text contains more than the maximum number of values. Only counts brackets and commas, so the text need
/// not be valid.
pub(super) fn has_too_many_values(json: &[u8]) -> bool {
    json.len() > MIN_SCANNED_BYTES && exceeds(json, MAX_VALUES)
}

fn exceeds(json: &[u8], max: usize) -> bool {
    let mut left = max;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        let counts = match byte {
            b'{' => OBJECT_COST,
            b'[' | b',' => 1,
            b'"' => {
                // Skip to the closing quote; an escaped quote does not close the string.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
                continue;
            }
            _ => continue,
        };
        match left.checked_sub(counts) {
            Some(rest) => left = rest,
            None => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_values_outside_strings() {
        // (text, number of values)
        let table = [
            ("1", 0),
            ("[1, 2, 3]", 3),
            (r#"{"a": [1], "b": {}}"#, 24),
            (r#"["a,b,{[", "c\",{", "\\", 1]"#, 4),
            (r#"["never closed, , ,"#, 1),
            (r#"["ends with \"#, 1),
        ];
        for (text, values) in table {
            assert!(!exceeds(text.as_bytes(), values), "{text}");
            assert!(values == 0 || exceeds(text.as_bytes(), values - 1), "{text}");
        }
    }

    #[test]
    fn accepts_full_pages_and_rejects_floods() {
        let object = format!("{{{}}},", r#""name": "some text of an object", "#.repeat(100));
        let page = format!("[{}0]", object.repeat(1_000));
        assert!(page.len() > MIN_SCANNED_BYTES && !has_too_many_values(page.as_bytes()));
        assert!(has_too_many_values(format!("[{}0]", "{},".repeat(200_000)).as_bytes()));
        assert!(has_too_many_values(format!("[{}0]", "[],".repeat(1_000_001)).as_bytes()));
        // A body that is too small to be scanned is always within the limit.
        assert!(!exceeds("{},".repeat(MIN_SCANNED_BYTES / 3).as_bytes(), MAX_VALUES + MIN_SCANNED_BYTES / 3));
    }
}
