//! Repairs requests whose arguments a client passes on as its model wrote them: as JSON text.

use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde_json::Value;

const TOOLS_CALL: &str = "tools/call";
const INITIALIZE: &str = "initialize";

/// The methods that this server supports.
const SUPPORTED_METHODS: [&str; 7] = [
    TOOLS_CALL,
    INITIALIZE,
    "ping",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "tools/list",
];

/// Replaces arguments that are the JSON text of an object by that object; returns whether it did.
pub(crate) fn repair(message: &mut Value) -> bool {
    if message.get("method").and_then(Value::as_str) != Some(TOOLS_CALL) {
        return false;
    }
    let Some(arguments) = message.pointer_mut("/params/arguments") else { return false };
    let object = arguments.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match object.filter(Value::is_object) {
        Some(object) => {
            *arguments = object;
            true
        }
        None => false,
    }
}

/// Returns the error for a request that rmcp could not deserialize.
pub(crate) fn invalid_request(method: &str, params: Option<&Value>) -> ErrorData {
    let shown: String = method.chars().filter(|c| !c.is_control()).take(60).collect();
    let part = |name: &str| params.and_then(|params| params.get(name));
    // The newest protocol has no handshake, so `initialize` is an unknown method there. A client that means the handshake of
    // an older protocol names its version.
    let removed = method == INITIALIZE && part("protocolVersion").is_none();
    if removed || !SUPPORTED_METHODS.contains(&method) {
        return ErrorData::new(ErrorCode::METHOD_NOT_FOUND, shown, None);
    }
    let wrong = match method {
        TOOLS_CALL if !part("name").is_some_and(Value::is_string) => {
            "`name` must be the name of a tool, as a string"
        }
        TOOLS_CALL if part("arguments").is_some_and(|arguments| !arguments.is_object()) => {
            "`arguments` must be an object"
        }
        "resources/read" if !part("uri").is_some_and(Value::is_string) => "`uri` must be a string",
        _ if params.is_some_and(|params| !params.is_object()) => "`params` must be an object",
        _ => "invalid `params` for this method",
    };
    ErrorData::invalid_params(format!("{shown}: {wrong}"), None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_as_json_text_become_an_object() {
        let call =
            |method: &str, arguments: Value| json!({"method": method, "params": {"arguments": arguments}});
        for (method, arguments, repaired) in [
            (TOOLS_CALL, json!("{\"video_id\": 1}"), Some(json!({"video_id": 1}))),
            (TOOLS_CALL, json!("{}"), Some(json!({}))),
            (TOOLS_CALL, json!({}), None),
            (TOOLS_CALL, json!(null), None),
            (TOOLS_CALL, json!("[1]"), None),
            (TOOLS_CALL, json!("video 1"), None),
            (TOOLS_CALL, json!(["a"]), None),
            ("ping", json!("{}"), None),
        ] {
            let mut message = call(method, arguments.clone());
            assert_eq!(repair(&mut message), repaired.is_some(), "{method} {arguments}");
            assert_eq!(message["params"]["arguments"], repaired.unwrap_or(arguments));
        }
        assert!(!repair(&mut json!({"method": TOOLS_CALL})) && !repair(&mut json!([1])));
    }

    #[test]
    fn invalid_parameters_are_named() {
        let call = |arguments: Value| json!({"name": "vimeo_me_get", "arguments": arguments});
        for (method, params, code, expected) in [
            (TOOLS_CALL, call(json!([1])), -32602, "`arguments` must be an object"),
            (TOOLS_CALL, call(json!("text")), -32602, "`arguments` must be an object"),
            (TOOLS_CALL, json!({"name": 7}), -32602, "`name` must be"),
            (TOOLS_CALL, json!(null), -32602, "`name` must be"),
            ("resources/read", json!({"uri": 7}), -32602, "`uri` must be a string"),
            ("tools/list", json!([1]), -32602, "`params` must be an object"),
            ("tools/list", json!({"cursor": 7}), -32602, "invalid `params`"),
            ("of/tomorrow", json!({}), -32601, "of/tomorrow"),
            (INITIALIZE, json!({"protocolVersion": 7}), -32602, "invalid `params`"),
            (INITIALIZE, json!({"_meta": {}}), -32601, INITIALIZE),
        ] {
            let error = invalid_request(method, Some(&params));
            assert_eq!(error.code.0, code, "{method} {params}");
            assert!(error.message.contains(expected), "{error:?}");
        }
    }
}
