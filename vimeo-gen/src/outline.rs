//! A description on two pages: what a program needs to know of it while it runs, without its prose.
//!
//! One line an operation and one line a schema, their columns separated by tabs. A type is a word in lower case for what
//! JSON has (`text`, `count`, `truth` …), a name for a schema, `[T]` for a list; `!` marks what is required, `?` what may
//! be null.

use serde_json::{Map, Value};

use crate::Problem;
use crate::walk::operations;

/// The two pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The operations, sorted by path and method.
    pub operations: String,
    /// The schemas, in the order of the description.
    pub schemas: String,
}

const OPERATIONS: &str = "# path\tmethod\toperation\tscopes\tuser token\tanswers a page\tknows If-Modified-Since\tparameters\tbody\tanswers\n";
const SCHEMAS: &str = "# name\tkind\tfields, words or alternatives\n";

/// Makes the outline of a description in our own form, in which no object or set of words stands inline.
///
/// # Errors
///
/// When a reference leads nowhere.
pub fn outline(description: &Value) -> Result<Outline, Problem> {
    let mut lines = operations(description)
        .map(|(path, method, operation)| line(description, path, method, operation))
        .collect::<Result<Vec<String>, Problem>>()?;
    lines.sort();
    let schemas = description.pointer("/components/schemas").and_then(Value::as_object);
    let schemas =
        schemas.into_iter().flatten().map(|(name, schema)| format!("{name}\t{}\n", content(schema)));
    Ok(Outline {
        operations: OPERATIONS.to_owned() + &lines.concat(),
        schemas: SCHEMAS.to_owned() + &schemas.collect::<String>(),
    })
}

fn line(
    document: &Value,
    path: &str,
    method: &str,
    operation: &Map<String, Value>,
) -> Result<String, Problem> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    let name = text("x-vimeo-operation").or_else(|| text("operationId")).unwrap_or_default();
    let scopes = scopes(operation);
    let user = if scopes.is_empty() { "-" } else { "user" };
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let parameters = parameters
        .map(|parameter| resolved(document, parameter, path).map(self::parameter))
        .collect::<Result<Vec<String>, Problem>>()?;
    let answers = operation.get("responses").and_then(Value::as_object);
    let good = answers.into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
    let good: Vec<(&String, Option<String>)> =
        good.map(|(status, answer)| (status, content_of(answer))).collect();
    let page = good.iter().any(|(_, ty)| ty.as_deref().is_some_and(|ty| is_page(document, ty)));
    let modified = answers.is_some_and(|answers| answers.contains_key("304"));
    let good: Vec<String> = good
        .into_iter()
        .map(|(status, ty)| ty.map_or_else(|| status.clone(), |ty| format!("{status}:{ty}")))
        .collect();
    let body = operation.get("requestBody").and_then(|body| {
        let required = body.get("required").and_then(Value::as_bool).unwrap_or_default();
        content_of(body).map(|ty| if required { ty + "!" } else { ty })
    });
    let columns = [
        path.to_owned(),
        method.to_uppercase(),
        name.to_owned(),
        dash(scopes.join(",")),
        user.to_owned(),
        if page { "page" } else { "-" }.to_owned(),
        if modified { "modified" } else { "-" }.to_owned(),
        dash(parameters.join(" ")),
        dash(body.unwrap_or_default()),
        dash(good.join(" ")),
    ];
    Ok(columns.join("\t") + "\n")
}

fn dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn scopes(operation: &Map<String, Value>) -> Vec<&str> {
    let security = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let lists = security.filter_map(|way| way.get("oauth2")?.as_array());
    lists.flatten().filter_map(Value::as_str).collect()
}

/// A path's parameter stands in braces, as in the path.
fn parameter(parameter: &Value) -> String {
    let text = |name: &str| parameter.get(name).and_then(Value::as_str).unwrap_or_default();
    let ty = parameter.get("schema").map_or_else(|| "text".to_owned(), ty);
    let required = parameter.get("required").and_then(Value::as_bool).unwrap_or_default();
    match (text("in"), required) {
        ("path", _) => format!("{{{}}}:{ty}", text("name")),
        (_, true) => format!("{}!:{ty}", text("name")),
        (_, false) => format!("{}:{ty}", text("name")),
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value, place: &str) -> Result<&'a Value, Problem> {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
    let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    found.ok_or_else(|| Problem::new(format!("paths.{place}"), format!("{reference} leads nowhere")))
}

