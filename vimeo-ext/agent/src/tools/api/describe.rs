//! The tool that describes an operation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vimeo_ext::Scope;

use super::super::error::{BoxedError, invalid};
use super::super::outputs::output;
use super::super::tool::tool;
use super::super::{Toolset, untrusted::clean};
use super::arguments;
use super::catalogue::{KnownOperation, Member, Schema, members, schema};
use super::notation::{field_names, marked, notation};
use super::risk;

/// Arguments of [`OperationGet`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationGetInput {
    /// The name of the operation.
    pub operation: String,
    /// Only this member of the body or response, in full, such as embed.
    #[schemars(extend("x-listed" = true))]
    pub part: Option<String>,
}

output! {
    /// What a call of an operation takes and returns. `!` marks what is required.
    pub struct OperationDescription {
        /// The name of the operation.
        pub operation: String,
        /// What it does.
        pub does: String,
        optional {
            /// The method and path.
            pub request: Option<String>,
            /// The scopes that it needs.
            pub scopes: Vec<String>,
            /// What else it needs: a confirmation or approval.
            pub needs: Option<String>,
            /// The parameters: type, then meaning.
            #[schemars(with = "Option<Map<String, Value>>")]
            pub parameters: Option<Map<String, Value>>,
            /// The body: types of its members, then their meaning.
            #[schemars(with = "Option<Map<String, Value>>")]
            pub body: Option<Map<String, Value>>,
            /// What the parameter `fields` can name; of each item of a list.
            pub fields: Option<String>,
            /// Arguments of an example call.
            #[schemars(with = "Option<Map<String, Value>>")]
            pub example: Option<Map<String, Value>>,
        }
    }
}

/// The size limit of a body's description, in bytes. Longer ones lose the meaning and then the members of inner objects.
const MAX_BODY_BYTES: usize = 2_400;
/// The size limit of the names of fields.
const MAX_FIELDS_BYTES: usize = 1_100;
/// The size limit of the meaning of a parameter or member.
const MAX_MEANING_CHARS: usize = 140;

tool! {
    "vimeo_operation_get" OperationGet(OperationGetInput) -> OperationDescription {
        title: "Describe an operation",
        description: "Describes an operation of vimeo_operations_search: parameters, body, fields of the response, scopes, \
                      and an example of vimeo_operation_call. ! marks what is required.",
        scopes: &["public"],
        toolset: Toolset::Api,
    }
    run |_, input| {
        let known = arguments::operation(&input.operation)?;
        match &input.part {
            Some(part) => describe_part(known, part),
            None => Ok(describe(known)),
        }
    }
}

fn describe(known: &'static KnownOperation) -> OperationDescription {
    let operation = known.operation;
    let mut does = format!("{}.", operation.summary);
    if !known.description.is_empty() {
        does.push(' ');
        does.push_str(known.description);
    }
    let parameters = known.path.iter().chain(known.query.iter().filter(|parameter| !is_common(parameter)));
    let parameters: Map<String, Value> = parameters.map(|member| described(member, 1, true)).collect();
    OperationDescription {
        operation: operation.id.to_owned(),
        does,
        request: Some(format!("{} {}", operation.method, operation.path)),
        scopes: operation.scopes.iter().map(|scope| Scope::as_str(scope).to_owned()).collect(),
        needs: needs(known),
        parameters: (!parameters.is_empty()).then_some(parameters),
        body: known.body.map(body),
        fields: fields(known),
        example: Some(example(known)),
    }
}

/// Returns whether every list takes a parameter, so that it needs no description.
fn is_common(parameter: &Member) -> bool {
    matches!(parameter.name, "page" | "per_page" | "fields")
}

/// Returns the notation of a member, and its meaning.
fn described(member: &'static Member, depth: usize, with_meaning: bool) -> (String, Value) {
    let mut text = notation(member.ty, depth);
    if with_meaning && !member.description.is_empty() {
        text.push_str(" - ");
        text.push_str(&short(member.description));
    }
    (marked(member), text.into())
}

/// Shortens a meaning at the end of a word.
fn short(text: &str) -> String {
    let text = text.trim_end_matches('.');
    if text.chars().count() <= MAX_MEANING_CHARS {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MAX_MEANING_CHARS).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", cut.get(..end).unwrap_or_default())
}

/// Describes a body in the most detail that fits.
fn body(ty: &'static str) -> Map<String, Value> {
    let object = members(ty);
    let is_object = matches!(schema(ty), Some(Schema::Object(_)));
    if !is_object || object.is_empty() {
        return Map::from_iter([("is".to_owned(), notation(ty, 3).into())]);
    }
    let write = |depth: usize, with_meaning: bool| -> Map<String, Value> {
        object.iter().map(|member| described(member, depth, with_meaning)).collect()
    };
    [(3, true), (2, true), (1, true), (1, false), (0, true)]
        .into_iter()
        .map(|(depth, with_meaning)| write(depth, with_meaning))
        .find(|body| json!(body).to_string().len() <= MAX_BODY_BYTES)
        .unwrap_or_else(|| write(0, false))
}

fn fields(known: &'static KnownOperation) -> Option<String> {
    let members = members(known.item());
    if members.is_empty() || !known.takes_fields() {
        return None;
    }
    // Names the members of inner objects too while they fit, the shortest first.
    let mut parts: Vec<String> = members.iter().map(|member| member.name.to_owned()).collect();
    let mut inner: Vec<(usize, String)> =
        members.iter().map(|member| field_names(std::slice::from_ref(member), 1)).enumerate().collect();
    inner.sort_by_key(|(index, text)| (text.len(), *index));
    let mut size: usize = parts.iter().map(|part| part.len() + 1).sum();
    for (index, text) in inner {
        let Some(part) = parts.get_mut(index) else { continue };
        let longer = size + text.len() - part.len();
        if longer <= MAX_FIELDS_BYTES {
            size = longer;
            *part = text;
        }
    }
    Some(parts.join(","))
}

