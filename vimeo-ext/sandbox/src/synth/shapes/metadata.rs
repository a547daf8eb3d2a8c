//! Connections and interactions: where a thing leads, and what may be done with it.

use serde_json::{Map, Value, json};

/// A place that is only named.
pub(crate) fn place(uri: &str, options: &[&str]) -> Value {
    json!({"uri": uri, "options": options})
}

/// A list and how many are on it.
pub(crate) fn list(uri: &str, options: &[&str], total: usize) -> Value {
    json!({"uri": uri, "options": options, "total": total})
}

/// `value` with the members of `more` added.
pub(crate) fn with(value: Value, more: Value) -> Value {
    match (value, more) {
        (Value::Object(mut members), Value::Object(more)) => {
            members.extend(more);
            Value::Object(members)
        }
        (value, _) => value,
    }
}

/// Lays `over` on `base`, object into object; everything else replaces.
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
    fn settings_are_laid_over_defaults() {
        let mut base = json!({"a": {"b": 1, "c": 2}, "d": 3}).as_object().unwrap().clone();
        overlay(&mut base, json!({"a": {"c": 5}, "d": {"e": 6}, "f": null}).as_object().unwrap());
        assert_eq!(Value::Object(base), json!({"a": {"b": 1, "c": 5}, "d": {"e": 6}, "f": null}));
        assert_eq!(with(json!({"a": 1}), json!({"b": 2})), json!({"a": 1, "b": 2}));
    }
}
