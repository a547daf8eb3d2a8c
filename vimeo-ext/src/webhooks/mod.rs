//! Receiving what webhooks report.
//!
//! Webhooks are registered, listed, changed and deleted with the typed calls of
//! [`api_apps`](vimeo_api::Client::api_apps). A [`Receiver`] takes what Vimeo then posts: it checks that the request is
//! genuine, not too old and not one that was handled before, and gives it as an [`Event`].
//!
//! # Handled once, and not lost
//!
//! An event is claimed by whoever receives it, for 60 seconds ([`ReceiverBuilder::lease`]). Call [`Event::done`] once it is
//! handled, and then answer success. What comes of a delivery:
//!
//! | the event | its next delivery is answered |
//! |---|---|
//! | is being handled | 503, [`WebhookError::InProgress`], so that it is sent again |
//! | is `done` | 200, [`WebhookError::Repeated`] |
//! | was dropped: its handler returned an error, panicked or was cancelled | by handling it |
//! | was with a process that died | by handling it, once the claim has lapsed |
//!
//! A handler that fails between its work and `done` is given the event once more, so what it does should bear to be done
//! twice.
//!
//! # What is not known
//!
//! Vimeo names 17 kinds of events and says that a webhook's secret is passed on with the payload. It documents neither the
//! payload's members nor a signature: no header, no algorithm, no encoding. So nothing of that is built in. Look at what
//! arrives at your address, and tell the receiver where things are:
//!
//! ```
//! use vimeo_ext::webhooks::{Verifier, Encoding, Hash, Receiver, Signature};
//!
//! let receiver = Receiver::builder()
//!     .check(Verifier::signature(Signature::new("x-signature", Hash::Sha256, Encoding::Hex).prefix("sha256="), "s3cret"))
//!     .kind_at("/webhook_type")
//!     .delivery_at("/event_id")
//!     .sent_at("/created_on")
//!     .build()?;
//! # Ok::<(), vimeo_ext::webhooks::WebhookError>(())
//! ```

mod check;
mod event;
#[cfg(feature = "axum")]
mod extract;
mod receiver;
mod seen;

pub use check::{Encoding, Hash, Signature, Verifier};
pub use event::Event;
#[cfg(feature = "axum")]
pub use extract::{Rejection, Webhook};
pub use receiver::{Receiver, ReceiverBuilder, WebhookError};
pub use seen::{Claim, DeliveryDedup, InMemoryDedup};
pub use vimeo_api::types::WebhookType;
