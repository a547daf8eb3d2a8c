//! `vimeo api`: any call.

use std::io;
use std::time::Duration;

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use vimeo_ext::Vimeo;
use vimeo_ext::api::{Call, Operation, Request};

use crate::api::{Asked, Cache, Form, Parameters, Walk, check, query_pairs};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::{Filter, parse_duration};

/// Make any call of the API and print its answer
///
/// The table of the API's operations is asked first: a wrong method, a missing scope or an unknown parameter is said
/// before anything is sent. `vimeo ops WORDS` looks into that table.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo api /me --fields name,account\n  \
    $ vimeo api /me/videos --paginate --jq length\n  \
    $ vimeo api PATCH /videos/76979871 -f name='Surf' -f privacy[view]=nobody\n  \
    $ vimeo api -X GET /videos -f query=surf --fields uri,name --limit 5 --paginate\n  \
    $ vimeo api /categories --paginate --cache 1h --jq 'map(.name)'\n  \
    $ vimeo api POST /me/albums -f name=Trailers --dry-run\n\n\
    More: vimeo help syntax")]
pub(crate) struct ApiArgs {
    /// METHOD PATH, or PATH alone; {me} in the path stands for your user's number
    #[arg(required = true, num_args = 1..=2, value_names = ["METHOD", "PATH"])]
    words: Vec<String>,

    /// The method; without one GET, or POST when there are parameters
    #[arg(long, short = 'X', value_name = "METHOD")]
    method: Option<String>,

    /// A parameter as text: key=value, key[sub]=value, key[]=value
    #[arg(long, short = 'f', value_name = "KEY=VALUE")]
    raw_field: Vec<String>,

    /// A parameter whose value is read: true, false, null, an integer, @FILE, @- for standard input
    #[arg(long, short = 'F', value_name = "KEY=VALUE")]
    field: Vec<String>,

    /// A header
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// Print status and headers too
    #[arg(long, short = 'i')]
    include: bool,

    /// Send this file as the body, - for standard input; parameters then go to the query
    #[arg(long, value_name = "FILE")]
    input: Option<String>,

    /// Follow the pages and print all items as one array
    #[arg(long)]
    paginate: bool,

    /// With --paginate: print an array of the pages as they came
    #[arg(long, requires = "paginate", conflicts_with = "stream")]
    slurp: bool,

    /// Print each item of all pages on a line of its own, in constant memory
    #[arg(long)]
    stream: bool,

    /// At most so many items
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Ask for these fields of the answer alone
    #[arg(long, value_name = "FIELDS")]
    fields: Option<String>,

    /// Take answers that came at most so long ago, such as 10m; kept in the state folder, for your eyes alone
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    cache: Option<Duration>,

    /// Print nothing of the answer
    #[arg(long)]
    silent: bool,

    /// Say on standard error what is sent and what comes back
    #[arg(long)]
    verbose: bool,

    /// Print the request, its secrets blacked out, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Send also what the table of operations does not know
    #[arg(long)]
    no_check: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: ApiArgs) -> Result<Exit> {
    let filter = context.filter()?;
    let (named, link) = words(&args)?;
    let parameters = Parameters::read(&args.raw_field, &args.field, context.streams)?;
    let input = args.input.as_deref().map(|file| body(context, file)).transpose()?;
    let sends = !parameters.is_empty() || input.is_some();
    let method = named.clone().unwrap_or(if sends { Method::POST } else { Method::GET });

    let identity = context.identity().await?;
    let cache = match args.cache {
        Some(lifetime) => Some(Cache::of(&identity, context.cache().await?, lifetime)),
        None => None,
    };
    let mut builder = context.builder(identity, None)?;
    if let Some(cache) = cache {
        builder = builder.call_layer(cache);
    }
    let vimeo = builder.build()?;
    let link = fill_in(&vimeo, link).await?;
    let mut call = vimeo.api().call(method.clone(), &link);
    match (input, method == Method::GET) {
        (None, false) if !parameters.is_empty() => call = call.json(&parameters.into_body()),
        (input, _) => {
            for (name, value) in query_pairs(parameters)? {
                call = call.query(name, &value);
            }
            if let Some(body) = input {
                call = call.json(&body);
            }
        }
    }
    if let Some(fields) =
        args.fields.as_deref().or(context.global.json.as_deref()).filter(|list| !list.is_empty())
    {
        call = call.fields(fields);
    }
    for line in &args.header {
        let (name, value) = one_header(line)?;
        call = call.header(name, value);
    }
    // Also finds a host that is not the API's, before the table is asked.
    let request = call.clone().into_request()?;
    let operation = if args.no_check { call.operation() } else { look_up(&request, named.is_some())? };
    if method != Method::GET {
        context.may_write(&format!("{method} {}", request.url.path()))?;
    }
    if args.dry_run {
        show_request(context, &request, operation)?;
        return Ok(Exit::Done);
    }
    if args.verbose {
        context.streams.note(&format!("> {} {}", request.method, request.url));
        context.streams.note(&format!(
            "> {}",
            operation.map_or("an operation that the table does not know", |operation| operation.id)
        ));
    }
    if args.paginate || args.stream {
        let form = match (args.stream, args.slurp) {
            (true, _) => Form::Lines,
            (false, true) => Form::Pages,
            (false, false) => Form::Items,
        };
        Walk { streams: context.streams, form, filter, limit: args.limit, silent: args.silent }
            .run(call)
            .await?;
        return Ok(Exit::Done);
    }
    single(context, &args, call, filter.as_ref()).await
}

