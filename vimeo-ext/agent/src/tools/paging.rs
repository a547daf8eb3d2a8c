//! Lists: a page at a time, and a sealed cursor to the next.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use vimeo_api::{Call, Page, QueryValue, types};
use vimeo_ext::PageToken;
use vimeo_ext::hex::hex;

use super::error::{Failed, ToolError};
use super::seal::UnsealError;
use super::{Context, KnownValue, Output, Spec};

/// How much of each item an answer has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[non_exhaustive]
pub enum Detail {
    /// What tells items apart and is mostly asked for.
    #[default]
    #[schemars(description = "")]
    Brief,
    /// All that the tool knows to give.
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
    /// Whether there are more after these.
    pub has_more: bool,
    /// What to pass as `cursor`, with the same other arguments, for the items after these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    #[serde(skip)]
    pub(crate) resume: Option<Resume>,
}

/// From where a list goes on when not all items of a page fit into an answer.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct Resume {
    position: PageToken,
    context: String,
}

impl Resume {
    /// The cursor to the item that comes after `taken` more of the page.
    pub(crate) fn cursor(&self, context: &Context, taken: usize) -> Option<String> {
        let position = self.position.clone().after(taken);
        context.seal().seal(&self.context, &position, context.now())
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Output for Listing<T> {
    fn resume(&self) -> Option<&Resume> {
        self.resume.as_ref()
    }
}

/// How long a cursor may be used.
const CURSOR_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The arguments that every list takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging<'a> {
    pub(crate) page: Option<u32>,
    pub(crate) per_page: Option<u32>,
    pub(crate) cursor: Option<&'a str>,
}

/// The input of a list.
pub(crate) trait ListInput: Serialize {
    fn paging(&self) -> Paging<'_>;
}

/// The input of a list: its own arguments, and those that every list takes.
macro_rules! list_input {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            required { $($(#[$needs:meta])* pub $need:ident: $needed:ty,)* }
            optional { $($(#[$doc:meta])* pub $field:ident: $type:ty,)* }
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$needs])* pub $need: $needed,)*
            $($(#[$doc])* pub $field: Option<$type>,)*
            /// The page, from 1; a cursor is better, since pages move when items come and go.
            #[schemars(range(min = 1))]
            pub page: Option<u32>,
            /// Items of a page, 1 to 100; default 25.
            #[schemars(range(min = 1, max = 100))]
            pub per_page: Option<u32>,
            /// `next_cursor` of the answer before, with the same other arguments.
            pub cursor: Option<String>,
            /// How much of each item the answer has; default brief.
            pub detail: Option<$crate::tools::Detail>,
        }

        impl $name {
            /// With what is needed; all else is left out.
            #[allow(clippy::new_without_default)]
            pub fn new($($need: impl Into<$needed>),*) -> Self {
                Self {
                    $($need: $need.into(),)*
                    $($field: None,)*
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
                }
            }
        }
    };
}

pub(crate) use list_input;

/// Puts an argument into the query, under its own name, where it was given.
pub(crate) fn given<T>(call: Call<T>, name: &'static str, argument: &Option<impl QueryValue>) -> Call<T> {
    match argument {
        Some(value) => call.query(name, value),
        None => call,
    }
}

/// Keeps the videos that may be embedded, where that was asked for.
pub(crate) fn embeddable<T>(call: Call<T>, filter: &Option<KnownValue<types::EmbeddableFilter>>) -> Call<T> {
    match filter {
        Some(filter) => call.query("filter", filter).query("filter_embeddable", true),
        None => call,
    }
}

/// Items of a page when none are asked for.
const PER_PAGE: u32 = 25;

/// The error number for a page past the end of a list.
const NO_SUCH_PAGE: i64 = 2286;

/// Fetches a page of a list, with these fields alone, and gives each item its shape.
pub(crate) async fn list<T, O>(
    context: &Context,
    spec: &Spec,
    input: &impl ListInput,
    mut call: Call<Page<T>>,
    fields: &str,
    shape: impl Fn(T) -> O,
) -> Result<Listing<O>, Failed>
where
    T: DeserializeOwned + Send + 'static,
{
    let paging = input.paging();
    check(paging)?;
    let sealed_for = sealed_for(context, spec, input);
    let mut taken = 0;
    let takes_per_page = call
        .operation()
        .is_none_or(|operation| operation.query.iter().any(|parameter| parameter.name == "per_page"));
    if let Some(cursor) = paging.cursor {
        let position: PageToken =
            context.seal().open(&sealed_for, cursor, context.now(), CURSOR_LIFETIME).map_err(refuse)?;
        call = call.follow(position.link());
        taken = position.offset();
        if takes_per_page && call.query_value("per_page").is_none() {
            call = call.query("per_page", PER_PAGE);
        }
    } else {
        if takes_per_page {
            call = call.query("per_page", paging.per_page.unwrap_or(PER_PAGE));
        }
        if let Some(page) = paging.page {
            call = call.query("page", page);
        }
    }
    let call = call.fields(fields);
    let link = call.path_and_query();
    let page = match context.send_call(call.clone()).await {
        Ok(page) => page.into_inner(),
        Err(error) if error.error_code() == Some(NO_SUCH_PAGE) => Page::default(),
        Err(error) => return Err(context.failed(spec, &error, &call)),
    };
    // A link that leads back here, or elsewhere, ends the list.
    let next = page
        .next()
        .map(|next| call.clone().follow(next).fields(fields))
        .filter(|next| next.path_and_query() != link && next.clone().into_request().is_ok());
    let cursor = next.and_then(|next| {
        context.seal().seal(&sealed_for, &PageToken::at(next.path_and_query()), context.now())
    });
    let items: Vec<O> = page.data.unwrap_or_default().into_iter().skip(taken).map(shape).collect();
    Ok(Listing {
        items,
        total: page.total,
        has_more: cursor.is_some(),
        next_cursor: cursor,
        resume: Some(Resume { position: PageToken::at(link).after(taken), context: sealed_for }),
    })
}

fn check(paging: Paging<'_>) -> Result<(), Failed> {
    let refuse =
        |field: &str, message: &str, next: &str| Err(Box::new(ToolError::input(field, message, next)));
    if paging.page == Some(0) {
        return refuse("page", "Pages count from 1.", "Give 1 or more.");
    }
    if paging.per_page.is_some_and(|per_page| !(1..=100).contains(&per_page)) {
        return refuse("per_page", "A page has between 1 and 100 items.", "Give 1 to 100.");
    }
    if paging.page.is_some() && paging.cursor.is_some() {
        return refuse("page", "A cursor knows its page.", "Leave `page` out.");
    }
    Ok(())
}

/// What a cursor is bound to: account, tool and query; not how the pages are cut.
fn sealed_for(context: &Context, spec: &Spec, input: &impl ListInput) -> String {
    let mut query = serde_json::to_value(input).unwrap_or_default();
    if let Value::Object(arguments) = &mut query {
        for paging in ["page", "per_page", "cursor", "detail"] {
            arguments.remove(paging);
        }
    }
    let digest = Sha256::digest(query.to_string());
    let hash = hex(&digest);
    format!("cursor\n{}\n{}\n{hash}", context.account(), spec.name)
}

fn refuse(broken: UnsealError) -> Failed {
    let message = match broken {
        UnsealError::Stale => "The cursor is older than a day.",
        UnsealError::Foreign => "The cursor is not one of this tool for this account and these arguments.",
    };
    let next = "Start again without a cursor, then repeat the same arguments with each `next_cursor`.";
    Box::new(ToolError::input("cursor", message, next))
}
