//! The stable exit codes.

/// An exit code. The codes and categories are stable; callers should treat unknown codes as failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExitCode {
    Done,
    Other,
    Usage,
    NotFound,
    Auth,
    Temporary,
    Refused,
    RateLimited,
    Pending,
    Partly,
    WriteRefused,
    HungUp,
    Interrupted,
    Terminated,
}

impl ExitCode {
    pub(crate) const ALL: [Self; 14] = [
        Self::Done,
        Self::Other,
        Self::Usage,
        Self::NotFound,
        Self::Auth,
        Self::Temporary,
        Self::Refused,
        Self::RateLimited,
        Self::Pending,
        Self::Partly,
        Self::WriteRefused,
        Self::HungUp,
        Self::Interrupted,
        Self::Terminated,
    ];

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Auth => 4,
            Self::Temporary => 5,
            Self::Refused => 6,
            Self::RateLimited => 7,
            Self::Pending => 8,
            Self::Partly => 9,
            Self::WriteRefused => 11,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// A category name, stable across releases.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Other => "other",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Auth => "auth",
            Self::Temporary => "temporary",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limit",
            Self::Pending => "pending",
            Self::Partly => "partly_done",
            Self::WriteRefused => "write_refused",
            Self::HungUp => "hung_up",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "success",
            Self::Other => "other error, such as a full disk",
            Self::Usage => "usage error: invalid command line, or a file named on it cannot be used",
            Self::NotFound => "not found on Vimeo, or not accessible to this account",
            Self::Auth => "not logged in, token rejected, or missing scope",
            Self::Temporary => "connection or Vimeo failure; the same command can work later",
            Self::Refused => "permanently refused: quota, plan, upload access or invalid values",
            Self::RateLimited => "rate limited; the message says when to retry",
            Self::Pending => "uploaded, but not transcoded before the timeout",
            Self::Partly => "partly done; each item has its own code",
            Self::WriteRefused => {
                "write refused before contacting Vimeo: read-only mode, not confirmed, or changed by others meanwhile"
            }
            Self::HungUp => "the terminal was closed",
            Self::Interrupted => "interrupted (Ctrl-C)",
            Self::Terminated => "terminated",
        }
    }

    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::Temporary | Self::RateLimited | Self::Pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_categories_are_stable_and_unique() {
        let codes: Vec<u8> = ExitCode::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 129, 130, 143]);
        let mut words: Vec<_> = ExitCode::ALL.iter().map(|exit| exit.category()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ExitCode::ALL.len());
    }
}
