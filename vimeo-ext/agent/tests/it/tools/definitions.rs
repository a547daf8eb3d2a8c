//! Definitions: schemas, names, effects and scopes.

use std::collections::HashSet;

use serde_json::Value;
use vimeo_agent::tools::{self, Effect, ToolSelection, Tools, Toolset};
use vimeo_sandbox::Sandbox;

use super::tool_cases::tool_cases;
use super::world::{World, client};

const DEFAULT_TOOLS: usize = 31;

#[test]
fn schemas_suit_all_clients() {
    for tool in tools::all() {
        let name = tool.spec().name;
        assert_eq!(tools::lint_schema(tool.input_schema(), true), Vec::<String>::new(), "{name}");
        assert_eq!(tools::lint_schema(tool.output_schema(), false), Vec::<String>::new(), "{name}");
        assert_eq!(tools::lint_schema(tool.compact_input_schema(), true), Vec::<String>::new(), "{name}");
        for (argument, schema) in tool.input_schema()["properties"].as_object().unwrap() {
            let description = schema["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{name}: {argument}: {description}");
        }
        for schema in [tool.input_schema(), tool.output_schema()] {
            let text = schema.to_string();
            for word in ["anyOf", "oneOf", "allOf", "$ref", "$defs", "$schema", "null", "uint", "format"] {
                assert!(!text.contains(&format!("\"{word}")), "{name} has {word}: {text}");
            }
        }
    }
}

/// Schemas match the meta-schema, and accept the calls that work but not those that cannot.
#[tokio::test]
async fn schemas_accept_exactly_the_valid_calls() {
    for tool in tools::all() {
        let name = tool.spec().name;
        for schema in [tool.input_schema(), tool.output_schema(), tool.compact_input_schema()] {
            if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
                panic!("{name}: {error} at {}", error.instance_path());
            }
        }
        for shape in
            [tool.anthropic()["input_schema"].clone(), tool.openai()["function"]["parameters"].clone()]
        {
            assert_eq!(&shape, tool.input_schema(), "{name}");
        }
    }
    let world = World::new().await;
    for (name, good, ..) in tool_cases(&world) {
        let tool = tools::tool(name).unwrap();
        for schema in [tool.input_schema(), tool.compact_input_schema()] {
            let takes = |arguments: &Value| jsonschema::draft202012::is_valid(schema, arguments);
            assert!(takes(&good), "{name}: {good}");
            let mut unknown = good.clone();
            unknown["verbose"] = serde_json::json!(true);
            assert!(!takes(&unknown), "{name}: {unknown}");
            for (argument, _) in good.as_object().unwrap() {
                let mut wrong = good.clone();
                wrong[argument] = serde_json::json!({"of": "another type"});
                assert!(!takes(&wrong), "{name}: {wrong}");
                let error = world.call(name, wrong.clone()).await.unwrap_err();
                assert_eq!(error.field.as_ref(), Some(argument), "{wrong}: {error:?}");
                assert!(error.message.contains("an object"), "the value's type: {error:?}");
                assert!(error.next_step.starts_with("Give "), "the remedy: {error:?}");
            }
            let error = world.call(name, unknown).await.unwrap_err();
            assert_eq!(error.field.as_deref(), Some("verbose"), "{error:?}");
        }
    }
    assert!(world.sandbox.request_log().is_empty(), "wrong arguments are never sent");
}

#[test]
fn names_and_descriptions_suit_all_clients() {
    let mut names = HashSet::new();
    for tool in tools::all() {
        let spec = tool.spec();
        assert!(names.insert(spec.name), "{} is not unique", spec.name);
        assert!(spec.name.starts_with("vimeo_") && spec.name.len() <= 40, "{}", spec.name);
        assert!(spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", spec.name);
        assert!((40..=400).contains(&spec.description.len()), "{}: {}", spec.name, spec.description.len());
        assert!(!spec.scopes.is_empty(), "{}", spec.name);
        let creates = matches!(spec.effect, Effect::Add | Effect::Varies);
        assert_eq!(creates, !spec.check.is_empty(), "{} creates, so it needs a check", spec.name);
    }
    let default = tools::all().iter().filter(|tool| tool.spec().toolset.is_default());
    assert_eq!(default.count(), DEFAULT_TOOLS);
}

#[test]
fn function_calling_forms_agree() {
    for tool in tools::all() {
        let (anthropic, openai) = (tool.anthropic(), tool.openai());
        assert_eq!(anthropic["input_schema"], openai["function"]["parameters"]);
        assert_eq!(anthropic["name"], openai["function"]["name"]);
        assert_eq!(openai["type"], "function");
        let mut keys: Vec<&String> = anthropic.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["description", "input_schema", "name"]);
    }
}

