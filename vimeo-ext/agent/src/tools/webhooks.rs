//! The webhooks of an app.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use url::Url;
use vimeo_api::{OpenEnum, types};

use super::confirm::confirm;
use super::error::{BoxedError, ErrorKind, ToolError, invalid};
use super::outputs::{Ack, ApiObject, last_segment, output, time, uri, value};
use super::paging::{list, list_input};
use super::tool::{Tool, tool};
use super::untrusted::{clean, quoted};
use super::{
    AppId, Context, Cost, Detail, Disclosure, Effect, EventSubscription, EventSubscriptions, KnownValue,
    Listing, NewEventSubscription, Output, PolledEvent, SUBSCRIPTION_ID_PREFIX, SubscriptionError, Toolset,
    WebhookId,
};

output! {
    /// A webhook, without its secret.
    pub struct Webhook {
        /// The ID: what other tools take as `webhook_id`.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// The event it sends.
            pub webhook_type: Option<String>,
            /// The URL it sends events to.
            pub webhook_url: Option<String>,
            /// Whether it is enabled.
            pub enabled: Option<bool>,
            /// When it was created, in ISO 8601.
            pub created_on: Option<String>,
            /// Who finds its events: `service` if this service polls for them, left out if Vimeo sends them.
            pub source: Option<String>,
        }
    }
}

impl ApiObject for types::Webhook {
    type Output = Webhook;

    fn fields(_: Detail) -> &'static str {
        "uri,webhook_type,webhook_url,is_enabled,created_on"
    }
}

impl From<types::Webhook> for Webhook {
    fn from(hook: types::Webhook) -> Self {
        Self {
            id: last_segment(hook.uri.as_deref()).unwrap_or_default(),
            uri: uri(hook.uri),
            webhook_type: hook.webhook_type.as_ref().map(value),
            webhook_url: hook.webhook_url.map(|url| clean(&url, 500)),
            enabled: hook.is_enabled,
            created_on: hook.created_on.map(time),
            source: None,
        }
    }
}

impl From<EventSubscription> for Webhook {
    fn from(subscription: EventSubscription) -> Self {
        Self {
            id: subscription.id,
            uri: None,
            webhook_type: Some(names_of(&subscription.events)),
            webhook_url: Some(clean(&subscription.url, 500)),
            enabled: Some(true),
            created_on: Some(time(subscription.created_at)),
            source: Some("service".to_owned()),
        }
    }
}

fn names_of(events: &[PolledEvent]) -> String {
    events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ")
}

/// The registered webhooks, and the requested events that Vimeo does not have.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WebhooksCreated {
    /// The webhook, if only one was registered.
    #[serde(flatten)]
    pub webhook: Option<Webhook>,
    /// All registered webhooks.
    pub webhooks: Vec<Webhook>,
    /// The subscription to events that Vimeo does not have, for which this service polls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polled: Option<PolledSubscription>,
    /// The requested events that Vimeo does not have, as they were given; nothing will be sent for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_registered: Vec<String>,
    /// Differences between requested and registered events, and what to do about events that Vimeo lacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Output for WebhooksCreated {}

/// A subscription to events that Vimeo does not have, for which a service polls.
#[derive(Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PolledSubscription {
    /// The ID: what other tools take as `webhook_id`.
    pub id: String,
    /// The events.
    pub events: Vec<String>,
    /// How late events can be, in seconds: the time between two polls.
    pub delay_s: u64,
    /// The secret that signs deliveries, which is shown only now; left out if the call had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Without the secret.
impl fmt::Debug for PolledSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledSubscription")
            .field("id", &self.id)
            .field("events", &self.events)
            .field("delay_s", &self.delay_s)
            .finish_non_exhaustive()
    }
}

/// Arguments of [`WebhookCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreateInput {
    /// The event; for several use event_types.
    pub webhook_type: Option<KnownValue<types::WebhookType>>,
    /// Several events: values of webhook_type, also written as video.transcode.complete.
    pub event_types: Option<Vec<String>>,
    /// https URL that receives it.
    #[schemars(extend("x-listed" = true))]
    pub webhook_url: String,
    /// Sent with each delivery.
    #[schemars(extend("x-listed" = true))]
    pub secret: Option<String>,
    /// Default: the token's app.
    #[schemars(with = "Option<String>")]
    pub app_id: Option<AppId>,
}

