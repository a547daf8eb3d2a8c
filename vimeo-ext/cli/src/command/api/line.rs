//! What the command line says of a call.

use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use vimeo_ext::Vimeo;
use vimeo_ext::api::{Operation, Request};

use super::ApiArgs;
use crate::api::{Asked, check};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// The method, where one was named, and the path or URL.
pub(super) fn words(args: &ApiArgs) -> Result<(Option<Method>, &str)> {
    const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let (word, path) = match args.words.as_slice() {
        [word] if METHODS.contains(&word.to_ascii_uppercase().as_str()) => {
            return Err(Failure::usage(format!("{word} is a method, and the path is missing"))
                .next(format!("give the path too: vimeo api {word} /me")));
        }
        [path] => (None, path),
        [method, path] => (Some(method), path),
        _ => return Err(Failure::usage("give a path, such as /me")),
    };
    let named = match (word, &args.method) {
        (Some(_), Some(_)) => return Err(Failure::usage("the method is given twice")),
        (word, flag) => word.or(flag.as_ref()),
    };
    // Some shells on Windows turn an argument that begins with / into a path of theirs.
    if path.get(1..3) == Some(":/") || path.get(1..3) == Some(":\\") {
        return Err(Failure::usage(format!("the shell made a file's path out of the argument: {path}"))
            .next("set MSYS_NO_PATHCONV=1, or leave the first / out"));
    }
    let method = named
        .map(|word| match word.to_ascii_uppercase().as_str() {
            "GET" => Ok(Method::GET),
            "POST" => Ok(Method::POST),
            "PUT" => Ok(Method::PUT),
            "PATCH" => Ok(Method::PATCH),
            "DELETE" => Ok(Method::DELETE),
            _ => Err(Failure::usage(format!(
                "`{word}` is no method of the API: GET, POST, PUT, PATCH, DELETE"
            ))),
        })
        .transpose()?;
    Ok((method, path))
}

/// Puts the user's number where `{me}` stands, and the `/` in front that may be left out.
pub(super) async fn fill_in(vimeo: &Vimeo, link: &str) -> Result<String> {
    let link = match link.starts_with('/') || link.contains("://") {
        true => link.to_owned(),
        false => format!("/{link}"),
    };
    if !link.contains("{me}") {
        if let Some(open) = link.find('{') {
            let name = link.get(open..).and_then(|rest| rest.split_inclusive('}').next()).unwrap_or("{");
            return Err(Failure::usage(format!("{name} stands for nothing; {{me}} is your user's number")));
        }
        return Ok(link);
    }
    let me = vimeo.get("/me").fields("uri").send().await?;
    let uri = me.get("uri").and_then(Value::as_str).unwrap_or_default();
    match uri.strip_prefix("/users/") {
        Some(number) => Ok(link.replace("{me}", number)),
        None => {
            Err(Failure::new(Exit::Auth, "{me} needs a user, and this token has none")
                .next("vimeo auth login"))
        }
    }
}

pub(super) async fn body(context: &Context<'_>, file: &str) -> Result<Value> {
    let bytes = context.streams.read_input(file).await?;
    let file = if file == "-" { "standard input" } else { file };
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(format!("{file} holds no JSON ({error}), and the API takes nothing else"))
            .next("give a file of JSON, or parameters with -f key=value")
    })
}

pub(super) fn one_header(line: &str) -> Result<(HeaderName, HeaderValue)> {
    let bad = || Failure::usage("a header is written as -H 'Name: value'");
    let (name, value) = line.split_once(':').ok_or_else(bad)?;
    let name: HeaderName = name.trim().parse().map_err(|_| bad())?;
    if name == header::AUTHORIZATION {
        return Err(Failure::usage("the Authorization header is the account's; give no other")
            .next("use --account NAME"));
    }
    Ok((name, HeaderValue::from_str(value.trim()).map_err(|_| bad())?))
}

pub(super) fn look_up(request: &Request, method_named: bool) -> Result<Option<&'static Operation>> {
    let query: Vec<String> = request.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    check(&Asked { method: &request.method, path: request.url.path(), query: &query, method_named })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_alone_is_no_path() {
        use clap::Parser;

        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: ApiArgs,
        }
        let read = |words: &[&str]| {
            let line = Line::try_parse_from([&["api"], words].concat()).unwrap();
            words_of(&line.args)
        };
        for word in ["GET", "delete"] {
            let missing = read(&[word]).unwrap_err();
            assert_eq!(missing.message(), format!("{word} is a method, and the path is missing"));
            assert!(missing.next_step().is_some_and(|next| next.contains("/me")));
        }
        assert_eq!(read(&["get", "me"]).unwrap(), (Some(Method::GET), "me".to_owned()));
        assert_eq!(read(&["/me"]).unwrap(), (None, "/me".to_owned()));
    }

    fn words_of(args: &ApiArgs) -> Result<(Option<Method>, String)> {
        words(args).map(|(method, path)| (method, path.to_owned()))
    }

    #[test]
    fn the_token_is_not_for_the_command_line_to_give() {
        assert!(one_header("Authorization: Bearer x").is_err());
        assert!(one_header("authorization : x").is_err());
        assert!(one_header("no colon").is_err());
        assert!(one_header("If-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT").is_ok());
    }
}
