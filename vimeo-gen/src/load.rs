//! Loads a description: a document, or a folder of partial documents.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::GenError;

/// Loads a description from a file, or from all YAML and JSON files of a folder, which are merged.
///
/// # Errors
///
/// If a file cannot be read or parsed, if partial documents contradict each other, if the version is not OpenAPI 3.0, or if a
/// `$ref` has no target.
pub fn load(path: &Path) -> Result<Value, GenError> {
    let shown = path.display().to_string();
    let parts = if path.is_dir() { read_folder(path)? } else { vec![(shown.clone(), read_file(path)?)] };
    let document = merge(parts)?;
    check_version(&document, &shown)?;
    check_references(&document)?;
    Ok(document)
}

fn read_folder(folder: &Path) -> Result<Vec<(String, Value)>, GenError> {
    let shown = folder.display().to_string();
    let failed = |error: std::io::Error| GenError::new(&shown, error.to_string());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(GenError::new(shown, "the folder contains no .yaml, .yml or .json file"));
    }
    files.iter().map(|file| Ok((file.display().to_string(), read_file(file)?))).collect()
}

fn read_file(file: &Path) -> Result<Value, GenError> {
    let shown = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| GenError::new(&shown, error.to_string()))?;
    parse(&text, &shown)
}

/// Parses YAML or JSON. Errors contain `name` and the line.
///
/// # Errors
///
/// If the text is neither, or is not a mapping.
pub fn parse(text: &str, name: &str) -> Result<Value, GenError> {
    // A JSON parser is much faster on large files and has better errors.
    let parsed = if text.trim_start().starts_with('{') {
        match serde_json::from_str(text) {
            Ok(parsed) => parsed,
            // YAML can start with a brace too.
            Err(error) => parse_yaml(text, name).map_err(|_| {
                GenError::new(
                    format!("{name}:{}:{}", error.line(), error.column()),
                    format!("invalid JSON: {error}"),
                )
            })?,
        }
    } else {
        parse_yaml(text, name)?
    };
    if parsed.is_object() { Ok(parsed) } else { Err(GenError::new(name, "the document is not a mapping")) }
}

fn parse_yaml(text: &str, name: &str) -> Result<Value, GenError> {
    let yaml: yaml_serde::Value = yaml_serde::from_str(text).map_err(|error| {
        let place = error
            .location()
            .map_or_else(|| name.to_owned(), |place| format!("{name}:{}:{}", place.line(), place.column()));
        GenError::new(place, format!("invalid YAML: {error}"))
    })?;
    to_json(yaml, name)
}