impl WebhookCreateInput {
    /// Returns the events to register if the arguments are valid. `polls` says whether a service polls for some of those that
    /// Vimeo does not have.
    fn events(&self, polls: bool) -> Result<Events, BoxedError> {
        let events = self.parse_events(polls)?;
        let is_for_vimeo = !events.known.is_empty() || !polls;
        if is_for_vimeo
            && !Url::parse(&self.webhook_url).is_ok_and(|url| url.scheme() == "https" && url.has_host())
        {
            let next = "Give one such as https://example.com/hook.";
            return invalid("webhook_url", "webhook_url is not an https URL.", next);
        }
        if events.known.is_empty() && events.polled.is_empty() {
            let message = match events.unknown.as_slice() {
                [] => "event_types is empty.".to_owned(),
                unknown => {
                    let notes: String = events.notes.iter().map(|note| format!(" {note}")).collect();
                    format!("Vimeo has no event {}; nothing was registered.{notes}", unknown.join(", "))
                }
            };
            let next = format!("Give some of {}.", types::WebhookType::VALUES.join(", "));
            return invalid("event_types", message, next);
        }
        Ok(events)
    }

    fn parse_events(&self, polls: bool) -> Result<Events, BoxedError> {
        Ok(match (&self.webhook_type, &self.event_types) {
            (Some(event), None) => Events { known: vec![event.clone().into_inner()], ..Events::default() },
            (None, Some(requested)) => Events::parse(requested, polls),
            _ => {
                let message = "Exactly one of webhook_type and event_types is needed.";
                let next = "Give webhook_type for one event, event_types for several.";
                return invalid("webhook_type", message, next);
            }
        })
    }
}

/// The requested events, sorted into those that Vimeo has, those that a service polls for, and the rest.
#[derive(Debug, Default, PartialEq)]
struct Events {
    known: Vec<types::WebhookType>,
    polled: Vec<PolledEvent>,
    unknown: Vec<String>,
    notes: Vec<String>,
}

/// Names of an event for the end of an upload. Vimeo has an event with another name.
const UPLOADED: [&str; 2] = ["video-upload-complete", "video-uploaded"];

/// Other names of Vimeo's events.
const SYNONYMS: [(&str, types::WebhookType); 9] = [
    ("video-create", types::WebhookType::VideoCreated),
    ("video-update", types::WebhookType::VideoUpdated),
    ("video-delete", types::WebhookType::VideoDeleted),
    ("video-upload-error", types::WebhookType::VideoUploadFailed),
    ("video-transcode-completed", types::WebhookType::VideoTranscodeComplete),
    ("video-transcode-finished", types::WebhookType::VideoTranscodeComplete),
    ("video-transcoded", types::WebhookType::VideoTranscodeComplete),
    ("live-event-start", types::WebhookType::LiveEventStarted),
    ("live-event-end", types::WebhookType::LiveEventEnded),
];

/// Words in the name of an event that Vimeo does not have, with what to do instead.
const MISSING: [(&str, &str); 2] = [
    ("privacy", "Vimeo sends no event for a change of privacy: read it with vimeo_video_get."),
    ("comment", "Vimeo sends no event for comments: read them with vimeo_video_comments_list."),
];

impl Events {
    /// Parses Vimeo's event names, which can also be written with dots or underscores.
    fn parse(requested: &[String], polls: bool) -> Self {
        let mut events = Self::default();
        for event in requested {
            let shown = clean(event, 60);
            let name = event.trim().to_ascii_lowercase().replace(['.', '_'], "-");
            let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == name).map(|(_, known)| known);
            let known = if let Ok(known) = types::WebhookType::try_from(name.as_str()) {
                known
            } else if let Some(known) = synonym {
                known.clone()
            } else if UPLOADED.contains(&name.as_str()) {
                let created = types::WebhookType::VideoCreated;
                events.notes.push(format!(
                    "For {shown} Vimeo has {created}, which is sent when the video is created. When it can be played, \
                     video-transcode-playable is sent."
                ));
                created
            } else if let Some(event) = PolledEvent::from_name(event).filter(|_| polls) {
                if !events.polled.contains(&event) {
                    events.polled.push(event);
                }
                continue;
            } else {
                let missing =
                    MISSING.iter().find(|(word, _)| name.split('-').any(|part| part.starts_with(word)));
                let note = missing.map(|(_, note)| (*note).to_owned());
                events.notes.extend(note.filter(|note| !events.notes.contains(note)));
                events.unknown.push(shown);
                continue;
            };
            if !events.known.contains(&known) {
                events.known.push(known);
            }
        }
        events
    }
}

