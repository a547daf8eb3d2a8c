//! Reads the expression of a filter.

use serde_json::Value;

use super::error::{Result, fail};
use super::lexer::{Token, tokens};
use super::syntax::{Expression, Function, Operator, Step};
use super::value::number_of;

/// How deeply the parts of a filter can be nested.
const MAX_DEPTH: usize = 32;

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Expression> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.pipe()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => fail(format!("unexpected `{}`", token.shown())),
    }
}

/// The tokens of a filter, and how many of them were read.
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
