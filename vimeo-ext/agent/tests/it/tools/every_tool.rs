//! Each of the 31 default tools: one call that works, and one that fails.

use vimeo_agent::tools::{self, ErrorKind};

use super::tool_cases::tool_cases;
use super::world::World;

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
    println!("| tool | works | gives | fails | with |\n|---|---|---|---|---|");
    for (tool, good, fits, bad, category, field) in cases {
        let output =
            world.call(tool, good.clone()).await.unwrap_or_else(|error| panic!("{tool} {good}: {error:?}"));
        assert!(fits(output.value()), "{tool} {good}: {}", output.to_text());
        let error = world.call(tool, bad.clone()).await.expect_err(tool);
        assert_eq!((error.kind, error.field.as_deref()), (category, field), "{tool} {bad}: {error:?}");
        assert!(!error.next_step.is_empty(), "{tool}: {error:?}");
        let valid =
            jsonschema::draft202012::is_valid(tools::tool(tool).unwrap().output_schema(), output.value());
        assert!(valid, "{tool}: {}", output.to_text());
        let at = field.map(|field| format!(" ({field})")).unwrap_or_default();
        let shown: String = output.to_text().chars().take(60).collect();
        println!("| {tool} | `{good}` | `{shown}…` | `{bad}` | {category:?}{at} |");
        if category == ErrorKind::NotFound {
            assert_eq!(error.status, Some(404), "{tool}: {error:?}");
            assert!(error.operation.is_some(), "{tool}: {error:?}");
        }
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
