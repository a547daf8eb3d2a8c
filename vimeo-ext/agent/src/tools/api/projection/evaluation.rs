//! Runs filters, and counts what they cost.

use serde_json::{Map, Value};

use super::error::{Result, fail};
use super::syntax::{Expression, Function, Operator, Step};
use super::value::{is_true, kind, number_of, order, position, short, sum, text_of};

/// Steps and copied bytes of one run.
pub(super) const MAX_COST: usize = 64 << 20;

/// Runs a filter over a value.
pub(super) fn evaluate(expression: &Expression, input: &Value) -> Result<Vec<Value>> {
    Run { cost_left: MAX_COST }.all(expression, input)
}

/// One run of a filter, with what it can still cost.
struct Run {
    cost_left: usize,
}

impl Run {
    fn spend(&mut self, cost: usize) -> Result<()> {
        match self.cost_left.checked_sub(cost) {
            Some(left) => {
                self.cost_left = left;
                Ok(())
            }
            None => fail("it takes too many steps or copies too much"),
        }
    }

    /// Copies a value.
    fn copy(&mut self, value: &Value) -> Result<Value> {
        self.measure(value)?;
        Ok(value.clone())
    }

    /// Spends what a copy of a value costs.
    fn measure(&mut self, value: &Value) -> Result<()> {
        self.spend(32)?;
        match value {
            Value::String(text) => self.spend(text.len()),
            Value::Array(items) => items.iter().try_for_each(|item| self.measure(item)),
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                self.spend(name.len().saturating_add(32))?;
                self.measure(value)
            }),
            _ => Ok(()),
        }
    }

    fn all(&mut self, expression: &Expression, input: &Value) -> Result<Vec<Value>> {
        self.spend(32)?;
        match expression {
            Expression::Identity => Ok(vec![self.copy(input)?]),
            Expression::Literal(value) => Ok(vec![self.copy(value)?]),
            Expression::Path(start, steps) => self.path(start, steps, input),
            Expression::Pipe(parts) => {
                let mut values: Option<Vec<Value>> = None;
                for part in parts {
                    values = Some(match values {
                        None => self.all(part, input)?,
                        Some(values) => self.each(&values, |run, value| run.all(part, value))?,
                    });
                }
                Ok(values.unwrap_or_default())
            }
            Expression::Comma(parts) => {
                let mut values = Vec::new();
                for part in parts {
                    values.extend(self.all(part, input)?);
                }
                Ok(values)
            }
            Expression::Alternatives(parts) => {
                let Some((last, others)) = parts.split_last() else { return Ok(Vec::new()) };
                for part in others {
                    let mut values = self.all(part, input).unwrap_or_default();
                    values.retain(is_true);
                    if !values.is_empty() {
                        return Ok(values);
                    }
                }
                self.all(last, input)
            }
            Expression::Chain(first, others) => {
                let mut values = self.all(first, input)?;
                for (operator, right) in others {
                    values = self.operation(*operator, values, right, input)?;
                }
                Ok(values)
            }
            Expression::List(None) => Ok(vec![Value::Array(Vec::new())]),
            Expression::List(Some(inner)) => Ok(vec![Value::Array(self.all(inner, input)?)]),
            Expression::Object(members) => self.object(members, input),
            Expression::Call(function, arguments) => self.call(*function, arguments, input),
        }
    }

    fn each(
        &mut self,
        values: &[Value],
        mut change: impl FnMut(&mut Self, &Value) -> Result<Vec<Value>>,
    ) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for value in values {
            self.spend(32)?;
            all.extend(change(self, value)?);
        }
        Ok(all)
    }

    fn one(&mut self, expression: &Expression, input: &Value) -> Result<Value> {
        Ok(self.all(expression, input)?.into_iter().next().unwrap_or_default())
    }

    fn path(&mut self, start: &Expression, steps: &[Step], input: &Value) -> Result<Vec<Value>> {
        // The start of most paths is the input, which is not copied.
        let mut values = match start {
            Expression::Identity => None,
            other => Some(self.all(other, input)),
        };
        for step in steps {
            values = Some(match values {
                None => self.step(step, input, input),
                Some(Ok(values)) => self.each(&values, |run, value| run.step(step, value, input)),
                Some(Err(error)) => Err(error),
            });
        }
        match values {
            Some(values) => values,
            None => Ok(vec![self.copy(input)?]),
        }
    }

    fn step(&mut self, step: &Step, value: &Value, input: &Value) -> Result<Vec<Value>> {
        match step {
            Step::Member(name) => Ok(vec![self.member(value, name)?]),
            Step::Index(index) => {
                let index = self.one(index, input)?;
                Ok(vec![match (&index, value) {
                    (Value::String(name), _) => self.member(value, name)?,
                    (Value::Number(_), Value::Null) => Value::Null,
                    (Value::Number(number), Value::Array(items)) => {
                        let place = number.as_f64().map_or(0, |place| position(place as i64, items.len()));
                        match items.get(place) {
                            Some(item) => self.copy(item)?,
                            None => Value::Null,
                        }
                    }
                    _ => return fail(format!("{} has no place {}", kind(value), kind(&index))),
                }])
            }
            Step::Slice(start, end) => match value {
                Value::Null => Ok(vec![Value::Null]),
                Value::Array(items) => {
                    let start = start.map_or(0, |start| position(start, items.len()));
                    let end = end.map_or(items.len(), |end| position(end, items.len())).min(items.len());
                    let part = Value::Array(items.get(start..end).unwrap_or_default().to_vec());
                    self.measure(&part)?;
                    Ok(vec![part])
                }
                other => fail(format!("{} is not a list", kind(other))),
            },
            Step::Each => match value {
                Value::Array(items) => items.iter().map(|item| self.copy(item)).collect(),
                Value::Object(members) => members.values().map(|item| self.copy(item)).collect(),
                other => fail(format!("{} has no items", kind(other))),
            },
            Step::Tried(step) => Ok(self.step(step, value, input).unwrap_or_default()),
        }
    }

    fn member(&mut self, value: &Value, name: &str) -> Result<Value> {
        match value {
            Value::Object(members) => match members.get(name) {
                Some(value) => self.copy(value),
                None => Ok(Value::Null),
            },
            Value::Null => Ok(Value::Null),
            other => fail(format!("{} has no member `{}`", kind(other), short(name))),
        }
    }

    fn object(&mut self, members: &[(Expression, Expression)], input: &Value) -> Result<Vec<Value>> {
        let mut objects = vec![Map::new()];
        for (name, value) in members {
            let names = self.all(name, input)?;
            let values = self.all(value, input)?;
            let mut more = Vec::new();
            for object in &objects {
                for name in &names {
                    let Value::String(name) = name else { return fail("the name of a member is not a text") };
                    for value in &values {
                        let mut object = object.clone();
                        object.insert(name.clone(), self.copy(value)?);
                        self.spend(object.len().saturating_mul(64))?;
                        more.push(object);
                    }
                }
            }
            objects = more;
        }
        let objects: Vec<Value> = objects.into_iter().map(Value::Object).collect();
        objects.iter().try_for_each(|object| self.measure(object))?;
        Ok(objects)
    }

    /// Combines each value on the left with each on the right.
    fn operation(
        &mut self,
        operator: Operator,
        left: Vec<Value>,
        right: &Expression,
        input: &Value,
    ) -> Result<Vec<Value>> {
        // The right side of `or` and `and` is not evaluated if the left one decides, so that it can fail then.
        let decides = match operator {
            Operator::Or => Some(true),
            Operator::And => Some(false),
            _ => None,
        };
        let mut values = Vec::new();
        if decides.is_some() {
            for left in &left {
                self.spend(32)?;
                if Some(is_true(left)) == decides {
                    values.push(is_true(left).into());
                    continue;
                }
                for right in &self.all(right, input)? {
                    values.push(self.calculate(operator, left, right)?);
                }
            }
            return Ok(values);
        }
        for right in &self.all(right, input)? {
            for left in &left {
                values.push(self.calculate(operator, left, right)?);
            }
        }
        Ok(values)
    }

    fn calculate(&mut self, operator: Operator, left: &Value, right: &Value) -> Result<Value> {
        self.measure(left)?;
        self.measure(right)?;
        let order = || order(left, right);
        Ok(match operator {
            Operator::Or => (is_true(left) || is_true(right)).into(),
            Operator::And => (is_true(left) && is_true(right)).into(),
            Operator::Equal => order().is_eq().into(),
            Operator::Unequal => order().is_ne().into(),
            Operator::Less => order().is_lt().into(),
            Operator::LessOrEqual => order().is_le().into(),
            Operator::Greater => order().is_gt().into(),
            Operator::GreaterOrEqual => order().is_ge().into(),
            Operator::Plus => return sum(left, right),
            Operator::Minus | Operator::Times | Operator::Divide => {
                let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else {
                    return fail(format!("cannot calculate with {} and {}", kind(left), kind(right)));
                };
                match operator {
                    Operator::Minus => number_of(left - right),
                    Operator::Times => number_of(left * right),
                    _ if right == 0.0 => return fail("it divides by 0"),
                    _ => number_of(left / right),
                }
            }
        })
    }

    fn call(&mut self, function: Function, arguments: &[Expression], input: &Value) -> Result<Vec<Value>> {
        let argument = arguments.first().unwrap_or(&Expression::Identity);
        let one = |value: Value| Ok(vec![value]);
        match function {
            Function::Empty => Ok(Vec::new()),
            Function::Select => {
                let mut values = Vec::new();
                for condition in self.all(argument, input)? {
                    if is_true(&condition) {
                        values.push(self.copy(input)?);
                    }
                }
                Ok(values)
            }
            Function::Map => {
                let items = self.items(input)?;
                let mapped = self.each(&items, |run, item| run.all(argument, item))?;
                one(Value::Array(mapped))
            }
            Function::FirstOf => Ok(self.all(argument, input)?.into_iter().take(1).collect()),
            Function::Limit => {
                let count = self.one(argument, input)?.as_u64().unwrap_or_default();
                let values = arguments.get(1).unwrap_or(&Expression::Identity);
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                Ok(self.all(values, input)?.into_iter().take(count).collect())
            }
            Function::AnyOf | Function::AllOf => {
                let items = self.items(input)?;
                let found = self.each(&items, |run, item| run.all(argument, item))?;
                one(if function == Function::AnyOf {
                    found.iter().any(is_true)
                } else {
                    found.iter().all(is_true)
                }
                .into())
            }
            Function::SortBy | Function::GroupBy | Function::UniqueBy | Function::MinBy | Function::MaxBy => {
                let mut pairs = self.keyed(argument, input)?;
                self.sort(&mut pairs)?;
                one(match function {
                    Function::SortBy => Value::Array(pairs.into_iter().map(|(_, item)| item).collect()),
                    Function::MinBy => pairs.into_iter().next().map(|(_, item)| item).unwrap_or_default(),
                    Function::MaxBy => {
                        pairs.into_iter().next_back().map(|(_, item)| item).unwrap_or_default()
                    }
                    _ => {
                        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
                        for (key, item) in pairs {
                            match groups.last_mut() {
                                Some((last, items)) if order(last, &key).is_eq() => items.push(item),
                                _ => groups.push((key, vec![item])),
                            }
                        }
                        let groups = groups.into_iter().map(|(_, items)| items);
                        match function {
                            Function::GroupBy => Value::Array(groups.map(Value::Array).collect()),
                            _ => Value::Array(groups.filter_map(|items| items.into_iter().next()).collect()),
                        }
                    }
                })
            }
            Function::Sort | Function::Unique | Function::Min | Function::Max => {
                let mut pairs = self.keyed(&Expression::Identity, input)?;
                self.sort(&mut pairs)?;
                if function == Function::Unique {
                    pairs.dedup_by(|(a, _), (b, _)| order(a, b).is_eq());
                }
                let mut items = pairs.into_iter().map(|(_, item)| item);
                one(match function {
                    Function::Min => items.next().unwrap_or_default(),
                    Function::Max => items.next_back().unwrap_or_default(),
                    _ => Value::Array(items.collect()),
                })
            }
            Function::Has
            | Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Join
            | Function::Split => {
                let argument = self.one(argument, input)?;
                self.measure(input)?;
                one(self.with_argument(function, input, &argument)?)
            }
            _ => one(self.plain(function, input)?),
        }
    }

    fn with_argument(&mut self, function: Function, input: &Value, argument: &Value) -> Result<Value> {
        Ok(match (function, input, argument) {
            (Function::Has, Value::Object(members), Value::String(name)) => members.contains_key(name).into(),
            (Function::Has, Value::Array(items), Value::Number(place)) => {
                place.as_u64().is_some_and(|place| (place as usize) < items.len()).into()
            }
            (Function::Contains, Value::String(text), Value::String(part)) => {
                text.contains(part.as_str()).into()
            }
            (Function::Contains, Value::Array(items), Value::Array(parts)) => {
                let cost = items.len().saturating_mul(parts.len()).saturating_mul(64);
                self.spend(cost)?;
                parts.iter().all(|part| items.contains(part)).into()
            }
            (Function::StartsWith, Value::String(text), Value::String(part)) => {
                text.starts_with(part.as_str()).into()
            }
            (Function::EndsWith, Value::String(text), Value::String(part)) => {
                text.ends_with(part.as_str()).into()
            }
            (Function::Join, Value::Array(items), Value::String(between)) => {
                self.spend(items.len().saturating_mul(between.len().saturating_add(32)))?;
                let texts: Vec<String> = items.iter().map(text_of).collect();
                texts.join(between).into()
            }
            (Function::Split, Value::String(text), Value::String(between)) if !between.is_empty() => {
                self.spend(text.len().saturating_mul(32))?;
                text.split(between.as_str()).map(Value::from).collect()
            }
            _ => return fail(format!("a function does not take {} and {}", kind(input), kind(argument))),
        })
    }

    fn plain(&mut self, function: Function, input: &Value) -> Result<Value> {
        self.measure(input)?;
        Ok(match (function, input) {
            (Function::Not, value) => (!is_true(value)).into(),
            (Function::Length, Value::Null) => 0.into(),
            (Function::Length, Value::String(text)) => text.chars().count().into(),
            (Function::Length, Value::Array(items)) => items.len().into(),
            (Function::Length, Value::Object(members)) => members.len().into(),
            (Function::Keys, Value::Object(members)) => {
                let mut names: Vec<&String> = members.keys().collect();
                names.sort();
                names.into_iter().cloned().map(Value::from).collect()
            }
            (Function::Keys, Value::Array(items)) => (0..items.len()).map(Value::from).collect(),
            (Function::First, Value::Array(items)) => items.first().cloned().unwrap_or_default(),
            (Function::Last, Value::Array(items)) => items.last().cloned().unwrap_or_default(),
            (Function::Reverse, Value::Array(items)) => items.iter().rev().cloned().collect(),
            (Function::Any, Value::Array(items)) => items.iter().any(is_true).into(),
            (Function::All, Value::Array(items)) => items.iter().all(is_true).into(),
            (Function::Add, Value::Array(items)) => {
                let mut total = Value::Null;
                for item in items {
                    self.measure(&total)?;
                    total = sum(&total, item)?;
                }
                total
            }
            (Function::Flatten, Value::Array(items)) => {
                let inner = |item: &Value| match item {
                    Value::Array(items) => items.clone(),
                    other => vec![other.clone()],
                };
                Value::Array(items.iter().flat_map(inner).collect())
            }
            (Function::ToEntries, Value::Object(members)) => members
                .iter()
                .map(|(name, value)| {
                    let entry = [("key", Value::from(name.clone())), ("value", value.clone())];
                    Value::Object(entry.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                })
                .collect(),
            (Function::FromEntries, Value::Array(items)) => {
                let mut members = Map::new();
                for item in items {
                    let Some(Value::String(key)) = item.get("key") else {
                        return fail("from_entries takes objects with key and value");
                    };
                    members.insert(key.clone(), item.get("value").cloned().unwrap_or_default());
                }
                Value::Object(members)
            }
            (Function::Downcase, Value::String(text)) => text.to_ascii_lowercase().into(),
            (Function::Type, value) => match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            }
            .into(),
            (Function::ToText, value) => text_of(value).into(),
            (Function::ToNumber, Value::Number(number)) => number.clone().into(),
            (Function::ToNumber, Value::String(text)) => match text.trim().parse::<f64>() {
                Ok(number) => number_of(number),
                Err(_) => return fail("tonumber does not take this text"),
            },
            (_, value) => return fail(format!("a function does not take {}", kind(value))),
        })
    }

    fn items(&mut self, input: &Value) -> Result<Vec<Value>> {
        match input {
            Value::Array(items) => items.iter().map(|item| self.copy(item)).collect(),
            Value::Object(members) => members.values().map(|item| self.copy(item)).collect(),
            other => fail(format!("{} has no items", kind(other))),
        }
    }

    fn keyed(&mut self, key: &Expression, input: &Value) -> Result<Vec<(Value, Value)>> {
        let Value::Array(items) = input else { return fail(format!("{} is not a list", kind(input))) };
        items.iter().map(|item| Ok((Value::Array(self.all(key, item)?), self.copy(item)?))).collect()
    }

    /// Sorts by key; the cost is that of comparing each key as often as a sort does.
    fn sort(&mut self, pairs: &mut [(Value, Value)]) -> Result<()> {
        let rounds = usize::BITS.saturating_sub(pairs.len().leading_zeros());
        for _ in 0..rounds {
            pairs.iter().try_for_each(|(key, _)| self.measure(key))?;
        }
        pairs.sort_by(|(a, _), (b, _)| order(a, b));
        Ok(())
    }
}
