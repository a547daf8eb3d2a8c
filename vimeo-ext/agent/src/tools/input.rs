//! Reads the arguments of a model into a tool's input.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{BoxedError, ToolError, invalid};
use super::untrusted::clean;

/// Reads arguments. The error names the invalid one, its type and the remedy. A `null` argument counts as left out.
pub(crate) fn parse<T: DeserializeOwned>(
    tool: &str,
    schema: &Value,
    aliases: &[(&str, &str)],
    arguments: Value,
) -> Result<T, BoxedError> {
    let mut arguments = match arguments {
        Value::Object(arguments) => arguments,
        Value::Null => Map::new(),
        other => {
            let message = format!("{tool} takes an object of arguments, not {}.", json_type(&other));
            return invalid("arguments", message, "Send the arguments as a JSON object.");
        }
    };
    arguments.retain(|_, value| !value.is_null());
    if let Some((alias, name)) = aliases.iter().find(|(alias, _)| arguments.contains_key(*alias)) {
        let message = format!("`{alias}` is another name of `{name}`, which was given too.");
        return invalid(*alias, message, format!("Give `{name}` only."));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if let Some(unknown) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(60).collect();
        let message = format!("{tool} has no argument `{shown}`.");
        let takes = match known.as_slice() {
            [] => "It takes none.".to_owned(),
            known => format!("It takes {}.", known.join(", ")),
        };
        return invalid(shown, message, takes);
    }
    let required =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !arguments.contains_key(name) {
            let next = properties.and_then(|all| all.get(name)).map(hint).unwrap_or_default();
            let message = format!("{tool} needs the argument `{name}`.");
            return invalid(name, message, next);
        }
    }
    serde_path_to_error::deserialize(Value::Object(arguments.clone())).map_err(|error| {
        let path = error.path().to_string();
        let field = path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let given = arguments.get(&field).map(json_type).unwrap_or("nothing");
        let next = properties.and_then(|all| all.get(&field)).map(hint).unwrap_or_default();
        let message = format!("`{path}` is invalid: {} (given: {given}).", reason(error.inner()));
        Box::new(ToolError::input(field, message, next))
    })
}

/// Converts arguments to the types of the schema if the conversion is exact. Leaves the rest unchanged.
pub(crate) fn normalize(schema: &Value, aliases: &[(&str, &str)], arguments: Value) -> Value {
    let arguments = match arguments {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    };
    let Value::Object(mut arguments) = arguments else { return arguments };
    for (alias, name) in aliases {
        // If both are given, it is unknown which one is meant.
        if !arguments.contains_key(*name)
            && let Some(value) = arguments.remove(*alias)
        {
            arguments.insert((*name).to_owned(), value);
        }
    }
    for (name, value) in &mut arguments {
        if let Some(property) = schema.get("properties").and_then(|properties| properties.get(name)) {
            coerce(property, value);
        }
    }
    Value::Object(arguments)
}

/// Converts text to the number, boolean or list that the schema wants, if it is exactly one. Many clients send every
/// argument as text, and their models cannot do anything about it.
fn coerce(schema: &Value, value: &mut Value) {
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    match (wanted, &mut *value) {
        ("integer" | "number" | "boolean", Value::String(text)) => {
            let parsed: Option<Value> = serde_json::from_str(text).ok();
            // JSON allows spaces around a value, but the conversion has to be exact.
            let plain = !text.contains(|c: char| c.is_whitespace());
            let fits = |parsed: &Value| match wanted {
                "integer" => parsed.is_u64() || parsed.is_i64(),
                "number" => parsed.is_number(),
                _ => parsed.is_boolean(),
            };
            if let Some(parsed) = parsed.filter(|parsed| plain && fits(parsed)) {
                *value = parsed;
            }
        }
        ("integer", Value::Number(number)) => {
            // A program that only has floating-point numbers writes 10 as 10.0.
            let whole = number.as_f64().filter(|fraction| {
                number.is_f64()
                    && fraction.fract() == 0.0
                    && (0.0..=9_007_199_254_740_992.0).contains(fraction)
            });
            if let Some(whole) = whole {
                *value = (whole as u64).into();
            }
        }
        ("array", Value::String(text)) => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            match serde_json::from_str(text) {
                Ok(list @ Value::Array(_)) => *value = list,
                // One string instead of a list of strings.
                _ if items.get("type").and_then(Value::as_str) == Some("string")
                    && !text.trim().is_empty()
                    && !text.trim_start().starts_with(['[', '{']) =>
                {
                    *value = Value::Array(vec![Value::String(std::mem::take(text))]);
                }
                _ => {}
            }
            if let Value::Array(list) = value {
                list.iter_mut().for_each(|item| coerce(items, item));
            }
        }
        ("array", Value::Array(list)) => {
            if let Some(items) = schema.get("items") {
                list.iter_mut().for_each(|item| coerce(items, item));
            }
        }
        _ => {}
    }
}

