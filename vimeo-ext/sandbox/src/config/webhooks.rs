//! Who is told what happens, and how.

use url::Url;

use super::signature::WebhookSignature;
use crate::protocol::names::is_control_path;

/// Who is told what happens, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebhookConfig {
    /// How a webhook's request is signed with its secret; not at all where nothing is said.
    pub(crate) signature: Option<WebhookSignature>,
    /// How many more times a request is tried that was not taken.
    pub(crate) retries: u32,
    /// Addresses that all events of all worlds go to.
    pub(crate) forward_to: Vec<Url>,
    /// Addresses that webhooks may lead to, beside those.
    pub(crate) receivers: Vec<Url>,
    /// Whether webhooks may lead to no other address, since not only this machine can make them.
    pub(crate) only_receivers: bool,
}

impl WebhookConfig {
    /// Why nothing is sent to an address; `None` where it may be.
    pub(crate) fn refusal(&self, url: &Url) -> Option<&'static str> {
        // A webhook must not do what its maker may not.
        if is_control_path(url.path()) {
            return Some("it is the control API of a sandbox, to which no webhook is sent");
        }
        let origin = url.origin();
        let mut allowed = self.forward_to.iter().chain(&self.receivers);
        match !self.only_receivers || allowed.any(|allowed| allowed.origin() == origin) {
            true => None,
            false => Some(
                "the sandbox listens to other machines, so it sends only to addresses named at its start; \
                 name this one with --webhook-receiver",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_reach_only_what_their_makers_may_reach() {
        let url = |text: &str| Url::parse(text).unwrap();
        let open = WebhookConfig::default();
        let guarded = WebhookConfig {
            forward_to: vec![url("http://127.0.0.1:3000/all")],
            receivers: vec![url("http://localhost:4000/")],
            only_receivers: true,
            ..WebhookConfig::default()
        };
        for (address, when_open, when_guarded) in [
            ("http://127.0.0.1:3000/hook", true, true),
            ("http://localhost:4000/other?a=b", true, true),
            ("http://127.0.0.1:3001/hook", true, false),
            ("http://127.0.0.1:4000/", true, false),
            ("http://127.0.0.1:3000/_sandbox/reset", false, false),
            ("http://127.0.0.1:3000/a/../_sandbox", false, false),
        ] {
            let allowed = |telling: &WebhookConfig| telling.refusal(&url(address)).is_none();
            assert_eq!((allowed(&open), allowed(&guarded)), (when_open, when_guarded), "{address}");
        }
    }
}
