//! The promised exit codes.

/// A promised exit code. What is not known is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
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

impl Exit {
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

    /// One word, the same in every release.
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
            Self::Done => "done",
            Self::Other => "failed for another reason, such as a full disk",
            Self::Usage => "the command line, or a file named on it, cannot be used as it is",
            Self::NotFound => "Vimeo has no such thing, or not for this account",
            Self::Auth => "no login, a login that is no longer taken, or a scope that it lacks",
            Self::Temporary => "a connection or Vimeo failed; the same command may work later",
            Self::Refused => "refused for good: quota, plan, upload access, or values Vimeo does not take",
            Self::RateLimited => "too many calls; the message says when to come back",
            Self::Pending => "uploaded, but not transcoded within the time allowed",
            Self::Partly => "some of several things were done; each has a code of its own",
            Self::WriteRefused => {
                "a write was refused here, before Vimeo was asked: read-only, or not confirmed"
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
    fn every_code_is_its_own_and_has_a_word_and_a_meaning() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 129, 130, 143]);
        let mut words: Vec<_> = Exit::ALL.iter().map(|exit| exit.category()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Exit::ALL.len());
    }
}