tool! {
    "vimeo_webhook_create" WebhookCreate(WebhookCreateInput) -> WebhooksCreated {
        title: "Register a webhook",
        description: "Makes Vimeo post events of the app to an https URL; each call registers another. List the existing ones \
                      with vimeo_webhooks_list. Needs approval.",
        scopes: &["private"],
        effect: Effect::Add,
        discloses: Some(Disclosure::Webhooks),
        toolset: Toolset::Webhooks,
        cost: Cost::Two,
        check: "The webhook may be registered: look for its URL with vimeo_webhooks_list before you create it again.",
        aliases: &[("url", "webhook_url")],
        own_text: true,
    }
    disclosure |context, input| {
        let events = input.events(context.event_subscriptions().is_some())?;
        let names: Vec<String> = events.known.iter().map(ToString::to_string).collect();
        let (names, url) = (quoted(&names.join(", "), 500), quoted(&input.webhook_url, 300));
        let polled = quoted(&names_of(&events.polled), 500);
        if events.known.is_empty() {
            return Ok(Some(format!("send the events {polled} of this account to {url}")));
        }
        let app = context.app(&Self::SPEC, input.app_id).await?;
        Ok(Some(match events.polled.is_empty() {
            true => format!("send the events {names} of app {app} to {url}"),
            false => format!("send the events {names} of app {app}, and {polled} of this account, to {url}"),
        }))
    };
    run |context, input| {
        let mut events = input.events(context.event_subscriptions().is_some())?;
        let mut webhooks: Vec<Webhook> = Vec::new();
        let app = match events.known.is_empty() {
            true => 0,
            false => context.app(&Self::SPEC, input.app_id).await?,
        };
        for event in events.known {
            let mut body = types::AppWebhookBody::default();
            body.webhook_type = Some(event);
            body.webhook_url = Some(input.webhook_url.clone());
            body.secret = input.secret.clone().map(Into::into);
            let fields = types::Webhook::fields(Detail::Full);
            let call = context.api().api_apps().create_app_webhook(app).body(body).fields(fields);
            match context.send(&Self::SPEC, call.into_call()).await {
                Ok(created) => webhooks.push(created.into_inner().into()),
                Err(error) => {
                    let mut error = error.check_if_unknown("vimeo_webhooks_list", json!({"app_id": app.to_string()}));
                    error.done_before.extend(registered(&webhooks));
                    return Err(error);
                }
            }
        }
        let polled = match context.event_subscriptions().filter(|_| !events.polled.is_empty()) {
            Some(subscriptions) => {
                let subscribed = subscribe(subscriptions, &input, &events.polled).await;
                let polled = subscribed.map_err(|mut error| {
                    error.done_before.extend(registered(&webhooks));
                    error
                })?;
                events.notes.push(format!(
                    "Vimeo has no event {}: this service polls for it every {} s and posts what it finds.",
                    names_of(&events.polled),
                    polled.delay_s,
                ));
                Some(polled)
            }
            None => None,
        };
        let webhook = <[Webhook; 1]>::try_from(webhooks.clone()).ok().map(|[only]| only);
        Ok(WebhooksCreated { webhook, webhooks, polled, not_registered: events.unknown, notes: events.notes })
    }
}

/// Returns what was registered, for an error.
fn registered(webhooks: &[Webhook]) -> impl Iterator<Item = String> {
    webhooks
        .iter()
        .map(|hook| format!("registered {} as {}", hook.webhook_type.as_deref().unwrap_or("it"), hook.id))
}

