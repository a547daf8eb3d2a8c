//! Arguments shared by several commands.

use clap::Args;

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

/// Selects one item.
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
