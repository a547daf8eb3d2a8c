//! Reads progenitor's output: its types, and the parameters and responses of its builders.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use serde_json::Value;
use syn::{GenericArgument, Item, PathArguments};

use crate::GenError;
use crate::names::{pascal, screaming_snake_case, snake};
use crate::visit::operations;

/// The API: the intermediate representation that the passes change and `print` prints.
pub(crate) struct Api {
    /// The areas.
    pub(crate) areas: Vec<Area>,
    /// The types by name.
    pub(crate) types: BTreeMap<String, Type>,
    /// The calls in the order of the description.
    pub(crate) calls: Vec<Call>,
}

/// An area: a module behind a feature.
pub(crate) struct Area {
    pub(crate) module: String,
    pub(crate) title: String,
    pub(crate) about: String,
    /// The groups of operations, in the order of the documentation.
    pub(crate) groups: Vec<String>,
}

/// A type.
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: Kind,
    /// Whether a request body contains the type.
    pub(crate) sent: bool,
}

/// The kind of a type.
pub(crate) enum Kind {
    /// An object.
    Struct(Vec<Field>),
    /// An open enum.
    Enum(Vec<Variant>),
    /// An untagged enum: JSON type, variant name, type.
    Untagged(Vec<(&'static str, String, syn::Type)>),
}

/// A field of an object.
pub(crate) struct Field {
    pub(crate) name: String,
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) doc: String,
    pub(crate) ty: syn::Type,
    /// Whether an absent value is omitted from the JSON.
    pub(crate) skipped: bool,
    pub(crate) deprecated: bool,
}

/// A variant of an open enum.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// An operation.
pub(crate) struct Call {
    pub(crate) id: String,
    /// The name of its builder.
    pub(crate) builder: String,
    /// The name of its static.
    pub(crate) operation: String,
    pub(crate) vimeo_name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) area: String,
    /// The group within its area; empty if the description has none.
    pub(crate) group: String,
    pub(crate) deprecated: bool,
    pub(crate) summary: String,
    pub(crate) doc: String,
    pub(crate) response_doc: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) conditional: bool,
    pub(crate) path_parameters: Vec<Parameter>,
    pub(crate) query: Vec<Parameter>,
    /// The body's type, and whether it is required.
    pub(crate) body: Option<(syn::Type, bool)>,
    /// The response type; `None` if there is no body.
    pub(crate) response: Option<syn::Type>,
    pub(crate) may_be_empty: bool,
    pub(crate) paged: bool,
}

/// A parameter of a call.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) wire: String,
    pub(crate) doc: String,
    pub(crate) required: bool,
    pub(crate) deprecated: bool,
    pub(crate) ty: syn::Type,
}

/// The type argument of `Option<T>`, `Vec<T>` or `Box<T>`, if `ty` is that wrapper.
pub(crate) fn inner_of<'a>(ty: &'a syn::Type, wrapper: &str) -> Option<&'a syn::Type> {
    let syn::Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == wrapper)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// The type inside all `Option`s, `Vec`s and `Box`es.
pub(crate) fn leaf_of(ty: &syn::Type) -> &syn::Type {
    ["Option", "Vec", "Box"].iter().find_map(|wrapper| inner_of(ty, wrapper)).map_or(ty, leaf_of)
}

/// Collects all identifiers in a type.
pub(crate) fn named_in(ty: &syn::Type, found: &mut BTreeSet<String>) {
    struct Names<'a>(&'a mut BTreeSet<String>);
    impl syn::visit::Visit<'_> for Names<'_> {
        fn visit_ident(&mut self, ident: &syn::Ident) {
            self.0.insert(ident.to_string());
        }
    }
    syn::visit::Visit::visit_type(&mut Names(found), ty);
}

