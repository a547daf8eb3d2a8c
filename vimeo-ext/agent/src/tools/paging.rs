//! Lists: one page per call, and a sealed cursor to the next.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use vimeo_api::{Call, Page, QueryValue};
use vimeo_ext::PageToken;
use vimeo_ext::hex::hex;

use super::error::{BoxedError, invalid};
use super::outputs::ApiObject;
use super::seal::UnsealError;
use super::{Context, Output, Spec};

/// How much of each item a list returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum Detail {
    /// What distinguishes items and is needed most often.
    #[default]
    #[schemars(description = "")]
    Brief,
    /// Everything that the tool can return.
    #[schemars(description = "")]
    Full,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many items the whole list has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether more items follow.
    pub has_more: bool,
    /// Pass it as `cursor`, with the same other arguments, to get the next items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    #[serde(skip)]
    pub(crate) resume: Option<ResumePoint>,
}

/// Where a list resumes if not all items of a page fit into a result.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct ResumePoint {
    position: PageToken,
    seal_context: String,
}

impl ResumePoint {
    /// Creates a resume point at a position.
    #[cfg(feature = "api")]
    pub(crate) fn new(position: PageToken, seal_context: String) -> Self {
        Self { position, seal_context }
    }

    /// Returns the cursor to the item after the next `offset` items of the page.
    pub(crate) fn cursor(&self, context: &Context, offset: usize) -> Option<String> {
        let position = self.position.clone().after(offset);
        context.sealer().seal(&self.seal_context, &position, context.now())
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Output for Listing<T> {
    fn resume(&self) -> Option<&ResumePoint> {
        self.resume.as_ref()
    }
}

/// How long a cursor is valid.
const CURSOR_TTL: TimeDelta = TimeDelta::hours(24);

/// The arguments that every list takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging<'a> {
    pub(crate) page: Option<u32>,
    pub(crate) per_page: Option<u32>,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) detail: Detail,
}

/// The input of a list.
pub(crate) trait ListInput: Serialize {
    /// Returns the arguments that every list takes.
    fn paging(&self) -> Paging<'_>;

    /// Adds the arguments that Vimeo takes under the same names to the query.
    fn add_query<T>(&self, call: Call<T>) -> Call<T>;
}

