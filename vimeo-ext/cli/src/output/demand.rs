//! What of its input a filter looks at, so that the rest of a long list need not be kept.
//!
//! Told from the filter's text, on the safe side: what is not understood looks at everything.

use std::collections::BTreeMap;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::path::Part;
use jaq_json::Val;

/// What of a value is looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum FieldUsage {
    /// Not even what kind of value it is.
    #[default]
    Nothing,
    /// The kind of value, and of lists and objects some parts; text and numbers wholly.
    Parts(Box<Parts>),
    All,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parts {
    /// All keys of an object; how many elements a list has is always kept.
    keys: bool,
    fields: BTreeMap<String, FieldUsage>,
    /// Of each element of a list and each value of an object.
    each: FieldUsage,
}

impl FieldUsage {
    /// That of a filter.
    pub(super) fn of(code: &str) -> Self {
        match parse(code) {
            Some(term) => need(&term, &Self::All),
            None => Self::All,
        }
    }

    /// What of each element of a list is looked at.
    pub(super) fn each(&self) -> Self {
        match self {
            Self::Parts(parts) => parts.each.clone(),
            other => other.clone(),
        }
    }

    /// The value without what is not looked at.
    pub(super) fn keep(&self, value: Val) -> Val {
        let parts = match self {
            Self::Nothing => return Val::Null,
            Self::All => return value,
            Self::Parts(parts) => parts,
        };
        match value {
            Val::Arr(list) => {
                let kept: Vec<Val> = list.iter().map(|value| parts.each.keep(value.clone())).collect();
                Val::Arr(kept.into())
            }
            Val::Obj(object) => {
                let kept = object.iter().filter_map(|(key, value)| {
                    let demand = parts.of(key)?;
                    Some((key.clone(), demand.keep(value.clone())))
                });
                Val::Obj(jaq_json::Map::from_iter(kept).into())
            }
            scalar => scalar,
        }
    }

    /// The kind of value, and what was demanded before.
    fn or_its_kind(&self) -> Self {
        self.clone().and(Self::kind())
    }

    fn kind() -> Self {
        Self::Parts(Box::default())
    }

    fn keys() -> Self {
        Self::Parts(Box::new(Parts { keys: true, ..Parts::default() }))
    }

    fn field(name: &str, demand: Self) -> Self {
        let fields = BTreeMap::from([(name.to_owned(), demand)]);
        Self::Parts(Box::new(Parts { fields, ..Parts::default() }))
    }

    fn all_values(each: Self) -> Self {
        Self::Parts(Box::new(Parts { keys: true, each, ..Parts::default() }))
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Parts(mut one), Self::Parts(other)) => {
                one.keys |= other.keys;
                one.each = one.each.and(other.each);
                for (name, demand) in other.fields {
                    let known = one.fields.entry(name).or_default();
                    *known = std::mem::take(known).and(demand);
                }
                Self::Parts(one)
            }
        }
    }
}

impl Parts {
    /// What of the value under a key is looked at; `None` when not even the key is.
    fn of(&self, key: &Val) -> Option<FieldUsage> {
        let named = match key {
            Val::TStr(name) => std::str::from_utf8(name).ok().and_then(|name| self.fields.get(name)),
            _ => None,
        };
        match (named, self.keys) {
            (None, false) => None,
            (None, true) => Some(self.each.clone()),
            (Some(demand), _) => Some(demand.clone().and(self.each.clone())),
        }
    }
}

fn parse(code: &str) -> Option<Term<&str>> {
    jaq_core::load::parse(code, |parser| parser.term())
}

/// What a term looks at of its input when `out` of its output is looked at.
fn need(term: &Term<&str>, out: &FieldUsage) -> FieldUsage {
    let all = |term: &Term<&str>| need(term, &FieldUsage::All);
    match term {
        Term::Id => out.clone(),
        Term::Num(_) => FieldUsage::Nothing,
        Term::Str(_, parts) => parts.iter().fold(FieldUsage::Nothing, |demand, part| match part {
            StrPart::Term(term) => demand.and(all(term)),
            StrPart::Str(_) | StrPart::Char(_) => demand,
        }),
        Term::Arr(None) => FieldUsage::Nothing,
        Term::Arr(Some(term)) => need(term, &out.each()),
        Term::Obj(pairs) => pairs.iter().fold(FieldUsage::Nothing, |demand, (key, value)| {
            demand.and(match (value, text(key), key) {
                (Some(value), ..) => all(key).and(all(value)),
                // `{name}` is short for `{name: .name}`.
                (None, Some(name), _) => FieldUsage::field(name, FieldUsage::All),
                (None, None, _) => FieldUsage::All,
            })
        }),
        Term::Neg(term) => all(term),
        Term::BinOp(left, op, right) => match op {
            BinaryOp::Pipe(None) => need(left, &need(right, out)),
            BinaryOp::Comma => need(left, out).and(need(right, out)),
            BinaryOp::Alt => need(left, &out.or_its_kind()).and(need(right, out)),
            BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_) => all(left).and(all(right)),
            // Variables, and what changes its input.
            _ => FieldUsage::All,
        },
        Term::IfThenElse(cases, otherwise) => {
            let rest = otherwise.as_deref().map_or_else(|| out.clone(), |term| need(term, out));
            cases.iter().fold(rest, |demand, (when, then)| demand.and(all(when)).and(need(then, out)))
        }
        Term::TryCatch(term, None) => need(term, out),
        Term::Call(name, arguments) => call(name, arguments, out),
        Term::Path(term, path) => {
            let steps = path.0.iter().rev().try_fold(out.clone(), |out, (part, _)| step(part, out));
            need(term, &steps.unwrap_or(FieldUsage::All))
        }
        _ => FieldUsage::All,
    }
}

