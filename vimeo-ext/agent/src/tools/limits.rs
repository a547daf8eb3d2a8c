//! What is left of the account's limits.

use schemars::JsonSchema;
use serde::Serialize;
use vimeo_api::types;

use super::error::Failed;
use super::outputs::time;
use super::users::EmptyInput;
use super::videos::read;
use super::{Context, Output, Spec, Tool, Toolset};

/// What is left of the account's limits; what is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Limits {
    /// What may still be uploaded, in `space_unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_free: Option<i64>,
    /// What may be stored in all, in `space_unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_max: Option<i64>,
    /// What the two count: `bytes`, or `videos` whatever their size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_unit: Option<QuotaUnit>,
    /// What may still be uploaded in this period, in `period_unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_free: Option<i64>,
    /// What may be uploaded in a period, in `period_unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_max: Option<i64>,
    /// What the two count: `bytes`, or `videos` whatever their size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_unit: Option<QuotaUnit>,
    /// When the period ends, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_resets: Option<String>,
    /// What may still be uploaded over the account's life, in `lifetime_unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_free: Option<i64>,
    /// What may be uploaded over the account's life, in `lifetime_unit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_max: Option<i64>,
    /// What the two count: `bytes`, or `videos` whatever their size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_unit: Option<QuotaUnit>,
    /// Calls of the API that may be made in each window.
    pub calls: Vec<RateLimitWindow>,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum QuotaUnit {
    /// Bytes.
    #[schemars(description = "")]
    Bytes,
    /// Videos, whatever their size.
    #[schemars(description = "")]
    Videos,
}

impl QuotaUnit {
    /// The unit of a quota that names a figure. Quotas were of bytes alone before Vimeo named their unit; one of which
    /// nothing is known counts nothing.
    fn of(unit: Option<types::QuotaUnit>, known: bool) -> Option<Self> {
        match unit {
            _ if !known => None,
            Some(types::QuotaUnit::VideoCount) => Some(Self::Videos),
            Some(types::QuotaUnit::VideoSize) | None => Some(Self::Bytes),
            Some(_) => None,
        }
    }
}

/// Calls of the API that may be made in a window.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RateLimitWindow {
    /// In all.
    pub limit: u64,
    /// Still.
    pub left: u64,
    /// When the window ends, in ISO 8601, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets: Option<String>,
}

impl Output for Limits {}

const FIELDS: &str = "upload_quota.space.free,upload_quota.space.max,upload_quota.space.unit,upload_quota.periodic.free,\
                      upload_quota.periodic.max,upload_quota.periodic.unit,upload_quota.periodic.reset_date,\
                      upload_quota.lifetime.free,upload_quota.lifetime.max,upload_quota.lifetime.unit";

/// `vimeo_limits_get`
#[derive(Debug)]
pub struct LimitsGet;

impl Tool for LimitsGet {
    type Input = EmptyInput;
    type Output = Limits;
    const SPEC: Spec = read(
        "vimeo_limits_get",
        "Get what is left of the limits",
        "Tells how much the account may still upload, in bytes or in a number of videos as the unit says, and how many calls it \
         may still make. Ask before a big upload or many calls.",
        &["private"],
        Toolset::More,
    );

    async fn run(context: &Context, _: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().users().get_me().fields(FIELDS);
        let me = context.send(&Self::SPEC, call.into_call()).await?.into_inner();
        let quota = me.upload_quota.unwrap_or_default();
        let (space, period) = (quota.space.unwrap_or_default(), quota.periodic.unwrap_or_default());
        let lifetime = quota.lifetime.unwrap_or_default();
        let windows = context.client().rate_limiter().status().windows;
        let known = |free: Option<i64>, max: Option<i64>| free.is_some() || max.is_some();
        Ok(Limits {
            space_free: space.free,
            space_max: space.max,
            space_unit: QuotaUnit::of(space.unit, known(space.free, space.max)),
            period_free: period.free,
            period_max: period.max,
            period_unit: QuotaUnit::of(period.unit, known(period.free, period.max)),
            period_resets: period.reset_date.map(time),
            lifetime_free: lifetime.free,
            lifetime_max: lifetime.max,
            lifetime_unit: QuotaUnit::of(lifetime.unit, known(lifetime.free, lifetime.max)),
            calls: windows
                .into_iter()
                .map(|window| RateLimitWindow {
                    limit: window.limit,
                    left: window.remaining,
                    resets: window.resets_at.map(time),
                })
                .collect(),
        })
    }
}
