//! A whole list as one document, or as lines.
//!
//! Items are copied from the answers to the output as the text they came in: a long list is never in memory as a whole.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use vimeo_ext::api::Call;

use crate::exit::{Exit, Failure, Result};
use crate::output::{Filter, IoStreams};

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One array of the items of all pages.
    Items,
    /// One array of the pages as they came.
    Pages,
    /// Each item on a line of its own, in constant memory.
    Lines,
}

/// A walk over a list to standard output.
pub(crate) struct PagePrinter<'a> {
    pub(crate) streams: &'a IoStreams,
    pub(crate) form: Form,
    /// Runs once over the whole document; over each line for [`Form::Lines`].
    pub(crate) filter: Option<Filter>,
    /// How many items at the most.
    pub(crate) limit: Option<u64>,
    /// Whether anything is printed.
    pub(crate) silent: bool,
}

/// A page, cut into the text of its items.
#[derive(Deserialize)]
struct ItemSpans<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
}

impl PagePrinter<'_> {
    /// Follows the pages to the end; gives how many items there were.
    pub(crate) async fn run(&self, call: Call<Value>) -> Result<u64> {
        let mut array = Array::new(self);
        let mut items = 0;
        let walked = self.follow(call, &mut array, &mut items).await;
        match walked {
            Ok(()) => array.end().await.map(|()| items),
            // What was printed is closed, so that it can be read; the code says that it is not all.
            Err(failure) if array.is_open() => {
                array.close()?;
                Err(failure.with(&format!("; the list ends here, after {items} items")))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn follow(&self, call: Call<Value>, array: &mut Array<'_>, items: &mut u64) -> Result<()> {
        let mut pages = call.pages::<IgnoredAny>();
        while self.limit.is_none_or(|limit| *items < limit) {
            let Some(page) = pages.next().await else { break };
            let page = page?;
            let cut: ItemSpans<'_> = serde_json::from_slice(page.bytes()).map_err(unreadable)?;
            let data = cut.data.unwrap_or_default();
            if self.form == Form::Pages {
                *items = items.saturating_add(data.len() as u64);
                let page: &RawValue = serde_json::from_slice(page.bytes()).map_err(unreadable)?;
                array.push(page).await?;
                continue;
            }
            let left = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(*items));
            for item in data.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                array.push(item).await?;
                *items = items.saturating_add(1);
            }
            // Whoever reads lines gets them as they come.
            if self.form == Form::Lines {
                self.streams.flush()?;
            }
        }
        Ok(())
    }
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::new(Exit::Other, format!("a page of the list cannot be read: {error}"))
        .next("vimeo doctor  (looks at network, clock and token)")
}

/// An array that is printed while it comes, or kept by the filter.
struct Array<'a> {
    walk: &'a PagePrinter<'a>,
    is_empty: bool,
}

impl<'a> Array<'a> {
    fn new(walk: &'a PagePrinter<'a>) -> Self {
        Self { walk, is_empty: true }
    }

    async fn push(&mut self, value: &RawValue) -> Result<()> {
        let streams = self.walk.streams;
        let first = std::mem::replace(&mut self.is_empty, false);
        match (&self.walk.filter, self.walk.form) {
            _ if self.walk.silent => {}
            (Some(filter), Form::Lines) => filter.print(value.get().as_bytes().to_vec(), streams).await?,
            (None, Form::Lines) => streams.data_line(&on_one_line(value.get()))?,
            (Some(filter), _) => filter.take(value.get().as_bytes()).await?,
            (None, _) => {
                streams.write(if first { b"[\n" } else { b",\n" })?;
                streams.data(value.get().as_bytes())?;
            }
        }
        Ok(())
    }

    /// Whether an array was begun that has no end yet.
    fn is_open(&self) -> bool {
        let walk = self.walk;
        !walk.silent && walk.filter.is_none() && walk.form != Form::Lines && !self.is_empty
    }

    fn close(&self) -> Result<()> {
        Ok(self.walk.streams.write(b"\n]\n")?)
    }

    async fn end(&self) -> Result<()> {
        let walk = self.walk;
        match &walk.filter {
            _ if walk.silent || walk.form == Form::Lines => Ok(()),
            Some(filter) => filter.print_list(walk.streams).await,
            None if self.is_empty => Ok(walk.streams.line("[]")?),
            None => self.close(),
        }
    }
}

/// JSON text without line breaks, which can only stand between its words: within a text they are escaped.
fn on_one_line(json: &str) -> std::borrow::Cow<'_, str> {
    match json.contains(['\n', '\r']) {
        true => json.replace(['\n', '\r'], " ").into(),
        false => json.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(on_one_line("{\"a\": \"x\\n\"}"), "{\"a\": \"x\\n\"}");
        assert_eq!(on_one_line("{\r\n \"a\": 1\n}"), "{   \"a\": 1 }");
    }
}
