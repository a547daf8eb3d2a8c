//! The webhooks of an app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use vimeo_api::{Endpoint, types};

use super::confirm::confirm;
use super::error::{Category, Failed, ToolError};
use super::paging::{list, list_input};
use super::shapes::{Done, last_segment, time, word};
use super::untrusted::clean;
use super::videos::read;
use super::{AppId, Choice, Context, Cost, Effect, Listing, Output, Spec, Tool, Toolset, WebhookId};

/// A webhook. Its secret is never told.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Webhook {
    /// The id: what other tools take as `webhook_id`.
    pub id: String,
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
            webhook_type: hook.webhook_type.as_ref().map(word),
            webhook_url: hook.webhook_url.map(|url| clean(&url, 500)),
            enabled: hook.is_enabled,
            created: hook.created_on.map(time),
        }
    }
}

const FIELDS: &str = "uri,webhook_type,webhook_url,is_enabled,created_on";

/// Arguments of [`WebhookCreate`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreateInput {
    /// The event to hear of.
    pub webhook_type: Choice<types::WebhookType>,
    /// https address that receives it.
    #[schemars(extend("x-listed" = true))]
    pub webhook_url: String,
    /// Passed along with each delivery.
    #[schemars(extend("x-listed" = true))]
    pub secret: Option<String>,
    /// Default: the token's app.
    #[schemars(extend("x-listed" = true))]
    pub app_id: Option<AppId>,
}

/// `vimeo_webhook_create`
#[derive(Debug)]
pub struct WebhookCreate;

impl Tool for WebhookCreate {
    type Input = WebhookCreateInput;
    type Output = Webhook;
    const SPEC: Spec = Spec {
        name: "vimeo_webhook_create",
        title: "Register a webhook",
        description: "Lets Vimeo post an event of the app to an https address; each call registers another. \
                      See those there are with vimeo_webhooks_list.",
        scopes: &["private"],
        effect: Effect::Add,
        toolset: Toolset::Webhooks,
        cost: Cost::Two,
        check: "It may be registered now: look for its address with vimeo_webhooks_list before you create it again.",
    };

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        if !Url::parse(&input.webhook_url).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
            let message = "webhook_url is no https address.";
            return Err(Box::new(ToolError::input(
                "webhook_url",
                message,
                "Give one such as https://example.com/hook.",
            )));
        }
        let app = context.app(&Self::SPEC, input.app_id).await?;
        let kind = input.webhook_type.into_inner();
        let question = format!("Send the events {kind} of app {app} to {}?", clean(&input.webhook_url, 300));
        context.consent(&Self::SPEC, question).await?;
        let mut body = types::AppWebhookBody::default();
        body.webhook_type = Some(kind);
        body.webhook_url = Some(input.webhook_url);
        body.secret = input.secret.map(Into::into);
        let call = context.api().api_apps().create_app_webhook(app).body(&body).fields(FIELDS);
        let created = context.send(&Self::SPEC, call.into_call()).await.map_err(|error| {
            if error.category == Category::UnknownOutcome {
                return Box::new(error.check("vimeo_webhooks_list", json!({"app_id": app.to_string()})));
            }
            error
        });
        Ok(created?.into_inner().into())
    }
}

list_input! {
    /// Arguments of [`WebhooksList`].
    #[derive(Default)]
    pub struct WebhooksListInput {
        required {}
        optional {
            /// Default: the token's app.
            #[schemars(extend("x-listed" = true))]
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
    pub webhook_id: WebhookId,
    /// The webhook's current webhook_url, exactly.
    #[schemars(extend("x-listed" = true))]
    pub confirm: String,
    /// Default: the token's app.
    #[schemars(extend("x-listed" = true))]
    pub app_id: Option<AppId>,
}

/// `vimeo_webhook_delete`
#[derive(Debug)]
pub struct WebhookDelete;

impl Tool for WebhookDelete {
    type Input = WebhookDeleteInput;
    type Output = Done;
    const SPEC: Spec = Spec {
        name: "vimeo_webhook_delete",
        title: "Remove a webhook",
        description: "Removes one webhook. Read its webhook_url with vimeo_webhooks_list first and give it \
                      as confirm.",
        scopes: &["private"],
        effect: Effect::Delete,
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
        Ok(Done::new("The webhook is removed.", &id))
    }
}
