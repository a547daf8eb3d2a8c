//! Viewing figures of the account's videos over time.

use chrono::{DateTime, NaiveDate, Utc};
use vimeo_api::types;

use super::error::{BoxedError, invalid};
use super::outputs::{ApiObject, last_segment, output, time, title};
use super::paging::{list, list_input};
use super::tool::tool;
use super::untrusted::clean;
use super::{Detail, KnownValue, Listing, Toolset};

output! {
    /// A row of viewing figures.
    pub struct Analytics {
        /// How often videos were played.
        pub views: u64,
        optional {
            /// Start of the time that the row covers, in ISO 8601.
            pub start_date: Option<String>,
            /// End of the time that the row covers, in ISO 8601.
            pub end_date: Option<String>,
            /// The video: what other tools take as `video_id`.
            pub video_id: Option<String>,
            /// The country's code.
            pub country: Option<String>,
            /// The kind of device.
            pub device_type: Option<String>,
            /// The domain on which a player is embedded.
            pub embed_domain: Option<String>,
            /// How often players were shown.
            pub impressions: Option<u64>,
            /// How many people watched.
            pub unique_viewers: Option<u64>,
            /// How often videos were watched to the end.
            pub finishes: Option<u64>,
            /// How often videos were downloaded.
            pub downloads: Option<u64>,
            /// Seconds.
            pub total_time_watched: Option<f64>,
            /// Seconds.
            pub average_time_watched: Option<f64>,
            /// Percent of a video.
            pub average_percent_watched: Option<f64>,
        }
        untrusted AnalyticsText {
            /// The title of the video.
            pub video: Option<String>,
        }
    }
}

impl ApiObject for types::Analytics {
    type Output = Analytics;

    fn fields(detail: Detail) -> &'static str {
        match detail {
            Detail::Brief => {
                "start_date,end_date,views,unique_viewers,country.code,device_type,embed_domain,\
                 metadata.connections.video.uri,metadata.connections.video.title"
            }
            Detail::Full => {
                "start_date,end_date,views,unique_viewers,country.code,device_type,embed_domain,\
                 metadata.connections.video.uri,metadata.connections.video.title,impressions,finishes,downloads,\
                 total_time_watched,average_time_watched,average_percent_watched"
            }
        }
    }
}

impl From<types::Analytics> for Analytics {
    fn from(row: types::Analytics) -> Self {
        let connections = row.metadata.and_then(|metadata| metadata.connections);
        let video = connections.and_then(|connections| connections.video).unwrap_or_default();
        let country = row.country.and_then(|country| country.code);
        Self {
            views: row.views.unwrap_or_default(),
            start_date: row.start_date.map(time),
            end_date: row.end_date.map(time),
            video_id: last_segment(video.uri.as_deref()),
            country: country.map(|code| clean(&code, 10)),
            device_type: row.device_type.map(|kind| clean(&kind, 60)),
            embed_domain: row.embed_domain.map(|domain| clean(&domain, 260)),
            impressions: row.impressions,
            unique_viewers: row.unique_viewers,
            finishes: row.finishes,
            downloads: row.downloads,
            total_time_watched: row.total_time_watched,
            average_time_watched: row.average_time_watched,
            average_percent_watched: row.average_percent_watched,
            untrusted: AnalyticsText { video: title(video.title) },
        }
    }
}

list_input! {
    /// Arguments of [`AnalyticsList`].
    pub struct AnalyticsListInput {
        required {
            /// What each row is about.
            pub dimension: KnownValue<types::AnalyticsDimension>,
            /// First day, such as 2026-01-31.
            #[schemars(extend("x-listed" = true))]
            pub from: String,
            /// Last day.
            pub to: String,
        }
        query {
            /// Time that each row covers.
            pub time_interval: KnownValue<types::AnalyticsInterval>,
            /// Order of the list.
            #[schemars(extend("x-unlisted" = true))]
            pub sort: KnownValue<types::AnalyticsSort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// Returns the time at the start of a day, or a time as given.
fn day(field: &str, text: &str) -> Result<DateTime<Utc>, BoxedError> {
    let date =
        text.parse::<NaiveDate>().ok().and_then(|date| date.and_hms_opt(0, 0, 0)).map(|time| time.and_utc());
    match date.or_else(|| text.parse().ok()) {
        Some(time) => Ok(time),
        None => invalid(field, format!("{field} is not a date."), "Give a date such as 2026-01-31."),
    }
}

tool! {
    "vimeo_analytics_list" AnalyticsList(AnalyticsListInput) -> Listing<Analytics> {
        title: "List viewing figures",
        description: "Lists views of the account's videos between two days: in total or by video, country, device or domain; \
                      with time_interval per day, week, month or year.",
        scopes: &["stats"],
        toolset: Toolset::Stats,
        own_text: true,
    }
    run |context, input| {
        let (from, to) = (day("from", &input.from)?, day("to", &input.to)?);
        if from > to {
            return invalid("to", "to is before from; nothing was sent.", "Give the later day as to.");
        }
        let dimension = input.dimension.inner().clone();
        list(context, &Self::SPEC, &input, context.api().users().list_my_analytics(dimension, from, to).into_call()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_accepted() {
        for (text, time) in [
            ("2026-01-31", Some("2026-01-31T00:00:00+00:00")),
            ("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00+00:00")),
            ("yesterday", None),
            ("", None),
        ] {
            let read = day("from", text).map(|time| time.to_rfc3339()).map_err(|error| error.field);
            assert_eq!(read, time.map(str::to_owned).ok_or(Some("from".to_owned())), "{text}");
        }
    }
}
