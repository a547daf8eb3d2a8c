//! Static analysis of a jq filter: which parts of its input it uses, so that the rest of a long list can be dropped.
//!
//! The analysis is conservative: a filter that it does not understand uses everything.

use std::collections::BTreeMap;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::path::Part;
use jaq_json::Val;

/// Which parts of a value a filter uses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum FieldUsage {
    /// Nothing, not even the type.
    #[default]
    Nothing,
    /// The type, and parts of lists and objects; strings and numbers as a whole.
    Parts(Box<Parts>),
    All,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parts {
    /// All keys of an object. The length of a list is always kept.
    keys: bool,
    fields: BTreeMap<String, FieldUsage>,
    /// The usage of each list element and each object value.
    each: FieldUsage,
}

impl FieldUsage {
    /// Analyzes a filter.
    pub(super) fn analyze(code: &str) -> Self {
        match parse(code) {
            Some(term) => input_usage(&term, &Self::All),
            None => Self::All,
        }
    }

    /// Returns the usage of each element of a list.
    pub(super) fn each(&self) -> Self {
        match self {
            Self::Parts(parts) => parts.each.clone(),
            other => other.clone(),
        }
    }

    /// Removes unused parts from a value.
    pub(super) fn prune(&self, value: Val) -> Val {
        let parts = match self {
            Self::Nothing => return Val::Null,
            Self::All => return value,
            Self::Parts(parts) => parts,
        };
        match value {
            Val::Arr(list) => {
                let pruned: Vec<Val> = list.iter().map(|value| parts.each.prune(value.clone())).collect();
                Val::Arr(pruned.into())
            }
            Val::Obj(object) => {
                let pruned = object.iter().filter_map(|(key, value)| {
                    let usage = parts.value_usage(key)?;
                    Some((key.clone(), usage.prune(value.clone())))
                });
                Val::Obj(jaq_json::Map::from_iter(pruned).into())
            }
            scalar => scalar,
        }
    }

    /// Adds the type of the value to the usage.
    fn with_type(&self) -> Self {
        self.clone().union(Self::type_only())
    }

    fn type_only() -> Self {
        Self::Parts(Box::default())
    }

    fn keys() -> Self {
        Self::Parts(Box::new(Parts { keys: true, ..Parts::default() }))
    }

    fn field(name: &str, usage: Self) -> Self {
        let fields = BTreeMap::from([(name.to_owned(), usage)]);
        Self::Parts(Box::new(Parts { fields, ..Parts::default() }))
    }

    fn all_values(each: Self) -> Self {
        Self::Parts(Box::new(Parts { keys: true, each, ..Parts::default() }))
    }

    fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Parts(mut one), Self::Parts(other)) => {
                one.keys |= other.keys;
                one.each = one.each.union(other.each);
                for (name, usage) in other.fields {
                    let known = one.fields.entry(name).or_default();
                    *known = std::mem::take(known).union(usage);
                }
                Self::Parts(one)
            }
        }
    }
}

impl Parts {
    /// Returns the usage of the value of a key; `None` if not even the key is used.
    fn value_usage(&self, key: &Val) -> Option<FieldUsage> {
        let named = match key {
            Val::TStr(name) => std::str::from_utf8(name).ok().and_then(|name| self.fields.get(name)),
            _ => None,
        };
        match (named, self.keys) {
            (None, false) => None,
            (None, true) => Some(self.each.clone()),
            (Some(usage), _) => Some(usage.clone().union(self.each.clone())),
        }
    }
}

fn parse(code: &str) -> Option<Term<&str>> {
    jaq_core::load::parse(code, |parser| parser.term())
}

