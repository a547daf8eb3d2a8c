//! The syntax tree of filters.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
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
pub(super) enum Step {
    Member(String),
    Index(Box<Expression>),
    Slice(Option<i64>, Option<i64>),
    Each,
    /// `?`: if the step fails, it gives nothing.
    Tried(Box<Step>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
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
        pub(super) enum Function { $($function,)* }

        impl Function {
            pub(super) fn find(name: &str, arguments: usize) -> Option<Self> {
                match (name, arguments) {
                    $(($name, $arguments) => Some(Self::$function),)*
                    _ => None,
                }
            }

            pub(super) const NAMES: &[&str] = &[$($name,)*];
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
