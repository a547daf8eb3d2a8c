use serde_json::json;

use super::evaluation::MAX_COST;
use super::*;

fn run(filter: &str, input: &Value) -> Vec<Value> {
    Filter::parse(filter)
        .and_then(|parsed| parsed.run(input))
        .unwrap_or_else(|error| panic!("{filter}: {error:?}"))
}

#[test]
fn filters_give_what_jq_gives() {
    let input = json!({"total": 3, "data": [
        {"name": "b", "plays": 7, "privacy": {"view": "anybody", "download": true}, "tags": ["x", "y"]},
        {"name": "a", "plays": 9, "privacy": {"view": "nobody", "download": true}, "tags": []},
        {"name": "c", "plays": null, "privacy": null},
    ]});
    for (filter, expected) in [
        (".", vec![input.clone()]),
        (".total", vec![json!(3)]),
        (".data[].name", vec![json!("b"), json!("a"), json!("c")]),
        (".data | length", vec![json!(3)]),
        (
            "[.data[] | select(.privacy.view == \"anybody\" and .privacy.download) | .name]",
            vec![json!(["b"])],
        ),
        (".data[0].tags[1], .data[-1].name", vec![json!("y"), json!("c")]),
        (".data[1:] | map(.name)", vec![json!(["a", "c"])]),
        (".data[:1][0].name", vec![json!("b")]),
        ("[.data[] | {name, p: (.plays // 0)}] | sort_by(.p) | map(.name)", vec![json!(["c", "b", "a"])]),
        ("[.data[].plays] | add", vec![json!(16)]),
        ("[.data[].plays.x?] | length", vec![json!(1)]),
        ("[.data[] | .name.x?, .plays] | length", vec![json!(3)]),
        (".data | max_by(.plays).name, min_by(.plays).name", vec![json!("a"), json!("c")]),
        ("[.data[].tags[]?] | join(\"-\")", vec![json!("x-y")]),
        (".data[0] | keys", vec![json!(["name", "plays", "privacy", "tags"])]),
        (".data[0] | has(\"tags\"), (.nothing | not)", vec![json!(true), json!(true)]),
        ("{total, names: [.data[].name] | sort}", vec![json!({"total": 3, "names": ["a", "b", "c"]})]),
        ("[.data[] | {(.name): .plays}] | add", vec![json!({"b": 7, "a": 9, "c": null})]),
        ("first(.data[] | select(.plays > 7)) | .name", vec![json!("a")]),
        ("[limit(2; .data[].name)]", vec![json!(["b", "a"])]),
        (".data | group_by(.plays != null) | map(length)", vec![json!([1, 2])]),
        (
            "\"surf\" | startswith(\"su\"), contains(\"rf\"), ascii_downcase",
            vec![json!(true), json!(true), json!("surf")],
        ),
        (".data[\"name\"]?", vec![]),
        ("true or .total.x, false and .total.x", vec![json!(true), json!(false)]),
        ("(true, false) and (1, null)", vec![json!(true), json!(false), json!(false)]),
        ("10 - 2 - 3, 2 + 3 * 4, 12 / 2 / 3", vec![json!(5), json!(14), json!(2)]),
        (".nothing // null // .total", vec![json!(3)]),
        (r#""\\(" | length"#, vec![json!(2)]),
        ("-1, 1.5, null, true", vec![json!(-1), json!(1.5), json!(null), json!(true)]),
        (".data[0].privacy | to_entries | from_entries", vec![json!({"view": "anybody", "download": true})]),
    ] {
        assert_eq!(run(filter, &input), expected, "{filter}");
    }
}

#[test]
fn invalid_filters_are_refused_with_a_reason() {
    let long = ".a".repeat(600);
    let deep = format!("{}.{}", "(".repeat(40), ")".repeat(40));
    for (filter, reason) in [
        ("", "too early"),
        (".a |", "too early"),
        (".a)", "unexpected `)`"),
        ("[.a", "expected `]` at the end"),
        ("recurse", "`recurse` is not supported"),
        ("def f: f; f", "not supported"),
        ("reduce .[] as $x (0; . + $x)", "unexpected"),
        ("input", "not supported"),
        ("env", "not supported"),
        ("select", "does not take 0 arguments"),
        ("\"open", "a text is not closed"),
        ("\"a \\(.total)\"", "such as an expression"),
        (". as $x | $x", "unexpected"),
        (long.as_str(), "longer than"),
        (deep.as_str(), "too deeply"),
    ] {
        let error = Filter::parse(filter).unwrap_err();
        assert!(error.0.contains(reason), "{filter}: {error:?}");
    }
}

#[test]
fn long_filters_do_not_exhaust_the_stack() {
    for filter in [
        format!("1{}", "+1".repeat(499)),
        format!("1{}", "//1".repeat(333)),
        format!(".a{}", "?".repeat(990)),
        format!(".{}", "|[.]".repeat(249)),
        format!("null{}", " or 1".repeat(199)),
        format!("{}1{}", "[".repeat(31), "]".repeat(31)),
    ] {
        assert!(filter.len() <= MAX_FILTER_BYTES);
        assert_eq!(run(&filter, &json!({"a": 1})).len(), 1, "{filter}");
    }
}

#[test]
fn no_filter_costs_more_than_allowed() {
    let input = json!({"text": "x".repeat(1_000), "list": (0..2_000).collect::<Vec<u32>>()});
    let doubled = |start: &str, step: &str| format!("{start}{}", step.repeat(60));
    for filter in [
        doubled(".text", "|.+."),
        doubled("[.text]", "|[.,.]"),
        doubled(".list", "|{a:.,b:.}"),
        doubled(".", "|.,."),
        ".list | [.[] as x]".to_owned(),
        "[.list[] + (.list[] | . )] | [.[] + .[]]".to_owned(),
        "[.list[] == .list[] == 1]".to_owned(),
        "[.text, .text] | join(\"x\") | split(\"x\") | [.[],.[],.[]] | [.[] + (.[],.[])] | sort | unique"
            .to_owned(),
    ] {
        if let Ok(parsed) = Filter::parse(&filter) {
            let stopped = parsed.run(&input);
            if let Ok(values) = stopped {
                let size: usize = values.iter().map(|value| value.to_string().len()).sum();
                assert!(size <= MAX_COST, "{filter}: {size}");
            }
        }
    }
    let error = Filter::parse(&doubled(".text", "|.+.")).unwrap().run(&input).unwrap_err();
    assert!(error.0.contains("too many steps"), "{error:?}");
}
