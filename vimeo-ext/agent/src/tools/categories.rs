//! The categories that Vimeo sorts videos into.

use vimeo_api::types;

use super::outputs::{ApiObject, last_segment, link, output, title, uri};
use super::paging::{list, list_input};
use super::tool::tool;
use super::{Detail, KnownValue, Listing, Toolset};

list_input! {
    /// Arguments of [`CategoriesList`].
    #[derive(Default)]
    pub struct CategoriesListInput {
        query {
            /// Order of the list.
            pub sort: KnownValue<types::CategorySort>,
            /// Ascending or descending.
            pub direction: KnownValue<types::SortDirection>,
        }
    }
}

output! {
    /// A category.
    pub struct VideoCategory {
        /// The name in URLs.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// The name, given by Vimeo.
            pub name: Option<String>,
            /// The URL of its page.
            pub link: Option<String>,
            /// The IDs of its subcategories.
            pub subcategories: Vec<String>,
        }
    }
}

impl ApiObject for types::Category {
    type Output = VideoCategory;

    fn fields(_: Detail) -> &'static str {
        "uri,name,link,subcategories.uri"
    }
}

impl From<types::Category> for VideoCategory {
    fn from(category: types::Category) -> Self {
        let subcategories = category.subcategories.into_iter().flatten();
        Self {
            id: last_segment(category.uri.as_deref()).unwrap_or_default(),
            uri: uri(category.uri),
            name: title(category.name),
            link: link(category.link),
            subcategories: subcategories.filter_map(|below| last_segment(below.uri.as_deref())).collect(),
        }
    }
}

tool! {
    "vimeo_categories_list" CategoriesList(CategoriesListInput) -> Listing<VideoCategory> {
        title: "List categories",
        description: "Lists Vimeo's top-level categories and their subcategories.",
        scopes: &["public"],
        toolset: Toolset::Read,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().categories().list_categories().into_call()).await
    }
}
