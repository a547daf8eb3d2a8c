//! The tool that calls an operation.

use std::collections::BTreeSet;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use vimeo_api::{Call, Empty, Error as CallError, Operation, PathValue};
use vimeo_ext::hex::hex;
use vimeo_ext::{PageToken, Scope};

use super::super::confirm::confirm;
use super::super::disclosure::approve;
use super::super::error::{BoxedError, ErrorKind, ToolError, invalid};
use super::super::outputs::is_unset;
use super::super::paging::{ResumePoint, open_cursor};
use super::super::tool::tool;
use super::super::untrusted::clean;
use super::super::{Context, Cost, Effect, Output, Spec, Tool, Toolset};
use super::arguments::{self, Parameters};
use super::catalogue::{self, KnownOperation, members};
use super::plain_text::is_known_name;
use super::projection::{self, Filter};
use super::{risk, shape};

/// A JSON object or list: as a value, or as JSON text. Many model APIs take no schema of an object with any members, so the
/// schema of the tool asks for text.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct JsonText(pub Value);

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if text.trim().is_empty() => Ok(Self(Value::Null)),
            Value::String(text) => match serde_json::from_str(&text) {
                Ok(value @ (Value::Object(_) | Value::Array(_) | Value::Null)) => Ok(Self(value)),
                _ => Err(serde::de::Error::custom("it is text that is not a JSON object")),
            },
            value @ (Value::Object(_) | Value::Array(_)) => Ok(Self(value)),
            _ => Err(serde::de::Error::custom("it is not a JSON object")),
        }
    }
}

/// Arguments of [`OperationCall`].
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationCallInput {
    /// The name of the operation.
    pub operation: String,
    /// Parameters, as a JSON object.
    #[schemars(with = "Option<String>")]
    #[schemars(extend("x-listed" = true))]
    pub parameters: Option<JsonText>,
    /// Body, as JSON.
    #[schemars(with = "Option<String>")]
    #[schemars(extend("x-listed" = true))]
    pub body: Option<JsonText>,
    /// Fields to return, such as uri,name,stats.plays.
    #[schemars(extend("x-listed" = true))]
    pub fields: Option<String>,
    /// A jq filter over the response, best with fields, such as [.data[] | select(.stats.plays > 9) | .uri].
    #[schemars(extend("x-listed" = true))]
    pub jq: Option<String>,
    /// `next_cursor` of the previous result, with the same other arguments.
    pub cursor: Option<String>,
    /// What a deletion is confirmed with.
    pub confirm: Option<String>,
}

impl OperationCallInput {
    /// Creates a call of an operation without arguments.
    pub fn new(operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), ..Self::default() }
    }
}

/// The response of an operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct OperationResult {
    /// The name of the operation.
    pub operation: String,
    /// The HTTP status.
    pub status: u16,
    /// The items, if the response is a page of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    #[schemars(extend("x-untrusted" = true))]
    pub items: Option<Vec<Value>>,
    /// The response, if it is an object; or `values`, the output of the jq filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    #[schemars(extend("x-untrusted" = true))]
    pub result: Option<Map<String, Value>>,
    /// How many items the whole list has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether more items follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
    /// Pass it as `cursor`, with the same other arguments, to get the next items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Members that were too long. Name parts of them in `fields`.
    #[serde(skip_serializing_if = "is_unset")]
    pub left_out: Vec<String>,
    #[serde(skip)]
    resume: Option<ResumePoint>,
}

impl Output for OperationResult {
    fn resume(&self) -> Option<&ResumePoint> {
        self.resume.as_ref()
    }
}

/// What is known of the tool.
const SPEC: &Spec = &<OperationCall as Tool>::SPEC;

/// The size limit of what a jq filter returns, in bytes of JSON.
const MAX_FILTERED_BYTES: usize = 8_000;
/// The slots of jq filters that run at a time in the process. Further ones wait.
static RUNNING_FILTERS: Semaphore = Semaphore::const_new(4);
/// Items per page unless the arguments say otherwise.
const DEFAULT_PER_PAGE: u32 = 25;
/// Vimeo's error code for a page past the end of a list.
const PAGE_PAST_END: i64 = 2286;

