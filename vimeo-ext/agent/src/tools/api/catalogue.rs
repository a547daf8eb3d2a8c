//! The catalogue of operations and schemas, generated from the API description.

use std::collections::HashMap;
use std::sync::LazyLock;

use vimeo_api::Operation;

/// An operation with what the catalogue says of it.
#[derive(Debug)]
pub(super) struct KnownOperation {
    pub(super) operation: &'static Operation,
    /// More than the summary says; can be empty.
    pub(super) description: &'static str,
    /// The type of the body.
    pub(super) body: Option<&'static str>,
    pub(super) is_body_required: bool,
    /// The type of the response; empty if it has none.
    pub(super) response: &'static str,
    pub(super) path: Vec<Member>,
    pub(super) query: Vec<Member>,
}

impl KnownOperation {
    /// Returns the type of a list's items, if the response is a page or a list, or else that of the response.
    pub(super) fn item(&self) -> &'static str {
        let Some(Schema::Object(members)) = schema(self.response) else { return list_item(self.response) };
        let data = members.iter().find(|member| member.name == "data" && self.operation.paged);
        data.map_or(self.response, |data| list_item(data.ty))
    }

    /// Returns whether the response can be limited to some of its fields.
    pub(super) fn takes_fields(&self) -> bool {
        self.query.iter().any(|parameter| parameter.name == "fields")
    }
}

/// A parameter, or a member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) ty: &'static str,
    pub(super) required: bool,
    pub(super) description: &'static str,
}

/// A schema of the description.
#[derive(Debug)]
pub(super) enum Schema {
    Object(Vec<Member>),
    /// The values of an enum.
    Words(Vec<&'static str>),
    /// One of several types.
    Either(Vec<&'static str>),
    /// Another type.
    Is(&'static str),
}

struct Catalogue {
    operations: Vec<KnownOperation>,
    by_name: HashMap<&'static str, usize>,
    schemas: HashMap<&'static str, Schema>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut lines: HashMap<&str, Vec<&str>> = rows(include_str!("generated/operations.tsv")).collect();
    let operations: Vec<KnownOperation> = vimeo_api::operations()
        .filter_map(|operation| Some(known(operation, &lines.remove(operation.id)?)))
        .collect();
    let by_name = operations.iter().enumerate().map(|(index, known)| (known.operation.id, index)).collect();
    let schemas = rows(include_str!("generated/schemas.tsv"));
    Catalogue { operations, by_name, schemas: schemas.map(|(name, row)| (name, read_schema(&row))).collect() }
});

/// Returns the rows of a table, by their first column.
fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        (columns.next().unwrap_or_default(), columns.collect())
    })
}

fn known(operation: &'static Operation, row: &[&'static str]) -> KnownOperation {
    let column = |index: usize| row.get(index).copied().unwrap_or_default();
    let (path, query): (Vec<Member>, Vec<Member>) =
        row.iter().skip(3).filter_map(|text| member(text)).partition(|member| member.name.starts_with('{'));
    let bare = |member: Member| Member {
        name: member.name.trim_start_matches('{').trim_end_matches('}'),
        required: true,
        ..member
    };
    KnownOperation {
        operation,
        description: column(0),
        body: Some(column(1).trim_end_matches('!')).filter(|body| !body.is_empty()),
        is_body_required: column(1).ends_with('!'),
        response: column(2),
        path: path.into_iter().map(bare).collect(),
        query,
    }
}

/// Reads `name!:type description`.
fn member(text: &'static str) -> Option<Member> {
    let (name, rest) = text.split_once(':')?;
    let (ty, description) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Member { name: name.trim_end_matches('!'), ty, required: name.ends_with('!'), description })
}

fn read_schema(row: &[&'static str]) -> Schema {
    let (kind, parts) = row.split_first().map_or(("", &[][..]), |(kind, parts)| (*kind, parts));
    match kind {
        "object" => Schema::Object(parts.iter().filter_map(|text| member(text)).collect()),
        "words" => Schema::Words(parts.to_vec()),
        "either" => Schema::Either(parts.to_vec()),
        _ => Schema::Is(parts.first().copied().unwrap_or("any")),
    }
}

/// Returns all operations, in the order of the areas.
pub(super) fn all() -> &'static [KnownOperation] {
    &CATALOGUE.operations
}

/// Returns the operation with this name, ours or Vimeo's.
pub(super) fn find(name: &str) -> Option<&'static KnownOperation> {
    let name = name.trim();
    match CATALOGUE.by_name.get(name) {
        Some(index) => CATALOGUE.operations.get(*index),
        None => CATALOGUE.operations.iter().find(|known| known.operation.vimeo_name == name),
    }
}

/// Returns the schema with this name.
pub(super) fn schema(name: &str) -> Option<&'static Schema> {
    CATALOGUE.schemas.get(name)
}

/// Returns all schemas, in no order.
pub(super) fn schemas() -> impl Iterator<Item = &'static Schema> {
    CATALOGUE.schemas.values()
}

/// Returns the type of the items of a list, or the type itself.
pub(super) fn list_item(ty: &'static str) -> &'static str {
    ty.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(ty)
}

/// Returns the members of an object, or of the items of a list; none for other types.
pub(super) fn members(ty: &'static str) -> &'static [Member] {
    match schema(list_item(ty)) {
        Some(Schema::Object(members)) => members,
        Some(Schema::Is(other)) if *other != ty => members(other),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_every_operation_and_schema() {
        assert_eq!(all().len(), vimeo_api::operations().count());
        assert_eq!(all().len(), 520);
        for known in all() {
            let operation = known.operation;
            let in_path: Vec<&str> = operation
                .path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let names: Vec<&str> = in_path
                .iter()
                .filter(|name| known.path.iter().any(|parameter| parameter.name == **name))
                .copied()
                .collect();
            assert_eq!(names, in_path, "{operation}");
            let query: Vec<&str> = known.query.iter().map(|parameter| parameter.name).collect();
            for parameter in operation.query {
                assert!(query.contains(&parameter.name), "{operation}: {}", parameter.name);
            }
            assert_eq!(known.body.is_some(), operation.has_body, "{operation}");
            for ty in known.body.iter().chain([&known.response]) {
                let name = list_item(ty);
                let is_simple = name.is_empty() || name.starts_with(|c: char| c.is_lowercase());
                assert!(is_simple || schema(name).is_some(), "{operation}: {ty}");
            }
        }
    }
}
