//! The webhooks of an app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use vimeo_api::{OpenEnum, types};

use super::confirm::confirm;
use super::error::{BoxedError, invalid};
use super::outputs::{Ack, ApiObject, last_segment, output, time, uri, value};
use super::paging::{list, list_input};
use super::tool::tool;
use super::untrusted::{clean, quoted};
use super::{AppId, Cost, Detail, Disclosure, Effect, KnownValue, Listing, Output, Toolset, WebhookId};

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
            pub created: Option<String>,
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
            created: hook.created_on.map(time),
        }
    }
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
    /// The requested events that Vimeo does not have, as they were given; nothing will be sent for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_registered: Vec<String>,
    /// Differences between requested and registered events, and what to do about events that Vimeo lacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Output for WebhooksCreated {}

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
    /// Returns the events to register if the arguments are valid.
    fn events(&self) -> Result<Events, BoxedError> {
        if !Url::parse(&self.webhook_url).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
            let next = "Give one such as https://example.com/hook.";
            return invalid("webhook_url", "webhook_url is not an https URL.", next);
        }
        let events = match (&self.webhook_type, &self.event_types) {
            (Some(event), None) => Events { known: vec![event.clone().into_inner()], ..Events::default() },
            (None, Some(requested)) => Events::parse(requested),
            _ => {
                let message = "Exactly one of webhook_type and event_types is needed.";
                let next = "Give webhook_type for one event, event_types for several.";
                return invalid("webhook_type", message, next);
            }
        };
        if events.known.is_empty() {
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
}

/// The requested events, sorted into those that Vimeo has and the rest.
#[derive(Debug, Default, PartialEq)]
struct Events {
    known: Vec<types::WebhookType>,
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
    fn parse(requested: &[String]) -> Self {
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
    }
    disclosure |context, input| {
        let events = input.events()?;
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let names: Vec<String> = events.known.iter().map(ToString::to_string).collect();
        let (names, url) = (quoted(&names.join(", "), 500), quoted(&input.webhook_url, 300));
        Ok(Some(format!("send the events {names} of app {app} to {url}")))
    };
    run |context, input| {
        let events = input.events()?;
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let mut webhooks: Vec<Webhook> = Vec::new();
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
    }
    run |context, input| {
        let app = context.app(&Self::SPEC, input.app_id).await?;
        list(context, &Self::SPEC, &input, context.api().api_apps().list_app_webhooks(app).into_call()).await
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
        let named = input.app_id.or(input.webhook_id.app().map(AppId::from));
        let app = context.app(&Self::SPEC, named).await?;
        let (apps, id) = (context.api().api_apps(), input.webhook_id.number());
        let found = context.send(&Self::SPEC, apps.get_app_webhook(app, id).fields("webhook_url").into_call()).await?;
        let how = "find it with vimeo_webhooks_list.";
        confirm(context, &Self::SPEC, "webhook", &input.confirm, found.webhook_url.as_deref(), how).await?;
        let call = apps.delete_app_webhook(app, id).into_call();
        context.send_ack(&Self::SPEC, call, "The webhook is deleted.", &id).await
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
            let events = Events::parse(&requested);
            assert_eq!(events.known, known, "{requested:?}");
            assert_eq!(events.unknown, unknown, "{requested:?}");
            assert_eq!(events.notes.len(), notes, "{requested:?}");
        }
    }
}
