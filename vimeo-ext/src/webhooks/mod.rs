//! Receiving webhooks: verifying, deduplicating and parsing what Vimeo posts.
//!
//! Register, list, change and delete webhooks with the typed calls of [`api_apps`](vimeo_api::Client::api_apps). A
//! [`Receiver`] handles the requests that Vimeo then posts: it verifies that a request is genuine, not too old and not a
//! duplicate, and returns it as an [`Event`]. With the feature `axum`, `Webhook` is an extractor that does this in a handler.
//!
//! # At-least-once handling
//!
//! Receiving an event claims its delivery for 60 seconds ([`ReceiverBuilder::lease`]). Call [`Event::done`] after the event
//! is handled, and respond with success only then. What happens to the next delivery of the same event:
//!
//! | the event | the next delivery gets |
//! |---|---|
//! | is being handled | 503, [`WebhookError::InProgress`], so that Vimeo sends it again |
//! | is `done` | 200, [`WebhookError::Duplicate`] |
//! | was dropped, because its handler returned an error, panicked or was cancelled | handled |
//! | was claimed by a process that died | handled, once the claim has expired |
//!
//! A handler that fails after its work but before `done` receives the event again, so its work should be idempotent.
//!
//! # What Vimeo does not document
//!
//! Vimeo names 17 types of events and says that a webhook's secret is passed along with the payload. It documents neither
//! the members of the payload nor a signature: no header, no algorithm, no encoding. So none of that is built in. Look at
//! the requests that arrive at your endpoint, and configure the receiver accordingly:
//!
//! ```
//! use vimeo_ext::webhooks::{Encoding, Hash, Receiver, Signature, Verifier};
//!
//! let receiver = Receiver::builder()
//!     .verifier(Verifier::signature(Signature::new("x-signature", Hash::Sha256, Encoding::Hex).prefix("sha256="), "s3cret"))
//!     .kind_at("/webhook_type")
//!     .delivery_id_at("/event_id")
//!     .sent_at("/created_on")
//!     .build()?;
//! # Ok::<(), vimeo_ext::webhooks::WebhookError>(())
//! ```

mod dedup;
mod event;
#[cfg(feature = "axum")]
mod extract;
mod receiver;
mod verifier;

pub use dedup::{Claim, DeliveryDedup, InMemoryDedup};
pub use event::Event;
#[cfg(feature = "axum")]
pub use extract::{Rejection, Webhook};
pub use receiver::{Receiver, ReceiverBuilder, WebhookError};
pub use verifier::{Encoding, Hash, Signature, Verifier};
pub use vimeo_api::types::WebhookType;