/// Reads the tree and the document that it was generated from.
pub(super) fn collect(tree: &syn::File, document: &Value) -> Result<Api, GenError> {
    let types_module = module(&tree.items, "types")?;
    let builders = module(&tree.items, "builder").map(read_builders).unwrap_or_default();
    let mut api = Api { areas: areas(document), types: read_types(types_module)?, calls: Vec::new() };
    for (path, method, operation) in operations(document) {
        let place = format!("paths.{path}.{method}");
        let id = text(operation.get("operationId"));
        let builder = pascal(&id);
        let found = builders
            .get(&builder)
            .ok_or_else(|| GenError::new(&place, format!("progenitor emitted no builder {builder}")))?;
        api.calls.push(
            read_call(&id, path, method, operation, found).map_err(|reason| GenError::new(&place, reason))?,
        );
    }
    for area in &mut api.areas {
        for call in api.calls.iter().filter(|call| call.area == area.module) {
            if !area.groups.contains(&call.group) {
                area.groups.push(call.group.clone());
            }
        }
    }
    mark_sent(&mut api);
    mark_deprecated(&mut api, document);
    Ok(api)
}

fn areas(document: &Value) -> Vec<Area> {
    let tags = document.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.map(|tag| {
        let title = text(tag.get("name"));
        let groups = tag.get("x-groups").and_then(Value::as_array).into_iter().flatten();
        let groups = groups.map(|group| text(Some(group))).collect();
        Area { module: snake(&title), about: text(tag.get("description")), title, groups }
    })
    .collect()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

fn module<'a>(items: &'a [Item], name: &str) -> Result<&'a [Item], GenError> {
    items
        .iter()
        .find_map(|item| match item {
            Item::Mod(module) if module.ident == name => Some(module.content.as_ref()?.1.as_slice()),
            _ => None,
        })
        .ok_or_else(|| GenError::new("the emitted code", format!("has no module {name}")))
}

fn read_types(items: &[Item]) -> Result<BTreeMap<String, Type>, GenError> {
    let mut types = BTreeMap::new();
    for item in items {
        let (name, attributes, kind) = match item {
            Item::Struct(item) => {
                let name = item.ident.to_string();
                let syn::Fields::Named(fields) = &item.fields else {
                    return Err(GenError::new(
                        format!("components.schemas.{name}"),
                        "became a wrapper type, not an object",
                    ));
                };
                (name, &item.attrs, Kind::Struct(fields.named.iter().map(read_field).collect()))
            }
            Item::Enum(item) => {
                let name = item.ident.to_string();
                let kind = if item.variants.iter().all(|variant| variant.fields.is_empty()) {
                    Kind::Enum(item.variants.iter().map(read_variant).collect())
                } else {
                    read_untagged(item)
                        .map_err(|reason| GenError::new(format!("components.schemas.{name}"), reason))?
                };
                (name, &item.attrs, kind)
            }
            _ => continue,
        };
        types.insert(name.clone(), Type { name, doc: doc_of(attributes), kind, sent: false });
    }
    // Enums among the alternatives are only known after all types are read.
    let names: BTreeSet<String> = types
        .iter()
        .filter(|(_, ty)| matches!(ty.kind, Kind::Enum(_)))
        .map(|(name, _)| name.clone())
        .collect();
    for ty in types.values_mut() {
        if let Kind::Untagged(variants) = &mut ty.kind {
            for (kind, _, ty) in variants {
                if names.contains(&ty.to_token_stream().to_string()) {
                    *kind = "text";
                }
            }
        }
    }
    Ok(types)
}

fn read_field(field: &syn::Field) -> Field {
    let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = name.strip_prefix("r#").unwrap_or(&name).to_owned();
    let serde = serde_of(&field.attrs);
    Field {
        wire: quoted_after(&serde, "rename = \"").unwrap_or_else(|| name.clone()),
        doc: doc_of(&field.attrs),
        ty: field.ty.clone(),
        skipped: serde.contains("skip_serializing_if"),
        deprecated: false,
        name,
    }
}

fn read_variant(variant: &syn::Variant) -> Variant {
    let name = variant.ident.to_string();
    let value = quoted_after(&serde_of(&variant.attrs), "rename = \"").unwrap_or_else(|| name.clone());
    // The rule `enum-values` made these names distinct. `Other` holds unknown values.
    let name = match pascal(&value) {
        reserved if reserved == "Other" || reserved == "Self" => format!("{reserved}Value"),
        name => name,
    };
    Variant { name, value }
}

