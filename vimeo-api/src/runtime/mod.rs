//! The hand-written part of the crate: client, transport, decoding, pagination and errors.

mod access_error;
mod api_error;
mod call;
mod call_option;
mod checked_fields;
mod client;
mod conditional;
mod decode;
mod decode_error;
mod empty;
mod error;
mod excerpt;
mod fields;
mod id;
mod lenient;
mod loopback;
mod open_enum;
mod operation;
mod page;
mod pagination;
pub mod rate_limit;
mod reference;
mod report;
mod request;
mod response;
mod response_origin;
mod scope;
mod secret;
mod send;
mod size;
mod transport;
mod tree;
mod typed_call;
mod untagged;
mod uri;

pub use access_error::{
    AppCredentialsRejected, LoginRequired, MissingScope, Quota, QuotaExceeded, RateLimited,
    UploadAccessDenied,
};
pub use api_error::{ApiError, InvalidParameter};
pub use call::{Call, Endpoint, PathValue, QueryValue};
pub use call_option::{CallTimeout, RateLimitOption, RetryOption};
pub use client::{ACCEPT, API_BASE_URL, Client, ClientBuilder};
pub use conditional::{Conditional, ConditionalFuture};
pub use decode::{
    DecodeErrorKind, DecodeMode, Decoded, Inspection, SchemaMismatch, decode, inspect, round_trip,
};
pub use decode_error::DecodeError;
pub use empty::Empty;
pub use error::{ConnectionError, Delivery, Error};
pub use fields::Fields;
pub use id::{
    AppId, ChannelId, DomainName, FolderId, GroupId, InvalidId, ShowcaseId, TextTrackId, UserId, VersionId,
    VideoId, WebhookId,
};
#[doc(hidden)]
pub use loopback::is_loopback;
pub use open_enum::{OpenEnum, UnknownValue};
pub use operation::{Operation, QueryParameter};
pub use page::{Page, Paging};
pub use pagination::{Items, PageToken, Pages};
pub use rate_limit::RateLimit;
#[doc(hidden)]
pub use report::write_report;
pub use request::Request;
pub use response::{MAX_REDIRECTS, RawResponse, Response};
pub use response_origin::ResponseOrigin;
pub use scope::{Scope, ScopeSet};
pub use secret::{Secret, SignedUrl};
pub use send::ResponseFuture;
pub use transport::{ReqwestTransport, Transport, TransportFuture};
pub use typed_call::{OperationSpec, TypedCall};
pub use uri::{InvalidUri, ResourceUri};

// Not every description uses all of these.
#[allow(unused_imports)]
pub(crate) use id::{parse_id, resource};
#[allow(unused_imports)]
pub(crate) use open_enum::{deserialize_open_enum, open_enum, parse_known_value};
#[allow(unused_imports)]
pub(crate) use typed_call::operation_spec;
#[allow(unused_imports)]
pub(crate) use untagged::untagged_enum;
