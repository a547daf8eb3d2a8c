//! Parses the arguments of `vimeo api`.

use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use vimeo_ext::Vimeo;
use vimeo_ext::api::{Operation, Request};

use super::ApiArgs;
use crate::api::{ApiCall, check};
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Returns the method, if given, and the path or URL.
pub(super) fn method_and_path(args: &ApiArgs) -> Result<(Option<Method>, &str)> {
    const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let (word, path) = match args.words.as_slice() {
        [word] if METHODS.contains(&word.to_ascii_uppercase().as_str()) => {
            return Err(CliError::usage(format!("{word} is a method; the path is missing"))
                .with_next_step(format!("add a path, e.g. vimeo api {word} /me")));
        }
        [path] => (None, path),
        [method, path] => (Some(method), path),
        _ => return Err(CliError::usage("a path is required, e.g. /me")),
    };
    let method = match (word, &args.method) {
        (Some(_), Some(_)) => return Err(CliError::usage("the method is given twice")),
        (word, flag) => word.or(flag.as_ref()),
    };
    // Some shells on Windows convert an argument that starts with / to a file path.
    if path.get(1..3) == Some(":/") || path.get(1..3) == Some(":\\") {
        return Err(CliError::usage(format!("the shell converted the argument to a file path: {path}"))
            .with_next_step("set MSYS_NO_PATHCONV=1, or omit the leading /"));
    }
    let method = method
        .map(|word| match word.to_ascii_uppercase().as_str() {
            "GET" => Ok(Method::GET),
            "POST" => Ok(Method::POST),
            "PUT" => Ok(Method::PUT),
            "PATCH" => Ok(Method::PATCH),
            "DELETE" => Ok(Method::DELETE),
            _ => {
                Err(CliError::usage(format!("unknown method `{word}`; use GET, POST, PUT, PATCH or DELETE")))
            }
        })
        .transpose()?;
    Ok((method, path))
}

/// Replaces `{me}` by the user ID, and adds the leading `/` if it is missing.
pub(super) async fn expand_path(vimeo: &Vimeo, link: &str) -> Result<String> {
    let link = match link.starts_with('/') || link.contains("://") {
        true => link.to_owned(),
        false => format!("/{link}"),
    };
    if !link.contains("{me}") {
        if let Some(open) = link.find('{') {
            let name = link.get(open..).and_then(|rest| rest.split_inclusive('}').next()).unwrap_or("{");
            return Err(CliError::usage(format!(
                "unknown placeholder {name}; only {{me}}, your user ID, is supported"
            )));
        }
        return Ok(link);
    }
    let me = vimeo.get("/me").fields("uri").send().await?;
    let uri = me.get("uri").and_then(Value::as_str).unwrap_or_default();
    match uri.strip_prefix("/users/") {
        Some(number) => Ok(link.replace("{me}", number)),
        None => Err(CliError::new(ExitCode::Auth, "{me} requires a user, but this token has none")
            .with_next_step("vimeo auth login")),
    }
}

pub(super) async fn read_body(context: &Context<'_>, file: &str) -> Result<Value> {
    let bytes = context.streams.read_input(file).await?;
    let file = if file == "-" { "standard input" } else { file };
    serde_json::from_slice(&bytes).map_err(|error| {
        CliError::usage(format!("{file} is not valid JSON: {error}"))
            .with_next_step("use a JSON file, or parameters with -f key=value")
    })
}

pub(super) fn parse_header(line: &str) -> Result<(HeaderName, HeaderValue)> {
    let invalid = || CliError::usage("invalid header; use -H 'Name: value'");
    let (name, value) = line.split_once(':').ok_or_else(invalid)?;
    let name: HeaderName = name.trim().parse().map_err(|_| invalid())?;
    if name == header::AUTHORIZATION {
        return Err(CliError::usage(
            "the Authorization header cannot be set; it is derived from the account",
        )
        .with_next_step("select an account with --account NAME"));
    }
    Ok((name, HeaderValue::from_str(value.trim()).map_err(|_| invalid())?))
}

pub(super) fn look_up_operation(
    request: &Request,
    is_method_explicit: bool,
) -> Result<Option<&'static Operation>> {
    let query: Vec<String> = request.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    check(&ApiCall { method: &request.method, path: request.url.path(), query: &query, is_method_explicit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn method_without_path_is_an_error() {
        use clap::Parser;

        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: ApiArgs,
        }
        let read = |words: &[&str]| {
            let line = Line::try_parse_from([&["api"], words].concat()).unwrap();
            parsed(&line.args)
        };
        for word in ["GET", "delete"] {
            let missing = read(&[word]).unwrap_err();
            assert_eq!(missing.message(), format!("{word} is a method; the path is missing"));
            assert!(missing.next_step().is_some_and(|next| next.contains("/me")));
        }
        assert_eq!(read(&["get", "me"]).unwrap(), (Some(Method::GET), "me".to_owned()));
        assert_eq!(read(&["/me"]).unwrap(), (None, "/me".to_owned()));
    }

    fn parsed(args: &ApiArgs) -> Result<(Option<Method>, String)> {
        method_and_path(args).map(|(method, path)| (method, path.to_owned()))
    }

    #[test]
    fn rejects_authorization_headers() {
        assert!(parse_header("Authorization: Bearer x").is_err());
        assert!(parse_header("authorization : x").is_err());
        assert!(parse_header("no colon").is_err());
        assert!(parse_header("If-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT").is_ok());
    }
}