tool! {
    "vimeo_operation_call" OperationCall(OperationCallInput) -> OperationResult {
        title: "Call an operation",
        description: "Calls an operation as vimeo_operation_get describes it: it can read, change or delete. Without \
                      fields or jq the response is brief. Deleting needs confirm; publishing, posting and spending need \
                      approval. For files use the upload tools.",
        scopes: &["public"],
        effect: Effect::Varies,
        toolset: Toolset::Api,
        cost: Cost::Two,
        check: "It may have worked: look for the outcome with an operation that reads before you repeat the call.",
    }
    run |context, input| run(context, input).await
}

async fn run(context: &Context, input: OperationCallInput) -> Result<OperationResult, BoxedError> {
    let known = arguments::operation(&input.operation)?;
    let operation = known.operation;
    let (mut given, body) = (unwrap(&input.parameters), unwrap(&input.body));
    let fields = take_fields(&mut given, &input)?;
    let parameters = arguments::parameters(known, &given)?;
    let filter = input.jq.as_deref().filter(|text| !text.trim().is_empty()).map(Filter::parse).transpose();
    let filter = filter.map_err(|error| filter_error(&error.0))?;
    let fields = match fields {
        Some(names) if known.takes_fields() => {
            Some(arguments::fields(known, &names)?).filter(|names| !names.is_empty())
        }
        Some(_) => {
            return invalid("fields", format!("{} does not take fields.", operation.id), "Leave fields out.");
        }
        None if filter.is_some() => None,
        None => shape::default_fields(known),
    };
    if let Some((message, next)) = risk::refusal(operation, &body) {
        return invalid("operation", message, next);
    }
    arguments::body(known, &body)?;
    check_access(context, operation)?;
    check_scopes(context, operation)?;

    let paging = Paging::read(known, &parameters, &input)?;
    let call = build(context, operation, &parameters, &body);
    let seal_context = seal_context(context, &input, &given, &body, fields.as_deref());
    let (call, offset) = paging.apply(context, call, &seal_context)?;
    let call = match &fields {
        Some(fields) => call.fields(fields.as_str()),
        None => call,
    };
    // Everything is valid: the person is asked about nothing that fails anyway.
    call.clone().into_request().map_err(|error| context.error(SPEC, &error, &call))?;
    confirm_deletion(context, known, &parameters, &body, input.confirm.as_deref()).await?;
    if let Some((kind, act)) = risk::disclosure(operation, &body) {
        let act = format!("{act} ({} {})", operation.method, clean(&call.path_and_query(), 120));
        approve(context, SPEC, kind, &act).await?;
    }

    let mut result = OperationResult { operation: operation.id.to_owned(), ..OperationResult::default() };
    let link = call.path_and_query();
    if known.response.is_empty() {
        let call = call.with_response_type::<Empty>();
        result.status = context.send(SPEC, call).await?.status().as_u16();
        return Ok(result);
    }
    let (status, mut response) = match context.send_call(call.clone()).await {
        Ok(response) => (response.status().as_u16(), response.into_inner()),
        // It worked, and there is nothing to return.
        Err(CallError::NoContent { status, .. }) => (status.as_u16(), Value::Null),
        Err(error) if error.error_code() == Some(PAGE_PAST_END) => (200, json!({"data": []})),
        Err(error) => return Err(Box::new(sent_error(context, &error, operation))),
    };
    result.status = status;
    shape::redact_secrets(&mut response, known.response);
    if operation.paged {
        result.total = response.get("total").and_then(Value::as_u64);
        let next = response.pointer("/paging/next").and_then(Value::as_str);
        // A link that leads back here, or to another host, ends the list.
        let next = next
            .map(|next| call.clone().follow(next))
            .filter(|next| next.path_and_query() != link && next.clone().into_request().is_ok());
        result.next_cursor = next.and_then(|next| {
            context.sealer().seal(&seal_context, &PageToken::at(next.path_and_query()), context.now())
        });
        result.has_more = Some(result.next_cursor.is_some());
    }
    match filter {
        Some(filter) => {
            let changed = operation.method != Method::GET;
            project(&mut result, filter, response, input.jq.unwrap_or_default(), changed).await?;
        }
        None if operation.paged => {
            let items = response.get_mut("data").map(Value::take);
            let Value::Array(items) = items.unwrap_or_else(|| json!([])) else {
                return Err(unexpected(operation));
            };
            let items = items.into_iter().skip(offset).map(|item| tidy(item, &mut result.left_out));
            result.items = Some(items.collect());
            result.resume = Some(ResumePoint::new(PageToken::at(link).after(offset), seal_context));
        }
        None => match tidy(response, &mut result.left_out) {
            Value::Null => {}
            Value::Object(object) => result.result = Some(object),
            other => result.result = Some(Map::from_iter([("value".to_owned(), other)])),
        },
    }
    Ok(result)
}

