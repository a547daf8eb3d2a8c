//! Responses that differ from the API description, as recorded from Vimeo: nulls, absent and new members, unknown
//! enum values, objects in place of text.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How responses differ from the API description. The changed members depend only on the seed and the member's path,
/// so the same request is mutated in the same way every time. Members that clients navigate by (URIs, links, the
/// members of a page) are never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mutation {
    /// An API that lacks part of the description: a quarter of the members is absent or null.
    Old,
    /// An API that has evolved: new members and enum values, and occasionally an object in place of text.
    New,
    /// Both, and members of other types.
    Fuzz,
}

/// Members that clients navigate by.
const PRESERVED_MEMBERS: [&str; 22] = [
    "uri",
    "link",
    "data",
    "paging",
    "next",
    "previous",
    "first",
    "last",
    "total",
    "page",
    "per_page",
    "upload",
    "upload_link",
    "approach",
    "size",
    "access_token",
    "token_type",
    "scope",
    "error",
    "error_code",
    "name",
    "id",
];

/// Members with enum values.
const ENUM_MEMBERS: [&str; 10] =
    ["status", "view", "embed", "comments", "type", "account", "layout", "theme", "sort", "license"];

impl Mutation {
    /// Mutates a response body.
    pub(crate) fn apply(self, body: &mut Value, seed: u64) {
        self.visit(body, seed, &mut String::new());
    }

    fn visit(self, value: &mut Value, seed: u64, path: &mut String) {
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    with_segment(path, &at.to_string(), |path| self.visit(item, seed, path));
                }
            }
            Value::Object(members) => {
                members.retain(|name, member| {
                    with_segment(path, name, |path| {
                        self.visit(member, seed, path);
                        PRESERVED_MEMBERS.contains(&name.as_str())
                            || self.mutate(name, member, chance(seed, path))
                    })
                });
                if self != Self::Old && members.contains_key("uri") {
                    members.insert("sandbox_mutation".to_owned(), json!({"is_new": true}));
                }
            }
            _ => {}
        }
    }

    /// Mutates one member; returns `false` if it is to be removed.
    fn mutate(self, name: &str, member: &mut Value, chance: u64) -> bool {
        match (self, chance % 16) {
            (Self::Old, 0 | 1) | (Self::Fuzz, 0) => return false,
            (Self::Old, 2 | 3) | (Self::Fuzz, 1) => *member = Value::Null,
            (Self::New, 0 | 1) | (Self::Fuzz, 2) if member.is_string() => *member = json!({"value": member}),
            (Self::Fuzz, 3) => *member = change_type(member),
            (Self::New, 2..=9) | (Self::Fuzz, 4 | 5) if ENUM_MEMBERS.contains(&name) => {
                if let Value::String(text) = member {
                    text.push_str("_of_tomorrow");
                }
            }
            _ => {}
        }
        true
    }
}

fn with_segment<R>(path: &mut String, name: &str, work: impl FnOnce(&mut String) -> R) -> R {
    let length = path.len();
    path.push('/');
    path.push_str(name);
    let done = work(path);
    path.truncate(length);
    done
}

/// Returns a pseudo-random number that depends on the seed and the path.
fn chance(seed: u64, path: &str) -> u64 {
    // Stable across runs and Rust releases so far; a change would only select other members.
    let mut hasher = DefaultHasher::new();
    (seed, path).hash(&mut hasher);
    hasher.finish()
}

fn change_type(value: &Value) -> Value {
    match value {
        Value::Null => json!([]),
        Value::Bool(truth) => json!(u8::from(*truth)),
        Value::Number(number) => json!(number.to_string()),
        Value::String(text) => json!([text]),
        Value::Array(items) => items.first().cloned().unwrap_or(Value::Null),
        Value::Object(_) => json!([value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        let members = (0..64).map(|at| (format!("member_{at}"), json!("text"))).collect();
        json!({"uri": "/videos/1", "status": "available", "nested": {"view": "anybody"}, "many": Value::Object(members)})
    }

    #[test]
    fn mutations_depend_on_the_seed_and_preserve_navigation() {
        for mutation in [Mutation::Old, Mutation::New, Mutation::Fuzz] {
            let mutated = |seed| {
                let mut body = sample();
                mutation.apply(&mut body, seed);
                body
            };
            assert_eq!(mutated(7), mutated(7));
            assert_ne!(mutated(7), mutated(8));
            assert_ne!(mutated(7), sample());
            assert_eq!(mutated(7)["uri"], "/videos/1");
            let many: Vec<Value> = mutated(7)["many"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, member)| member.clone())
                .collect();
            let changed = many.iter().filter(|member| **member != json!("text")).count();
            match mutation {
                Mutation::Old => assert!(many.len() < 64 && many.iter().any(Value::is_null)),
                Mutation::New => assert!(many.len() == 64 && many.iter().any(Value::is_object)),
                Mutation::Fuzz => assert!(many.len() < 64 && changed > 0),
            }
        }
    }
}
