//! Each of the 31 default tools: one call that works, and one that fails.

use vimeo_agent::tools::{self, ErrorKind, Tools};

use super::tool_cases::{ToolCase, tool_cases};
use super::world::World;

/// Prints the head of the table that [`check`] prints rows of.
pub(crate) fn print_header() {
    println!("| tool | toolset | scopes | works | gives | fails | with |\n|---|---|---|---|---|---|---|");
}

/// Checks one tool of a world with both calls.
pub(crate) async fn check(world: &World, case: ToolCase) {
    check_with(&world.tools, case).await;
}

/// Checks one tool with both calls.
pub(crate) async fn check_with(tools: &Tools, (tool, good, fits, bad, category, field): ToolCase) {
    let output =
        tools.call(tool, good.clone()).await.unwrap_or_else(|error| panic!("{tool} {good}: {error:?}"));
    assert!(fits(output.value()), "{tool} {good}: {}", output.to_text());
    let error = tools.call(tool, bad.clone()).await.expect_err(tool);
    assert_eq!((error.kind, error.field.as_deref()), (category, field), "{tool} {bad}: {error:?}");
    assert!(!error.next_step.is_empty(), "{tool}: {error:?}");
    let definition = vimeo_agent::tools::tool(tool).unwrap();
    let valid = jsonschema::draft202012::is_valid(definition.output_schema(), output.value());
    assert!(valid, "{tool}: {}", output.to_text());
    let at = field.map(|field| format!(" ({field})")).unwrap_or_default();
    let shown: String = output.to_text().chars().take(60).collect();
    let (toolset, scopes) = (definition.spec().toolset.as_str(), definition.spec().scopes.join(" "));
    println!("| {tool} | {toolset} | {scopes} | `{good}` | `{shown}…` | `{bad}` | {category:?}{at} |");
    if category == ErrorKind::NotFound {
        assert_eq!(error.status, Some(404), "{tool}: {error:?}");
        assert!(error.operation.is_some(), "{tool}: {error:?}");
    }
}

#[tokio::test]
async fn every_tool_works_and_explains_its_errors() {
    let world = World::new().await;
    let cases = tool_cases(&world);
    let names: Vec<&str> = cases.iter().map(|case| case.0).collect();
    let default: Vec<&str> = tools::all()
        .iter()
        .map(tools::Definition::spec)
        .filter(|spec| spec.toolset.is_default())
        .map(|spec| spec.name)
        .collect();
    assert_eq!(names, default, "the table has the default tools, in order");
    print_header();
    for case in cases {
        check(&world, case).await;
    }
    for entry in world.sandbox.request_log() {
        let leaf_fields = entry.query.contains("fields=");
        let has_body = entry.status != Some(204) && entry.method != "DELETE" && entry.method != "PUT";
        assert!(
            leaf_fields || !has_body || entry.path == "/oauth/verify",
            "{} {}?{}",
            entry.method,
            entry.path,
            entry.query
        );
    }
}
