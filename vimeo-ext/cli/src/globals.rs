//! The global options.

use clap::Args;

use crate::output::ColorChoice;

/// Options that every command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Use this account instead of the active one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) account: Option<String>,

    /// Run against a local sandbox that exists for this command only; needs no account or network
    #[arg(long, global = true)]
    pub(crate) sandbox: bool,

    /// API base URL; plain http is accepted for this machine only
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Print JSON with these fields only, and request no others from Vimeo; without FIELDS, list the available fields,
    /// or print the whole document if the command has none
    #[arg(
        long,
        global = true,
        value_name = "FIELDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub(crate) json: Option<String>,

    /// Filter the JSON output with a jq expression
    #[arg(long, short = 'q', global = true, value_name = "FILTER")]
    pub(crate) jq: Option<String>,

    /// Refuse commands that would change anything on Vimeo
    #[arg(long, global = true)]
    pub(crate) read_only: bool,

    /// How long to wait for the rate limit to reset; 0s fails immediately
    #[arg(long, global = true, value_name = "TIME", default_value = "2m", value_parser = crate::output::parse_duration)]
    pub(crate) wait_for_limit: std::time::Duration,

    /// Colorize the output
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: ColorChoice,
}
