//! The webhooks of an app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use vimeo_api::{OpenEnum, types};

use super::confirm::confirm;
use super::error::{ErrorKind, Failed, ToolError};
use super::outputs::{Ack, last_segment, time, uri, word};
use super::paging::{list, list_input};
use super::untrusted::{clean, quoted};
use super::videos::read;
use super::{
    AppId, Context, Cost, Disclosure, Effect, KnownValue, Listing, Output, Spec, Tool, Toolset, WebhookId,
};

/// A webhook. Its secret is never told.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Webhook {
    /// The id: what other tools take as `webhook_id`.
    pub id: String,
    /// The URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// What it tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_type: Option<String>,
    /// Where it tells it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Whether it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// When it was made, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

impl Output for Webhook {}

impl From<types::Webhook> for Webhook {
    fn from(hook: types::Webhook) -> Self {
        Self {
            id: last_segment(hook.uri.as_deref()).unwrap_or_default(),
            uri: uri(hook.uri),
            webhook_type: hook.webhook_type.as_ref().map(word),
            webhook_url: hook.webhook_url.map(|url| clean(&url, 500)),
            enabled: hook.is_enabled,
            created: hook.created_on.map(time),
        }
    }
}

const FIELDS: &str = "uri,webhook_type,webhook_url,is_enabled,created_on";

/// What was registered, and what Vimeo has no event for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WebhooksCreated {
    /// The webhook, where it is one alone.
    #[serde(flatten)]
    pub webhook: Option<Webhook>,
    /// All that were registered.
    pub webhooks: Vec<Webhook>,
    /// The events, as they were asked for, that Vimeo has none for: of these nothing will be heard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_registered: Vec<String>,
    /// Where Vimeo's event is not quite what was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Output for WebhooksCreated {}

/// Arguments of [`WebhookCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreateInput {
    /// The event to hear of; for several use event_types.
    pub webhook_type: Option<KnownValue<types::WebhookType>>,
    /// Several events at once: words of webhook_type, also written as video.transcode.complete.
    pub event_types: Option<Vec<String>>,
    /// https address that receives it.
    #[schemars(extend("x-listed" = true))]
    pub webhook_url: String,
    /// Passed along with each delivery.
    #[schemars(extend("x-listed" = true))]
    pub secret: Option<String>,
    /// Default: the token's app.
    #[schemars(with = "Option<String>")]
    pub app_id: Option<AppId>,
}

impl WebhookCreateInput {
    /// The events to register, when the arguments fit each other.
    fn events(&self) -> Result<Events, Failed> {
        if !Url::parse(&self.webhook_url).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
            let message = "webhook_url is no https address.";
            return Err(Box::new(ToolError::input(
                "webhook_url",
                message,
                "Give one such as https://example.com/hook.",
            )));
        }
        let events = match (&self.webhook_type, &self.event_types) {
            (Some(kind), None) => Events { known: vec![kind.clone().into_inner()], ..Events::default() },
            (None, Some(asked)) => Events::of(asked),
            _ => {
                let message = "One of webhook_type and event_types is needed, and not both.";
                let next = "Give webhook_type for one event, event_types for several.";
                return Err(Box::new(ToolError::input("webhook_type", message, next)));
            }
        };
        if events.known.is_empty() {
            let message = match events.unknown.as_slice() {
                [] => "event_types names no event.".to_owned(),
                unknown => format!("Vimeo has no event {}; nothing was registered.", unknown.join(", ")),
            };
            let next = format!("Give some of {}.", types::WebhookType::VALUES.join(", "));
            return Err(Box::new(ToolError::input("event_types", message, next)));
        }
        Ok(events)
    }
}

/// What to register of the events that were asked for.
#[derive(Debug, Default, PartialEq)]
struct Events {
    known: Vec<types::WebhookType>,
    unknown: Vec<String>,
    notes: Vec<String>,
}

/// The end of an upload, which Vimeo tells of with an event of another name.
const UPLOADED: [&str; 2] = ["video-upload-complete", "video-uploaded"];

impl Events {
    /// Vimeo's words for events, which may be written with dots or underscores as well.
    fn of(asked: &[String]) -> Self {
        let mut events = Self::default();
        for event in asked {
            let shown = clean(event, 60);
            let word = event.trim().to_ascii_lowercase().replace(['.', '_'], "-");
            let kind = if let Ok(known) = types::WebhookType::try_from(word.as_str()) {
                known
            } else if UPLOADED.contains(&word.as_str()) {
                let created = types::WebhookType::VideoCreated;
                events.notes.push(format!(
                    "For {shown} Vimeo has {created}: it is sent when the video is created; that it can be played, \
                     video-transcode-playable says."
                ));
                created
            } else {
                events.unknown.push(shown);
                continue;
            };
            if !events.known.contains(&kind) {
                events.known.push(kind);
            }
        }
        events
    }
}

/// `vimeo_webhook_create`
#[derive(Debug)]
pub struct WebhookCreate;

impl Tool for WebhookCreate {
    type Input = WebhookCreateInput;
    type Output = WebhooksCreated;
    const ALIASES: &[(&str, &str)] = &[("url", "webhook_url")];
    const SPEC: Spec = Spec {
        name: "vimeo_webhook_create",
        title: "Register a webhook",
        description: "Lets Vimeo post events of the app to an https address; each call registers another. See those there \
                      are with vimeo_webhooks_list. Needs consent.",
        scopes: &["private"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Webhooks),
        toolset: Toolset::Webhooks,
        cost: Cost::Two,
        check: "It may be registered now: look for its address with vimeo_webhooks_list before you create it again.",
    };