fn unwrap(argument: &Option<JsonText>) -> Value {
    argument.as_ref().map_or(Value::Null, |text| text.0.clone())
}

/// Takes `fields` out of the parameters, where models put it too.
fn take_fields(given: &mut Value, input: &OperationCallInput) -> Result<Option<String>, BoxedError> {
    let in_parameters = given.as_object_mut().and_then(|given| given.remove("fields"));
    match (&input.fields, in_parameters) {
        (Some(fields), _) if !fields.trim().is_empty() => Ok(Some(fields.clone())),
        (_, Some(Value::String(fields))) => Ok(Some(fields)),
        (_, Some(_)) => {
            invalid("fields", "fields is not a text.", "Give names with commas, such as uri,name.")
        }
        _ => Ok(None),
    }
}

/// Fails if the tools may only read, or may not overwrite.
fn check_access(context: &Context, operation: &Operation) -> Result<(), BoxedError> {
    let effect = risk::effect(operation);
    if context.may(effect) {
        return Ok(());
    }
    let message = format!(
        "{} {}, which these tools may not do; nothing was sent.",
        operation.id,
        match effect {
            Effect::Delete => "deletes",
            Effect::Overwrite => "overwrites",
            _ => "changes something",
        }
    );
    let next = "Tell the person; they can start the tools without read-only mode or without the limit to harmless tools.";
    Err(Box::new(ToolError::new(ErrorKind::Conflict, message, next)))
}

/// Paths of what belongs to an account or a team.
const OWN_PATHS: &[&str] = &["/me/", "/apps/", "/teams/", "/workspaces/"];

/// Fails if a scope is missing. Changes, and reads of what belongs to an account, need `private` if the description gives
/// them no scope, so that callers who may only see public things do neither.
fn check_scopes(context: &Context, operation: &Operation) -> Result<(), BoxedError> {
    let Some(granted) = context.client().scopes() else { return Ok(()) };
    let needed: Vec<&str> = match operation.scopes {
        [] if operation.method != Method::GET
            || OWN_PATHS.iter().any(|own| operation.path.starts_with(own)) =>
        {
            vec!["private"]
        }
        scopes => scopes.iter().map(Scope::as_str).collect(),
    };
    if granted.contains_all(&needed) {
        return Ok(());
    }
    let error = ToolError::scope(operation.id, &needed, &granted);
    Err(Box::new(ToolError { operation: Some(operation.id.to_owned()), ..error }))
}

fn build(
    context: &Context,
    operation: &'static Operation,
    parameters: &Parameters,
    body: &Value,
) -> Call<Value> {
    let path: Vec<&dyn PathValue> = parameters.path.iter().map(|value| value as &dyn PathValue).collect();
    let call = Call::new(context.api(), operation, &path);
    let call = parameters.query.iter().fold(call, |call, (name, value)| call.query(*name, value));
    if body.is_null() { call } else { call.json(body) }
}

