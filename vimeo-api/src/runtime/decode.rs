//! Decodes responses: a fast pass, and a lenient one that tolerates schema mismatches.
//!
//! The fast pass is a single pass of serde over the bytes. If it fails, the response is parsed into a JSON tree, and
//! mismatches are removed one by one until the rest decodes. Each removed part is reported with its path.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::excerpt::without_bom;
use super::lenient::{DecodeEvent, decode_lenient, type_name};
use super::size::has_too_many_values;

/// How schema mismatches in responses are handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DecodeMode {
    /// Mismatches are removed and reported next to the value. For production.
    #[default]
    Lenient,
    /// A mismatch is an error. For tests that monitor Vimeo's responses.
    Strict,
}

/// A part of a response that does not match its type.
///
/// `Debug` and `Display` print its path and JSON type. The value, which can be secret, is only available from
/// [`found`](SchemaMismatch::found).
#[derive(Clone, PartialEq)]
pub struct SchemaMismatch {
    pub(super) path: String,
    pub(super) expected: String,
    pub(super) found: Value,
}

impl SchemaMismatch {
    /// Returns the path: `data[3].user.account`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what was expected.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns the value that was found.
    pub fn found(&self) -> &Value {
        &self.found
    }
}

impl fmt::Display for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path, self.expected, type_name(&self.found))
    }
}

impl fmt::Debug for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaMismatch({self})")
    }
}

/// A decoded value and its schema mismatches.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// The mismatches; usually empty.
    pub mismatches: Vec<SchemaMismatch>,
}

/// Why a response did not decode.
#[derive(Debug)]
pub enum DecodeErrorKind {
    /// Invalid JSON.
    NotJson(serde_json::Error),
    /// A required value is missing or does not match.
    Mismatch {
        /// The path; empty for the whole response.
        path: String,
        /// What was expected.
        expected: String,
        /// The mismatches that were removed before.
        mismatches: Vec<SchemaMismatch>,
    },
    /// There are mismatches, and the mode is [`DecodeMode::Strict`].
    Strict(Vec<SchemaMismatch>),
    /// The response contains more values than any response of the API and would fill the memory.
    TooManyValues,
}

/// Decodes a response into `T`.
///
/// ```
/// use vimeo_api::{DecodeMode, decode};
///
/// #[derive(serde::Deserialize)]
/// struct Clip {
///     name: Option<String>,
///     duration: Option<u64>,
/// }
///
/// let body = br#"{"name": "Surf", "duration": "unknown"}"#;
/// let clip = decode::<Clip>(body, DecodeMode::Lenient).expect("the other fields match");
/// assert_eq!(clip.value.name.as_deref(), Some("Surf"));
/// assert_eq!(clip.value.duration, None);
/// assert_eq!(clip.mismatches[0].path(), "duration");
/// assert_eq!(clip.mismatches[0].found(), "unknown");
/// ```
///
/// # Errors
///
/// If the bytes are not JSON or contain too many values, if a required value is missing, and on any mismatch in strict
/// mode.
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    decode_mode: DecodeMode,
) -> Result<Decoded<T>, DecodeErrorKind> {
    let bytes = without_bom(bytes);
    if has_too_many_values(bytes) {
        return Err(DecodeErrorKind::TooManyValues);
    }
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(Decoded { value, mismatches: Vec::new() });
    }
    let decoded = decode_leniently(bytes, &mut |_| ())?;
    match decode_mode {
        DecodeMode::Strict if !decoded.mismatches.is_empty() => {
            Err(DecodeErrorKind::Strict(decoded.mismatches))
        }
        _ => Ok(decoded),
    }
}

/// The deviations of a response from its type, for checking a description against recorded responses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspection {
    /// The mismatches.
    pub mismatches: Vec<SchemaMismatch>,
    /// The paths of unknown fields, in the order of the response.
    pub unknown: Vec<String>,
}

/// Decodes a response into `T` and reports mismatches and unknown fields.
///
/// # Errors
///
/// The errors of [`decode`] in lenient mode.
pub fn inspect<T: DeserializeOwned>(bytes: &[u8]) -> Result<Inspection, DecodeErrorKind> {
    let (decoded, unknown) = decode_recording_unknown::<T>(bytes)?;
    Ok(Inspection { mismatches: decoded.mismatches, unknown })
}

/// Decodes a response into `T` and encodes it again, for checking that nothing is lost.
///
/// # Errors
///
/// The errors of [`decode`] in lenient mode.
pub fn round_trip<T: DeserializeOwned + serde::Serialize>(
    bytes: &[u8],
) -> Result<Decoded<Value>, DecodeErrorKind> {
    let (decoded, _) = decode_recording_unknown::<T>(bytes)?;
    let value = serde_json::to_value(decoded.value).map_err(DecodeErrorKind::NotJson)?;
    Ok(Decoded { value, mismatches: decoded.mismatches })
}

