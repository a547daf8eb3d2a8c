//! The schemas of request and response bodies, loaded on first use.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Time,
    Date,
    /// An absolute URL; not `uri`, which is a path.
    Uri,
    /// A capability link.
    Link,
    Secret,
    Binary,
    Integer,
    /// A nonnegative integer.
    Unsigned,
    Number,
    Bool,
    /// An object without a schema.
    Object,
    Any,
    /// A list, with the type of its items as written in the table.
    List(&'static str),
    Named(&'static str),
}

impl Type {
    pub(crate) fn read(text: &'static str) -> Self {
        match text {
            "text" => Self::Text,
            "time" => Self::Time,
            "date" => Self::Date,
            "uri" => Self::Uri,
            "link" => Self::Link,
            "secret" => Self::Secret,
            "binary" => Self::Binary,
            "whole" => Self::Integer,
            "count" => Self::Unsigned,
            "number" => Self::Number,
            "truth" => Self::Bool,
            "object" => Self::Object,
            "any" => Self::Any,
            _ => match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
                Some(items) => Self::List(items),
                None => Self::Named(text),
            },
        }
    }

    /// Returns the named schema; `None` for other types.
    pub(crate) fn schema(self) -> Option<&'static Schema> {
        match self {
            Self::Named(name) => schema(name),
            _ => None,
        }
    }

    /// Returns the type of the items, if the type is a page.
    pub(crate) fn page_of(self) -> Option<Type> {
        let Some(Schema::Object(fields)) = self.schema() else { return None };
        let paging = fields.iter().any(|field| field.name == "paging");
        let data = fields.iter().find(|field| field.name == "data").filter(|_| paging)?;
        match data.ty {
            Self::List(items) => Some(Self::read(items)),
            _ => None,
        }
    }
}

/// A member of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
}

impl Field {
    /// Parses `name:type`, with `!` after the name of a required member and `?` after a nullable type.
    pub(crate) fn read(text: &'static str) -> Option<Self> {
        let (name, ty) = text.rsplit_once(':')?;
        let (ty, nullable) = ty.strip_suffix('?').map_or((ty, false), |ty| (ty, true));
        let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        Some(Self { name, ty: Type::read(ty), required, nullable })
    }
}

/// A named schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Schema {
    Object(Vec<Field>),
    Enum(Vec<&'static str>),
    Either(Vec<Type>),
    Is(Type),
}

static SCHEMAS: LazyLock<HashMap<&'static str, Schema>> =
    LazyLock::new(|| include_str!("../generated/schemas.tsv").lines().filter_map(read).collect());

/// Returns the schema with this name.
pub(crate) fn schema(name: &str) -> Option<&'static Schema> {
    SCHEMAS.get(name)
}

/// Returns every schema.
#[cfg(feature = "record")]
pub(crate) fn all() -> impl Iterator<Item = &'static Schema> {
    SCHEMAS.values()
}

fn read(line: &'static str) -> Option<(&'static str, Schema)> {
    let mut columns = line.split('\t');
    let name = columns.next().filter(|name| !name.starts_with('#'))?;
    let kind = columns.next()?;
    Some((
        name,
        match kind {
            "object" => Schema::Object(columns.filter_map(Field::read).collect()),
            "words" => Schema::Enum(columns.collect()),
            "either" => Schema::Either(columns.map(Type::read).collect()),
            _ => Schema::Is(columns.next().map_or(Type::Any, Type::read)),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_types() {
        for (text, ty) in [
            ("count", Type::Unsigned),
            ("[text]", Type::List("text")),
            ("Video", Type::Named("Video")),
            ("[[Video]]", Type::List("[Video]")),
        ] {
            assert_eq!(Type::read(text), ty);
        }
        let field = Field::read("size!:text?").unwrap();
        assert_eq!(field, Field { name: "size", ty: Type::Text, required: true, nullable: true });
        assert_eq!(Type::read("VideoPage").page_of(), Some(Type::Named("Video")));
        assert_eq!(Type::read("Video").page_of(), None);
    }

    #[test]
    fn all_referenced_schemas_exist() {
        fn known(ty: Type) -> bool {
            match ty {
                Type::Named(name) => schema(name).is_some(),
                Type::List(items) => known(Type::read(items)),
                _ => true,
            }
        }
        assert!(SCHEMAS.len() > 600, "{}", SCHEMAS.len());
        for (name, schema) in SCHEMAS.iter() {
            match schema {
                Schema::Object(fields) => {
                    assert!(!fields.is_empty(), "{name}");
                    for field in fields {
                        assert!(known(field.ty), "{name}.{}", field.name);
                    }
                }
                Schema::Enum(values) => assert!(!values.is_empty(), "{name}"),
                Schema::Either(types) => assert!(types.iter().all(|ty| known(*ty)), "{name}"),
                Schema::Is(ty) => assert!(known(*ty), "{name}"),
            }
        }
    }
}
