//! Checks a call against the API's operations before it is sent.

use http::Method;
use strsim::levenshtein;
use vimeo_ext::api::{Operation, operation_at};

use crate::exit::{CliError, Result};

/// A call as given on the command line.
pub(crate) struct ApiCall<'a> {
    pub(crate) method: &'a Method,
    /// Without the query.
    pub(crate) path: &'a str,
    /// The names of the query parameters.
    pub(crate) query: &'a [String],
    /// Whether the method was given explicitly rather than inferred from the parameters.
    pub(crate) is_method_explicit: bool,
}

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Returns the methods that the API supports for a path.
fn methods_at(path: &str) -> Vec<Method> {
    METHODS.into_iter().filter(|method| operation_at(method, path).is_some()).collect()
}

/// Checks the method and the query parameters of a call. Unknown paths pass.
pub(crate) fn check(call: &ApiCall<'_>) -> Result<Option<&'static Operation>> {
    let Some(operation) = operation_at(call.method, call.path) else {
        let methods = methods_at(call.path);
        if methods.is_empty() {
            return Ok(None);
        }
        let list: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let failure =
            CliError::usage(format!("{} supports {}, not {}", call.path, list.join(", "), call.method));
        let meant_get = !call.is_method_explicit && methods.contains(&Method::GET);
        return Err(failure.with_next_step(match meant_get {
            true => "add -X GET to send the parameters as a query".to_owned(),
            false => format!("vimeo ops {}  (lists the operations of this path)", call.path),
        }));
    };
    let known =
        |name: &str| name == "fields" || operation.query.iter().any(|parameter| parameter.name == name);
    if let Some(unknown) = call.query.iter().find(|name| !known(name)) {
        let mut names: Vec<&str> = operation.query.iter().map(|parameter| parameter.name).collect();
        if !names.contains(&"fields") {
            names.push("fields");
        }
        let failure = CliError::usage(format!(
            "{operation} has no parameter `{unknown}`; parameters: {}",
            names.join(", ")
        ));
        return Err(failure.with_next_step(match closest_match(unknown, &names) {
            Some(name) => format!("did you mean `{name}`? To send it anyway, add --no-check"),
            None => "to send it anyway, add --no-check".to_owned(),
        }));
    }
    let missing = operation
        .query
        .iter()
        .find(|parameter| parameter.required && !call.query.iter().any(|name| name == parameter.name));
    if let Some(missing) = missing {
        return Err(CliError::usage(format!("{operation} requires the parameter `{}`", missing.name))
            .with_next_step(format!("add -f {}=…", missing.name)));
    }
    Ok(Some(operation))
}

/// Returns the closest name within an edit distance of two.
fn closest_match<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .copied()
        .map(|name| (levenshtein(word, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_call(
        method: Method,
        path: &str,
        query: &[&str],
        is_method_explicit: bool,
    ) -> Result<Option<&'static str>> {
        let query: Vec<String> = query.iter().map(|name| (*name).to_owned()).collect();
        let call = ApiCall { method: &method, path, query: &query, is_method_explicit };
        check(&call).map(|operation| operation.map(|operation| operation.id))
    }

    #[test]
    fn rejects_wrong_methods_and_unknown_parameters() {
        assert_eq!(
            check_call(Method::GET, "/me/videos", &["page", "fields"], false).unwrap(),
            Some("list_my_videos")
        );
        assert_eq!(check_call(Method::GET, "/me/of/tomorrow", &["x"], false).unwrap(), None);

        let wrong = check_call(Method::POST, "/videos/1/likes", &[], false).unwrap_err();
        assert_eq!(wrong.message(), "/videos/1/likes supports GET, not POST");
        assert_eq!(wrong.next_step(), Some("add -X GET to send the parameters as a query"));
        let named = check_call(Method::DELETE, "/videos/1/likes", &[], true).unwrap_err();
        assert!(named.next_step().unwrap().starts_with("vimeo ops"));

        let unknown = check_call(Method::GET, "/me/videos", &["per_pgae"], false).unwrap_err();
        assert!(unknown.message().contains("has no parameter `per_pgae`"), "{unknown}");
        assert_eq!(unknown.next_step(), Some("did you mean `per_page`? To send it anyway, add --no-check"));
        for path in ["/me", "/me/videos", "/videos/1/likes"] {
            let unknown = check_call(Method::GET, path, &["of_tomorrow"], false).unwrap_err();
            let (_, names) = unknown.message().split_once("; parameters: ").unwrap();
            assert_eq!(names.split(", ").filter(|name| *name == "fields").count(), 1, "{unknown}");
        }
    }

    #[test]
    fn suggests_names_within_two_edits() {
        let names = ["page", "per_page", "sort"];
        for (word, meant) in [
            ("page", Some("page")),
            ("pgae", Some("page")),
            ("short", Some("sort")),
            ("so", Some("sort")),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(closest_match(word, &names), meant, "{word}");
        }
    }
}
