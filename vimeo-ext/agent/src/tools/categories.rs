//! The categories that Vimeo sorts videos into.

use schemars::JsonSchema;
use serde::Serialize;
use vimeo_api::types;

use super::error::Failed;
use super::outputs::{last_segment, title, uri};
use super::paging::{given, list, list_input};
use super::untrusted::clean;
use super::videos::read;
use super::{Context, KnownValue, Listing, Spec, Tool, Toolset};

list_input! {
    /// Arguments of [`CategoriesList`].
    #[derive(Default)]
    pub struct CategoriesListInput {
        required {}
        optional {
            /// Order of the list.
            pub sort: KnownValue<types::CategorySort>,
            /// Whether the order goes up or down.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

/// A category.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct VideoCategory {
    /// The word for it in addresses.
    pub id: String,
    /// The URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its name, which Vimeo gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The words for the categories below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subcategories: Vec<String>,
}

impl From<types::Category> for VideoCategory {
    fn from(category: types::Category) -> Self {
        let below = category.subcategories.into_iter().flatten();
        Self {
            id: last_segment(category.uri.as_deref()).unwrap_or_default(),
            uri: uri(category.uri),
            name: title(category.name),
            link: category.link.map(|link| clean(&link, 300)),
            subcategories: below.filter_map(|below| last_segment(below.uri.as_deref())).collect(),
        }
    }
}

/// `vimeo_categories_list`
#[derive(Debug)]
pub struct CategoriesList;

impl Tool for CategoriesList {
    type Input = CategoriesListInput;
    type Output = Listing<VideoCategory>;
    const SPEC: Spec = read(
        "vimeo_categories_list",
        "List categories",
        "Lists Vimeo's top-level categories with those below them.",
        &["public"],
        Toolset::Read,
    );

    async fn run(context: &Context, input: Self::Input) -> Result<Self::Output, Failed> {
        let call = context.api().categories().list_categories().into_call();
        let call = given(call, "sort", &input.sort);
        let call = given(call, "direction", &input.direction);
        list(context, &Self::SPEC, &input, call, "uri,name,link,subcategories.uri", VideoCategory::from).await
    }
}
