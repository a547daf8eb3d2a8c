//! Answers in other shapes than described, as they have been recorded: nulls, members that are absent or new, words that
//! no description has, objects where text was.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How answers drift. Which members are touched follows from the seed and the member's place alone, so the same request
/// drifts the same way every time. What clients go on by (addresses, links, the members of a page) is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mutation {
    /// As an API that lacks some of what is described: a quarter of the members is absent or null.
    Old,
    /// As an API that has gone on: members and words that are new, and now and then an object where text was.
    New,
    /// All of it, and other shapes too.
    Fuzz,
}

/// Members that clients go on by.
const SPARED: [&str; 22] = [
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

/// Members whose text is one of a set of words.
const WORDS: [&str; 10] =
    ["status", "view", "embed", "comments", "type", "account", "layout", "theme", "sort", "license"];

impl Mutation {
    /// Changes an answer.
    pub(crate) fn apply(self, body: &mut Value, seed: u64) {
        self.walk(body, seed, &mut String::new());
    }

    fn walk(self, value: &mut Value, seed: u64, place: &mut String) {
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    within(place, &at.to_string(), |place| self.walk(item, seed, place));
                }
            }
            Value::Object(members) => {
                members.retain(|name, member| {
                    within(place, name, |place| {
                        self.walk(member, seed, place);
                        SPARED.contains(&name.as_str()) || self.mutate(name, member, chance(seed, place))
                    })
                });
                if self != Self::Old && members.contains_key("uri") {
                    members.insert("sandbox_mutation".to_owned(), json!({"is_new": true}));
                }
            }
            _ => {}
        }
    }

    /// Changes one member; `false` when it is to go.
    fn mutate(self, name: &str, member: &mut Value, chance: u64) -> bool {
        match (self, chance % 16) {
            (Self::Old, 0 | 1) | (Self::Fuzz, 0) => return false,
            (Self::Old, 2 | 3) | (Self::Fuzz, 1) => *member = Value::Null,
            (Self::New, 0 | 1) | (Self::Fuzz, 2) if member.is_string() => *member = json!({"value": member}),
            (Self::Fuzz, 3) => *member = other_shape(member),
            (Self::New, 2..=9) | (Self::Fuzz, 4 | 5) if WORDS.contains(&name) => {
                if let Value::String(word) = member {
                    word.push_str("_of_tomorrow");
                }
            }
            _ => {}
        }
        true
    }
}

fn within<R>(place: &mut String, name: &str, work: impl FnOnce(&mut String) -> R) -> R {
    let length = place.len();
    place.push('/');
    place.push_str(name);
    let done = work(place);
    place.truncate(length);
    done
}

/// A number that follows from the seed and the place.
fn chance(seed: u64, place: &str) -> u64 {
    // The same in every run and release of Rust so far; a change would only move which members drift.
    let mut hasher = DefaultHasher::new();
    (seed, place).hash(&mut hasher);
    hasher.finish()
}

fn other_shape(value: &Value) -> Value {
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
    fn drift_follows_from_the_seed_and_spares_what_leads_on() {
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