/// The type of a body or an answer.
fn content_of(holder: &Value) -> Option<String> {
    Some(ty(holder.get("content")?.as_object()?.values().next()?.get("schema")?))
}

fn is_page(document: &Value, ty: &str) -> bool {
    document.pointer(&format!("/components/schemas/{ty}/properties/paging")).is_some()
}

/// What a schema is, with its parts.
fn content(schema: &Value) -> String {
    let parts = |kind: &str, parts: Vec<String>| {
        parts.into_iter().fold(kind.to_owned(), |line, part| line + "\t" + &part)
    };
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return parts("words", words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    if let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) {
        return parts("either", alternatives.iter().map(ty).collect());
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return parts("is", vec![ty(schema)]);
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let field = |(name, schema): (&String, &Value)| {
        let mark = if required.contains(&name.as_str()) { "!" } else { "" };
        let null = schema.get("nullable").and_then(Value::as_bool).unwrap_or_default();
        format!("{name}{mark}:{}{}", ty(schema), if null { "?" } else { "" })
    };
    parts("object", properties.iter().map(field).collect())
}

fn ty(schema: &Value) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(name) = text("$ref").rsplit('/').next().filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    if let Some(only) = schema.get("allOf").and_then(Value::as_array).and_then(|all| all.first()) {
        return ty(only);
    }
    match (text("type"), text("format")) {
        ("array", _) => format!("[{}]", schema.get("items").map_or_else(|| "any".to_owned(), ty)),
        ("string", "date-time") => "time".to_owned(),
        ("string", "date") => "date".to_owned(),
        ("string", "uri") => "uri".to_owned(),
        ("string", "signed-uri") => "link".to_owned(),
        ("string", "password") => "secret".to_owned(),
        ("string", "binary") => "binary".to_owned(),
        ("string", _) => "text".to_owned(),
        ("boolean", _) => "truth".to_owned(),
        ("integer", _) if schema.get("minimum").is_some() => "count".to_owned(),
        ("integer", _) => "whole".to_owned(),
        ("number", _) => "number".to_owned(),
        ("object", _) => "object".to_owned(),
        _ => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_and_schemas_are_a_line_each() {
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
        let document = json!({
            "paths": {"/clips/{id}": {"patch": {
                "operationId": "edit_clip",
                "x-vimeo-operation": "update_clip",
                "security": [{"oauth2": ["edit"]}],
                "parameters": [
                    {"$ref": "#/components/parameters/Id"},
                    {"name": "at", "in": "query", "required": true, "schema": {"type": "string", "format": "date-time"}},
                ],
                "requestBody": {"required": true, "content": json_of(reference("Clip"))},
                "responses": {"200": {"content": json_of(reference("ClipPage"))}, "204": {}, "304": {}, "404": {}},
            }}},
            "components": {
                "parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 0}}},
                "schemas": {
                    "Clip": {"type": "object", "required": ["kind"], "properties": {
                        "kind": reference("Kind"),
                        "size": {"type": "number", "nullable": true},
                        "tags": {"type": "array", "items": {"type": "string"}},
                    }},
                    "ClipPage": {"type": "object", "properties": {"paging": {"type": "object"}}},
                    "Either": {"oneOf": [reference("Clip"), {"type": "boolean"}]},
                    "Kind": {"type": "string", "enum": ["long", "no idea"]},
                },
            },
        });
        let outline = outline(&document).unwrap();
        let operation = "/clips/{id}\tPATCH\tupdate_clip\tedit\tuser\tpage\tmodified\t{id}:count at!:time\tClip!\t200:ClipPage 204\n";
        assert_eq!(outline.operations, OPERATIONS.to_owned() + operation);
        let schemas = "Clip\tobject\tkind!:Kind\tsize:number?\ttags:[text]\nClipPage\tobject\tpaging:object\n\
                       Either\teither\tClip\ttruth\nKind\twords\tlong\tno idea\n";
        assert_eq!(outline.schemas, SCHEMAS.to_owned() + schemas);
    }

    #[test]
    fn a_reference_into_nothing_is_named() {
        let document =
            json!({"paths": {"/a": {"get": {"parameters": [{"$ref": "#/components/parameters/No"}]}}}});
        let problem = outline(&document).unwrap_err();
        assert_eq!(problem.to_string(), "paths./a: #/components/parameters/No leads nowhere");
    }
}
