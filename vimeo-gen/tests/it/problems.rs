//! What no rule can cure is told with its place, and never by a panic.

use std::fs;

use serde_json::{Value, json};

use crate::small;

/// The small description with something put at a place in it.
fn with(pointer: &str, value: Value) -> Value {
    let mut description = small();
    *description.pointer_mut(pointer).expect("the place is there") = value;
    description
}

#[test]
fn each_names_its_place() {
    let cases = [
        (
            with(
                "/components/schemas/Size",
                json!({"allOf": [{"$ref": "#/components/schemas/Size"}, {"type": "object"}]}),
            ),
            "components.schemas.Size",
        ),
        (
            with("/components/schemas/Size", json!({"allOf": [{"type": "string"}, {"type": "object"}]})),
            "components.schemas.Size",
        ),
        (
            {
                let mut description = small();
                let paths = description["paths"].as_object_mut().expect("paths");
                let item = paths.remove("/me/watchlater/{clip_id}").expect("the path");
                paths.insert("/me/{clip_id}.json".to_owned(), item);
                description
            },
            "paths./me/{clip_id}.json.delete",
        ),
    ];
    for (description, place) in cases {
        match vimeo_gen::generate(description) {
            Err(problem) => {
                assert!(problem.to_string().starts_with(place), "{problem}");
                assert_eq!(problem.to_string().lines().count(), 1, "{problem}");
            }
            Ok(generated) => {
                // A rule may learn to cure it; then the case belongs elsewhere.
                panic!("{place} was generated: {} operations", generated.operations);
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |name: &str| vimeo_gen::load(&folder.path().join(name)).unwrap_err().to_string();
    fs::write(folder.path().join("bad.yaml"), "openapi: 3.0.3\npaths: [\n").expect("written");
    fs::write(folder.path().join("old.yaml"), "swagger: '2.0'\n").expect("written");
    fs::create_dir(folder.path().join("empty")).expect("made");
    assert!(load("missing.yaml").contains("missing.yaml: No such file"), "{}", load("missing.yaml"));
    assert!(load("bad.yaml").contains("bad.yaml:3:"), "{}", load("bad.yaml"));
    assert!(load("old.yaml").contains("Swagger 2"), "{}", load("old.yaml"));
    assert!(load("empty").contains("holds no .yaml"), "{}", load("empty"));
}
