//! Pagination: the pages and items of lists as streams.

mod items;
mod page_token;
mod pages;

use serde::de::DeserializeOwned;

use super::{Call, Page};

pub use items::Items;
pub use page_token::PageToken;
pub use pages::Pages;

/// Pagination of lists at any path.
impl<A> Call<A> {
    /// Lists the pages and deserializes each item into `U`.
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

    /// Lists the items of all pages and deserializes each into `U`.
    pub fn items<U: DeserializeOwned + Send + 'static>(self) -> Items<U> {
        self.pages().items()
    }
}