/// Returns the usage of a term's input, given the usage `out` of its output.
fn input_usage(term: &Term<&str>, out: &FieldUsage) -> FieldUsage {
    let all = |term: &Term<&str>| input_usage(term, &FieldUsage::All);
    match term {
        Term::Id => out.clone(),
        Term::Num(_) => FieldUsage::Nothing,
        Term::Str(_, parts) => parts.iter().fold(FieldUsage::Nothing, |usage, part| match part {
            StrPart::Term(term) => usage.union(all(term)),
            StrPart::Str(_) | StrPart::Char(_) => usage,
        }),
        Term::Arr(None) => FieldUsage::Nothing,
        Term::Arr(Some(term)) => input_usage(term, &out.each()),
        Term::Obj(pairs) => pairs.iter().fold(FieldUsage::Nothing, |usage, (key, value)| {
            usage.union(match (value, string_literal(key), key) {
                (Some(value), ..) => all(key).union(all(value)),
                // `{name}` is short for `{name: .name}`.
                (None, Some(name), _) => FieldUsage::field(name, FieldUsage::All),
                (None, None, _) => FieldUsage::All,
            })
        }),
        Term::Neg(term) => all(term),
        Term::BinOp(left, op, right) => match op {
            BinaryOp::Pipe(None) => input_usage(left, &input_usage(right, out)),
            BinaryOp::Comma => input_usage(left, out).union(input_usage(right, out)),
            BinaryOp::Alt => input_usage(left, &out.with_type()).union(input_usage(right, out)),
            BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_) => {
                all(left).union(all(right))
            }
            // Variables, and updates of the input.
            _ => FieldUsage::All,
        },
        Term::IfThenElse(cases, otherwise) => {
            let rest = otherwise.as_deref().map_or_else(|| out.clone(), |term| input_usage(term, out));
            cases
                .iter()
                .fold(rest, |usage, (when, then)| usage.union(all(when)).union(input_usage(then, out)))
        }
        Term::TryCatch(term, None) => input_usage(term, out),
        Term::Call(name, arguments) => call(name, arguments, out),
        Term::Path(term, path) => {
            let steps = path.0.iter().rev().try_fold(out.clone(), |out, (part, _)| step(part, out));
            input_usage(term, &steps.unwrap_or(FieldUsage::All))
        }
        _ => FieldUsage::All,
    }
}

/// Returns the usage of a path step; `None` if it depends on the data.
fn step(part: &Part<Term<&str>>, out: FieldUsage) -> Option<FieldUsage> {
    let number = |term: &Term<&str>| match term {
        Term::Num(_) => true,
        Term::Neg(term) => matches!(**term, Term::Num(_)),
        _ => false,
    };
    match part {
        Part::Index(term) if number(term) => Some(FieldUsage::all_values(out)),
        Part::Index(term) => Some(FieldUsage::field(string_literal(term)?, out)),
        Part::Range(None, None) => Some(FieldUsage::all_values(out)),
        Part::Range(from, to) => [from, to].into_iter().flatten().all(number).then(|| out.with_type()),
    }
}

/// Returns the usage of a call of a named filter.
fn call(name: &str, arguments: &[Term<&str>], out: &FieldUsage) -> FieldUsage {
    let all = |term: &Term<&str>| input_usage(term, &FieldUsage::All);
    let each = FieldUsage::all_values;
    match (name, arguments) {
        ("empty" | "true" | "false" | "null", []) => FieldUsage::Nothing,
        ("length" | "keys" | "keys_unsorted", []) => FieldUsage::keys(),
        ("first" | "last", []) => each(out.clone()),
        ("has", [key]) => match string_literal(key) {
            Some(name) => FieldUsage::field(name, FieldUsage::Nothing),
            None => FieldUsage::All,
        },
        ("map", [term]) => each(input_usage(term, &out.each())),
        ("select", [term]) => out.clone().union(all(term)),
        ("any" | "all", [term]) => each(all(term)),
        ("sort_by" | "unique_by", [term]) => out.with_type().union(each(all(term))),
        ("min_by" | "max_by", [term]) => each(out.with_type().union(all(term))),
        ("group_by", [term]) => each(out.each().each().union(all(term))),
        ("first" | "last", [term]) => input_usage(term, out),
        ("limit", [count, term]) => all(count).union(input_usage(term, out)),
        _ => FieldUsage::All,
    }
}

