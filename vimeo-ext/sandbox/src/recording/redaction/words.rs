//! The words that are stored as they are: those of the API description.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::catalog::schema::{self, Schema, Type};
use crate::catalog::{self};

/// Query parameters of links that the description does not list.
const LINK_PARAMETERS: [&str; 12] = [
    "app_id",
    "autoplay",
    "code",
    "expires",
    "h",
    "hash",
    "player_id",
    "sig",
    "signature",
    "state",
    "token",
    "access_token",
];

/// Members whose text is always replaced, even if it is a word of the description: people write it.
const FREE_TEXT: [&str; 32] = [
    "address",
    "alt_text",
    "bio",
    "canonical",
    "cardholder_name",
    "city",
    "custom_message",
    "custom_url",
    "description",
    "description_html",
    "description_rich",
    "email",
    "file_name",
    "filename",
    "first",
    "formatted_address",
    "gender",
    "headline",
    "html",
    "last",
    "last_four_digits",
    "location",
    "message",
    "name",
    "note",
    "password",
    "short_bio",
    "speaker",
    "tag",
    "text",
    "title",
    "username",
];

/// Names of members and parameters.
static NAMES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let members = schema::all().flat_map(|schema| match schema {
        Schema::Object(fields) => fields.iter().map(|field| field.name).collect(),
        _ => Vec::new(),
    });
    let parameters = catalog::all().flat_map(|operation| operation.query.iter().map(|field| field.name));
    members.chain(parameters).collect()
});

/// Values of enums.
static VALUES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let values = schema::all().flat_map(|schema| match schema {
        Schema::Enum(values) => values.clone(),
        _ => Vec::new(),
    });
    values.collect()
});

/// Literals of paths.
static PATH_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| catalog::path_words().collect());

pub(super) fn is_name(text: &str) -> bool {
    NAMES.contains(text)
}

pub(super) fn is_parameter(text: &str) -> bool {
    is_name(text) || LINK_PARAMETERS.contains(&text)
}

pub(super) fn is_value(text: &str) -> bool {
    VALUES.contains(text)
}

pub(super) fn is_path_word(text: &str) -> bool {
    PATH_WORDS.contains(text)
}

pub(super) fn is_free_text(name: &str) -> bool {
    FREE_TEXT.contains(&name)
}

/// Returns the type of a member; `None` if the description does not have it.
pub(super) fn member(ty: Type, name: &str) -> Option<Type> {
    match ty.schema()? {
        Schema::Object(fields) => fields.iter().find(|field| field.name == name).map(|field| field.ty),
        Schema::Either(types) => types.iter().find_map(|ty| member(*ty, name)),
        Schema::Is(ty) => member(*ty, name),
        Schema::Enum(_) => None,
    }
}

/// Returns the type of a list's items.
pub(super) fn item(ty: Type) -> Type {
    match ty {
        Type::List(items) => Type::read(items),
        _ => match ty.schema() {
            Some(Schema::Either(types)) => {
                types.iter().map(|ty| item(*ty)).find(|ty| *ty != Type::Any).unwrap_or(Type::Any)
            }
            Some(Schema::Is(ty)) => item(*ty),
            _ => Type::Any,
        },
    }
}

/// Whether the description lists the members of an object of this type.
pub(super) fn has_members(ty: Type) -> bool {
    match ty.schema() {
        Some(Schema::Object(_)) => true,
        Some(Schema::Either(types)) => types.iter().any(|ty| has_members(*ty)),
        Some(Schema::Is(ty)) => has_members(*ty),
        Some(Schema::Enum(_)) | None => false,
    }
}

/// Whether a text is a value of an enum of this type.
pub(super) fn is_enum_value(ty: Type, text: &str) -> bool {
    match ty.schema() {
        Some(Schema::Enum(values)) => values.contains(&text),
        Some(Schema::Either(types)) => types.iter().any(|ty| is_enum_value(*ty, text)),
        Some(Schema::Is(ty)) => is_enum_value(*ty, text),
        Some(Schema::Object(_)) | None => false,
    }
}

/// Whether the description says nothing about values of this type.
pub(super) fn is_untyped(ty: Type) -> bool {
    match ty {
        Type::Any | Type::Object => true,
        _ => match ty.schema() {
            Some(Schema::Is(ty)) => is_untyped(*ty),
            Some(Schema::Either(types)) => types.iter().any(|ty| is_untyped(*ty)),
            _ => false,
        },
    }
}