async fn subscribe(
    subscriptions: &Arc<dyn EventSubscriptions>,
    input: &WebhookCreateInput,
    events: &[PolledEvent],
) -> Result<PolledSubscription, BoxedError> {
    let new = NewEventSubscription::new(events.iter().copied(), &*input.webhook_url)
        .secret(input.secret.clone().map(Into::into));
    let created = subscriptions.subscribe(new).await.map_err(subscription_error)?;
    Ok(PolledSubscription {
        id: created.subscription.id,
        events: events.iter().map(ToString::to_string).collect(),
        delay_s: subscriptions.interval().as_secs(),
        secret: created.secret.map(|secret| secret.expose_secret().to_owned()),
    })
}

fn subscription_error(error: SubscriptionError) -> BoxedError {
    let text = error.to_string();
    Box::new(match error {
        SubscriptionError::InvalidUrl(reason) => {
            let next = "Give one such as https://example.com/hook.";
            ToolError::input("webhook_url", format!("webhook_url {reason}."), next)
        }
        SubscriptionError::InvalidSecret(reason) => {
            let next = "Give a longer random one, or none.";
            ToolError::input("secret", format!("secret {reason}."), next)
        }
        SubscriptionError::TooMany(_) => {
            ToolError::new(ErrorKind::Conflict, format!("{text}."), "Delete one with vimeo_webhook_delete.")
        }
        SubscriptionError::Unavailable => ToolError {
            retryable: true,
            ..ToolError::new(ErrorKind::Temporary, format!("{text}."), "Try again in a minute.")
        },
    })
}

list_input! {
    /// Arguments of [`WebhooksList`].
    #[derive(Default)]
    pub struct WebhooksListInput {
        optional {
            /// Default: the token's app.
            #[schemars(with = "Option<String>")]
            pub app_id: AppId,
        }
    }
}

tool! {
    "vimeo_webhooks_list" WebhooksList(WebhooksListInput) -> Listing<Webhook> {
        title: "List webhooks",
        description: "Lists the webhooks of the app: event, URL, whether they are enabled.",
        scopes: &["private"],
        toolset: Toolset::Webhooks,
        own_text: true,
    }
    run |context, input| {
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let call = context.api().api_apps().list_app_webhooks(app).into_call();
        let mut listing = list(context, &Self::SPEC, &input, call).await?;
        // The last page ends with what this service polls for.
        if let Some(subscriptions) = context.event_subscriptions().filter(|_| !listing.has_more) {
            let found = subscriptions.list().await.map_err(subscription_error)?;
            let count = u64::try_from(found.len()).unwrap_or_default();
            listing.total = listing.total.map(|total| total.saturating_add(count));
            listing.items.extend(found.into_iter().map(Webhook::from));
        }
        Ok(listing)
    }
}

/// A webhook at Vimeo, or a subscription to events that a service polls for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookOrSubscription {
    /// A webhook at Vimeo.
    Webhook(WebhookId),
    /// A subscription, by its ID, which starts with [`SUBSCRIPTION_ID_PREFIX`].
    Subscription(String),
}

impl From<WebhookId> for WebhookOrSubscription {
    fn from(id: WebhookId) -> Self {
        Self::Webhook(id)
    }
}

impl Serialize for WebhookOrSubscription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Webhook(id) => id.serialize(serializer),
            Self::Subscription(id) => serializer.serialize_str(id),
        }
    }
}

impl<'de> Deserialize<'de> for WebhookOrSubscription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_str().map(str::trim).filter(|text| text.starts_with(SUBSCRIPTION_ID_PREFIX)) {
            Some(id) => Ok(Self::Subscription(id.to_owned())),
            None => WebhookId::deserialize(value).map(Self::Webhook).map_err(D::Error::custom),
        }
    }
}

/// Arguments of [`WebhookDelete`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookDeleteInput {
    /// Number or URI.
    #[schemars(with = "String")]
    pub webhook_id: WebhookOrSubscription,
    /// The webhook's current webhook_url, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
    /// Default: the token's app.
    #[schemars(with = "Option<String>")]
    pub app_id: Option<AppId>,
}

