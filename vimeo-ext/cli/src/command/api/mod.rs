//! `vimeo api`: any call.

mod answer;
mod dry_run;
mod line;

use std::time::Duration;

use clap::Args;
use http::Method;

use self::line::{body, fill_in, look_up, one_header, words};
use crate::api::{Cache, Form, PagePrinter, Parameters, query_pairs, redact};
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::{escaped, parse_duration};

/// Make any call of the API and print its answer
///
/// The table of the API's operations is asked first: a wrong method, a missing scope or an unknown parameter is said
/// before anything is sent. `vimeo ops WORDS` looks into that table.
#[derive(Debug, Args)]
#[command(after_help = "Scopes: those of the operation; vimeo ops PATH names them.\n\nExamples:\n  \
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
    let parameters = Parameters::read(&args.raw_field, &args.field, context.streams).await?;
    let input = match args.input.as_deref() {
        Some(file) => Some(body(context, file).await?),
        None => None,
    };
    let sends = !parameters.is_empty() || input.is_some();
    let method = named.clone().unwrap_or(if sends { Method::POST } else { Method::GET });

    let identity = context.identity().await?;
    let cache = match args.cache {
        Some(lifetime) => Some(Cache::of(&identity, context.cache().await?, lifetime)),
        None => None,
    };
    let mut builder = context.builder(identity, None)?;
    if let Some(cache) = cache {
        builder = builder.per_call_middleware(cache);
    }
    let vimeo = builder.build()?;
    let link = fill_in(&vimeo, link).await?;
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
        dry_run::show(context, &request, operation)?;
        return Ok(Exit::Done);
    }
    if args.verbose {
        context.streams.note(&escaped(&format!("> {} {}", request.method, redact::shown_url(&request.url))));
        context.streams.note(&format!(
            "> {}",
            operation.map_or("an operation that the table does not know", |operation| operation.id)
        ));
    }
    context.streams.page();
    if args.paginate || args.stream {
        let form = match (args.stream, args.slurp) {
            (true, _) => Form::Lines,
            (false, true) => Form::Pages,
            (false, false) => Form::Items,
        };
        PagePrinter { streams: context.streams, form, filter, limit: args.limit, silent: args.silent }
            .run(call)
            .await?;
        return Ok(Exit::Done);
    }
    answer::single(context, &args, call, filter.as_ref()).await
}