/// Defines the input of a list: required arguments, optional ones, optional ones that go into the query under their own
/// names, and those that every list takes.
macro_rules! list_input {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(required { $($(#[$required_doc:meta])* pub $required:ident: $required_type:ty,)* })?
            $(optional { $($(#[$optional_doc:meta])* pub $optional:ident: $optional_type:ty,)* })?
            $(query { $($(#[$doc:meta])* pub $field:ident: $type:ty,)* })?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($($(#[$required_doc])* pub $required: $required_type,)*)?
            $($($(#[$optional_doc])* pub $optional: Option<$optional_type>,)*)?
            $($($(#[$doc])* pub $field: Option<$type>,)*)?
            /// The page, from 1. Prefer a cursor: pages shift when items are added or removed.
            #[schemars(range(min = 1))]
            pub page: Option<u32>,
            /// Items per page, 1 to 100; default 25.
            #[schemars(range(min = 1, max = 100))]
            pub per_page: Option<u32>,
            /// `next_cursor` of the previous result, with the same other arguments.
            pub cursor: Option<String>,
            /// How much of each item to return; default brief.
            pub detail: Option<$crate::tools::Detail>,
        }

        impl $name {
            /// Creates an input with the required arguments.
            #[allow(clippy::new_without_default)]
            pub fn new($($($required: impl Into<$required_type>),*)?) -> Self {
                Self {
                    $($($required: $required.into(),)*)?
                    $($($optional: None,)*)?
                    $($($field: None,)*)?
                    page: None,
                    per_page: None,
                    cursor: None,
                    detail: None,
                }
            }
        }

        impl $crate::tools::paging::ListInput for $name {
            fn paging(&self) -> $crate::tools::paging::Paging<'_> {
                $crate::tools::paging::Paging {
                    page: self.page,
                    per_page: self.per_page,
                    cursor: self.cursor.as_deref(),
                    detail: self.detail.unwrap_or_default(),
                }
            }

            fn add_query<T>(&self, call: ::vimeo_api::Call<T>) -> ::vimeo_api::Call<T> {
                $($(let call = $crate::tools::paging::query(call, stringify!($field), &self.$field);)*)?
                call
            }
        }
    };
}

pub(crate) use list_input;

/// Adds an optional argument to the query.
pub(crate) fn query<T>(call: Call<T>, name: &'static str, argument: &Option<impl QueryValue>) -> Call<T> {
    match argument {
        Some(value) => call.query(name, value),
        None => call,
    }
}

/// Items per page unless the arguments say otherwise.
const DEFAULT_PER_PAGE: u32 = 25;

/// Vimeo's error code for a page past the end of a list.
const PAGE_PAST_END: i64 = 2286;

/// Fetches a page of a list.
pub(crate) async fn list<T: ApiObject>(
    context: &Context,
    spec: &Spec,
    input: &impl ListInput,
    call: Call<Page<T>>,
) -> Result<Listing<T::Output>, BoxedError> {
    let paging = input.paging();
    check(paging)?;
    let seal_context = seal_context(context, spec, input);
    let fields = T::fields(paging.detail);
    let mut call = input.add_query(call);
    // Vimeo wants this filter in two parameters.
    if call.query_value("filter") == Some("embeddable") {
        call = call.query("filter_embeddable", true);
    }
    let mut offset = 0;
    let accepts_per_page = call
        .operation()
        .is_none_or(|operation| operation.query.iter().any(|parameter| parameter.name == "per_page"));
    if let Some(cursor) = paging.cursor {
        let position = open_cursor(context, &seal_context, cursor)?;
        call = call.follow(position.link());
        offset = position.offset();
        if accepts_per_page && call.query_value("per_page").is_none() {
            call = call.query("per_page", DEFAULT_PER_PAGE);
        }
    } else {
        if accepts_per_page {
            call = call.query("per_page", paging.per_page.unwrap_or(DEFAULT_PER_PAGE));
        }
        if let Some(page) = paging.page {
            call = call.query("page", page);
        }
    }
    let call = call.fields(fields);
    let link = call.path_and_query();
    let page = match context.send_call(call.clone()).await {
        Ok(page) => page.into_inner(),
        Err(error) if error.error_code() == Some(PAGE_PAST_END) => Page::default(),
        Err(error) => return Err(context.error(spec, &error, &call)),
    };
    // A link that leads back here, or to another host, ends the list.
    let next = page
        .next()
        .map(|next| call.clone().follow(next).fields(fields))
        .filter(|next| next.path_and_query() != link && next.clone().into_request().is_ok());
    let cursor = next.and_then(|next| {
        context.sealer().seal(&seal_context, &PageToken::at(next.path_and_query()), context.now())
    });
    let items = page.data.unwrap_or_default().into_iter().skip(offset);
    Ok(Listing {
        items: items.map(|item| item.into_output(paging.detail)).collect(),
        total: page.total,
        has_more: cursor.is_some(),
        next_cursor: cursor,
        resume: Some(ResumePoint { position: PageToken::at(link).after(offset), seal_context }),
    })
}

fn check(paging: Paging<'_>) -> Result<(), BoxedError> {
    if paging.page == Some(0) {
        return invalid("page", "page is 0; pages count from 1.", "Give 1 or more.");
    }
    if paging.per_page.is_some_and(|per_page| !(1..=100).contains(&per_page)) {
        return invalid("per_page", "per_page is out of range.", "Give 1 to 100.");
    }
    if paging.page.is_some() && paging.cursor.is_some() {
        return invalid("page", "cursor already contains the page.", "Leave page out.");
    }
    Ok(())
}

/// Returns what a cursor is bound to: account, tool and query, but not the page size.
fn seal_context(context: &Context, spec: &Spec, input: &impl ListInput) -> String {
    let mut query = serde_json::to_value(input).unwrap_or_default();
    if let Value::Object(arguments) = &mut query {
        for paging in ["page", "per_page", "cursor", "detail"] {
            arguments.remove(paging);
        }
    }
    let hash = hex(&Sha256::digest(query.to_string()));
    format!("cursor\n{}\n{}\n{hash}", context.account(), spec.name)
}

/// Returns the position of a cursor.
pub(crate) fn open_cursor(
    context: &Context,
    seal_context: &str,
    cursor: &str,
) -> Result<PageToken, BoxedError> {
    context.sealer().open(seal_context, cursor, context.now(), CURSOR_TTL).or_else(invalid_cursor)
}

fn invalid_cursor<T>(error: UnsealError) -> Result<T, BoxedError> {
    let message = match error {
        UnsealError::Expired => "The cursor is older than a day.",
        UnsealError::Invalid => "The cursor does not belong to this tool, account and arguments.",
    };
    let next = "Start again without a cursor, then repeat the same arguments with each next_cursor.";
    invalid("cursor", message, next)
}
