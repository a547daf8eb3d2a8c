//! Why a filter is refused.

/// Why a filter cannot be read or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct FilterError(pub(in super::super) String);

pub(super) type Result<T> = std::result::Result<T, FilterError>;

pub(super) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(FilterError(message.into()))
}
