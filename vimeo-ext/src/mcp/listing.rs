//! Tools as the protocol lists them.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value};

use super::Settings;
use super::access::Caller;
use crate::tools::Definition;

/// A tool as it is listed for a caller.
pub(crate) fn listed(settings: &Settings, caller: &Caller, tool: &Definition) -> Tool {
    let spec = tool.spec();
    let mut input = object(tool.input_outline());
    settings.add_choice(caller, &mut input);
    let mut listed = Tool::new(spec.name, spec.description, Arc::new(input));
    listed.title = Some(spec.title.to_owned());
    if settings.structured {
        listed.output_schema = Some(Arc::new(object(tool.output_outline())));
    }
    let effect = spec.effect;
    listed.annotations = Some(
        ToolAnnotations::new()
            .read_only(effect.is_read_only())
            .destructive(effect.is_destructive())
            .idempotent(effect.is_idempotent())
            .open_world(true),
    );
    listed
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
