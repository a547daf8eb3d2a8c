//! The options that every command takes.

use clap::Args;

use crate::output::ColourChoice;

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Act as this account rather than the active one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) account: Option<String>,

    /// Start a Vimeo on this machine for this command alone; no account is needed, nothing leaves the machine
    #[arg(long, global = true)]
    pub(crate) sandbox: bool,

    /// Another address of the API: https, or http to this machine
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Print JSON; with names, these fields alone, which is also all that Vimeo is asked for
    #[arg(
        long,
        global = true,
        value_name = "FIELDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub(crate) json: Option<String>,

    /// Run this jq filter over the JSON
    #[arg(long, short = 'q', global = true, value_name = "FILTER")]
    pub(crate) jq: Option<String>,

    /// Refuse whatever would change something at Vimeo
    #[arg(long, global = true)]
    pub(crate) read_only: bool,

    /// How long a call waits when the account has made too many; 0s gives up at once
    #[arg(long, global = true, value_name = "TIME", default_value = "2m", value_parser = crate::output::parse_duration)]
    pub(crate) wait_for_limit: std::time::Duration,

    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: ColourChoice,
}
