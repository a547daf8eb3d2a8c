//! `vimeo api`: makes any API call.

mod arguments;
mod dry_run;
mod response;

use std::time::Duration;

use clap::Args;
use http::Method;

use self::arguments::{expand_path, look_up_operation, method_and_path, parse_header, read_body};
use crate::api::{Cache, ListFormat, PagePrinter, Parameters, query_pairs, redact};
use crate::context::Context;
use crate::exit::{ExitCode, Result};
use crate::output::{escape_controls, parse_duration};

/// Make an API call and print the response
///
/// The call is checked against the API's operations first: a wrong method, a missing scope or an unknown parameter is
/// reported before anything is sent. `vimeo ops` searches the operations.
#[derive(Debug, Args)]
#[command(after_help = "Scopes: those of the operation; see vimeo ops PATH.\n\nExamples:\n  \
    $ vimeo api /me --fields name,account\n  \
    $ vimeo api /me/videos --paginate --jq length\n  \
    $ vimeo api PATCH /videos/76979871 -f name='Surf' -f privacy[view]=nobody\n  \
    $ vimeo api -X GET /videos -f query=surf --fields uri,name --limit 5 --paginate\n  \
    $ vimeo api /categories --paginate --cache 1h --jq 'map(.name)'\n  \
    $ vimeo api POST /me/albums -f name=Trailers --dry-run\n\n\
    See also: vimeo help syntax")]
pub(crate) struct ApiArgs {
    /// HTTP method (optional) and path; {me} in the path is replaced by your user ID
    #[arg(required = true, num_args = 1..=2, value_names = ["METHOD", "PATH"])]
    words: Vec<String>,

    /// HTTP method [default: GET, or POST if there are parameters]
    #[arg(long, short = 'X', value_name = "METHOD")]
    method: Option<String>,

    /// Add a string parameter: key=value, key[sub]=value, key[]=value
    #[arg(long, short = 'f', value_name = "KEY=VALUE")]
    raw_field: Vec<String>,

    /// Add a typed parameter: true, false, null, an integer, @FILE, or @- for standard input
    #[arg(long, short = 'F', value_name = "KEY=VALUE")]
    field: Vec<String>,

    /// Add a request header
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// Include the response status and headers in the output
    #[arg(long, short = 'i')]
    include: bool,

    /// Send this file as the request body (- for standard input); parameters then form the query
    #[arg(long, value_name = "FILE")]
    input: Option<String>,

    /// Fetch all pages and print all items as one array
    #[arg(long)]
    paginate: bool,

    /// With --paginate, print an array of whole pages
    #[arg(long, requires = "paginate", conflicts_with = "stream")]
    slurp: bool,

    /// Fetch all pages and print one item per line, in constant memory
    #[arg(long)]
    stream: bool,

    /// Maximum number of items
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Request only these response fields
    #[arg(long, value_name = "FIELDS")]
    fields: Option<String>,

    /// Reuse responses that are at most this old, e.g. 10m; they are cached in the state folder, readable only by you
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    cache: Option<Duration>,

    /// Do not print the response
    #[arg(long)]
    silent: bool,

    /// Log the request and the response on standard error
    #[arg(long)]
    verbose: bool,

    /// Print the request with secrets redacted, without sending it
    #[arg(long)]
    dry_run: bool,

    /// Skip the check against the API's operations
    #[arg(long)]
    no_check: bool,
}

pub(crate) async fn run(context: &Context<'_>, args: ApiArgs) -> Result<ExitCode> {
    let filter = context.filter()?;
    let (explicit_method, link) = method_and_path(&args)?;
    let parameters = Parameters::parse(&args.raw_field, &args.field, context.streams).await?;
    let input = match args.input.as_deref() {
        Some(file) => Some(read_body(context, file).await?),
        None => None,
    };
    let has_body = !parameters.is_empty() || input.is_some();
    let method = explicit_method.clone().unwrap_or(if has_body { Method::POST } else { Method::GET });

    let identity = context.identity().await?;
    let cache = match args.cache {
        Some(lifetime) => Some(Cache::for_identity(&identity, context.cache().await?, lifetime)),
        None => None,
    };
    let mut builder = context.builder(identity, None)?;
    if let Some(cache) = cache {
        builder = builder.per_call_middleware(cache);
    }
    let vimeo = builder.build()?;
    let link = expand_path(&vimeo, link).await?;
    let mut call = vimeo.api().call(method.clone(), &link);
    match (input, method == Method::GET) {
        (None, false) if !parameters.is_empty() => call = call.json(&parameters.into_body()),
        (input, _) => {
            for (name, value) in query_pairs(parameters)? {
                call = call.query(name, value);
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
        let (name, value) = parse_header(line)?;
        call = call.header(name, value);
    }
    // Also rejects other hosts, before the operation is looked up.
    let request = call.clone().into_request()?;
    let operation = if args.no_check {
        call.operation()
    } else {
        look_up_operation(&request, explicit_method.is_some())?
    };
    if method != Method::GET {
        context.check_write_allowed(&format!("{method} {}", request.url.path()))?;
    }
    if args.dry_run {
        dry_run::show(context, &request, operation)?;
        return Ok(ExitCode::Done);
    }
    if args.verbose {
        context.streams.note(&escape_controls(&format!(
            "> {} {}",
            request.method,
            redact::redacted_url(&request.url)
        )));
        context
            .streams
            .note(&format!("> {}", operation.map_or("unknown operation", |operation| operation.id)));
    }
    context.streams.start_pager();
    if args.paginate || args.stream {
        let format = match (args.stream, args.slurp) {
            (true, _) => ListFormat::JsonLines,
            (false, true) => ListFormat::Pages,
            (false, false) => ListFormat::Items,
        };
        PagePrinter { streams: context.streams, format, filter, limit: args.limit, silent: args.silent }
            .run(call)
            .await?;
        return Ok(ExitCode::Done);
    }
    response::single(context, &args, call, filter.as_ref()).await
}
