//! A path parameter that is marked as an ID takes whatever Vimeo takes in its place.
//!
//! Vimeo describes these as integers, and also takes `123:abc` for an unlisted video and the name of a user. A
//! parameter with `x-id: VideoId` becomes a value of the type of that name, which the hand-written half of the crate
//! has. The comparison of two descriptions does not run this rule, so that the mark is no difference to Vimeo's own.

use serde_json::{Value, json};

use super::Rule;
use crate::GenError;
use crate::walk::operations_mut;

pub(super) const RULE: Rule =
    Rule { name: "ids", description: "integers for what also goes by a hash or a name", apply };

/// The mark on a parameter.
pub(super) const MARK: &str = "x-id";

/// The types that a mark can name, each with the format that stands for it from here on.
pub(crate) const TYPES: &[(&str, &str)] = &[
    ("ChannelId", "channel-id"),
    ("DomainName", "domain-name"),
    ("GroupId", "group-id"),
    ("UserId", "user-id"),
    ("VideoId", "video-id"),
];

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    let mut trouble = None;
    operations_mut(document, |path, method, operation| {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(parameter) = parameter.as_object_mut() else { continue };
            let Some(mark) = parameter.remove(MARK) else { continue };
            let in_path = parameter.get("in").and_then(Value::as_str) == Some("path");
            match TYPES.iter().find(|(name, _)| mark.as_str() == Some(name)) {
                Some((_, format)) if in_path => {
                    parameter.insert("schema".into(), json!({"type": "string", "format": format}));
                    count += 1;
                }
                _ => {
                    trouble.get_or_insert_with(|| {
                        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
                        let reason =
                            format!("{MARK} {mark} is on no path parameter, or none of {}", names.join(", "));
                        GenError::new(format!("paths.{path}.{method}"), reason)
                    });
                }
            }
        }
    });
    trouble.map_or(Ok(count), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::testing::{applied, with_operation};

    fn parameter(place: &str, mark: &str) -> Value {
        let parameter = json!({"name": "a", "in": place, "schema": {"type": "integer"}, MARK: mark});
        with_operation(json!({"parameters": [parameter]}))
    }

    #[test]
    fn a_marked_parameter_becomes_its_type() {
        let after = json!({"name": "a", "in": "path", "schema": {"type": "string", "format": "video-id"}});
        let after = with_operation(json!({"parameters": [after]}));
        assert_eq!(applied(&RULE, parameter("path", "VideoId")), (1, after));
    }

    #[test]
    fn a_mark_that_means_nothing_stops_with_its_place() {
        for mut wrong in [parameter("path", "ClipId"), parameter("query", "VideoId")] {
            let problem = apply(&mut wrong).unwrap_err().to_string();
            assert!(problem.starts_with("paths./a.get: x-id"), "{problem}");
        }
    }
}
