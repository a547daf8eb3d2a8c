//! Which journal a client keeps.

use super::Journal;

/// Where unfinished uploads of files are written down.
#[derive(Debug, Clone, Default)]
pub(crate) enum JournalLocation {
    /// In the platform's folder, where there is one that can be written to.
    #[default]
    StateFolder,
    In(Journal),
    Off,
}

impl From<Option<Journal>> for JournalLocation {
    fn from(journal: Option<Journal>) -> Self {
        journal.map_or(Self::Off, Self::In)
    }
}