/// Read-only; additive and idempotent; additive; destructive and idempotent.
#[test]
fn every_tool_has_its_effect() {
    let of = |effect: Effect| -> Vec<&str> {
        let specs = tools::all().iter().map(tools::Definition::spec);
        specs
            .filter(|spec| spec.effect == effect && spec.toolset.is_default())
            .map(|spec| spec.name)
            .collect()
    };
    assert_eq!(of(Effect::Read).len(), 19);
    assert_eq!(
        of(Effect::AddOnce),
        ["vimeo_showcase_video_add", "vimeo_user_follow", "vimeo_video_like", "vimeo_watchlater_add",]
    );
    assert_eq!(
        of(Effect::Add),
        ["vimeo_showcase_create", "vimeo_folder_create", "vimeo_video_comment_add", "vimeo_webhook_create",]
    );
    assert_eq!(of(Effect::Overwrite), ["vimeo_video_edit", "vimeo_folder_video_add"]);
    assert_eq!(of(Effect::Delete), ["vimeo_video_delete", "vimeo_webhook_delete"]);
}

/// A tool without an effect counts as reading, so it would be offered to read-only clients and missing in audit logs.
#[test]
fn only_tools_named_after_reading_are_read_only() {
    for spec in tools::all().iter().map(tools::Definition::spec) {
        let reads = ["_get", "_list", "_search"].into_iter().any(|verb| spec.name.ends_with(verb));
        assert_eq!(spec.effect.is_read_only(), reads, "{}", spec.name);
    }
}

#[tokio::test]
async fn tools_are_selected_by_toolset_name_mode_and_scope() {
    let sandbox = Sandbox::start().await.unwrap();
    let count = |tools: &Tools| tools.available().count();
    let tools = Tools::for_account(client(&sandbox, sandbox.token()));
    assert_eq!(count(&tools), DEFAULT_TOOLS);
    let selections = [
        (selection(&[Toolset::Webhooks], &[]), 3),
        (selection(&[], &["vimeo_me_get"]), 1),
        (selection(&[Toolset::Webhooks], &["vimeo_me_get"]), 4),
        (ToolSelection { read_only: true, ..selection(&[], &[]) }, 19),
        (ToolSelection { no_destructive: true, ..selection(&[], &[]) }, DEFAULT_TOOLS - 4),
    ];
    for (selection, expected) in selections {
        assert_eq!(count(&tools.clone().selection(selection.clone())), expected, "{selection:?}");
    }
    let refused = tools.clone().selection(ToolSelection { read_only: true, ..ToolSelection::default() });
    let error = refused.call("vimeo_video_like", serde_json::json!({"video_id": "1"})).await.unwrap_err();
    assert_eq!(error.field.as_deref(), Some("name"));

    let token = sandbox.issue_token("public private");
    let tools = Tools::for_account(client(&sandbox, &token));
    assert_eq!(count(&tools), DEFAULT_TOOLS, "while the scopes are unknown");
    tools.fetch_scopes().await.unwrap();
    let without = ["edit", "delete", "create", "interact"];
    let expected = tools::all().iter().filter(|tool| {
        tool.spec().toolset.is_default() && !tool.spec().scopes.iter().any(|scope| without.contains(scope))
    });
    assert_eq!(count(&tools), expected.count());
    sandbox.clear_request_log();
    let error = tools.call("vimeo_video_like", serde_json::json!({"video_id": "1"})).await.unwrap_err();
    assert_eq!(error.kind, tools::ErrorKind::Scope);
    assert_eq!(error.needed_scopes, ["interact"]);
    assert_eq!(error.granted_scopes.as_deref(), Some(&["public".to_owned(), "private".to_owned()][..]));
    assert!(sandbox.request_log().is_empty());
}

fn selection(sets: &[Toolset], names: &[&str]) -> ToolSelection {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    ToolSelection { toolsets: sets.to_vec(), names, ..ToolSelection::default() }
}

#[test]
fn tools_declare_their_scopes() {
    let scope = |name: &str| tools::tool(name).unwrap().spec().scopes;
    for (name, expected) in [
        ("vimeo_my_videos_list", "private"),
        ("vimeo_video_get", "public"),
        ("vimeo_video_edit", "edit"),
        ("vimeo_video_delete", "delete"),
        ("vimeo_showcase_create", "create"),
        ("vimeo_folder_video_add", "interact"),
        ("vimeo_user_follow", "interact"),
        ("vimeo_webhook_create", "private"),
    ] {
        assert_eq!(scope(name), [expected], "{name}");
    }
}

#[test]
fn optional_arguments_and_enum_values_are_in_the_schema() {
    let schema = tools::tool("vimeo_my_videos_list").unwrap().input_schema();
    assert_eq!(schema.get("required"), None);
    assert_eq!(schema["properties"]["direction"]["enum"], serde_json::json!(["asc", "desc"]));
    assert_eq!(schema["properties"]["detail"]["enum"], serde_json::json!(["brief", "full"]));
    let mut per_page = schema["properties"]["per_page"].clone();
    assert!(per_page["description"].is_string());
    per_page.as_object_mut().unwrap().remove("description");
    assert_eq!(per_page, serde_json::json!({"type": "integer", "minimum": 1, "maximum": 100}));
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
}
