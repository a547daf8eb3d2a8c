//! Projections of responses: the part of jq that selects and reshapes, without what loops or recurses.
//!
//! A filter comes from a model, and a server runs it for many callers. Every step and every copied byte therefore counts
//! against a maximum, so that no filter can use much time or memory: jq itself can double a text forty times.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

/// The longest filter, in bytes.
const MAX_FILTER_BYTES: usize = 1_000;
/// How deeply the parts of a filter can be nested.
const MAX_DEPTH: usize = 32;
/// Steps and copied bytes of one run.
const MAX_COST: usize = 64 << 20;

/// A filter that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter(Expression);

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Identity,
    Literal(Value),
    /// A value, and what is taken of it.
    Path(Box<Expression>, Vec<Step>),
    Pipe(Vec<Expression>),
    Comma(Vec<Expression>),
    /// `a // b // c`
    Alternatives(Vec<Expression>),
    /// `a + b - c`, of operators that bind equally. A list, because a tree of a long chain would be deep.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    List(Option<Box<Expression>>),
    Object(Vec<(Expression, Expression)>),
    Call(Function, Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Member(String),
    Index(Box<Expression>),
    Slice(Option<i64>, Option<i64>),
    Each,
    /// `?`: if the step fails, it gives nothing.
    Tried(Box<Step>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divide,
}

macro_rules! functions {
    ($($function:ident $name:literal $arguments:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Function { $($function,)* }

        impl Function {
            fn find(name: &str, arguments: usize) -> Option<Self> {
                match (name, arguments) {
                    $(($name, $arguments) => Some(Self::$function),)*
                    _ => None,
                }
            }

            const NAMES: &[&str] = &[$($name,)*];
        }
    };
}

functions! {
    Add "add" 0,
    All "all" 0,
    AllOf "all" 1,
    Any "any" 0,
    AnyOf "any" 1,
    Contains "contains" 1,
    Downcase "ascii_downcase" 0,
    Empty "empty" 0,
    EndsWith "endswith" 1,
    First "first" 0,
    FirstOf "first" 1,
    Flatten "flatten" 0,
    FromEntries "from_entries" 0,
    GroupBy "group_by" 1,
    Has "has" 1,
    Join "join" 1,
    Keys "keys" 0,
    Last "last" 0,
    Length "length" 0,
    Limit "limit" 2,
    Map "map" 1,
    Max "max" 0,
    MaxBy "max_by" 1,
    Min "min" 0,
    MinBy "min_by" 1,
    Not "not" 0,
    Reverse "reverse" 0,
    Select "select" 1,
    Sort "sort" 0,
    SortBy "sort_by" 1,
    Split "split" 1,
    StartsWith "startswith" 1,
    ToEntries "to_entries" 0,
    ToNumber "tonumber" 0,
    ToText "tostring" 0,
    Type "type" 0,
    Unique "unique" 0,
    UniqueBy "unique_by" 1,
}

/// Why a filter cannot be read or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterError(pub(super) String);

type Result<T> = std::result::Result<T, FilterError>;

fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(FilterError(message.into()))
}

/// What a filter can be made of, for errors.
pub(super) fn supported() -> String {
    let mut names = Function::NAMES.to_vec();
    names.dedup();
    format!(
        "Use paths (.a.b, .a[], .a[0], .a[1:3], ?), pipes, commas, //, comparisons, and, or, + - * /, lists, objects, and {}.",
        names.join(", ")
    )
}

impl Filter {
    /// Reads a filter.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_FILTER_BYTES {
            return fail(format!("it is longer than {MAX_FILTER_BYTES} bytes"));
        }
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let expression = parser.pipe()?;
        match parser.peek() {
            None => Ok(Self(expression)),
            Some(token) => fail(format!("unexpected `{}`", token.shown())),
        }
    }

    /// Runs the filter over a value.
    pub(super) fn run(&self, input: &Value) -> Result<Vec<Value>> {
        Run { cost_left: MAX_COST }.all(&self.0, input)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(Number),
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Name(text) | Self::Text(text) => text.chars().take(40).collect(),
            Self::Number(number) => number.to_string(),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "//", "<", ">", "|", ",", ".", "[", "]", "(", ")", "{", "}", ":", ";", "?", "+",
    "-", "*", "/",
];

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '"' {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let Some(Ok(text)) = values.next() else {
                return fail(
                    "a text is not closed, or has an escape that JSON does not have, such as an expression",
                );
            };
            (Token::Text(text), values.byte_offset())
        } else if first.is_ascii_digit() {
            let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = rest.get(..length).unwrap_or_default();
            let Ok(number) = number.parse::<Number>() else {
                return fail(format!("`{number}` is not a number"));
            };
            (Token::Number(number), length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Name(rest.get(..length).unwrap_or_default().to_owned()), length)
        } else {
            match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => return fail(format!("unexpected `{}`", first.escape_debug())),
            }
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(found)) if found == name);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.takes(sign) {
            return Ok(());
        }
        match self.peek() {
            Some(token) => fail(format!("expected `{sign}` instead of `{}`", token.shown())),
            None => fail(format!("expected `{sign}` at the end")),
        }
    }

    fn pipe(&mut self) -> Result<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return fail("it is nested too deeply");
        }
        let mut parts = vec![self.comma()?];
        while self.takes("|") {
            parts.push(self.comma()?);
        }
        self.depth -= 1;
        Ok(single(parts, Expression::Pipe))
    }

    fn comma(&mut self) -> Result<Expression> {
        let mut parts = vec![self.alternative()?];
        while self.takes(",") {
            parts.push(self.alternative()?);
        }
        Ok(single(parts, Expression::Comma))
    }

    fn alternative(&mut self) -> Result<Expression> {
        let mut parts = vec![self.chain(0)?];
        while self.takes("//") {
            parts.push(self.chain(0)?);
        }
        Ok(single(parts, Expression::Alternatives))
    }

    /// Reads operators of this level and of those that bind more tightly.
    fn chain(&mut self, level: usize) -> Result<Expression> {
        const LEVELS: usize = 5;
        if level == LEVELS {
            return self.postfix();
        }
        let first = self.chain(level + 1)?;
        let mut others = Vec::new();
        while let Some(operator) = self.operator(level) {
            others.push((operator, self.chain(level + 1)?));
            // Comparisons cannot be chained.
            if level == 2 {
                break;
            }
        }
        Ok(if others.is_empty() { first } else { Expression::Chain(Box::new(first), others) })
    }

    fn operator(&mut self, level: usize) -> Option<Operator> {
        use Operator::{
            And, Divide, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Minus, Or, Plus, Times, Unequal,
        };
        let signs: &[(&str, Operator)] = match level {
            0 => return self.takes_name("or").then_some(Or),
            1 => return self.takes_name("and").then_some(And),
            2 => &[
                ("==", Equal),
                ("!=", Unequal),
                ("<=", LessOrEqual),
                (">=", GreaterOrEqual),
                ("<", Less),
                (">", Greater),
            ],
            3 => &[("+", Plus), ("-", Minus)],
            _ => &[("*", Times), ("/", Divide)],
        };
        signs.iter().find(|(sign, _)| self.takes(sign)).map(|(_, operator)| *operator)
    }

    fn postfix(&mut self) -> Result<Expression> {
        let (start, mut steps) = match self.primary()? {
            // The first name belongs to the same path.
            Expression::Path(start, steps) if *start == Expression::Identity && steps.len() == 1 => {
                (*start, steps)
            }
            other => (other, Vec::new()),
        };
        loop {
            if self.takes("?") {
                let Some(step) = steps.pop() else { return fail("`?` does not follow a path") };
                let is_tried = matches!(step, Step::Tried(_));
                steps.push(if is_tried { step } else { Step::Tried(Box::new(step)) });
            } else if self.is("[") {
                steps.push(self.bracket()?);
            } else if self.takes(".") {
                if !self.is("[") {
                    let Some(Token::Name(name) | Token::Text(name)) = self.next() else {
                        return fail("expected a name after `.`");
                    };
                    steps.push(Step::Member(name));
                }
            } else {
                break;
            }
        }
        Ok(if steps.is_empty() { start } else { Expression::Path(Box::new(start), steps) })
    }

    /// Reads `[]`, `[0]`, `["a"]` or `[1:3]`.
    fn bracket(&mut self) -> Result<Step> {
        self.expect("[")?;
        if self.takes("]") {
            return Ok(Step::Each);
        }
        if self.takes(":") {
            let end = self.whole()?;
            self.expect("]")?;
            return Ok(Step::Slice(None, Some(end)));
        }
        let before = self.at;
        if let Ok(start) = self.whole()
            && self.takes(":")
        {
            let end = if self.is("]") { None } else { Some(self.whole()?) };
            self.expect("]")?;
            return Ok(Step::Slice(Some(start), end));
        }
        self.at = before;
        let index = self.pipe()?;
        self.expect("]")?;
        Ok(Step::Index(Box::new(index)))
    }

    fn whole(&mut self) -> Result<i64> {
        let negative = self.takes("-");
        match self.next() {
            Some(Token::Number(number)) if number.is_i64() => {
                let number = number.as_i64().unwrap_or_default();
                Ok(if negative { -number } else { number })
            }
            _ => fail("expected a whole number"),
        }
    }

    fn primary(&mut self) -> Result<Expression> {
        match self.next() {
            Some(Token::Sign(".")) => Ok(match self.peek() {
                Some(Token::Name(name) | Token::Text(name)) => {
                    let name = name.clone();
                    self.at += 1;
                    Expression::Path(Box::new(Expression::Identity), vec![Step::Member(name)])
                }
                _ => Expression::Identity,
            }),
            Some(Token::Text(text)) => Ok(Expression::Literal(text.into())),
            Some(Token::Number(number)) => Ok(Expression::Literal(number.into())),
            Some(Token::Sign("-")) => match self.next() {
                Some(Token::Number(number)) => {
                    Ok(Expression::Literal(number.as_f64().map_or(Value::Null, |number| number_of(-number))))
                }
                _ => fail("expected a number after `-`"),
            },
            Some(Token::Sign("(")) => {
                let inner = self.pipe()?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => {
                if self.takes("]") {
                    return Ok(Expression::List(None));
                }
                let inner = self.pipe()?;
                self.expect("]")?;
                Ok(Expression::List(Some(Box::new(inner))))
            }
            Some(Token::Sign("{")) => self.object(),
            Some(Token::Name(name)) => self.call(&name),
            Some(token) => fail(format!("unexpected `{}`", token.shown())),
            None => fail("it ends too early"),
        }
    }

    fn object(&mut self) -> Result<Expression> {
        let mut members = Vec::new();
        if self.takes("}") {
            return Ok(Expression::Object(members));
        }
        loop {
            let (name, short) = match self.next() {
                Some(Token::Name(name) | Token::Text(name)) => {
                    (Expression::Literal(name.clone().into()), Some(name))
                }
                Some(Token::Sign("(")) => {
                    let name = self.pipe()?;
                    self.expect(")")?;
                    (name, None)
                }
                _ => return fail("expected the name of a member in `{}`"),
            };
            let value = match short {
                Some(name) if !self.is(":") => {
                    Expression::Path(Box::new(Expression::Identity), vec![Step::Member(name)])
                }
                _ => {
                    self.expect(":")?;
                    self.value()?
                }
            };
            members.push((name, value));
            if !self.takes(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(Expression::Object(members))
    }

    /// Reads the value of a member: everything up to a comma.
    fn value(&mut self) -> Result<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return fail("it is nested too deeply");
        }
        let mut parts = vec![self.alternative()?];
        while self.takes("|") {
            parts.push(self.alternative()?);
        }
        self.depth -= 1;
        Ok(single(parts, Expression::Pipe))
    }

    fn call(&mut self, name: &str) -> Result<Expression> {
        match name {
            "true" => return Ok(Expression::Literal(true.into())),
            "false" => return Ok(Expression::Literal(false.into())),
            "null" => return Ok(Expression::Literal(Value::Null)),
            _ => {}
        }
        let mut arguments = Vec::new();
        if self.takes("(") {
            arguments.push(self.pipe()?);
            while self.takes(";") {
                arguments.push(self.pipe()?);
            }
            self.expect(")")?;
        }
        match Function::find(name, arguments.len()) {
            Some(function) => Ok(Expression::Call(function, arguments)),
            None if Function::NAMES.contains(&name) => {
                fail(format!("`{name}` does not take {} arguments", arguments.len()))
            }
            None => fail(format!("`{name}` is not supported")),
        }
    }
}