/// What a step of a path looks at; `None` when that cannot be told from the text.
fn step(part: &Part<Term<&str>>, out: FieldUsage) -> Option<FieldUsage> {
    let number = |term: &Term<&str>| match term {
        Term::Num(_) => true,
        Term::Neg(term) => matches!(**term, Term::Num(_)),
        _ => false,
    };
    match part {
        Part::Index(term) if number(term) => Some(FieldUsage::all_values(out)),
        Part::Index(term) => Some(FieldUsage::field(text(term)?, out)),
        Part::Range(None, None) => Some(FieldUsage::all_values(out)),
        Part::Range(from, to) => [from, to].into_iter().flatten().all(number).then(|| out.or_its_kind()),
    }
}

/// A filter that is known by its name.
fn call(name: &str, arguments: &[Term<&str>], out: &FieldUsage) -> FieldUsage {
    let all = |term: &Term<&str>| need(term, &FieldUsage::All);
    let each = FieldUsage::all_values;
    match (name, arguments) {
        ("empty" | "true" | "false" | "null", []) => FieldUsage::Nothing,
        ("length" | "keys" | "keys_unsorted", []) => FieldUsage::keys(),
        ("first" | "last", []) => each(out.clone()),
        ("has", [key]) => match text(key) {
            Some(name) => FieldUsage::field(name, FieldUsage::Nothing),
            None => FieldUsage::All,
        },
        ("map", [term]) => each(need(term, &out.each())),
        ("select", [term]) => out.clone().and(all(term)),
        ("any" | "all", [term]) => each(all(term)),
        ("sort_by" | "unique_by", [term]) => out.or_its_kind().and(each(all(term))),
        ("min_by" | "max_by", [term]) => each(out.or_its_kind().and(all(term))),
        ("group_by", [term]) => each(out.each().each().and(all(term))),
        ("first" | "last", [term]) => need(term, out),
        ("limit", [count, term]) => all(count).and(need(term, out)),
        _ => FieldUsage::All,
    }
}

/// A text that stands there as it is.
fn text<'a>(term: &Term<&'a str>) -> Option<&'a str> {
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

    /// Each filter gives the same for the whole document and for what is kept of it.
    #[test]
    fn what_is_not_looked_at_changes_nothing() {
        let library = library();
        let videos = Value::Array(library.as_array().unwrap()[..3].to_vec());
        for (code, is_less) in [
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
            // Not understood, or everything is wanted.
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
                let kept = FieldUsage::of(code).keep(whole.clone());
                // The text of an error shows its value, which may be a smaller one.
                assert_eq!(filter.over(kept), filter.over(whole), "{code} of {document}");
            }
            let kept = FieldUsage::of(code).keep(input(&videos)).to_string();
            let whole = input(&videos).to_string();
            assert_eq!(kept.len() < whole.len(), is_less, "{code} keeps {kept}");
        }
    }

    /// A filter put together from parts by chance.
    fn compose(random: &mut fastrand::Rng, depth: u32) -> String {
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
        let mut part = || compose(random, depth - 1);
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
            // What a catch sees is the text of an error, which shows its value.
            12 => format!("try ({a}) catch 0 | ({b})"),
            13 => format!("[limit(2; {a})] | ({b})"),
            _ => format!("({a}) as $x | ({b}) | [$x, .]"),
        }
    }

    #[test]
    fn composed_filters_give_the_same_of_what_is_kept() {
        let mut random = fastrand::Rng::with_seed(17);
        let library = library();
        let mut smaller = 0;
        for _ in 0..400 {
            let code = compose(&mut random, 3);
            let filter = Filter::compile(&code).unwrap();
            for document in [&library, &library[0]] {
                let whole = input(document);
                let kept = FieldUsage::of(&code).keep(whole.clone());
                smaller += usize::from(kept.to_string().len() < whole.to_string().len());
                let (of_kept, of_whole) = (filter.over(kept), filter.over(whole));
                assert!(of_kept == of_whole, "{code} of {document}: {of_kept:?}, {of_whole:?}");
            }
        }
        assert!(smaller > 40, "{smaller} of 800 documents were cut");
    }

    #[test]
    fn only_what_is_looked_at_is_kept() {
        let kept = |code: &str| FieldUsage::of(code).keep(input(&library())).to_string();
        assert_eq!(kept("length"), "[null,null,null,null,null]");
        assert_eq!(kept(".[].privacy.view | length"), kept(".[].privacy.view"));
        assert_eq!(
            kept("map(.privacy.view)"),
            r#"[{"privacy":{"view":"anybody"}},{"privacy":{"view":"nobody"}},{"privacy":{"view":"anybody"}},7,null]"#
        );
    }
}