/// Where in a list a call starts.
struct Paging<'a> {
    cursor: Option<&'a str>,
    /// Whether to ask for the usual number of items.
    add_per_page: bool,
}

impl<'a> Paging<'a> {
    fn read(
        known: &KnownOperation,
        parameters: &Parameters,
        input: &'a OperationCallInput,
    ) -> Result<Self, BoxedError> {
        let has = |name: &str| parameters.query.iter().any(|(known, _)| *known == name);
        let takes = |name: &str| known.query.iter().any(|parameter| parameter.name == name);
        if input.cursor.is_some() && !known.operation.paged {
            return invalid(
                "cursor",
                format!("{} returns no list.", known.operation.id),
                "Leave cursor out.",
            );
        }
        if input.cursor.is_some() && has("page") {
            return invalid("cursor", "cursor already contains the page.", "Leave page out.");
        }
        Ok(Self {
            cursor: input.cursor.as_deref(),
            add_per_page: known.operation.paged && takes("per_page") && !has("per_page"),
        })
    }

    /// Returns the call for this page, and how many of its items were returned before.
    fn apply(
        &self,
        context: &Context,
        call: Call<Value>,
        seal_context: &str,
    ) -> Result<(Call<Value>, usize), BoxedError> {
        let (mut call, offset) = match self.cursor {
            Some(cursor) => {
                let position = open_cursor(context, seal_context, cursor)?;
                (call.follow(position.link()), position.offset())
            }
            None => (call, 0),
        };
        if self.add_per_page && call.query_value("per_page").is_none() {
            call = call.query("per_page", DEFAULT_PER_PAGE);
        }
        Ok((call, offset))
    }
}

/// Returns what a cursor is bound to: account, operation, arguments and fields, but not the page.
fn seal_context(
    context: &Context,
    input: &OperationCallInput,
    given: &Value,
    body: &Value,
    fields: Option<&str>,
) -> String {
    let mut given = given.clone();
    if let Value::Object(given) = &mut given {
        given.remove("page");
        given.remove("per_page");
    }
    let arguments = json!([input.operation.trim(), given, body, fields, input.jq]);
    let hash = hex(&Sha256::digest(arguments.to_string()));
    format!("cursor\n{}\n{}\n{hash}", context.account(), SPEC.name)
}

/// Converts the error of a call that was sent.
fn sent_error(context: &Context, error: &CallError, operation: &Operation) -> ToolError {
    ToolError::of_call(error, SPEC, &operation.method, context.now())
}

fn unexpected(operation: &Operation) -> BoxedError {
    let message = format!("The response of {} is not a list.", operation.id);
    Box::new(ToolError::new(ErrorKind::Temporary, message, "Call it again with a jq filter."))
}

fn filter_error(reason: &str) -> BoxedError {
    let message = format!("The jq filter is invalid: {}.", clean(reason, 200));
    Box::new(ToolError::input("jq", message, projection::supported()))
}

/// Cleans a response, and cuts it to size.
fn tidy(mut value: Value, left_out: &mut Vec<String>) -> Value {
    shape::clean_value(&mut value, &|_| false);
    if let Value::Object(object) = &mut value {
        shape::fit(object, left_out);
    }
    value
}