fn read_untagged(item: &syn::ItemEnum) -> Result<Kind, String> {
    let mut variants = Vec::new();
    for variant in &item.variants {
        let syn::Fields::Unnamed(fields) = &variant.fields else {
            return Err("an alternative has inline fields; move it to a named schema".to_owned());
        };
        let Some(field) = fields.unnamed.first() else { return Err("an alternative is empty".to_owned()) };
        let ty = field.ty.clone();
        let (kind, name) = match ty.to_token_stream().to_string().as_str() {
            "String" | "Secret" | "SignedUrl" | "DateTime < Utc >" | "NaiveDate" => ("text", "Text"),
            "u64" | "i64" => ("integer", "Integer"),
            "f64" => ("number", "Number"),
            "bool" => ("boolean", "Boolean"),
            other if other.starts_with("Vec <") => ("list", "List"),
            other if other.starts_with("Map <") || other.starts_with("HashMap <") => ("object", "Object"),
            _ => ("object", ""),
        };
        let name = if name.is_empty() { variant.ident.to_string() } else { name.to_owned() };
        variants.push((kind, name, ty));
    }
    Ok(Kind::Untagged(variants))
}

struct Builder {
    fields: BTreeMap<String, syn::Type>,
    response: Option<syn::Type>,
}

fn read_builders(items: &[Item]) -> BTreeMap<String, Builder> {
    let mut builders: BTreeMap<String, Builder> = BTreeMap::new();
    for item in items {
        match item {
            Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| {
                    // Each has the type `Result<T, String>`.
                    Some((field.ident.as_ref()?.to_string(), inner_of(&field.ty, "Result")?.clone()))
                });
                builders.insert(item.ident.to_string(), Builder { fields: fields.collect(), response: None });
            }
            Item::Impl(item) => {
                let name = item.self_ty.to_token_stream().to_string();
                let name = name.split(' ').next().unwrap_or_default();
                let sends = item.items.iter().find_map(|inner| match inner {
                    syn::ImplItem::Fn(function) if function.sig.ident == "send" => Some(&function.sig.output),
                    _ => None,
                });
                if let (Some(builder), Some(syn::ReturnType::Type(_, output))) =
                    (builders.get_mut(name), sends)
                {
                    builder.response = inner_of(output, "Result")
                        .and_then(|value| inner_of(value, "ResponseValue"))
                        .filter(|response| {
                            !matches!(response.to_token_stream().to_string().as_str(), "()" | "ByteStream")
                        })
                        .cloned();
                }
            }
            _ => {}
        }
    }
    builders
}

fn read_call(
    id: &str,
    path: &str,
    method: &str,
    operation: &serde_json::Map<String, Value>,
    builder: &Builder,
) -> Result<Call, String> {
    let mut path_parameters = Vec::new();
    let mut query = Vec::new();
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let wire = text(parameter.get("name"));
        let field = snake(&wire);
        let ty = builder
            .fields
            .get(&field)
            .or_else(|| builder.fields.get(field.trim_end_matches('_')))
            .or_else(|| builder.fields.get(field.trim_start_matches('_')))
            .ok_or_else(|| format!("progenitor emitted no field for the parameter {wire}"))?;
        let name = parameter.get("x-name").and_then(Value::as_str).map_or(field, snake);
        let read = Parameter {
            name,
            doc: text(parameter.get("description")),
            required: parameter.get("required").and_then(Value::as_bool) == Some(true),
            deprecated: parameter.get("deprecated").and_then(Value::as_bool) == Some(true),
            ty: inner_of(ty, "Option").unwrap_or(ty).clone(),
            wire,
        };
        if parameter.get("in").and_then(Value::as_str) == Some("path") {
            path_parameters.push(read);
        } else {
            query.push(read);
        }
    }
    let body = operation.get("requestBody").map(|body| {
        let required = body.get("required").and_then(Value::as_bool) == Some(true);
        // If the body's type has a builder, progenitor uses that; both have the same last path segment.
        let ty = builder.fields.get("body").map(|ty| without_path(inner_of(ty, "Option").unwrap_or(ty)));
        ty.map(|ty| (ty, required)).ok_or_else(|| "progenitor emitted no field for the body".to_owned())
    });
    let responses = operation.get("responses").and_then(Value::as_object);
    let response_doc =
        responses.and_then(|all| all.values().next()).map(|response| text(response.get("description")));
    let flag = |name: &str| operation.get(name).and_then(Value::as_bool) == Some(true);
    let vimeo_name = text(operation.get("x-vimeo-operation"));
    Ok(Call {
        id: id.to_owned(),
        builder: pascal(id),
        operation: screaming_snake_case(id),
        vimeo_name: if vimeo_name.is_empty() { id.to_owned() } else { vimeo_name },
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        group: text(operation.get("x-group")),
        deprecated: flag("deprecated"),
        area: snake(&text(operation.get("tags").and_then(|tags| tags.get(0)))),
        summary: text(operation.get("summary")),
        doc: text(operation.get("description")),
        response_doc: response_doc.unwrap_or_default(),
        scopes: scopes(operation)?,
        conditional: flag("x-conditional"),
        path_parameters,
        query,
        body: body.transpose()?,
        response: builder.response.as_ref().map(without_path),
        may_be_empty: flag("x-may-be-empty"),
        paged: false,
    })
}

