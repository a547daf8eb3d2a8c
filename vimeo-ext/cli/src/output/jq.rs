//! jq filters, built in.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use super::demand::Demand;
use crate::exit::{Exit, Failure, Result};

type Program = jaq_core::compile::Filter<jaq_core::Native<data::JustLut<Val>>>;

/// A filter that was read once and can run many times.
pub(crate) struct Filter {
    program: Program,
    /// What of each element of a list is looked at.
    of_each: Demand,
}

impl Filter {
    /// Reads a filter; what cannot be read is said before anything is sent.
    pub(crate) fn compile(code: &str) -> Result<Self> {
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let bad = || {
            Failure::usage(format!("`{code}` is no jq filter that can be run")).next("vimeo help formatting")
        };
        let modules = Loader::new(defs).load(&arena, File { code, path: () }).map_err(|_| bad())?;
        let program = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let unknown: Vec<String> =
                errors.iter().flat_map(|(_, errors)| errors).map(|(name, _)| format!("`{name}`")).collect();
            Failure::usage(format!("the filter `{code}` uses {}, which is not known", unknown.join(", ")))
        })?;
        Ok(Self { program, of_each: Demand::of(code).each() })
    }

    /// All values that the filter gives for an input.
    pub(crate) fn run(&self, input: Val) -> impl Iterator<Item = Result<Value>> {
        let context = Ctx::<data::JustLut<Val>>::new(&self.program.lut, Vars::new([]));
        self.program.id.run((context, input)).map(unwrap_valr).map(|value| match value {
            Ok(value) => back(&value),
            Err(error) => Err(Failure::new(Exit::Other, format!("the filter stopped: {error}"))),
        })
    }

    /// A document as the filter's input.
    pub(crate) fn input(value: &Value) -> Result<Val> {
        let text = serde_json::to_vec(value).map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
        Self::read(&text)
    }

    /// The text of a document as the filter's input.
    pub(crate) fn read(text: &[u8]) -> Result<Val> {
        read::parse_single(text).map_err(|error| Failure::new(Exit::Other, error.to_string()))
    }

    /// An element of a list that the filter will run over as a whole, without what the filter does not look at.
    pub(crate) fn element(&self, text: &[u8]) -> Result<Val> {
        Ok(self.of_each.keep(Self::read(text)?))
    }
}

fn back(value: &Val) -> Result<Value> {
    let text = value.to_string();
    serde_json::from_str(&text)
        .map_err(|_| Failure::new(Exit::Other, format!("the filter gave {text}, which is no JSON")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(code: &str, input: &Value) -> Vec<Value> {
        Filter::compile(code)
            .unwrap()
            .run(Filter::input(input).unwrap())
            .map(|value| value.unwrap())
            .collect()
    }

    #[test]
    fn filters_run_over_documents() {
        let page = json!([{"uri": "/videos/1", "n": 1}, {"uri": "/videos/2", "n": 123_456_789_012_345_i64}]);
        assert_eq!(run("length", &page), [json!(2)]);
        assert_eq!(run(".[].uri", &page), [json!("/videos/1"), json!("/videos/2")]);
        assert_eq!(run("map(.n) | add", &page), [json!(123_456_789_012_346_i64)]);
        assert_eq!(run("[.[] | select(.n > 1) | {uri}]", &page), [json!([{"uri": "/videos/2"}])]);
        assert_eq!(run(r#".[0].uri | split("/") | last"#, &page), [json!("1")]);
    }

    #[test]
    fn what_is_no_filter_is_found_before_it_runs() {
        assert_eq!(Filter::compile(".[").err().unwrap().exit, Exit::Usage);
        let unknown = Filter::compile("frobnicate").err().unwrap();
        assert_eq!(unknown.message(), "the filter `frobnicate` uses `frobnicate`, which is not known");
        let stopped = Filter::compile(".a").unwrap().run(Filter::input(&json!([1])).unwrap()).next().unwrap();
        assert!(stopped.unwrap_err().message().starts_with("the filter stopped"));
    }
}