/// The method, where one was named, and the path or URL.
fn words(args: &ApiArgs) -> Result<(Option<Method>, &str)> {
    let (word, path) = match args.words.as_slice() {
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
async fn fill_in(vimeo: &Vimeo, link: &str) -> Result<String> {
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

fn body(context: &Context<'_>, file: &str) -> Result<Value> {
    let bytes = match file {
        "-" => context
            .streams
            .read_in()
            .map_err(|error| Failure::file("read", "standard input".as_ref(), &error))?,
        file => std::fs::read(file).map_err(|error| Failure::file("read", file.as_ref(), &error))?,
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage(format!("{file} holds no JSON ({error}), and the API takes nothing else"))
    })
}

fn one_header(line: &str) -> Result<(HeaderName, HeaderValue)> {
    let bad = || Failure::usage("a header is written as -H 'Name: value'");
    let (name, value) = line.split_once(':').ok_or_else(bad)?;
    let name: HeaderName = name.trim().parse().map_err(|_| bad())?;
    if name == header::AUTHORIZATION {
        return Err(Failure::usage("the Authorization header is the account's; give no other")
            .next("use --account NAME"));
    }
    Ok((name, HeaderValue::from_str(value.trim()).map_err(|_| bad())?))
}

fn look_up(request: &Request, method_named: bool) -> Result<Option<&'static Operation>> {
    let query: Vec<String> = request.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    check(&Asked { method: &request.method, path: request.url.path(), query: &query, method_named })
}

async fn single(
    context: &Context<'_>,
    args: &ApiArgs,
    call: Call<Value>,
    filter: Option<&Filter>,
) -> Result<Exit> {
    match call.send().await {
        Ok(answer) => {
            if args.verbose {
                show_headers(&answer.status().to_string(), answer.headers(), |line| {
                    context.streams.note(&format!("< {line}"));
                    Ok(())
                })?;
            }
            if args.include {
                head(context, &answer.status().to_string(), answer.headers())?;
            }
            if !args.silent {
                print(context, answer.bytes(), filter)?;
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            // What Vimeo said is data too: programs read it where they would have read the answer.
            if let Some(said) = error.api() {
                if args.include {
                    head(context, &said.status().to_string(), said.headers())?;
                }
                if !args.silent {
                    print(context, said.bytes(), None)?;
                }
            }
            Err(error.into())
        }
    }
}

fn print(context: &Context<'_>, bytes: &[u8], filter: Option<&Filter>) -> Result<()> {
    let streams = context.streams;
    if bytes.is_empty() {
        return Ok(());
    }
    let value = serde_json::from_slice::<Value>(bytes).ok();
    match (value, filter) {
        (Some(value), Some(filter)) => {
            for value in filter.run(Filter::input(&value)?) {
                streams.filtered(&value?)?;
            }
        }
        (Some(value), None) if streams.out_is_terminal() => streams.json(&value)?,
        _ => {
            streams.write(bytes)?;
            streams.line("")?;
        }
    }
    Ok(())
}

fn head(context: &Context<'_>, status: &str, headers: &HeaderMap) -> Result<()> {
    show_headers(status, headers, |line| context.streams.line(line))?;
    Ok(context.streams.line("")?)
}

fn show_headers(
    status: &str,
    headers: &HeaderMap,
    mut line: impl FnMut(&str) -> io::Result<()>,
) -> Result<()> {
    line(&format!("HTTP {status}"))?;
    for (name, value) in headers {
        line(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))?;
    }
    Ok(())
}

fn show_request(context: &Context<'_>, request: &Request, operation: Option<&Operation>) -> Result<()> {
    let streams = context.streams;
    streams.line(&format!("{} {}", request.method, request.url))?;
    for (name, value) in &request.headers {
        streams.line(&format!("{name}: {}", value.to_str().unwrap_or("(not text)")))?;
    }
    streams.line("authorization: [REDACTED]")?;
    if !request.body.is_empty() {
        streams.line("")?;
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(mut body) => {
                redact(&mut body);
                let text = serde_json::to_string_pretty(&body).unwrap_or_default();
                streams.line(&text)?;
            }
            Err(_) => streams.line("(a body that is no JSON)")?,
        }
    }
    if let Some(operation) = operation {
        let scopes =
            if operation.scopes.is_empty() { "none".to_owned() } else { operation.scopes.join(", ") };
        streams.note(&format!("{operation}; scopes needed: {scopes}; nothing was sent"));
    }
    Ok(())
}

/// Blacks out what is a secret by its name.
fn redact(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let secret = ["password", "secret", "token"].iter().any(|word| name.contains(word));
                if secret && !value.is_null() {
                    *value = Value::from("[REDACTED]");
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_blacked_out_at_any_depth() {
        let mut body = json!({"name": "x", "password": "p", "a": [{"client_secret": "s", "token": null}]});
        redact(&mut body);
        assert_eq!(
            body,
            json!({"name": "x", "password": "[REDACTED]", "a": [{"client_secret": "[REDACTED]", "token": null}]})
        );
    }

    #[test]
    fn the_token_is_not_for_the_command_line_to_give() {
        assert!(one_header("Authorization: Bearer x").is_err());
        assert!(one_header("authorization : x").is_err());
        assert!(one_header("no colon").is_err());
        assert!(one_header("If-Modified-Since: Wed, 21 Oct 2015 07:28:00 GMT").is_ok());
    }
}
