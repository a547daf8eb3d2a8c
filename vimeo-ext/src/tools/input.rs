//! Arguments as they come from a model, read into a tool's input.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{Failed, ToolError};
use super::untrusted::clean;

/// Reads arguments; what will not do is named, with its type and the remedy. `null` for an argument is as leaving it out.
pub(crate) fn read<T: DeserializeOwned>(tool: &str, schema: &Value, arguments: Value) -> Result<T, Failed> {
    let mut arguments = match arguments {
        Value::Object(arguments) => arguments,
        Value::Null => Map::new(),
        other => {
            let message = format!("{tool} takes an object of arguments, not {}.", kind(&other));
            return Err(Box::new(ToolError::input(
                "arguments",
                message,
                "Send the arguments as a JSON object.",
            )));
        }
    };
    arguments.retain(|_, value| !value.is_null());
    let properties = schema.get("properties").and_then(Value::as_object);
    let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if let Some(unknown) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(60).collect();
        let message = format!("{tool} has no argument `{shown}`.");
        let takes = match known.as_slice() {
            [] => "It takes none.".to_owned(),
            known => format!("It takes {}.", known.join(", ")),
        };
        return Err(Box::new(ToolError::input(shown, message, takes)));
    }
    let required =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !arguments.contains_key(name) {
            let next = properties.and_then(|all| all.get(name)).map(hint).unwrap_or_default();
            let message = format!("{tool} needs the argument `{name}`.");
            return Err(Box::new(ToolError::input(name, message, next)));
        }
    }
    serde_path_to_error::deserialize(Value::Object(arguments.clone())).map_err(|error| {
        let path = error.path().to_string();
        let field = path.split(['.', '[']).next().unwrap_or_default().to_owned();
        let given = arguments.get(&field).map(kind).unwrap_or("nothing");
        let next = properties.and_then(|all| all.get(&field)).map(hint).unwrap_or_default();
        let message = format!("`{path}` is wrong: {} (given: {given}).", reason(error.inner()));
        Box::new(ToolError::input(field, message, next))
    })
}

/// Why a value will not do. What was given is not said again: it can be a password, and as long as a request may be.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {}", clean(expected, 300)),
        None => clean(&text, 300),
    }
}

/// What kind of JSON a value is.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// What an argument has to be, out of its schema.
fn hint(schema: &Value) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    let mut hint = match text("type") {
        Some("integer") => "Give an integer without quotes".to_owned(),
        Some("number") => "Give a number without quotes".to_owned(),
        Some("boolean") => "Give true or false".to_owned(),
        Some("array") => "Give a list".to_owned(),
        _ => "Give a string".to_owned(),
    };
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        hint.push_str(&format!(", one of {}", words.join(", ")));
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
        video_id: VideoId,
        count: Option<u32>,
        flag: Option<bool>,
        words: Option<Vec<String>>,
    }

    #[test]
    fn wrong_arguments_name_their_field_what_was_given_and_the_remedy() {
        let (schema, _) = of_input::<Input>();
        let cases = [
            (json!({"video_id": "1", "name": "x"}), "name", "no argument `name`", "It takes"),
            (json!({}), "video_id", "needs the argument `video_id`", "Give a string: The video."),
            (json!(null), "video_id", "needs", "Give a string"),
            (json!({"video_id": 1}), "video_id", "given: a number", "Give a string"),
            (json!({"video_id": "x y"}), "video_id", "cannot be read", "Give a string"),
            (
                json!({"video_id": "1", "count": "3"}),
                "count",
                "given: a string",
                "Give an integer without quotes.",
            ),
            (json!({"video_id": "1", "count": -3}), "count", "given: a number", "Give an integer"),
            (json!({"video_id": "1", "count": 1.5}), "count", "given: a number", "Give an integer"),
            (json!({"video_id": "1", "flag": "yes"}), "flag", "given: a string", "Give true or false."),
            (json!({"video_id": "1", "words": ["a", 2]}), "words", "`words[1]` is wrong", "Give a list."),
            (json!([1]), "arguments", "not a list", "JSON object"),
        ];
        for (arguments, field, message, next) in cases {
            let error = read::<Input>("vimeo_x", &schema, arguments.clone()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(field), "{arguments}");
            assert!(error.message.contains(message), "{arguments}: {}", error.message);
            assert!(error.next_step.contains(next), "{arguments}: {}", error.next_step);
        }
        // What is given can be secret, and longer than an answer may be.
        let long = "hunter2, expected ".repeat(60_000);
        for arguments in [
            json!({"video_id": "1", "count": "hunter2"}),
            json!({"video_id": "1", "count": long}),
            json!({"video_id": "1", "flag": "hunter2\u{1b}, expected"}),
            json!({"video_id": "1", "words": [20_001_002]}),
            json!({"video_id": long}),
        ] {
            let text = read::<Input>("vimeo_x", &schema, arguments).unwrap_err().to_value().to_string();
            assert!(text.len() < 1_000, "{} bytes", text.len());
            let given = text.contains("20001002") || text.contains('\u{1b}');
            assert!(!given && (!text.contains("hunter2") || text.contains("video_id")), "{text}");
        }
        let input: Input = read("vimeo_x", &schema, json!({"video_id": "/videos/7", "count": null})).unwrap();
        assert_eq!((input.video_id.number(), input.count, input.flag, input.words), (7, None, None, None));
    }
}