fn single(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    several(parts)
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

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn position(place: i64, length: usize) -> usize {
    let from_end = usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX);
    if place < 0 { length.saturating_sub(from_end) } else { from_end }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writes whole numbers without a fraction.
fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

fn sum(left: &Value, right: &Value) -> Result<Value> {
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
fn order(left: &Value, right: &Value) -> Ordering {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(filter: &str, input: &Value) -> Vec<Value> {
        Filter::parse(filter)
            .and_then(|parsed| parsed.run(input))
            .unwrap_or_else(|error| panic!("{filter}: {error:?}"))
    }

    #[test]
    fn filters_give_what_jq_gives() {
        let input = json!({"total": 3, "data": [
            {"name": "b", "plays": 7, "privacy": {"view": "anybody", "download": true}, "tags": ["x", "y"]},
            {"name": "a", "plays": 9, "privacy": {"view": "nobody", "download": true}, "tags": []},
            {"name": "c", "plays": null, "privacy": null},
        ]});
        for (filter, expected) in [
            (".", vec![input.clone()]),
            (".total", vec![json!(3)]),
            (".data[].name", vec![json!("b"), json!("a"), json!("c")]),
            (".data | length", vec![json!(3)]),
            (
                "[.data[] | select(.privacy.view == \"anybody\" and .privacy.download) | .name]",
                vec![json!(["b"])],
            ),
            (".data[0].tags[1], .data[-1].name", vec![json!("y"), json!("c")]),
            (".data[1:] | map(.name)", vec![json!(["a", "c"])]),
            (".data[:1][0].name", vec![json!("b")]),
            ("[.data[] | {name, p: (.plays // 0)}] | sort_by(.p) | map(.name)", vec![json!(["c", "b", "a"])]),
            ("[.data[].plays] | add", vec![json!(16)]),
            ("[.data[].plays.x?] | length", vec![json!(1)]),
            ("[.data[] | .name.x?, .plays] | length", vec![json!(3)]),
            (".data | max_by(.plays).name, min_by(.plays).name", vec![json!("a"), json!("c")]),
            ("[.data[].tags[]?] | join(\"-\")", vec![json!("x-y")]),
            (".data[0] | keys", vec![json!(["name", "plays", "privacy", "tags"])]),
            (".data[0] | has(\"tags\"), (.nothing | not)", vec![json!(true), json!(true)]),
            ("{total, names: [.data[].name] | sort}", vec![json!({"total": 3, "names": ["a", "b", "c"]})]),
            ("[.data[] | {(.name): .plays}] | add", vec![json!({"b": 7, "a": 9, "c": null})]),
            ("first(.data[] | select(.plays > 7)) | .name", vec![json!("a")]),
            ("[limit(2; .data[].name)]", vec![json!(["b", "a"])]),
            (".data | group_by(.plays != null) | map(length)", vec![json!([1, 2])]),
            (
                "\"surf\" | startswith(\"su\"), contains(\"rf\"), ascii_downcase",
                vec![json!(true), json!(true), json!("surf")],
            ),
            (".data[\"name\"]?", vec![]),
            ("true or .total.x, false and .total.x", vec![json!(true), json!(false)]),
            ("(true, false) and (1, null)", vec![json!(true), json!(false), json!(false)]),
            ("10 - 2 - 3, 2 + 3 * 4, 12 / 2 / 3", vec![json!(5), json!(14), json!(2)]),
            (".nothing // null // .total", vec![json!(3)]),
            (r#""\\(" | length"#, vec![json!(2)]),
            ("-1, 1.5, null, true", vec![json!(-1), json!(1.5), json!(null), json!(true)]),
            (
                ".data[0].privacy | to_entries | from_entries",
                vec![json!({"view": "anybody", "download": true})],
            ),
        ] {
            assert_eq!(run(filter, &input), expected, "{filter}");
        }
    }

    #[test]
    fn invalid_filters_are_refused_with_a_reason() {
        let long = ".a".repeat(600);
        let deep = format!("{}.{}", "(".repeat(40), ")".repeat(40));
        for (filter, reason) in [
            ("", "too early"),
            (".a |", "too early"),
            (".a)", "unexpected `)`"),
            ("[.a", "expected `]` at the end"),
            ("recurse", "`recurse` is not supported"),
            ("def f: f; f", "not supported"),
            ("reduce .[] as $x (0; . + $x)", "unexpected"),
            ("input", "not supported"),
            ("env", "not supported"),
            ("select", "does not take 0 arguments"),
            ("\"open", "a text is not closed"),
            ("\"a \\(.total)\"", "such as an expression"),
            (". as $x | $x", "unexpected"),
            (long.as_str(), "longer than"),
            (deep.as_str(), "too deeply"),
        ] {
            let error = Filter::parse(filter).unwrap_err();
            assert!(error.0.contains(reason), "{filter}: {error:?}");
        }
    }

    #[test]
    fn long_filters_do_not_exhaust_the_stack() {
        for filter in [
            format!("1{}", "+1".repeat(499)),
            format!("1{}", "//1".repeat(333)),
            format!(".a{}", "?".repeat(990)),
            format!(".{}", "|[.]".repeat(249)),
            format!("null{}", " or 1".repeat(199)),
            format!("{}1{}", "[".repeat(31), "]".repeat(31)),
        ] {
            assert!(filter.len() <= MAX_FILTER_BYTES);
            assert_eq!(run(&filter, &json!({"a": 1})).len(), 1, "{filter}");
        }
    }

    #[test]
    fn no_filter_costs_more_than_allowed() {
        let input = json!({"text": "x".repeat(1_000), "list": (0..2_000).collect::<Vec<u32>>()});
        let doubled = |start: &str, step: &str| format!("{start}{}", step.repeat(60));
        for filter in [
            doubled(".text", "|.+."),
            doubled("[.text]", "|[.,.]"),
            doubled(".list", "|{a:.,b:.}"),
            doubled(".", "|.,."),
            ".list | [.[] as x]".to_owned(),
            "[.list[] + (.list[] | . )] | [.[] + .[]]".to_owned(),
            "[.list[] == .list[] == 1]".to_owned(),
            "[.text, .text] | join(\"x\") | split(\"x\") | [.[],.[],.[]] | [.[] + (.[],.[])] | sort | unique"
                .to_owned(),
        ] {
            if let Ok(parsed) = Filter::parse(&filter) {
                let stopped = parsed.run(&input);
                if let Ok(values) = stopped {
                    let size: usize = values.iter().map(|value| value.to_string().len()).sum();
                    assert!(size <= MAX_COST, "{filter}: {size}");
                }
            }
        }
        let error = Filter::parse(&doubled(".text", "|.+.")).unwrap().run(&input).unwrap_err();
        assert!(error.0.contains("too many steps"), "{error:?}");
    }
}
