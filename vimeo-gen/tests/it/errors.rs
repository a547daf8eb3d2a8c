//! Unsupported descriptions are errors with a location, never panics.

use std::fs;

use serde_json::{Value, json};

use crate::small;

/// Returns the small description with a replaced value.
fn with(pointer: &str, value: Value) -> Value {
    let mut description = small();
    *description.pointer_mut(pointer).expect("the location exists") = value;
    description
}

#[test]
fn errors_start_with_the_location() {
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
    for (description, location) in cases {
        match vimeo_gen::generate(description) {
            Err(error) => {
                assert!(error.to_string().starts_with(location), "{error}");
                assert_eq!(error.to_string().lines().count(), 1, "{error}");
            }
            Ok(generated) => {
                // A rule now supports this; move the case.
                panic!("{location} was generated: {} operations", generated.operations);
            }
        }
    }
}

#[test]
fn load_errors_name_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |name: &str| vimeo_gen::load(&folder.path().join(name)).unwrap_err().to_string();
    fs::write(folder.path().join("bad.yaml"), "openapi: 3.0.3\npaths: [\n").expect("written");
    fs::write(folder.path().join("old.yaml"), "swagger: '2.0'\n").expect("written");
    fs::create_dir(folder.path().join("empty")).expect("made");
    assert!(load("missing.yaml").contains("missing.yaml: No such file"), "{}", load("missing.yaml"));
    assert!(load("bad.yaml").contains("bad.yaml:3:"), "{}", load("bad.yaml"));
    assert!(load("old.yaml").contains("Swagger 2"), "{}", load("old.yaml"));
    assert!(load("empty").contains("contains no .yaml"), "{}", load("empty"));
}
