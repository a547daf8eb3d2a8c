//! The same description gives the same bytes.

use serde_json::Value;

use crate::{generated, small};

#[test]
fn twice_is_the_same() {
    assert_eq!(generated().files, generated().files);
}

#[test]
fn the_order_of_schemas_and_their_fields_does_not_matter() {
    fn turned(node: Value, schemas: bool) -> Value {
        match node {
            Value::Object(object) => {
                let mut entries: Vec<(String, Value)> = object
                    .into_iter()
                    .map(|(key, value)| {
                        let inside = schemas || key == "schemas";
                        (key, turned(value, inside))
                    })
                    .collect();
                if schemas {
                    entries.reverse();
                }
                Value::Object(entries.into_iter().collect())
            }
            Value::Array(list) => Value::Array(list.into_iter().map(|item| turned(item, schemas)).collect()),
            other => other,
        }
    }
    let other = vimeo_gen::generate(turned(small(), false)).expect("generates");
    assert_eq!(other.files, generated().files);
}
