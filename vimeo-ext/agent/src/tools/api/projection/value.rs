//! Operations on values, as jq defines them.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::error::{Result, fail};

pub(super) fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

pub(super) fn position(place: i64, length: usize) -> usize {
    let from_end = usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX);
    if place < 0 { length.saturating_sub(from_end) } else { from_end }
}

pub(super) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes whole numbers without a fraction.
pub(super) fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

pub(super) fn sum(left: &Value, right: &Value) -> Result<Value> {
    Ok(match (left, right) {
        (Value::Null, other) | (other, Value::Null) => other.clone(),
        (Value::Number(left), Value::Number(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => number_of(left + right),
            _ => Value::Null,
        },
        (Value::String(left), Value::String(right)) => format!("{left}{right}").into(),
        (Value::Array(left), Value::Array(right)) => left.iter().chain(right).cloned().collect(),
        (Value::Object(left), Value::Object(right)) => {
            let mut members = left.clone();
            members.extend(right.clone());
            Value::Object(members)
        }
        _ => return fail(format!("cannot add {} and {}", kind(left), kind(right))),
    })
}

/// Orders values as jq does: null, false, true, numbers, texts, lists, objects.
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default())
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => {
            let first =
                left.iter().zip(right).map(|(left, right)| order(left, right)).find(|order| order.is_ne());
            first.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => {
            let sorted = |members: &Map<String, Value>| {
                let mut names: Vec<String> = members.keys().cloned().collect();
                names.sort();
                names
            };
            let (left_names, right_names) = (sorted(left), sorted(right));
            left_names.cmp(&right_names).then_with(|| {
                let orders = left_names.iter().map(|name| match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => order(left, right),
                    _ => Ordering::Equal,
                });
                orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            })
        }
        _ => rank(left).cmp(&rank(right)),
    }
}