/// Returns why a value is invalid, without the value: it can be a password, and very long.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {}", clean(expected, 300)),
        None => clean(&text, 300),
    }
}

/// Returns the JSON type of a value.
fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns what an argument has to be, by its schema.
fn hint(schema: &Value) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    let mut hint = match text("type") {
        Some("integer") => "Give an integer".to_owned(),
        Some("number") => "Give a number".to_owned(),
        Some("boolean") => "Give true or false".to_owned(),
        Some("array") => "Give a list".to_owned(),
        _ => "Give a string".to_owned(),
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        hint.push_str(&format!(", one of {}", values.join(", ")));
    }
    if let Some(description) = text("description") {
        hint.push_str(&format!(": {}", description.trim_end_matches('.')));
    }
    hint.push('.');
    hint
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::tools::VideoId;
    use crate::tools::schema::of_input;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Input {
        /// The video.
        #[schemars(with = "String")]
        video_id: VideoId,
        count: Option<u32>,
        flag: Option<bool>,
        share: Option<f64>,
        words: Option<Vec<String>>,
        numbers: Option<Vec<u32>>,
        text: Option<String>,
    }

    const ALIASES: &[(&str, &str)] = &[("clip_id", "video_id")];

    /// Reads arguments as a call does.
    fn parse(arguments: Value) -> Result<Input, BoxedError> {
        let (schema, _) = of_input::<Input>();
        super::parse::<Input>("vimeo_x", &schema, ALIASES, normalize(&schema, ALIASES, arguments))
    }

    #[test]
    fn errors_name_the_argument_its_type_and_the_remedy() {
        let cases = [
            (json!({"video_id": "1", "name": "x"}), "name", "no argument `name`", "It takes"),
            (json!({}), "video_id", "needs the argument `video_id`", "Give a string: The video."),
            (json!(null), "video_id", "needs", "Give a string"),
            (json!({"video_id": "x y"}), "video_id", "invalid ID", "Give a string"),
            (json!({"video_id": 0}), "video_id", "invalid ID", "Give a string"),
            (json!({"video_id": 1.5}), "video_id", "given: a number", "Give a string"),
            (json!({"video_id": true}), "video_id", "given: a boolean", "Give a string"),
            (json!({"video_id": "1", "count": "12px"}), "count", "given: a string", "Give an integer."),
            (json!({"video_id": "1", "count": ""}), "count", "given: a string", "Give an integer."),
            (json!({"video_id": "1", "count": " 3"}), "count", "given: a string", "Give an integer."),
            (json!({"video_id": "1", "count": "1.5"}), "count", "given: a string", "Give an integer."),
            (json!({"video_id": "1", "count": "[3]"}), "count", "given: a string", "Give an integer."),
            (json!({"video_id": "1", "count": -3}), "count", "given: a number", "Give an integer"),
            (json!({"video_id": "1", "count": "-3"}), "count", "given: a number", "Give an integer"),
            (json!({"video_id": "1", "count": 1.5}), "count", "given: a number", "Give an integer"),
            (json!({"video_id": "1", "flag": "yes"}), "flag", "given: a string", "Give true or false."),
            (json!({"video_id": "1", "flag": ""}), "flag", "given: a string", "Give true or false."),
            (json!({"video_id": "1", "flag": 1}), "flag", "given: a number", "Give true or false."),
            (json!({"video_id": "1", "share": "half"}), "share", "given: a string", "Give a number."),
            (json!({"video_id": "1", "words": ["a", 2]}), "words", "`words[1]` is invalid", "Give a list."),
            (
                json!({"video_id": "1", "words": "[\"a\", 2]"}),
                "words",
                "`words[1]` is invalid",
                "Give a list.",
            ),
            (json!({"video_id": "1", "words": ""}), "words", "given: a string", "Give a list."),
            (json!({"video_id": "1", "words": "[\"a\""}), "words", "given: a string", "Give a list."),
            (json!({"video_id": "1", "numbers": "3px"}), "numbers", "given: a string", "Give a list."),
            (json!({"video_id": "1", "text": 5}), "text", "given: a number", "Give a string."),
            (
                json!({"video_id": "1", "clip_id": "1"}),
                "clip_id",
                "another name of `video_id`",
                "Give `video_id`",
            ),
            (json!([1]), "arguments", "not a list", "JSON object"),
            (json!("[1]"), "arguments", "not a list", "JSON object"),
            (json!("{\"video_id\": "), "arguments", "not a string", "JSON object"),
            (json!(7), "arguments", "not a number", "JSON object"),
        ];
        for (arguments, field, message, next) in cases {
            let error = parse(arguments.clone()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(field), "{arguments}: {error:?}");
            assert!(error.message.contains(message), "{arguments}: {}", error.message);
            assert!(error.next_step.contains(next), "{arguments}: {}", error.next_step);
        }
        // Errors do not repeat the value: it can be secret and very long.
        let long = "hunter2, expected ".repeat(60_000);
        for arguments in [
            json!({"video_id": "1", "count": "hunter2"}),
            json!({"video_id": "1", "count": long}),
            json!({"video_id": "1", "flag": "hunter2\u{1b}, expected"}),
            json!({"video_id": "1", "words": [20_001_002]}),
            json!({"video_id": long}),
        ] {
            let text = parse(arguments).unwrap_err().to_value().to_string();
            assert!(text.len() < 1_000, "{} bytes", text.len());
            let leaked = text.contains("20001002") || text.contains('\u{1b}');
            assert!(!leaked && (!text.contains("hunter2") || text.contains("video_id")), "{text}");
        }
    }

    #[test]
    fn text_is_converted_if_that_is_exact() {
        let input = parse(json!({"video_id": "/videos/7", "count": null})).unwrap();
        assert_eq!((input.video_id.number(), input.count, input.flag, input.words), (7, None, None, None));
        let text = json!({
            "video_id": 7, "count": "10", "flag": "true", "share": "1.5", "words": "[\"a\", \"b\"]",
            "numbers": ["3", 4], "text": "10",
        });
        for arguments in [text.clone(), json!(text.to_string())] {
            let input = parse(arguments).unwrap();
            assert_eq!((input.video_id.number(), input.count, input.flag), (7, Some(10), Some(true)));
            assert_eq!(input.share, Some(1.5));
            assert_eq!(input.words.unwrap(), ["a", "b"]);
            assert_eq!(input.numbers.unwrap(), [3, 4]);
            assert_eq!(input.text.as_deref(), Some("10"), "a string stays a string");
        }
        let input =
            parse(json!({"clip_id": 7, "flag": "false", "count": 10.0, "words": "surf, sun"})).unwrap();
        assert_eq!((input.video_id.number(), input.flag, input.count), (7, Some(false), Some(10)));
        assert_eq!(input.words.unwrap(), ["surf, sun"], "one string becomes a list of one");
    }
}
