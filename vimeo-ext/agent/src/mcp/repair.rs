//! Requests as clients send them that take their models at their word.

use rmcp::ErrorData;
use rmcp::model::ErrorCode;
use serde_json::Value;

const CALL: &str = "tools/call";
const INITIALIZE: &str = "initialize";

/// Methods of the protocol that this server answers.
const KNOWN: [&str; 7] =
    [CALL, INITIALIZE, "ping", "resources/list", "resources/read", "resources/templates/list", "tools/list"];

/// Puts the arguments of a call in place that are the JSON text of an object; says whether anything changed.
pub(crate) fn repair(message: &mut Value) -> bool {
    if message.get("method").and_then(Value::as_str) != Some(CALL) {
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

/// Why a request is refused that is none of the protocol's.
pub(crate) fn misfit(method: &str, params: Option<&Value>) -> ErrorData {
    let shown: String = method.chars().filter(|c| !c.is_control()).take(60).collect();
    let part = |name: &str| params.and_then(|params| params.get(name));
    // The newest protocol has no handshake: there `initialize` is a method like any other that does not exist. Whoever means
    // the handshake of an older protocol names its version.
    let removed = method == INITIALIZE && part("protocolVersion").is_none();
    if removed || !KNOWN.contains(&method) {
        return ErrorData::new(ErrorCode::METHOD_NOT_FOUND, shown, None);
    }
    let wrong = match method {
        CALL if !part("name").is_some_and(Value::is_string) => "`name` has to be the name of a tool, as text",
        CALL if part("arguments").is_some_and(|arguments| !arguments.is_object()) => {
            "`arguments` has to be an object"
        }
        "resources/read" if !part("uri").is_some_and(Value::is_string) => "`uri` has to be text",
        _ if params.is_some_and(|params| !params.is_object()) => "`params` has to be an object",
        _ => "`params` are not what the method takes",
    };
    ErrorData::invalid_params(format!("{shown}: {wrong}"), None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_that_are_the_text_of_an_object_are_put_in_place() {
        let call =
            |method: &str, arguments: Value| json!({"method": method, "params": {"arguments": arguments}});
        for (method, arguments, repaired) in [
            (CALL, json!("{\"video_id\": 1}"), Some(json!({"video_id": 1}))),
            (CALL, json!("{}"), Some(json!({}))),
            (CALL, json!({}), None),
            (CALL, json!(null), None),
            (CALL, json!("[1]"), None),
            (CALL, json!("video 1"), None),
            (CALL, json!(["a"]), None),
            ("ping", json!("{}"), None),
        ] {
            let mut message = call(method, arguments.clone());
            assert_eq!(repair(&mut message), repaired.is_some(), "{method} {arguments}");
            assert_eq!(message["params"]["arguments"], repaired.unwrap_or(arguments));
        }
        assert!(!repair(&mut json!({"method": CALL})) && !repair(&mut json!([1])));
    }

    #[test]
    fn a_known_method_is_told_what_is_wrong_with_its_parameters() {
        let call = |arguments: Value| json!({"name": "vimeo_me_get", "arguments": arguments});
        for (method, params, code, says) in [
            (CALL, call(json!([1])), -32602, "`arguments` has to be an object"),
            (CALL, call(json!("text")), -32602, "`arguments` has to be an object"),
            (CALL, json!({"name": 7}), -32602, "`name` has to be"),
            (CALL, json!(null), -32602, "`name` has to be"),
            ("resources/read", json!({"uri": 7}), -32602, "`uri` has to be text"),
            ("tools/list", json!([1]), -32602, "`params` has to be an object"),
            ("tools/list", json!({"cursor": 7}), -32602, "not what the method takes"),
            ("of/tomorrow", json!({}), -32601, "of/tomorrow"),
            (INITIALIZE, json!({"protocolVersion": 7}), -32602, "not what the method takes"),
            (INITIALIZE, json!({"_meta": {}}), -32601, INITIALIZE),
        ] {
            let error = misfit(method, Some(&params));
            assert_eq!(error.code.0, code, "{method} {params}");
            assert!(error.message.contains(says), "{error:?}");
        }
    }
}