fn needs(known: &KnownOperation) -> Option<String> {
    let operation = known.operation;
    let deletes = risk::deletes(operation, &[], &Value::Null);
    let confirm = deletes.then(|| {
        "confirm: the current name of what it deletes; without a name, the error says what to give".to_owned()
    });
    let approval = risk::disclosure(operation, &Value::Null)
        .map(|(kind, act)| format!("approval of the person to {act} ({})", kind.as_str()));
    let refused = risk::refusal(operation, &Value::Null).map(|(_, next)| next.to_owned());
    confirm.or(approval).or(refused)
}

/// Returns arguments that show the form of a call.
fn example(known: &'static KnownOperation) -> Map<String, Value> {
    let mut arguments = Map::from_iter([("operation".to_owned(), json!(known.operation.id))]);
    let mut parameters: Map<String, Value> =
        known.path.iter().chain(&known.query).filter(|member| member.required).map(sample_member).collect();
    if known.operation.paged && known.query.iter().any(|parameter| parameter.name == "per_page") {
        parameters.insert("per_page".to_owned(), json!(25));
    }
    if !parameters.is_empty() {
        arguments.insert("parameters".to_owned(), Value::Object(parameters));
    }
    if let Some(ty) = known.body {
        let object = members(ty);
        let required: Map<String, Value> =
            object.iter().filter(|member| member.required).map(sample_member).collect();
        let body = match (schema(ty), object.first()) {
            (Some(Schema::Object(_)), Some(first)) if required.is_empty() => {
                Value::Object(Map::from_iter([sample_member(first)]))
            }
            (Some(Schema::Object(_)), _) => Value::Object(required),
            _ => sample(ty, 2),
        };
        arguments.insert("body".to_owned(), body);
    }
    if known.takes_fields() {
        let names = ["uri", "name", "title", "text"];
        let found: Vec<&str> = members(known.item())
            .iter()
            .map(|member| member.name)
            .filter(|name| names.contains(name))
            .collect();
        if !found.is_empty() {
            arguments.insert("fields".to_owned(), json!(found.join(",")));
        }
    }
    arguments
}

fn sample_member(member: &Member) -> (String, Value) {
    (member.name.to_owned(), sample(member.ty, 2))
}

/// Returns a value of a type.
fn sample(ty: &'static str, depth: usize) -> Value {
    let item = super::catalogue::list_item(ty);
    if item != ty {
        return json!([sample(item, depth)]);
    }
    match schema(ty) {
        Some(Schema::Words(words)) => json!(words.first()),
        Some(Schema::Either(types)) => types.first().map_or(Value::Null, |ty| sample(ty, depth)),
        Some(Schema::Is(other)) if *other != ty => sample(other, depth),
        Some(Schema::Object(object)) => match depth.checked_sub(1) {
            Some(depth) => {
                let required = object.iter().filter(|member| member.required);
                let required: Map<String, Value> =
                    required.map(|member| (member.name.to_owned(), sample(member.ty, depth))).collect();
                match object.first() {
                    Some(first) if required.is_empty() => {
                        Value::Object(Map::from_iter([(first.name.to_owned(), sample(first.ty, depth))]))
                    }
                    _ => Value::Object(required),
                }
            }
            None => json!({}),
        },
        _ => match ty {
            "count" | "whole" | "number" => json!(1),
            "truth" => json!(true),
            "time" => json!("2026-01-31T12:00:00Z"),
            "date" => json!("2026-01-31"),
            "uri" | "link" => json!("https://example.com/"),
            "object" => json!({}),
            _ => json!("text"),
        },
    }
}

/// Describes one member in full.
fn describe_part(known: &'static KnownOperation, part: &str) -> Result<OperationDescription, BoxedError> {
    let find = |ty: &'static str| {
        let mut names = part.trim().split('.');
        let mut found = members(ty).iter().find(|member| Some(member.name) == names.clone().next())?;
        names.next();
        for name in names {
            found = members(found.ty).iter().find(|member| member.name == name)?;
        }
        Some(found)
    };
    let in_body = known.body.and_then(find);
    let in_response = find(known.item());
    if in_body.is_none() && in_response.is_none() {
        let names = known.body.map(members).unwrap_or_default().iter().chain(members(known.item()));
        let mut names: Vec<&str> = names.map(|member| member.name).collect();
        names.sort_unstable();
        names.dedup();
        let message = format!("{} has no `{}`.", known.operation.id, clean(part, 60));
        return invalid("part", message, format!("Give one of {}.", names.join(", ")));
    }
    let expanded = |member: &'static Member| -> Map<String, Value> {
        match members(member.ty) {
            [] => Map::from_iter([described(member, 3, true)]),
            inner => inner.iter().map(|member| described(member, 3, true)).collect(),
        }
    };
    Ok(OperationDescription {
        operation: known.operation.id.to_owned(),
        does: format!("{} of {}.", clean(part, 60), known.operation.id),
        request: None,
        scopes: Vec::new(),
        needs: None,
        parameters: None,
        body: in_body.map(expanded),
        fields: in_response.map(|member| match members(member.ty) {
            [] => format!("{}: {}", member.name, notation(member.ty, 1)),
            inner => format!("{}{{{}}}", member.name, field_names(inner, 2)),
        }),
        example: None,
    })
}
