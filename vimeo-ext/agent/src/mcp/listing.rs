//! The list of tools, kept small.

use std::collections::BTreeSet;
use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::accounts::ACCOUNT;
use super::{OutputSchemas, Settings};
use crate::tools::{Definition, Effect, Spec};

/// The size limit of a list, all of which a model reads.
const MAX_BYTES: usize = 20_000;

/// The bytes of a message around its list.
const ENVELOPE_BYTES: usize = 300;

/// The size limit of the account names if no list with them is small enough.
const MAX_ACCOUNT_NAMES_BYTES: usize = 2_000;

/// Lists the tools for a caller who can choose from these accounts. With a choice, every tool takes the argument
/// `account`. To keep the list small, it then leaves out the account names and annotations that matter least.
pub(crate) fn list_tools(
    settings: &Settings,
    accounts: Option<&BTreeSet<String>>,
    tools: &[&'static Definition],
) -> Vec<Tool> {
    let list = |form: ListForm| -> Vec<Tool> {
        let tools = tools.iter().enumerate();
        tools.map(|(index, tool)| list_tool(settings, accounts, tool, form, index == 0)).collect()
    };
    let Some(accounts) = accounts else {
        return list(ListForm { names: AccountNames::Omitted, annotations: Annotations::All });
    };
    let forms = [
        (AccountNames::InEachTool, Annotations::All),
        (AccountNames::InFirstTool, Annotations::All),
        (AccountNames::InFirstTool, Annotations::NoOpenWorld),
        (AccountNames::InFirstTool, Annotations::Minimal),
        (AccountNames::Omitted, Annotations::Minimal),
    ];
    let lists = forms.into_iter().map(|(names, annotations)| list(ListForm { names, annotations }));
    lists.into_iter().find(|list| size(list) + ENVELOPE_BYTES <= MAX_BYTES).unwrap_or_else(|| {
        // The list is too long even without the account names, because of more toolsets or output schemas.
        let names = if json!(accounts).to_string().len() <= MAX_ACCOUNT_NAMES_BYTES {
            AccountNames::InFirstTool
        } else {
            AccountNames::Omitted
        };
        list(ListForm { names, annotations: Annotations::All })
    })
}

fn size(list: &[Tool]) -> usize {
    serde_json::to_string(list).map_or(usize::MAX, |text| text.len())
}

/// What a list contains.
#[derive(Clone, Copy)]
struct ListForm {
    names: AccountNames,
    annotations: Annotations,
}

/// Which tools have the names of the caller's accounts.
#[derive(Clone, Copy)]
enum AccountNames {
    InEachTool,
    InFirstTool,
    /// None. A resource has the names, and so does the error of a call without an account.
    Omitted,
}

/// Which annotations a tool has.
#[derive(Clone, Copy)]
enum Annotations {
    All,
    /// All but `openWorldHint`, which is true by default.
    NoOpenWorld,
    /// In addition, read-only tools have no annotations for tools that change something.
    Minimal,
}

fn list_tool(
    settings: &Settings,
    accounts: Option<&BTreeSet<String>>,
    tool: &Definition,
    form: ListForm,
    is_first: bool,
) -> Tool {
    let spec = tool.spec();
    // With output schemas, the input schemas are complete too.
    let with_schemas = settings.schemas == OutputSchemas::InToolList;
    let mut input = object(if with_schemas { tool.input_schema() } else { tool.compact_input_schema() });
    if let Some(accounts) = accounts {
        let with_names = match form.names {
            AccountNames::InEachTool => true,
            AccountNames::InFirstTool => is_first,
            AccountNames::Omitted => false,
        };
        add_account(&mut input, with_names.then_some(accounts));
    }
    let mut listed = Tool::new(spec.name, spec.description, Arc::new(input));
    listed.title = Some(spec.title.to_owned());
    if with_schemas {
        listed.output_schema = Some(Arc::new(object(tool.output_schema())));
    }
    listed.annotations = Some(annotations(effect_in(settings, spec), form.annotations));
    listed
}

/// Returns what calls of a tool can do on this server.
fn effect_in(settings: &Settings, spec: &Spec) -> Effect {
    match spec.effect {
        Effect::Varies if settings.selection.read_only => Effect::Read,
        effect => effect,
    }
}

fn annotations(effect: Effect, level: Annotations) -> ToolAnnotations {
    let mut annotations = ToolAnnotations::new().read_only(effect.is_read_only());
    if !(effect.is_read_only() && matches!(level, Annotations::Minimal)) {
        annotations = annotations.destructive(effect.is_destructive()).idempotent(effect.is_idempotent());
    }
    if matches!(level, Annotations::All) { annotations.open_world(true) } else { annotations }
}

/// Adds the argument `account` to a schema.
fn add_account(schema: &mut Map<String, Value>, names: Option<&BTreeSet<String>>) {
    let account = match names {
        Some(names) => json!({"type": "string", "enum": names}),
        None => json!({"type": "string"}),
    };
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert(ACCOUNT.to_owned(), account);
    }
    match schema.get_mut("required") {
        Some(Value::Array(required)) => required.push(json!(ACCOUNT)),
        _ => {
            schema.insert("required".to_owned(), json!([ACCOUNT]));
        }
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
