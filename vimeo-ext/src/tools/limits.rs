//! What is left of the account's limits.

use schemars::JsonSchema;
use serde::Serialize;
use vimeo_api::Endpoint;

use super::error::Failed;
use super::shapes::time;
use super::users::Nothing;
use super::videos::read;
use super::{Context, Output, Spec, Tool, Toolset};

/// What is left of the account's limits; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that may still be uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_free: Option<i64>,
    /// Bytes that may be stored in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_max: Option<i64>,
    /// Bytes that may still be uploaded in this period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_free: Option<i64>,
    /// When the period ends, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_resets: Option<String>,
    /// Calls of the API that may be made in each window.
    pub calls: Vec<Calls>,
}

/// Calls of the API that may be made in a window.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Calls {
    /// In all.
    pub limit: u64,
    /// Still.
    pub left: u64,
    /// When the window ends, in ISO 8601, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets: Option<String>,
}

impl Output for Limits {}

/// `vimeo_limits_get`
#[derive(Debug)]
pub struct LimitsGet;

impl Tool for LimitsGet {
    type Input = Nothing;
    type Output = Limits;
    const SPEC: Spec = read(
        "vimeo_limits_get",
        "Get what is left of the limits",
        "Tells how many bytes the account may still upload and how many calls it may still make. Ask before a big upload or \
         many calls.",
        &["private"],
        Toolset::More,
    );

    async fn run(context: &Context, _: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().users().get_me().fields(
            " \
             upload_quota.space.free,upload_quota.space.max,upload_quota.periodic.free,upload_quota.periodic.reset_date",
        );
        let me = context.send(&Self::SPEC, call.into_call()).await?.into_inner();
        let quota = me.upload_quota.unwrap_or_default();
        let (space, period) = (quota.space.unwrap_or_default(), quota.periodic.unwrap_or_default());
        let windows = context.client().budget().state().windows;
        Ok(Limits {
            space_free: space.free,
            space_max: space.max,
            period_free: period.free,
            period_resets: period.reset_date.map(time),
            calls: windows
                .into_iter()
                .map(|window| Calls {
                    limit: window.limit,
                    left: window.remaining,
                    resets: window.resets_at.map(time),
                })
                .collect(),
        })
    }
}
