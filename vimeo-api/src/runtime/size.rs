//! How much memory a JSON text would take once it is read.

/// Below this size no text can hold too many values, so it need not be looked through.
const MIN_SCANNED_BYTES: usize = 512 * 1024;

/// The most values that a response may hold. An object counts as eleven, since even a small one takes some hundred bytes.
///
/// A page of 100 videos with all their fields has about a sixth of it. At this bound a tree of JSON takes at the most
/// about 120 MB beside its texts, where a response of 64 MiB could otherwise take gigabytes.
const MAX_VALUES: usize = 2_000_000;
const OBJECT_COST: usize = 11;

/// Whether a JSON text holds more values than any response of the API. Only its brackets and commas are looked at, so the
/// text need not be valid.
pub(super) fn has_too_many_values(json: &[u8]) -> bool {
    json.len() > MIN_SCANNED_BYTES && exceeds(json, MAX_VALUES)
}

fn exceeds(json: &[u8], most: usize) -> bool {
    let mut left = most;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        let counts = match byte {
            b'{' => OBJECT_COST,
            b'[' | b',' => 1,
            b'"' => {
                // Up to the closing quote; what a backslash escapes closes nothing.
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
    fn values_are_counted_outside_of_texts() {
        // (text, its values)
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
    fn a_page_of_full_objects_passes_and_a_flood_does_not() {
        let object = format!("{{{}}},", r#""name": "some text of an object", "#.repeat(100));
        let page = format!("[{}0]", object.repeat(1_000));
        assert!(page.len() > MIN_SCANNED_BYTES && !has_too_many_values(page.as_bytes()));
        assert!(has_too_many_values(format!("[{}0]", "{},".repeat(200_000)).as_bytes()));
        assert!(has_too_many_values(format!("[{}0]", "[],".repeat(1_000_001)).as_bytes()));
        // Whatever is in it, what is not looked through is within the bound.
        assert!(!exceeds("{},".repeat(MIN_SCANNED_BYTES / 3).as_bytes(), MAX_VALUES + MIN_SCANNED_BYTES / 3));
    }
}