/// Converts YAML to JSON. Keys that are numbers or booleans, such as the status `200`, become text.
fn to_json(yaml: yaml_serde::Value, name: &str) -> Result<Value, GenError> {
    use yaml_serde::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => {
            if let Some(integer) = number.as_u64() {
                integer.into()
            } else if let Some(integer) = number.as_i64() {
                integer.into()
            } else {
                number.as_f64().map_or(Value::Null, Value::from)
            }
        }
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(list) => {
            Value::Array(list.into_iter().map(|item| to_json(item, name)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(mapping) => {
            let mut object = Map::new();
            for (key, value) in mapping {
                let key = match key {
                    Yaml::String(text) => text,
                    Yaml::Number(number) => number.to_string(),
                    Yaml::Bool(value) => value.to_string(),
                    Yaml::Null => "null".to_owned(),
                    _ => return Err(GenError::new(name, "a mapping has a list or a mapping as a key")),
                };
                object.insert(key, to_json(value, name)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => to_json(tagged.value, name)?,
    })
}

/// Merges partial documents: mappings by key. Other values must be equal if they occur twice.
fn merge(parts: Vec<(String, Value)>) -> Result<Value, GenError> {
    let mut merged = Value::Object(Map::new());
    for (name, part) in parts {
        merge_into(&mut merged, part, &mut Vec::new(), &name)?;
    }
    Ok(merged)
}

fn merge_into(target: &mut Value, part: Value, path: &mut Vec<String>, name: &str) -> Result<(), GenError> {
    // An operation, schema or parameter must be in a single file.
    let whole = match path.first().map(String::as_str) {
        Some("paths") => path.len() >= 3,
        Some("components") => path.len() >= 3,
        _ => false,
    };
    match (target, part) {
        (Value::Object(target), Value::Object(part)) if !whole => {
            for (key, value) in part {
                match target.get_mut(&key) {
                    None => {
                        target.insert(key, value);
                    }
                    Some(known) => {
                        path.push(key);
                        merge_into(known, value, path, name)?;
                        path.pop();
                    }
                }
            }
            Ok(())
        }
        (target, part) if !whole && *target == part => Ok(()),
        _ => Err(GenError::new(name, format!("{} is also described in another file", path.join(".")))),
    }
}

fn check_version(document: &Value, name: &str) -> Result<(), GenError> {
    match document.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.0.") || version == "3.0" => Ok(()),
        Some(version) => {
            Err(GenError::new(name, format!("OpenAPI {version} is not supported; expected 3.0")))
        }
        None if document.get("swagger").is_some() => {
            Err(GenError::new(name, "this is a Swagger 2 document; convert it to OpenAPI 3.0"))
        }
        None => Err(GenError::new(name, "not an OpenAPI document: it has no `openapi` key")),
    }
}

fn check_references(document: &Value) -> Result<(), GenError> {
    let mut stack = vec![(String::new(), document)];
    while let Some((path, node)) = stack.pop() {
        match node {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get("$ref") {
                    let found = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                    if found.is_none() {
                        return Err(GenError::new(path, format!("the $ref `{target}` has no target")));
                    }
                }
                for (key, value) in object {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    stack.push((path, value));
                }
            }
            Value::Array(list) => {
                stack.extend(list.iter().enumerate().map(|(index, item)| (format!("{path}[{index}]"), item)));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse_error(text: &str) -> String {
        parse(text, "a.yaml").map(|value| value.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn parse_errors_contain_the_line() {
        assert!(parse_error("a: [1\nb: 2").starts_with("a.yaml:2:"), "{}", parse_error("a: [1\nb: 2"));
        assert!(
            parse_error("{\n  \"a\": ]").starts_with("a.yaml:2:8: invalid JSON"),
            "{}",
            parse_error("{\n  \"a\": ]")
        );
        assert_eq!(parse_error("just text"), "a.yaml: the document is not a mapping");
    }

    #[test]
    fn numeric_keys_become_text() {
        assert_eq!(parse("200: {a: 1.5}", "x").unwrap(), json!({"200": {"a": 1.5}}));
    }

    #[test]
    fn partial_documents_merge_without_overwriting() {
        let part = |text: &str| (String::from("b.yaml"), parse(text, "b.yaml").unwrap());
        let merged = merge(vec![
            part("{openapi: 3.0.3, paths: {/a: {get: {x: 1}}}}"),
            part("{openapi: 3.0.3, paths: {/a: {put: {x: 2}}, /b: {}}}"),
        ]);
        assert_eq!(
            merged.unwrap(),
            json!({"openapi": "3.0.3", "paths": {"/a": {"get": {"x": 1}, "put": {"x": 2}}, "/b": {}}})
        );
        let twice = merge(vec![part("{paths: {/a: {get: {x: 1}}}}"), part("{paths: {/a: {get: {x: 1}}}}")]);
        assert_eq!(twice.unwrap_err().to_string(), "b.yaml: paths./a.get is also described in another file");
    }

    #[test]
    fn accepts_only_openapi_3_0() {
        let cases = [
            (json!({"openapi": "3.0.3"}), ""),
            (json!({"openapi": "3.1.0"}), "x: OpenAPI 3.1.0 is not supported; expected 3.0"),
            (json!({"swagger": "2.0"}), "x: this is a Swagger 2 document; convert it to OpenAPI 3.0"),
            (json!({}), "x: not an OpenAPI document: it has no `openapi` key"),
        ];
        for (document, problem) in cases {
            let message =
                check_version(&document, "x").err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, problem);
        }
    }

    #[test]
    fn reports_references_without_a_target() {
        let document =
            json!({"paths": {"/a": {"get": {"parameters": [{"$ref": "#/components/parameters/No"}]}}}});
        assert_eq!(
            check_references(&document).unwrap_err().to_string(),
            "paths./a.get.parameters[0]: the $ref `#/components/parameters/No` has no target"
        );
    }
}
