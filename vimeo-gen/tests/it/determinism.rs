//! The output depends only on the description.

use serde_json::Value;

use crate::{generated, small};

#[test]
fn output_is_reproducible() {
    assert_eq!(generated().files, generated().files);
}

#[test]
fn output_ignores_schema_and_field_order() {
    fn reversed(node: Value, schemas: bool) -> Value {
        match node {
            Value::Object(object) => {
                let mut entries: Vec<(String, Value)> = object
                    .into_iter()
                    .map(|(key, value)| {
                        let inside = schemas || key == "schemas";
                        (key, reversed(value, inside))
                    })
                    .collect();
                if schemas {
                    entries.reverse();
                }
                Value::Object(entries.into_iter().collect())
            }
            Value::Array(list) => {
                Value::Array(list.into_iter().map(|item| reversed(item, schemas)).collect())
            }
            other => other,
        }
    }
    let reordered = vimeo_gen::generate(reversed(small(), false)).expect("generates");
    assert_eq!(reordered.files, generated().files);
}