    async fn disclosure(context: &Context, input: &Self::Input) -> Result<Option<String>, Failed> {
        let events = input.events()?;
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let kinds: Vec<String> = events.known.iter().map(ToString::to_string).collect();
        let (kinds, address) = (quoted(&kinds.join(", "), 500), quoted(&input.webhook_url, 300));
        Ok(Some(format!("have the events {kinds} of app {app} sent to {address}")))
    }

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let events = input.events()?;
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let mut webhooks: Vec<Webhook> = Vec::new();
        for kind in events.known {
            let mut body = types::AppWebhookBody::default();
            body.webhook_type = Some(kind);
            body.webhook_url = Some(input.webhook_url.clone());
            body.secret = input.secret.clone().map(Into::into);
            let call = context.api().api_apps().create_app_webhook(app).body(body).fields(FIELDS);
            match context.send(&Self::SPEC, call.into_call()).await {
                Ok(created) => webhooks.push(created.into_inner().into()),
                Err(mut error) => {
                    if error.kind == ErrorKind::UnknownOutcome {
                        let arguments = json!({"app_id": app.to_string()});
                        *error = error.check("vimeo_webhooks_list", arguments);
                    }
                    let done = webhooks.iter().map(|hook| {
                        format!("registered {} as {}", hook.webhook_type.as_deref().unwrap_or("it"), hook.id)
                    });
                    error.done_before.extend(done);
                    return Err(error);
                }
            }
        }
        let webhook = <[Webhook; 1]>::try_from(webhooks.clone()).ok().map(|[only]| only);
        Ok(WebhooksCreated { webhook, webhooks, not_registered: events.unknown, notes: events.notes })
    }
}

list_input! {
    /// Arguments of [`WebhooksList`].
    #[derive(Default)]
    pub struct WebhooksListInput {
        required {}
        optional {
            /// Default: the token's app.
            #[schemars(with = "Option<String>")]
            pub app_id: AppId,
        }
    }
}

/// `vimeo_webhooks_list`
#[derive(Debug)]
pub struct WebhooksList;

impl Tool for WebhooksList {
    type Input = WebhooksListInput;
    type Output = Listing<Webhook>;
    const SPEC: Spec = read(
        "vimeo_webhooks_list",
        "List webhooks",
        "Lists the webhooks of the app: event type, address, whether they are on.",
        &["private"],
        Toolset::Webhooks,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let call = context.api().api_apps().list_app_webhooks(app).into_call();
        list(context, &Self::SPEC, &input, call, FIELDS, Webhook::from).await
    }
}

/// Arguments of [`WebhookDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookDeleteInput {
    /// Number or URI.
    #[schemars(with = "String")]
    pub webhook_id: WebhookId,
    /// The webhook's current webhook_url, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
    /// Default: the token's app.
    #[schemars(with = "Option<String>")]
    pub app_id: Option<AppId>,
}

/// `vimeo_webhook_delete`
#[derive(Debug)]
pub struct WebhookDelete;

impl Tool for WebhookDelete {
    type Input = WebhookDeleteInput;
    type Output = Ack;
    const SPEC: Spec = Spec {
        name: "vimeo_webhook_delete",
        title: "Remove a webhook",
        description: "Removes one webhook. Read its webhook_url with vimeo_webhooks_list first and give it \
                      as confirm.",
        scopes: &["private"],
        effect: Effect::Delete,
        discloses: None,
        toolset: Toolset::Webhooks,
        cost: Cost::Two,
        check: "",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let named = input.app_id.or(input.webhook_id.app().map(AppId::from));
        let app = context.app(&Self::SPEC, named).await?;
        let id = input.webhook_id.number();
        let look = context.api().api_apps().get_app_webhook(app, id).fields("webhook_url").into_call();
        let found = context.send(&Self::SPEC, look).await?;
        let how = "find it with vimeo_webhooks_list.";
        confirm(context, &Self::SPEC, "webhook", &input.confirm, found.webhook_url.as_deref(), how).await?;
        let call = context.api().api_apps().delete_app_webhook(app, id).into_call();
        context.send(&Self::SPEC, call).await?;
        Ok(Ack::new("The webhook is removed.", &id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for, what is registered, what is not, and how many notes there are.
    type Case = (&'static [&'static str], Vec<types::WebhookType>, &'static [&'static str], usize);

    #[test]
    fn events_are_vimeos_words_however_they_are_written_and_the_rest_is_named() {
        use types::WebhookType::{LiveEventStarted, VideoCreated, VideoTranscodeComplete, VideoUploadFailed};
        let cases: [Case; 6] = [
            (&["video-upload-failed"], vec![VideoUploadFailed], &[], 0),
            (
                &["video.transcode.complete", "live_event_started"],
                vec![VideoTranscodeComplete, LiveEventStarted],
                &[],
                0,
            ),
            (&["Video.Transcode.Complete", "video-transcode-complete"], vec![VideoTranscodeComplete], &[], 0),
            (
                &["video.upload.complete", "video.transcode.complete", "video.privacy.change"],
                vec![VideoCreated, VideoTranscodeComplete],
                &["video.privacy.change"],
                1,
            ),
            (&["video.comment.add", ""], vec![], &["video.comment.add", ""], 0),
            (&[], vec![], &[], 0),
        ];
        for (asked, known, unknown, notes) in cases {
            let asked: Vec<String> = asked.iter().map(|event| (*event).to_owned()).collect();
            let events = Events::of(&asked);
            assert_eq!(events.known, known, "{asked:?}");
            assert_eq!(events.unknown, unknown, "{asked:?}");
            assert_eq!(events.notes.len(), notes, "{asked:?}");
        }
    }
}
