//! Whole lists: pages and items as streams.

mod items;
mod pages;
mod position;

use serde::de::DeserializeOwned;
use vimeo_api::{Call, Endpoint, Page};

pub use items::Items;
pub use pages::Pages;
pub use position::Position;

/// Walks over a list; implemented for every typed call that answers with a page.
///
/// ```no_run
/// use futures_util::TryStreamExt;
/// use vimeo_ext::List;
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let mut videos = vimeo.api().videos().list_my_videos().fields("uri,name").items();
/// while let Some(video) = videos.try_next().await? {
///     tracing::info!(uri = video.uri, name = video.name);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Into a type of one's own:
///
/// ```no_run
/// use vimeo_ext::List;
///
/// #[derive(serde::Deserialize)]
/// struct Title {
///     name: String,
/// }
///
/// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
/// let titles = vimeo.api().videos().list_my_videos().fields("name").items_as::<Title>().collect().await?;
/// # Ok(())
/// # }
/// ```
pub trait List<T>: Endpoint<Answer = Page<T>> {
    /// The pages, one after the other.
    fn pages(self) -> Pages<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        Pages::new(self.into_call())
    }

    /// The items of all pages.
    fn items(self) -> Items<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.pages().items()
    }

    /// The items of all pages, each read as a `U`.
    fn items_as<U>(self) -> Items<U>
    where
        U: DeserializeOwned + Send + 'static,
    {
        Pages::new(self.into_call().read_as::<Page<U>>()).items()
    }
}

impl<E, T> List<T> for E where E: Endpoint<Answer = Page<T>> {}

/// Walks over a list at any path; implemented for untyped calls.
pub trait ListCall {
    /// The pages, their items read as a `U`.
    ///
    /// ```no_run
    /// use vimeo_ext::ListCall;
    /// # async fn demo(vimeo: vimeo_ext::Vimeo) -> Result<(), vimeo_ext::Error> {
    /// let mut items = vimeo.get("/me/videos?fields=uri").pages::<serde_json::Value>().items();
    /// while let Some(item) = items.next().await {
    ///     tracing::info!(item = %item?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    fn pages<U: DeserializeOwned + Send + 'static>(self) -> Pages<U>;
}

impl<A> ListCall for Call<A> {
    fn pages<U: DeserializeOwned + Send + 'static>(self) -> Pages<U> {
        Pages::new(self.read_as::<Page<U>>())
    }
}
