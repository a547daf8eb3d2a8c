//! The table of operations, asked before anything is sent.

use http::Method;
use strsim::levenshtein;
use vimeo_ext::api::{Operation, operation_at};

use crate::exit::{Failure, Result};

/// A call as it was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    /// Without the query.
    pub(crate) path: &'a str,
    /// The names in the query.
    pub(crate) query: &'a [String],
    /// Whether the method was named, or follows from there being parameters.
    pub(crate) method_named: bool,
}

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The methods that the table knows for a path.
fn methods_at(path: &str) -> Vec<Method> {
    METHODS.into_iter().filter(|method| operation_at(method, path).is_some()).collect()
}

/// Says what the table of operations knows to be wrong with a call. A path that it does not know passes.
pub(crate) fn check(asked: &Asked<'_>) -> Result<Option<&'static Operation>> {
    let Some(operation) = operation_at(asked.method, asked.path) else {
        let methods = methods_at(asked.path);
        if methods.is_empty() {
            return Ok(None);
        }
        let list: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let failure =
            Failure::usage(format!("{} takes {}, not {}", asked.path, list.join(", "), asked.method));
        let only_read = !asked.method_named && methods.contains(&Method::GET);
        return Err(failure.next(match only_read {
            true => "add -X GET to send the parameters as a query".to_owned(),
            false => format!("vimeo ops {}  (what there is, and what it takes)", asked.path),
        }));
    };
    let known =
        |name: &str| name == "fields" || operation.query.iter().any(|parameter| parameter.name == name);
    if let Some(unknown) = asked.query.iter().find(|name| !known(name)) {
        let mut names: Vec<&str> = operation.query.iter().map(|parameter| parameter.name).collect();
        if !names.contains(&"fields") {
            names.push("fields");
        }
        let failure = Failure::usage(format!(
            "{operation} takes no parameter `{unknown}`; it takes {}",
            names.join(", ")
        ));
        return Err(failure.next(match nearest(unknown, &names) {
            Some(name) => format!("did you mean `{name}`? --no-check sends it as it is"),
            None => "--no-check sends it as it is".to_owned(),
        }));
    }
    let missing = operation
        .query
        .iter()
        .find(|parameter| parameter.required && !asked.query.iter().any(|name| name == parameter.name));
    if let Some(missing) = missing {
        return Err(Failure::usage(format!("{operation} needs the parameter `{}`", missing.name))
            .next(format!("add -f {}=…", missing.name)));
    }
    Ok(Some(operation))
}

/// The name that was most likely meant.
fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .copied()
        .map(|name| (levenshtein(word, name), name))
        .min()
        .filter(|(far, _)| *far <= 2)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(
        method: Method,
        path: &str,
        query: &[&str],
        method_named: bool,
    ) -> Result<Option<&'static str>> {
        let query: Vec<String> = query.iter().map(|name| (*name).to_owned()).collect();
        let asked = Asked { method: &method, path, query: &query, method_named };
        check(&asked).map(|operation| operation.map(|operation| operation.id))
    }

    #[test]
    fn the_table_knows_methods_and_parameters() {
        assert_eq!(
            checked(Method::GET, "/me/videos", &["page", "fields"], false).unwrap(),
            Some("list_my_videos")
        );
        assert_eq!(checked(Method::GET, "/me/of/tomorrow", &["x"], false).unwrap(), None);

        let wrong = checked(Method::POST, "/videos/1/likes", &[], false).unwrap_err();
        assert_eq!(wrong.message(), "/videos/1/likes takes GET, not POST");
        assert_eq!(wrong.next_step(), Some("add -X GET to send the parameters as a query"));
        let named = checked(Method::DELETE, "/videos/1/likes", &[], true).unwrap_err();
        assert!(named.next_step().unwrap().starts_with("vimeo ops"));

        let unknown = checked(Method::GET, "/me/videos", &["per_pgae"], false).unwrap_err();
        assert!(unknown.message().contains("takes no parameter `per_pgae`"), "{unknown}");
        assert_eq!(unknown.next_step(), Some("did you mean `per_page`? --no-check sends it as it is"));
        for path in ["/me", "/me/videos", "/videos/1/likes"] {
            let unknown = checked(Method::GET, path, &["of_tomorrow"], false).unwrap_err();
            let (_, names) = unknown.message().split_once("it takes ").unwrap();
            assert_eq!(names.split(", ").filter(|name| *name == "fields").count(), 1, "{unknown}");
        }
    }

    #[test]
    fn two_letters_may_be_wrong() {
        let names = ["page", "per_page", "sort"];
        for (word, meant) in [
            ("page", Some("page")),
            ("pgae", Some("page")),
            ("short", Some("sort")),
            ("so", Some("sort")),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &names), meant, "{word}");
        }
    }
}