/// Marks deprecated fields; progenitor drops that information.
fn mark_deprecated(api: &mut Api, document: &Value) {
    for ty in api.types.values_mut() {
        let Kind::Struct(fields) = &mut ty.kind else { continue };
        let schema = document.pointer(&format!("/components/schemas/{}/properties", ty.name));
        let Some(properties) = schema.and_then(Value::as_object) else { continue };
        for field in fields {
            let property = properties.get(&field.wire);
            field.deprecated =
                property.and_then(|property| property.get("deprecated")?.as_bool()) == Some(true);
        }
    }
}

/// The scopes that the runtime's `Scope` has variants for.
const SCOPES: &[&str] = &[
    "public",
    "private",
    "purchased",
    "create",
    "edit",
    "delete",
    "interact",
    "upload",
    "promo_codes",
    "stats",
    "video_files",
    "ai",
];

fn scopes(operation: &serde_json::Map<String, Value>) -> Result<Vec<String>, String> {
    let entries = operation.get("security").and_then(Value::as_array).into_iter().flatten();
    let mut scopes: Vec<String> = entries
        .filter_map(Value::as_object)
        .flat_map(|entry| entry.values())
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|scope| scope.as_str().map(str::to_owned))
        .collect();
    scopes.sort();
    scopes.dedup();
    match scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        Some(unknown) => Err(format!("the runtime has no variant for the scope {unknown}")),
        None => Ok(scopes),
    }
}

/// Reduces `types::builder::Video` and `types::Video` to `Video`.
fn without_path(ty: &syn::Type) -> syn::Type {
    struct Last;
    impl syn::visit_mut::VisitMut for Last {
        fn visit_path_mut(&mut self, path: &mut syn::Path) {
            syn::visit_mut::visit_path_mut(self, path);
            if path.segments.iter().any(|segment| segment.ident == "types" || segment.ident == "builder") {
                path.leading_colon = None;
                path.segments = std::mem::take(&mut path.segments).into_iter().last().into_iter().collect();
            }
        }
    }
    let mut ty = ty.clone();
    syn::visit_mut::VisitMut::visit_type_mut(&mut Last, &mut ty);
    ty
}

fn mark_sent(api: &mut Api) {
    let mut open = BTreeSet::new();
    for (body, _) in api.calls.iter().filter_map(|call| call.body.as_ref()) {
        named_in(body, &mut open);
    }
    while let Some(name) = open.pop_first() {
        let Some(ty) = api.types.get_mut(&name).filter(|ty| !ty.sent) else { continue };
        ty.sent = true;
        match &ty.kind {
            Kind::Struct(fields) => fields.iter().for_each(|field| named_in(&field.ty, &mut open)),
            Kind::Untagged(variants) => variants.iter().for_each(|(_, _, ty)| named_in(ty, &mut open)),
            Kind::Enum(_) => {}
        }
    }
}

fn doc_of(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn serde_of(attributes: &[syn::Attribute]) -> String {
    let serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    serde.map(|attribute| attribute.to_token_stream().to_string()).collect()
}

fn quoted_after(text: &str, start: &str) -> Option<String> {
    let rest = text.split_once(start)?.1;
    let literal = format!("\"{}", rest.get(..=rest.find('"')?)?);
    syn::parse_str::<syn::LitStr>(&literal).ok().map(|literal| literal.value())
}
