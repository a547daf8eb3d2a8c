//! What the generated calls stand on: the client, its transport, decoding and errors.

mod answer;
mod api_error;
mod call;
mod call_option;
mod client;
mod conditional;
mod decode;
mod decode_error;
mod error;
mod excerpt;
mod fields;
mod id;
mod kind;
mod lenient;
mod list;
mod open_enum;
mod operation;
mod page;
pub mod rate_limit;
mod reference;
mod refusal;
mod report;
mod request;
mod response;
mod scope;
mod secret;
mod send;
mod sender;
mod size;
mod transport;
mod tree;
mod typed_call;
mod uri;

pub use answer::{Empty, Maybe};
pub use api_error::{ApiError, InvalidParameter};
pub use call::{Call, Endpoint, PathValue, QueryValue};
pub use call_option::{CallTimeout, RateLimitOption, RetryOption};
pub use client::{ACCEPT, API_BASE_URL, Client, ClientBuilder};
pub use conditional::{Changed, PendingChange};
pub use decode::{
    DecodeFailure, DecodeMode, Decoded, Inspection, SchemaMismatch, decode, inspect, round_trip,
};
pub use decode_error::DecodeError;
pub use error::{ConnectionError, Delivery, Error};
pub use fields::Fields;
pub use id::{
    AppId, ChannelId, DomainName, FolderId, GroupId, InvalidId, ShowcaseId, TextTrackId, UserId, VersionId,
    VideoId, WebhookId,
};
pub use list::{Items, Pages, Position};
pub use open_enum::{OpenEnum, UnknownWord};
pub use operation::{Operation, QueryParameter};
pub use page::{Page, Paging};
pub use rate_limit::RateLimit;
pub use refusal::{
    AppRefused, MissingScope, NeedsLogin, Quota, QuotaExceeded, RateLimited, UploadAccessDenied,
};
#[doc(hidden)]
pub use report::write_report;
pub use request::Request;
pub use response::{MAX_REDIRECTS, RawResponse, Response};
pub use scope::{Scope, ScopeSet};
pub use secret::{Secret, SignedUrl};
pub use send::ResponseFuture;
pub use sender::Sender;
pub use transport::{ReqwestTransport, Transport, TransportFuture};
pub use typed_call::{OperationSpec, TypedCall};
pub use uri::{InvalidUri, ResourceUri};

// A description need not have a set of words, a choice or a marked ID; ours has all of them.
#[allow(unused_imports)]
pub(crate) use id::{read_id, resource};
#[allow(unused_imports)]
pub(crate) use kind::by_kind;
#[allow(unused_imports)]
pub(crate) use open_enum::{known_word, open_enum, read_word};
#[allow(unused_imports)]
pub(crate) use typed_call::operation_spec;