tool! {
    "vimeo_webhook_delete" WebhookDelete(WebhookDeleteInput) -> Ack {
        title: "Delete a webhook",
        description: "Deletes a webhook. Read its webhook_url with vimeo_webhooks_list first and pass it as confirm.",
        scopes: &["private"],
        effect: Effect::Delete,
        toolset: Toolset::Webhooks,
        cost: Cost::Two,
    }
    run |context, input| {
        let webhook = match &input.webhook_id {
            WebhookOrSubscription::Webhook(id) => id,
            WebhookOrSubscription::Subscription(id) => {
                return unsubscribe(context, id, &input.confirm).await;
            }
        };
        let named = input.app_id.or(webhook.app().map(AppId::from));
        let app = context.app(&Self::SPEC, named).await?;
        let (apps, id) = (context.api().api_apps(), webhook.number());
        let found = context.send(&Self::SPEC, apps.get_app_webhook(app, id).fields("webhook_url").into_call()).await?;
        let how = "find it with vimeo_webhooks_list.";
        confirm(context, &Self::SPEC, "webhook", &input.confirm, found.webhook_url.as_deref(), how).await?;
        let call = apps.delete_app_webhook(app, id).into_call();
        context.send_ack(&Self::SPEC, call, "The webhook is deleted.", &id).await
    }
}

/// Deletes a subscription to events that a service polls for.
async fn unsubscribe(context: &Context, id: &str, confirmed: &str) -> Result<Ack, BoxedError> {
    let unknown = || {
        let message = "The account has no such subscription; nothing was deleted.";
        Box::new(ToolError::new(ErrorKind::NotFound, message, "Find it with vimeo_webhooks_list."))
    };
    let subscriptions = context.event_subscriptions().ok_or_else(unknown)?;
    let found = subscriptions.list().await.map_err(subscription_error)?;
    let found = found.into_iter().find(|one| one.id == id).ok_or_else(unknown)?;
    let how = "find it with vimeo_webhooks_list.";
    confirm(context, &WebhookDelete::SPEC, "subscription", confirmed, Some(&found.url), how).await?;
    match subscriptions.delete(id).await.map_err(subscription_error)? {
        true => Ok(Ack::new("The subscription is deleted.", &found.id)),
        false => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requested events, the known ones, the unknown ones, and the number of notes.
    type Case = (&'static [&'static str], Vec<types::WebhookType>, &'static [&'static str], usize);

    #[test]
    fn event_names_parse_in_several_spellings() {
        use types::WebhookType::{
            LiveEventStarted, VideoCreated, VideoDeleted, VideoTranscodeComplete, VideoUploadFailed,
        };
        let cases: [Case; 7] = [
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
                2,
            ),
            (
                &["video.delete", "video.transcode.finished"],
                vec![VideoDeleted, VideoTranscodeComplete],
                &[],
                0,
            ),
            (
                &["video.comment.add", "video.comments.delete", ""],
                vec![],
                &["video.comment.add", "video.comments.delete", ""],
                1,
            ),
            (&[], vec![], &[], 0),
        ];
        for (requested, known, unknown, notes) in cases {
            let requested: Vec<String> = requested.iter().map(|event| (*event).to_owned()).collect();
            let events = Events::parse(&requested, false);
            assert_eq!(events.known, known, "{requested:?}");
            assert_eq!(events.unknown, unknown, "{requested:?}");
            assert_eq!(events.notes.len(), notes, "{requested:?}");
        }
    }

    #[test]
    fn services_that_poll_know_more_events() {
        let requested =
            ["video.transcode.complete", "video.privacy.change", "video.comment.delete", "video-comment"]
                .map(str::to_owned);
        let events = Events::parse(&requested, true);
        assert_eq!(events.known, [types::WebhookType::VideoTranscodeComplete]);
        assert_eq!(events.polled, [PolledEvent::PrivacyChange, PolledEvent::CommentAdd]);
        assert_eq!(events.unknown, ["video.comment.delete"]);
    }

    #[test]
    fn webhooks_and_subscriptions_differ_by_their_ids() {
        let parse = |text: &str| serde_json::from_value::<WebhookOrSubscription>(json!(text));
        let subscription = parse("poll-12ab").unwrap();
        assert_eq!(subscription, WebhookOrSubscription::Subscription("poll-12ab".to_owned()));
        assert_eq!(serde_json::to_value(&subscription).unwrap(), "poll-12ab");
        assert_eq!(parse("76979875").unwrap(), "76979875".parse::<WebhookId>().unwrap().into());
        assert!(parse("poll").is_err());
    }
}
