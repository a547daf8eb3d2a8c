//! Reports about descriptions that lack one part.

use serde_json::{Value, json};

use super::check::{Kind, Report, check};
use super::record::Facts;

fn facts() -> Facts {
    let operations = json!([
        {
            "operation": "get_clips", "method": "get", "path": "/clips", "path_params": {},
            "query": {"sort": {"type": "string", "enum": ["date", "Plays", "", null, 7]}, "page": {"type": "integer"}},
            "scopes": ["private"],
            "responses": {"200": {"paged": {"$ref": "clip"}}, "304": null},
        },
        {
            "operation": "edit_clip", "method": "patch", "path": "/users/{user_id}/clips/{clip_id}",
            "path_params": {"user_id": {"type": "integer"}, "clip_id": {"type": "integer"}},
            "body": {"type": "object", "properties": {
                "name": {"type": "string"},
                "owner": {"$ref": "owner"},
            }},
            "responses": {"200": {"$ref": "clip"}, "400": {"$ref": "owner"}},
        },
        {
            "operation": "delete_clip", "method": "delete", "path": "/users/{user_id}/clips/{clip_id}",
            "path_params": {"user_id": {"type": "integer"}, "clip_id": {"type": "integer"}},
            "responses": {"204": null},
        },
    ]);
    let schemas = json!({
        "clip": {"type": "object", "properties": {
            "size": {"type": "integer", "also": "string"},
            "files": {"type": "array", "items": {"type": "object", "properties": {"fps": {"type": "number"}}}},
            "owner": {"$ref": "owner"},
            "options": {"type": "object", "properties": {"loud": {"type": "boolean"}}},
            "log": {"type": "object", "gone": true, "properties": {"play": {"type": "string"}}},
            "parent": {"$ref": "clip"},
        }},
        "owner": {"type": "object", "properties": {"plan": {"type": "string", "enum": ["free", "pro"]}}},
    });
    Facts {
        operations: serde_json::from_value(operations).expect("operations"),
        schemas: serde_json::from_value(schemas).expect("schemas"),
    }
}

fn description() -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let json_of = |schema: Value| json!({"content": {"application/json": {"schema": schema}}});
    let fields = json!({"name": "fields", "in": "query", "schema": {"type": "string"}});
    json!({
        "security": [{"oauth2": ["private"]}],
        "paths": {
            "/clips": {"get": {
                "summary": "List the clips",
                "parameters": [
                    {"$ref": "#/components/parameters/Sort"},
                    {"name": "page", "in": "query", "schema": {"type": "integer"}},
                    fields,
                ],
                "responses": {
                    "200": json_of(reference("ClipPage")),
                    "304": {},
                },
            }},
            // The facts have other names for the parameters.
            "/users/{owner}/clips/{clip}": {
                "parameters": [{"name": "owner", "in": "path"}, {"name": "clip", "in": "path"}],
                "patch": {
                    "summary": "Edit a clip",
                    "security": [{"oauth2": ["edit"]}],
                    "parameters": [fields],
                    "requestBody": {"$ref": "#/components/requestBodies/Edit"},
                    "responses": {"200": {"$ref": "#/components/responses/Clip"}},
                },
                "delete": {"summary": "Delete a clip", "responses": {"204": {}}},
            },
        },
        "components": {
            "parameters": {"Sort": {"name": "sort", "in": "query", "schema": reference("Sort")}},
            "requestBodies": {"Edit": json_of(json!({"type": "object", "properties": {
                "name": {"type": "string"},
                "owner": reference("OwnerInput"),
            }}))},
            "responses": {"Clip": json_of(reference("Clip"))},
            "schemas": {
                "Sort": {"type": "string", "enum": ["date", "plays", 7]},
                "Clip": {"type": "object", "properties": {
                    // Numbers and texts in turn.
                    "size": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                    "files": {"nullable": true, "allOf": [{"type": "array", "items": reference("File")}]},
                    "owner": {"nullable": true, "allOf": [reference("Owner")]},
                    "options": {"type": "object", "additionalProperties": true},
                    "parent": reference("Clip"),
                }},
                "ClipPage": {"type": "object", "properties": {
                    "total": {}, "page": {}, "per_page": {}, "paging": {},
                    "data": {"type": "array", "items": reference("Clip")},
                }},
                "File": {"type": "object", "properties": {"fps": {"type": "string"}}},
                "Owner": {"oneOf": [
                    {"type": "object", "properties": {"plan": {"anyOf": [{"enum": ["free"]}, {"enum": ["pro"]}]}}},
                    {"type": "string"},
                ]},
                "OwnerInput": {"type": "object", "properties": {"plan": {"type": "string", "enum": ["free", "pro"]}}},
            },
        },
    })
}

fn missing(report: &Report) -> Vec<String> {
    let of = |kind: Kind| report.missing_of(kind).map(move |fact| format!("{kind}: {fact}"));
    Kind::ALL.into_iter().flat_map(of).collect()
}