/// Decodes leniently and records the paths of unknown fields.
fn decode_recording_unknown<T: DeserializeOwned>(
    bytes: &[u8],
) -> Result<(Decoded<T>, Vec<String>), DecodeErrorKind> {
    let mut unknown = Vec::new();
    let decoded = decode_leniently(bytes, &mut |found| match found {
        DecodeEvent::Start => unknown.clear(),
        DecodeEvent::Unknown(path) => unknown.push(path),
    })?;
    Ok((decoded, unknown))
}

/// Removes mismatches until the rest decodes.
fn decode_leniently<T: DeserializeOwned>(
    bytes: &[u8],
    watch: &mut dyn FnMut(DecodeEvent),
) -> Result<Decoded<T>, DecodeErrorKind> {
    let mut value = None;
    let mismatches = decode_lenient(bytes, watch, &mut |tree| {
        value = Some(T::deserialize(tree)?);
        Ok(())
    })?;
    match value {
        Some(value) => Ok(Decoded { value, mismatches }),
        // Unreachable: lenient decoding only succeeds after a value was read.
        None => {
            Err(DecodeErrorKind::Mismatch { path: String::new(), expected: "a value".to_owned(), mismatches })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::Page;

    #[test]
    fn accepts_integers_written_as_floats() {
        let body = br#"{"sizes": [{"width": 12.0}, {"width": 13}, {"width": 1.4e1}], "size": 3.0}"#;
        let clip = decode::<Clip>(body, DecodeMode::Strict).unwrap().value;
        let widths: Vec<u64> = clip.sizes.iter().flatten().filter_map(|size| size.width).collect();
        assert_eq!((clip.size, widths), (Some(3), vec![12, 13, 14]));
        let decoded = decode::<Clip>(br#"{"size": 3.5, "name": "a"}"#, DecodeMode::Lenient).unwrap();
        assert_eq!((decoded.value.size, decoded.mismatches[0].path()), (None, "size"));
        // Numbers that are not exact integers are not rounded.
        assert!(!decode::<Clip>(br#"{"size": 1e300}"#, DecodeMode::Lenient).unwrap().mismatches.is_empty());
        assert!(!decode::<Clip>(br#"{"size": -3.0}"#, DecodeMode::Lenient).unwrap().mismatches.is_empty());
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Clip {
        name: Option<String>,
        size: Option<u64>,
        made: Option<chrono::DateTime<chrono::Utc>>,
        sizes: Option<Vec<Size>>,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Size {
        width: Option<u64>,
    }

    fn lenient<T: DeserializeOwned>(json: Value) -> Decoded<T> {
        decode(json.to_string().as_bytes(), DecodeMode::Lenient).expect("decodes")
    }

    fn messages(mismatches: &[SchemaMismatch]) -> Vec<String> {
        mismatches.iter().map(SchemaMismatch::to_string).collect()
    }

    #[test]
    fn lenient_mode_reports_mismatches_and_decodes_the_rest() {
        let cases: [(Value, Clip, &[&str]); 6] = [
            (
                json!({"name": "a", "size": null, "new": [1]}),
                Clip { name: Some("a".into()), ..Clip::default() },
                &[],
            ),
            (
                json!({"name": {"text": "a"}, "size": 7}),
                Clip { size: Some(7), ..Clip::default() },
                &["name: expected a string, found an object"],
            ),
            (json!({"size": -1}), Clip::default(), &["size: expected u64, found a negative integer"]),
            (json!({"size": 1.5}), Clip::default(), &["size: expected u64, found a fraction"]),
            (json!({"sizes": {}}), Clip::default(), &["sizes: expected a sequence, found an object"]),
            (
                json!({"sizes": [{"width": 1}, 5, {"width": "2"}, 6, {"width": 3}]}),
                Clip {
                    sizes: Some(vec![Size { width: Some(1) }, Size::default(), Size { width: Some(3) }]),
                    ..Clip::default()
                },
                &[
                    "sizes[1]: expected struct Size, found an integer",
                    "sizes[3]: expected struct Size, found an integer",
                    "sizes[2].width: expected u64, found text",
                ],
            ),
        ];
        for (json, clip, mismatches) in cases {
            let decoded = lenient::<Clip>(json.clone());
            assert_eq!(decoded.value, clip, "{json}");
            assert_eq!(messages(&decoded.mismatches), mismatches, "{json}");
        }
    }

    #[test]
    fn invalid_value_removes_only_equal_values() {
        let page = json!({"data": [
            {"made": ""}, {"made": "2023-04-08T09:21:35+00:00"}, {"made": ""}, {"made": "soon"},
        ]});
        let decoded = lenient::<Page<Clip>>(page);
        let paths: Vec<&str> = decoded.mismatches.iter().map(SchemaMismatch::path).collect();
        assert_eq!(paths, ["data[0].made", "data[2].made", "data[3].made"]);
        assert!(decoded.value.items()[1].made.is_some());
    }

    #[test]
    fn same_mismatch_in_all_items_takes_one_pass() {
        let items: Vec<Value> =
            (0..5000).map(|number| json!({"name": number, "sizes": [{"width": "x"}]})).collect();
        let decoded = lenient::<Page<Clip>>(json!({"data": items}));
        assert_eq!(decoded.mismatches.len(), 10_000);
        assert_eq!(decoded.value.items().len(), 5000);
    }

    #[test]
    fn distinct_invalid_values_decode_item_by_item() {
        let items: Vec<Value> = (0..3000)
            .map(|number| json!({"name": "a", "made": format!("day {number}"), "size": number}))
            .collect();
        let decoded = lenient::<Page<Clip>>(json!({"data": items, "total": "many"}));
        assert_eq!(decoded.mismatches.len(), 3001);
        assert_eq!(decoded.value.items().len(), 3000);
        assert!(decoded.value.items().iter().all(|clip| clip.size.is_some() && clip.made.is_none()));
        let last =
            decoded.mismatches.iter().find(|mismatch| mismatch.found() == "day 2999").expect("reported");
        assert_eq!(last.path(), "data[2999].made");
    }

    #[test]
    fn removed_elements_do_not_shift_reported_indices() {
        let decoded = lenient::<Page<Clip>>(json!({"data": [
            7, {"made": "a"}, 8, {"made": "b", "sizes": [{"width": -1}, 5]}, "x", {"made": "c"},
        ]}));
        let mut paths: Vec<&str> = decoded.mismatches.iter().map(SchemaMismatch::path).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            [
                "data[0]",
                "data[1].made",
                "data[2]",
                "data[3].made",
                "data[3].sizes[0].width",
                "data[3].sizes[1]",
                "data[4]",
                "data[5].made",
            ]
        );
        assert_eq!(decoded.value.items().len(), 3);
    }

    #[test]
    fn fixed_size_arrays_are_repaired_whole() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            data: [Clip; 2],
        }
        let decoded = lenient::<Pair>(json!({"data": [{"made": "a", "size": 1}, {"made": "b", "size": 2}]}));
        assert_eq!(decoded.value.data.map(|clip| clip.size), [Some(1), Some(2)]);
        assert_eq!(decoded.mismatches.len(), 2);
    }

    #[test]
    fn strict_mode_rejects_mismatches() {
        assert!(decode::<Clip>(br#"{"name": "a"}"#, DecodeMode::Strict).is_ok());
        match decode::<Clip>(br#"{"name": 1}"#, DecodeMode::Strict) {
            Err(DecodeErrorKind::Strict(mismatches)) => assert_eq!(mismatches[0].path(), "name"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn missing_required_field_is_an_error_with_a_path() {
        #[derive(Debug, Deserialize)]
        struct Own {
            #[allow(dead_code)]
            uri: String,
        }
        match decode::<Own>(b"{}", DecodeMode::Lenient) {
            Err(DecodeErrorKind::Mismatch { path, expected, .. }) => {
                assert_eq!((path.as_str(), expected.as_str()), ("", "the field `uri`"));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(decode::<Own>(b"<html>", DecodeMode::Lenient), Err(DecodeErrorKind::NotJson(_))));
        let page = decode::<Page<Own>>(br#"{"data": [{"uri": "/a"}, {}]}"#, DecodeMode::Lenient).unwrap();
        assert_eq!(page.value.items().len(), 1);
        assert_eq!(page.mismatches[0].path(), "data[1]");
    }

    #[test]
    fn unknown_fields_are_listed_by_path() {
        let inspection =
            inspect::<Page<Clip>>(br#"{"data": [{"nom": 1, "sizes": [{"depth": 2}], "size": "x"}]}"#)
                .unwrap();
        assert_eq!(inspection.unknown, ["data.0.nom", "data.0.sizes.0.depth"]);
        assert_eq!(inspection.mismatches.len(), 1);
    }

    #[test]
    fn ignores_byte_order_mark() {
        let decoded = decode::<Clip>("\u{feff}{\"name\": \"a\"}".as_bytes(), DecodeMode::Strict).unwrap();
        assert_eq!(decoded.value.name.as_deref(), Some("a"));
    }

    #[test]
    fn rejects_responses_with_too_many_values() {
        let flood = format!(r#"{{"data": [{}{{}}]}}"#, "{},".repeat(1 << 20));
        for failure in [
            decode::<Page<Clip>>(flood.as_bytes(), DecodeMode::Lenient).unwrap_err(),
            decode::<Value>(flood.as_bytes(), DecodeMode::Lenient).unwrap_err(),
        ] {
            assert!(matches!(failure, DecodeErrorKind::TooManyValues), "{failure:?}");
        }
    }

    #[test]
    fn mismatches_do_not_print_values() {
        let decoded = lenient::<Clip>(json!({"size": "a-secret"}));
        assert!(!format!("{:?}", decoded.mismatches).contains("a-secret"));
        assert_eq!(decoded.mismatches[0].found(), "a-secret");
    }
}