/// Runs the jq filter over a response.
async fn project(
    result: &mut OperationResult,
    filter: Filter,
    response: Value,
    source: String,
    changed: bool,
) -> Result<(), BoxedError> {
    let mut unknown = BTreeSet::new();
    shape::unknown_names(&response, &mut unknown);
    // Each run is limited, but can still take many milliseconds and megabytes, and callers can start many.
    let slot = RUNNING_FILTERS.acquire().await.ok();
    let run = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        filter.run(&response)
    });
    let run = run.await;
    let failed = |reason: String| -> BoxedError {
        let done = if changed { " The call itself worked; do not repeat it." } else { "" };
        let message = format!("The jq filter failed: {}.{done}", clean(&reason, 200));
        Box::new(ToolError::input("jq", message, "Correct the filter, or leave it out and give fields."))
    };
    let mut values = match run {
        Ok(Ok(values)) => values,
        Ok(Err(error)) => return Err(failed(error.0)),
        Err(_) => return Err(failed("it ended unexpectedly".to_owned())),
    };
    // A filter can make names of members out of text that people wrote. Names that the response has are only left out.
    let named = |name: &str| is_known_name(name) || source.contains(name);
    if values.iter().any(|value| has_foreign_name(value, &|name| named(name) || unknown.contains(name))) {
        return Err(failed("it makes names of members out of values; give them as values".to_owned()));
    }
    values.iter_mut().for_each(|value| shape::clean_value(value, &named));
    let size = Value::Array(values.clone()).to_string().len();
    if size > MAX_FILTERED_BYTES {
        return Err(failed(format!(
            "it returns {size} bytes, and the limit is {MAX_FILTERED_BYTES}; select less"
        )));
    }
    result.result = Some(Map::from_iter([("values".to_owned(), Value::Array(values))]));
    Ok(())
}

fn has_foreign_name(value: &Value, named: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_foreign_name(item, named)),
        Value::Object(members) => {
            members.iter().any(|(name, value)| !named(name) || has_foreign_name(value, named))
        }
        _ => false,
    }
}

/// Checks the confirmation of a call that deletes: the name of the object, or what stands for it if it has none.
async fn confirm_deletion(
    context: &Context,
    known: &'static KnownOperation,
    parameters: &Parameters,
    body: &Value,
    given: Option<&str>,
) -> Result<(), BoxedError> {
    let (spec, operation) = (SPEC, known.operation);
    if !risk::deletes(operation, &parameters.query, body) {
        return Ok(());
    }
    let reader = catalogue::all().iter().find(|other| {
        other.operation.method == Method::GET
            && other.operation.path == operation.path
            && !other.operation.paged
    });
    let name = reader.and_then(|reader| {
        let names = ["name", "title", "text", "webhook_url"];
        let found =
            names.iter().find(|name| members(reader.response).iter().any(|member| member.name == **name));
        found.map(|name| (reader, *name))
    });
    if let Some((reader, name)) = name {
        let path = Parameters { path: parameters.path.clone(), query: Vec::new() };
        let call = build(context, reader.operation, &path, &Value::Null).fields(name);
        let found = context.send(spec, call).await?.into_inner();
        let current = found.get(name).and_then(Value::as_str).unwrap_or_default();
        if !current.trim().is_empty() {
            let how = format!("call {} with fields {name}.", reader.operation.id);
            let Some(given) = given else {
                let message =
                    format!("{} deletes permanently and needs confirm; nothing was sent.", operation.id);
                return invalid(
                    "confirm",
                    message,
                    format!("To see what it is, {how} Then give its current {name} as confirm."),
                );
            };
            return confirm(context, spec, "object", given, Some(current), &how).await;
        }
    }
    let call = build(context, operation, parameters, &Value::Null);
    let path = call.path_and_query();
    let path = path.split('?').next().unwrap_or_default();
    let uris = parameters.query.iter().find(|(name, _)| *name == "uris").map(|(_, uris)| uris.as_str());
    let uris = uris.or_else(|| body.get("uris").and_then(Value::as_str));
    let expected = match uris {
        Some(uris) => format!("delete {}", uris.split(',').filter(|uri| !uri.trim().is_empty()).count()),
        None => format!("delete {path}"),
    };
    if given.map(str::trim) != Some(expected.as_str()) {
        let message = format!("{} deletes permanently and needs confirm; nothing was sent.", operation.id);
        let next = format!("If the person wants that, call again with confirm {}", clean(&expected, 200));
        return invalid("confirm", message, next);
    }
    // If nobody can be asked, `confirm` is enough.
    context.ask(spec, format!("Delete {} permanently?", clean(path, 200))).await?;
    Ok(())
}
