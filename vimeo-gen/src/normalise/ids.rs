//! Turns marked path parameters into ID types.
//!
//! Vimeo describes these parameters as integers, but also accepts `123:abc` for an unlisted video, and the name of a user. A
//! parameter with `x-id: VideoId` gets that type, which the hand-written part of the crate defines. `diff` does not run this
//! rule, so that a mark is not a difference.

use serde_json::{Value, json};

use super::Rule;
use crate::GenError;
use crate::visit::operations_mut;

pub(super) const RULE: Rule =
    Rule { name: "ids", description: "integers that can also be a hash or a name", apply };

/// The keyword of the mark.
pub(super) const MARK: &str = "x-id";

/// The types that a mark can name, each with the format that represents it in later passes.
pub(crate) const TYPES: &[(&str, &str)] = &[
    ("ChannelId", "channel-id"),
    ("DomainName", "domain-name"),
    ("GroupId", "group-id"),
    ("UserId", "user-id"),
    ("VideoId", "video-id"),
];

fn apply(document: &mut Value) -> Result<usize, GenError> {
    let mut count = 0;
    let mut error = None;
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
                    error.get_or_insert_with(|| {
                        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
                        let reason = format!(
                            "{MARK} {mark} is not on a path parameter, or not one of {}",
                            names.join(", ")
                        );
                        GenError::new(format!("paths.{path}.{method}"), reason)
                    });
                }
            }
        }
    });
    error.map_or(Ok(count), Err)
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
    fn marked_parameter_gets_the_id_type() {
        let after = json!({"name": "a", "in": "path", "schema": {"type": "string", "format": "video-id"}});
        let after = with_operation(json!({"parameters": [after]}));
        assert_eq!(applied(&RULE, parameter("path", "VideoId")), (1, after));
    }

    #[test]
    fn reports_invalid_marks() {
        for mut wrong in [parameter("path", "ClipId"), parameter("query", "VideoId")] {
            let message = apply(&mut wrong).unwrap_err().to_string();
            assert!(message.starts_with("paths./a.get: x-id"), "{message}");
        }
    }
}
