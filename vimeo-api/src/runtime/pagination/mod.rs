//! Whole lists: pages and items as streams.

mod items;
mod page_token;
mod pages;

use serde::de::DeserializeOwned;

use super::{Call, Page};

pub use items::Items;
pub use page_token::PageToken;
pub use pages::Pages;

/// Lists at any path.
impl<A> Call<A> {
    /// The pages of a list, each item read as a `U`.
    ///
    /// ```no_run
    /// # async fn demo(client: vimeo_api::Client) -> Result<(), vimeo_api::Error> {
    /// let call = client.call(http::Method::GET, "/me/videos?fields=uri");
    /// let mut items = call.pages::<serde_json::Value>().items();
    /// while let Some(item) = items.next().await {
    ///     println!("{}", item?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages<U: DeserializeOwned + Send + 'static>(self) -> Pages<U> {
        Pages::new(self.with_response_type::<Page<U>>())
    }

    /// The items of all pages, each read as a `U`.
    pub fn items<U: DeserializeOwned + Send + 'static>(self) -> Items<U> {
        self.pages().items()
    }
}
