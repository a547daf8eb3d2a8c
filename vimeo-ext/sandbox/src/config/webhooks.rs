//! Delivery of events to webhooks.

use url::Url;

use super::signature::WebhookSignature;
use crate::protocol::names::is_control_path;

/// How events are delivered to webhooks.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebhookConfig {
    /// How requests are signed with a webhook's secret; `None` if they are not signed.
    pub(crate) signature: Option<WebhookSignature>,
    /// How many times a request that was not accepted is sent again.
    pub(crate) retries: u32,
    /// Addresses that receive all events of all worlds.
    pub(crate) forward_to: Vec<Url>,
    /// Addresses that webhooks may use, besides those.
    pub(crate) receivers: Vec<Url>,
    /// Whether webhooks may use no other address, because other machines can create webhooks.
    pub(crate) only_receivers: bool,
}

impl WebhookConfig {
    /// Returns why nothing is sent to an address; `None` if it is allowed.
    pub(crate) fn refusal(&self, url: &Url) -> Option<&'static str> {
        // A webhook must not gain access that its creator lacks.
        if is_control_path(url.path()) {
            return Some("webhooks are not sent to the control API of a sandbox");
        }
        let origin = url.origin();
        let mut allowed = self.forward_to.iter().chain(&self.receivers);
        match !self.only_receivers || allowed.any(|allowed| allowed.origin() == origin) {
            true => None,
            false => Some(
                "the sandbox listens to other machines, so it sends webhooks only to the addresses configured at its \
                 start; add this one with --webhook-receiver",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_reach_only_allowed_addresses() {
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
            let allowed = |config: &WebhookConfig| config.refusal(&url(address)).is_none();
            assert_eq!((allowed(&open), allowed(&guarded)), (when_open, when_guarded), "{address}");
        }
    }
}
