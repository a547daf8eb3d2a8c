//! `vimeo ops`: searches the API's operations.

use clap::Args;
use serde_json::{Value, json};
use vimeo_ext::api::{Operation, Scope, operations};

use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::output::Table;

/// Search the operations of the Vimeo API
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo ops text track\n  \
    $ vimeo ops /me/videos\n  \
    $ vimeo ops upload --json --jq '.[].path'")]
pub(crate) struct OpsArgs {
    /// Words that must all match, or a path
    #[arg(required = true)]
    words: Vec<String>,
}

pub(crate) async fn run(context: &Context<'_>, args: &OpsArgs) -> Result<ExitCode> {
    let words: Vec<String> = args.words.iter().map(|word| word.to_lowercase()).collect();
    let found: Vec<&Operation> = operations().filter(|operation| matches(operation, &words)).collect();
    context.streams.start_pager();
    if context.wants_json() {
        context.print_json(&found.iter().map(|operation| describe(operation)).collect::<Vec<_>>()).await?;
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(&["operation", "method", "path", "scopes", "summary"]);
    for operation in &found {
        table.row([
            operation.id.to_owned(),
            operation.method.to_string(),
            operation.path.to_owned(),
            operation.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(","),
            operation.summary.to_owned(),
        ]);
    }
    table.print(context.streams)?;
    match found.as_slice() {
        [] => context.streams.hint("no matching operation"),
        [only] => details(context, only)?,
        _ => {}
    }
    Ok(ExitCode::Done)
}

fn matches(operation: &Operation, words: &[String]) -> bool {
    let text = format!(
        "{} {} {} {} {} {}",
        operation.id,
        operation.vimeo_name,
        operation.method,
        operation.path,
        operation.area,
        operation.summary
    )
    .to_lowercase();
    // A path with IDs finds the operation at that path.
    let at_path = |word: &str| word.starts_with('/') && path_matches(operation.path, word);
    words.iter().all(|word| text.contains(word.as_str()) || at_path(word))
}

fn path_matches(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    template.split('/').count() == path.split('/').count()
        && template
            .split('/')
            .zip(path.split('/'))
            .all(|(known, part)| known.starts_with('{') || known == part)
}

fn describe(operation: &Operation) -> Value {
    let query: Vec<Value> = operation
        .query
        .iter()
        .map(|parameter| json!({"name": parameter.name, "required": parameter.required}))
        .collect();
    json!({
        "operation": operation.id,
        "vimeo_name": operation.vimeo_name,
        "method": operation.method.as_str(),
        "path": operation.path,
        "area": operation.area,
        "summary": operation.summary,
        "scopes": operation.scopes,
        "query": query,
        "has_body": operation.has_body,
        "paged": operation.paged,
    })
}

fn details(context: &Context<'_>, operation: &Operation) -> Result<()> {
    if !context.streams.out_is_terminal() {
        return Ok(());
    }
    let names: Vec<String> = operation
        .query
        .iter()
        .map(|parameter| format!("{}{}", parameter.name, if parameter.required { " (required)" } else { "" }))
        .collect();
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    context.streams.line("")?;
    context.streams.line(&format!("Vimeo name:    {}", operation.vimeo_name))?;
    context.streams.line(&format!("Query:         {}", or_none(names.join(", "))))?;
    context.streams.line(&format!("Body:          {}", if operation.has_body { "JSON" } else { "none" }))?;
    context
        .streams
        .line(&format!("Paged:         {}", if operation.paged { "yes: --paginate" } else { "no" }))?;
    Ok(())
}
