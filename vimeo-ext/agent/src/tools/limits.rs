//! What is left of the account's limits.

use schemars::JsonSchema;
use serde::Serialize;
use vimeo_api::types;

use super::outputs::{output, time};
use super::tool::tool;
use super::{EmptyInput, Toolset};

output! {
    /// What is left of the account's limits. Unknown values are left out.
    pub struct Limits {
        optional {
            /// What can still be uploaded, in `space_unit`.
            pub space_free: Option<i64>,
            /// What can be stored in total, in `space_unit`.
            pub space_max: Option<i64>,
            /// The unit of both: `bytes`, or `videos` of any size.
            pub space_unit: Option<QuotaUnit>,
            /// What can still be uploaded in this period, in `period_unit`.
            pub period_free: Option<i64>,
            /// What can be uploaded per period, in `period_unit`.
            pub period_max: Option<i64>,
            /// The unit of both: `bytes`, or `videos` of any size.
            pub period_unit: Option<QuotaUnit>,
            /// When the period ends, in ISO 8601.
            pub period_resets: Option<String>,
            /// What can still be uploaded in the account's lifetime, in `lifetime_unit`.
            pub lifetime_free: Option<i64>,
            /// What can be uploaded in the account's lifetime, in `lifetime_unit`.
            pub lifetime_max: Option<i64>,
            /// The unit of both: `bytes`, or `videos` of any size.
            pub lifetime_unit: Option<QuotaUnit>,
        }
        last {
            /// The rate limit of the API, per window.
            pub calls: Vec<RateLimitWindow>,
        }
    }
}

/// The unit of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum QuotaUnit {
    /// Bytes.
    #[schemars(description = "")]
    Bytes,
    /// Videos of any size.
    #[schemars(description = "")]
    Videos,
}

impl QuotaUnit {
    /// Returns the unit of a quota. A quota without a unit counts bytes, as all did before Vimeo named units. `is_known` is
    /// whether the quota has a value; without one it has no unit.
    fn of(unit: Option<types::QuotaUnit>, is_known: bool) -> Option<Self> {
        match unit {
            _ if !is_known => None,
            Some(types::QuotaUnit::VideoCount) => Some(Self::Videos),
            Some(types::QuotaUnit::VideoSize) | None => Some(Self::Bytes),
            Some(_) => None,
        }
    }
}

/// The rate limit of a window.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RateLimitWindow {
    /// How many calls the window allows.
    pub limit: u64,
    /// How many calls are left.
    pub left: u64,
    /// When the window ends, in ISO 8601, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets: Option<String>,
}

const FIELDS: &str = "upload_quota.space.free,upload_quota.space.max,upload_quota.space.unit,upload_quota.periodic.free,\
                      upload_quota.periodic.max,upload_quota.periodic.unit,upload_quota.periodic.reset_date,\
                      upload_quota.lifetime.free,upload_quota.lifetime.max,upload_quota.lifetime.unit";

tool! {
    "vimeo_limits_get" LimitsGet(EmptyInput) -> Limits {
        title: "Get what is left of the limits",
        description: "Gets how much the account can still upload, in bytes or videos as the unit says, and how many calls it \
                      can still make. Use it before a large upload or many calls.",
        scopes: &["private"],
        toolset: Toolset::More,
    }
    run |context, _| {
        let call = context.api().users().get_me().fields(FIELDS);
        let me = context.send(&Self::SPEC, call.into_call()).await?.into_inner();
        let quota = me.upload_quota.unwrap_or_default();
        let (space, period) = (quota.space.unwrap_or_default(), quota.periodic.unwrap_or_default());
        let lifetime = quota.lifetime.unwrap_or_default();
        let windows = context.client().rate_limiter().status().windows.into_iter();
        let is_known = |free: Option<i64>, max: Option<i64>| free.is_some() || max.is_some();
        Ok(Limits {
            space_free: space.free,
            space_max: space.max,
            space_unit: QuotaUnit::of(space.unit, is_known(space.free, space.max)),
            period_free: period.free,
            period_max: period.max,
            period_unit: QuotaUnit::of(period.unit, is_known(period.free, period.max)),
            period_resets: period.reset_date.map(time),
            lifetime_free: lifetime.free,
            lifetime_max: lifetime.max,
            lifetime_unit: QuotaUnit::of(lifetime.unit, is_known(lifetime.free, lifetime.max)),
            calls: windows
                .map(|window| RateLimitWindow {
                    limit: window.limit,
                    left: window.remaining,
                    resets: window.resets_at.map(time),
                })
                .collect(),
        })
    }
}
