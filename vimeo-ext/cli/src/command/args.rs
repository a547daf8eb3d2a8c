//! Arguments shared by several commands.

use clap::{Arg, Args};

/// Options of a command that lists items.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Maximum number of items
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: u64,
    /// Only items that match these words
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
}

/// Names the item of a command in its help, for `mut_arg`: `item("VIDEO", "Video")` shows `<VIDEO>`.
///
/// `mut_arg` moves an argument to the end. Another positional argument has to follow by [`stay_last`].
pub(crate) fn item(value_name: &'static str, noun: &str) -> impl FnOnce(Arg) -> Arg {
    let help = format!("{noun} ID, URI or link");
    move |id| id.value_name(value_name).help(help)
}

/// Keeps a positional argument after those that `mut_arg` has moved.
pub(crate) fn stay_last(arg: Arg) -> Arg {
    arg
}

/// Selects one item; [`item`] names it.
#[derive(Debug, Args)]
pub(crate) struct ItemArgs {
    /// ID, URI or link
    pub(crate) id: String,
}

/// Selects an item to delete.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) item: ItemArgs,
    /// Skip the confirmation prompt
    #[arg(long)]
    pub(crate) yes: bool,
}