/// Removes the value at a JSON pointer.
fn remove(document: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let removed = match document.pointer_mut(parent) {
        Some(Value::Object(object)) => object.remove(&name.replace("~1", "/")).is_some(),
        Some(Value::Array(list)) => {
            let index: usize = name.parse().expect("an index");
            let there = index < list.len();
            list.retain({
                let mut at = 0;
                move |_| {
                    at += 1;
                    at - 1 != index
                }
            });
            there
        }
        _ => false,
    };
    assert!(removed, "{pointer} leads nowhere");
}

#[test]
fn a_whole_description_lacks_nothing() {
    let report = check(&facts(), &description());
    assert_eq!(missing(&report), [""; 0]);
    let checked: Vec<usize> = Kind::ALL.map(|kind| report.checked(kind)).to_vec();
    // The schema `clip` is compared once, although it is the response of two operations and a part of itself.
    assert_eq!(checked, [3, 2, 3, 1, 3, 7, 7, 1, 2, 3]);
    assert_eq!(report.extra_operations, 0);
}

#[test]
fn each_damage_is_reported_by_its_kind() {
    const CLIPS: &str = "/paths/~1clips/get";
    const CLIP: &str = "/paths/~1users~1{owner}~1clips~1{clip}";
    // (the removed part, the report)
    let table: [(&str, &str, &[&str]); 18] = [
        ("", "/paths/~1clips", &["operation: GET /clips"]),
        (CLIP, "/delete", &["operation: DELETE /users/{user_id}/clips/{clip_id}"]),
        (CLIPS, "/parameters/0", &["query parameter: GET /clips ?sort"]),
        (CLIPS, "/parameters/2", &["fields parameter: GET /clips"]),
        (
            CLIP,
            "/parameters/1",
            &[
                "path parameter: PATCH /users/{user_id}/clips/{clip_id}",
                "path parameter: DELETE /users/{user_id}/clips/{clip_id}",
            ],
        ),
        ("/security/0/oauth2", "/0", &["scope: GET /clips private"]),
        (CLIPS, "/summary", &["summary: GET /clips"]),
        ("/components/schemas/Sort/enum", "/1", &["enum word: GET /clips ?sort = Plays"]),
        ("/components/schemas/Sort/enum", "/2", &["enum word: GET /clips ?sort = 7"]),
        ("/components/schemas/ClipPage/properties", "/paging", &["paging envelope: GET /clips"]),
        (
            "/components/schemas/ClipPage/properties/data",
            "/items",
            &[
                "response field: clip.files",
                "response field: clip.options",
                "response field: clip.owner",
                "response field: clip.parent",
                "response field: clip.size",
            ],
        ),
        ("/components/schemas/Clip/properties", "/size", &["response field: clip.size"]),
        ("/components/schemas/File/properties", "/fps", &["response field: clip.files[].fps"]),
        (
            "/components/schemas/Clip/properties/options",
            "/additionalProperties",
            &["response field: clip.options.loud"],
        ),
        (
            "/components/schemas/Owner/oneOf/0/properties/plan/anyOf/1/enum",
            "/0",
            &["enum word: owner.plan = pro"],
        ),
        ("/components/schemas/OwnerInput/properties", "/plan", &["body field: owner.plan"]),
        (
            CLIP,
            "/patch/requestBody",
            &[
                "body field: PATCH /users/{user_id}/clips/{clip_id} body.name",
                "body field: PATCH /users/{user_id}/clips/{clip_id} body.owner",
            ],
        ),
        // Only the first operation with this schema is compared with it.
        (CLIP, "/patch/responses", &[]),
    ];
    for (place, name, reported) in table {
        let mut damaged = description();
        remove(&mut damaged, &format!("{place}{name}"));
        assert_eq!(missing(&check(&facts(), &damaged)), reported, "without {place}{name}");
    }
}

#[test]
fn counts_operations_without_facts() {
    let mut description = description();
    description["paths"]["/clips"]["post"] = json!({"responses": {}});
    assert_eq!(check(&facts(), &description).extra_operations, 1);
}

#[test]
fn a_schema_that_is_composed_of_itself_ends() {
    let mut description = description();
    description["components"]["schemas"]["Clip"]["allOf"] = json!([{"$ref": "#/components/schemas/Clip"}]);
    assert_eq!(missing(&check(&facts(), &description)), [""; 0]);
}

#[test]
fn our_description_lacks_no_fact() {
    let facts = super::load().unwrap_or_else(|failure| panic!("{failure}"));
    let ours =
        vimeo_gen::load(&crate::workspace::description()).unwrap_or_else(|problem| panic!("{problem}"));
    let report = check(&facts, &ours);
    assert_eq!(missing(&report), [""; 0]);
    assert_eq!((report.checked(Kind::Operation), report.extra_operations), (520, 0));
}

#[test]
fn a_fact_that_refers_to_no_schema_is_found() {
    let mut facts = facts();
    assert_eq!(facts.unknown_schema(), None);
    facts.schemas.remove("owner");
    assert_eq!(facts.unknown_schema(), Some("owner"));
}
