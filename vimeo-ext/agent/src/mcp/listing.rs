//! Tools as the protocol lists them.

use std::collections::BTreeSet;
use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::accounts::ACCOUNT;
use super::{OutputSchemas, Settings};
use crate::tools::{Definition, Spec};

/// What a list may take, which a model reads whole; and what the answer around it takes.
const MAX_BYTES: usize = 20_000;
const ENVELOPE: usize = 300;

/// The most that the names of accounts may take where no list with them is short enough.
const NAMES: usize = 2_000;

/// The tools as they are listed for a caller who has the choice between these accounts. The list is kept short by what
/// says least: each tool takes the argument `account` then, but not each tells the names once more.
pub(crate) fn listed(
    settings: &Settings,
    choice: Option<&BTreeSet<String>>,
    tools: &[&'static Definition],
) -> Vec<Tool> {
    let list = |form: Form| -> Vec<Tool> {
        let tools = tools.iter().enumerate();
        tools.map(|(place, tool)| one(settings, choice, tool, form, place == 0)).collect()
    };
    let Some(choice) = choice else { return list(Form { names: Names::Nowhere, hints: Hints::All }) };
    let forms = [
        (Names::Everywhere, Hints::All),
        (Names::Once, Hints::All),
        (Names::Once, Hints::Said),
        (Names::Once, Hints::Needed),
        (Names::Nowhere, Hints::Needed),
    ];
    let lists = forms.into_iter().map(|(names, hints)| list(Form { names, hints }));
    lists.into_iter().find(|list| size(list) + ENVELOPE <= MAX_BYTES).unwrap_or_else(|| {
        // It is long by itself, with all sets or with the schemas of answers.
        let names = if json!(choice).to_string().len() <= NAMES { Names::Once } else { Names::Nowhere };
        list(Form { names, hints: Hints::All })
    })
}

fn size(list: &[Tool]) -> usize {
    serde_json::to_string(list).map_or(usize::MAX, |text| text.len())
}

/// How much a list says.
#[derive(Clone, Copy)]
struct Form {
    names: Names,
    hints: Hints,
}

/// Where the names of a caller's accounts stand.
#[derive(Clone, Copy)]
enum Names {
    /// In each tool.
    Everywhere,
    /// In the first tool.
    Once,
    /// In a resource, and in the error of a call without one.
    Nowhere,
}

/// Which hints of a tool are said.
#[derive(Clone, Copy)]
enum Hints {
    All,
    /// Without that a tool works on what is outside, which the protocol takes for granted.
    Said,
    /// And for tools that only read without those that the protocol has for tools that change something.
    Needed,
}

fn one(
    settings: &Settings,
    choice: Option<&BTreeSet<String>>,
    tool: &Definition,
    form: Form,
    first: bool,
) -> Tool {
    let spec = tool.spec();
    // Whoever wants whole schemas gets them.
    let listed = settings.schemas == OutputSchemas::InToolList;
    let mut input = object(if listed { tool.input_schema() } else { tool.compact_input_schema() });
    if let Some(choice) = choice {
        let named = match form.names {
            Names::Everywhere => true,
            Names::Once => first,
            Names::Nowhere => false,
        };
        add_account(&mut input, named.then_some(choice));
    }
    let mut tool_listed = Tool::new(spec.name, spec.description, Arc::new(input));
    tool_listed.title = Some(spec.title.to_owned());
    if listed {
        tool_listed.output_schema = Some(Arc::new(object(tool.output_schema())));
    }
    tool_listed.annotations = Some(annotations(spec, form.hints));
    tool_listed
}

fn annotations(spec: &Spec, hints: Hints) -> ToolAnnotations {
    let effect = spec.effect;
    let mut said = ToolAnnotations::new().read_only(effect.is_read_only());
    if !(effect.is_read_only() && matches!(hints, Hints::Needed)) {
        said = said.destructive(effect.is_destructive()).idempotent(effect.is_idempotent());
    }
    if matches!(hints, Hints::All) { said.open_world(true) } else { said }
}

/// Adds the argument that names an account to a schema.
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
