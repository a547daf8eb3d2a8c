//! What the service acknowledged to the caller of an account.

/// A change of status: from and to.
pub(super) type StatusChange<S> = (Option<S>, Option<S>);

/// What was acknowledged for one account.
#[derive(Debug, Default)]
pub(super) struct AcknowledgedAccount {
    pub(super) identifier: String,
    /// The user's token at the sandbox.
    pub(super) token: String,
    /// Status changes, in order. Each has to be in the events exactly once.
    pub(super) statuses: Vec<StatusChange<&'static str>>,
    /// Showcases that a tool created, by name. A tool is called once; `None` stands for an unknown outcome.
    pub(super) showcases: Vec<(String, Option<()>)>,
    pub(super) upload: Option<AcknowledgedUpload>,
    pub(super) connection: Option<AcknowledgedConnection>,
    /// Requests for an upload token with an unknown outcome.
    pub(super) unknown_tokens: usize,
    /// Items that a list returned over both processes, by URI.
    pub(super) listed: Vec<String>,
    pub(super) is_disconnected: bool,
}

/// What was acknowledged for an upload token.
#[derive(Debug)]
pub(super) struct AcknowledgedUpload {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) max_uploads: usize,
    /// The URIs of the videos.
    pub(super) videos: Vec<String>,
    /// Uploads with an unknown outcome.
    pub(super) unknown: usize,
    /// The last title that a tool gave to the first video.
    pub(super) title: Option<String>,
    pub(super) is_revoked: bool,
}

/// What was acknowledged for a stored connection.
#[derive(Debug)]
pub(super) struct AcknowledgedConnection {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: u64,
    pub(super) description: String,
}
