//! Connections and interactions.

use serde_json::{Map, Value, json};

/// Returns a connection without a total.
pub(crate) fn place(uri: &str, options: &[&str]) -> Value {
    json!({"uri": uri, "options": options})
}

/// Returns a connection to a list with its total.
pub(crate) fn list(uri: &str, options: &[&str], total: usize) -> Value {
    json!({"uri": uri, "options": options, "total": total})
}

/// Returns `value` with the members of `more` added.
pub(crate) fn with(value: Value, more: Value) -> Value {
    match (value, more) {
        (Value::Object(mut members), Value::Object(more)) => {
            members.extend(more);
            Value::Object(members)
        }
        (value, _) => value,
    }
}

/// Merges `over` into `base` recursively; anything but objects is replaced.
pub(crate) fn overlay(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        match (base.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(over)) => overlay(below, over),
            _ => {
                base.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_settings_into_defaults() {
        let mut base = json!({"a": {"b": 1, "c": 2}, "d": 3}).as_object().unwrap().clone();
        overlay(&mut base, json!({"a": {"c": 5}, "d": {"e": 6}, "f": null}).as_object().unwrap());
        assert_eq!(Value::Object(base), json!({"a": {"b": 1, "c": 5}, "d": {"e": 6}, "f": null}));
        assert_eq!(with(json!({"a": 1}), json!({"b": 2})), json!({"a": 1, "b": 2}));
    }
}