/// Returns the value of a string literal.
fn string_literal<'a>(term: &Term<&'a str>) -> Option<&'a str> {
    match term {
        Term::Str(None, parts) => match parts.as_slice() {
            [StrPart::Str(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::jq::{Filter, input};
    use super::*;

    fn library() -> Value {
        let video = |number: u64, name: &str, tags: Value| {
            json!({
                "uri": format!("/videos/{number}"), "name": name, "duration": number * 40, "tags": tags,
                "privacy": {"view": if number == 2 { "nobody" } else { "anybody" }, "embed": "public"},
                "stats": {"plays": if number == 3 { Value::Null } else { number.into() }},
            })
        };
        json!([
            video(
                1,
                "Surf",
                json!([{"name": "sea", "canonical": "sea"}, {"name": "sun", "canonical": "sun"}])
            ),
            video(2, "Snow", json!([])),
            video(3, "Rain, and more of it", json!([{"name": "sea", "canonical": "sea"}])),
            7,
            null,
        ])
    }

    /// Each filter returns the same for the whole document and for the pruned one.
    #[test]
    fn pruning_does_not_change_results() {
        let library = library();
        let videos = Value::Array(library.as_array().unwrap()[..3].to_vec());
        for (code, is_smaller) in [
            ("length", true),
            ("map(.name)", true),
            (".[].privacy.view", true),
            (".[0].uri, .[-1].uri", true),
            (".[1:].[0].name", true),
            (".[:2] | length", true),
            ("map(select(.duration > 60)) | length", true),
            ("map(select(.tags | length > 0) | .uri)", true),
            ("[.[] | {uri, view: .privacy.view}]", true),
            ("map({uri, (.name): .stats.plays})", true),
            ("map(.stats.plays // \"none\")", true),
            ("map(.stats.plays // .privacy // 1) | length", true),
            ("[.[].tags[].name] | length", true),
            ("[.[].tags[0].name]", true),
            ("map(.tags | map(.name) | length)", true),
            ("map(.privacy | keys)", true),
            ("map(.privacy | length)", true),
            ("[.[] | .privacy[]] | length", true),
            ("map(has(\"stats\"))", true),
            ("map(.description // .name)", true),
            ("map(if .privacy.view == \"nobody\" then .uri else .name end)", true),
            ("map(if has(\"x\") then .uri end | length)", true),
            ("sort_by(.name) | map(.uri)", true),
            ("max_by(.duration).name", true),
            ("group_by(.privacy.view) | map({view: .[0].privacy.view, count: length})", true),
            ("unique_by(.privacy.view) | length", true),
            ("any(.duration > 100), all(.duration > 100)", true),
            ("[limit(2; .[].uri)]", true),
            ("first.name, last.name, first(.[].name)", true),
            ("map(.name | ascii_downcase | split(\" \") | length)", true),
            ("map(\"\\(.name): \\(.uri)\") | .[]", true),
            ("[.[].nothing?.at?.all]", true),
            ("map(try .name.first)", true),
            ("(map(.duration) | add), length", true),
            ("map(.duration) | add / length", true),
            ("[.[] | 1]", true),
            ("map(.uri, .name) | .[1]", true),
            ("map(-.duration)", true),
            ("map(.name) == [] | not", true),
            ("map(null) | length, map(true), map(empty)", true),
            // Not understood, or everything is used.
            (".", false),
            ("map(select(.duration > 60))", false),
            (".[0]", false),
            (".[] as $video | $video.name", false),
            ("reduce .[] as $x (0; . + $x.duration)", false),
            ("map(.name |= ascii_downcase) | .[0].name", false),
            ("def length: .[0].name; length", false),
            ("[..] | length", false),
            ("map(to_entries | length)", false),
            ("map(del(.privacy)) | length", false),
            ("[paths] | length", false),
            (". as [$a] | $a.uri", false),
            ("map(try error(.) catch .uri)", false),
            (".[.[0].tags | length].name", false),
            ("tostring | length", false),
        ] {
            let filter = Filter::compile(code).unwrap();
            for document in [&library, &videos, &json!([]), &json!({"a": [1], "b": null}), &json!("text")] {
                let whole = input(document);
                let pruned = FieldUsage::analyze(code).prune(whole.clone());
                // Error texts are not compared: they show the value, which can be smaller.
                assert_eq!(filter.run_inline(pruned), filter.run_inline(whole), "{code} of {document}");
            }
            let pruned = FieldUsage::analyze(code).prune(input(&videos)).to_string();
            let whole = input(&videos).to_string();
            assert_eq!(pruned.len() < whole.len(), is_smaller, "{code} keeps {pruned}");
        }
    }

    /// Generates a random filter.
    fn random_filter(random: &mut fastrand::Rng, depth: u32) -> String {
        const LEAVES: &[&str] = &[
            ".",
            ".name",
            ".uri",
            ".privacy.view",
            ".tags",
            ".tags[0].name",
            ".stats.plays",
            ".[0]",
            ".[]?",
            ".[1:]?",
            "length",
            "keys?",
            "1",
            "null",
            "\"sea\"",
            "empty",
            "first?",
            "last?",
            "not",
            "type",
            "tostring",
            ".nothing",
            "add?",
            ".[-1]?",
            "has(\"name\")?",
            "to_entries?",
        ];
        if depth == 0 {
            return (*random.choice(LEAVES).unwrap()).to_owned();
        }
        let mut part = || random_filter(random, depth - 1);
        let [a, b, c] = [part(), part(), part()];
        match random.u8(..15) {
            0 | 1 => format!("({a}) | ({b})"),
            2 => format!("({a}), ({b})"),
            3 => format!("({a}) // ({b})"),
            4 | 5 => format!("map({a})?"),
            6 => format!("map(select({a}))?"),
            7 => format!("[{a}]"),
            8 => format!("{{a: ({a}), b: ({b})}}"),
            9 => format!("if ({a}) then ({b}) else ({c}) end"),
            10 => format!("({a}) == ({b})"),
            11 => format!("sort_by({a})? | ({b})"),
            // `catch` receives the error text, which shows the value.
            12 => format!("try ({a}) catch 0 | ({b})"),
            13 => format!("[limit(2; {a})] | ({b})"),
            _ => format!("({a}) as $x | ({b}) | [$x, .]"),
        }
    }

    #[test]
    fn pruning_does_not_change_results_of_random_filters() {
        let mut random = fastrand::Rng::with_seed(17);
        let library = library();
        let mut smaller = 0;
        for _ in 0..400 {
            let code = random_filter(&mut random, 3);
            let filter = Filter::compile(&code).unwrap();
            for document in [&library, &library[0]] {
                let whole = input(document);
                let pruned = FieldUsage::analyze(&code).prune(whole.clone());
                smaller += usize::from(pruned.to_string().len() < whole.to_string().len());
                let (of_kept, of_whole) = (filter.run_inline(pruned), filter.run_inline(whole));
                assert!(of_kept == of_whole, "{code} of {document}: {of_kept:?}, {of_whole:?}");
            }
        }
        assert!(smaller > 40, "only {smaller} of 800 documents were pruned");
    }

    #[test]
    fn prunes_unused_fields() {
        let pruned = |code: &str| FieldUsage::analyze(code).prune(input(&library())).to_string();
        assert_eq!(pruned("length"), "[null,null,null,null,null]");
        assert_eq!(pruned(".[].privacy.view | length"), pruned(".[].privacy.view"));
        assert_eq!(
            pruned("map(.privacy.view)"),
            r#"[{"privacy":{"view":"anybody"}},{"privacy":{"view":"nobody"}},{"privacy":{"view":"anybody"}},7,null]"#
        );
    }
}
