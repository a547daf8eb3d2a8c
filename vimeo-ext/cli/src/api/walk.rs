//! A whole list as one document, or as lines.

use serde_json::Value;
use vimeo_ext::api::{Call, Page};
use vimeo_ext::{ListCall, Pages};

use crate::exit::Result;
use crate::output::{Filter, Streams};

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
pub(crate) struct Walk<'a> {
    pub(crate) streams: &'a Streams,
    pub(crate) form: Form,
    /// Runs once over the whole document; over each line for [`Form::Lines`].
    pub(crate) filter: Option<Filter>,
    /// How many items at the most.
    pub(crate) limit: Option<u64>,
    /// Whether anything is printed.
    pub(crate) silent: bool,
}

/// An array that is printed while it comes, or kept for the filter.
struct Array<'a> {
    walk: &'a Walk<'a>,
    kept: Vec<jaq_json::Val>,
    count: u64,
}

impl Walk<'_> {
    /// Follows the pages to the end; gives how many items there were.
    pub(crate) async fn run(&self, call: Call<Value>) -> Result<u64> {
        match self.form {
            Form::Pages => self.pages(call.pages::<Value>()).await,
            Form::Items | Form::Lines => self.items(call).await,
        }
    }

    async fn items(&self, call: Call<Value>) -> Result<u64> {
        let mut items = call.pages::<Value>().items();
        let mut array = Array::new(self);
        while self.limit.is_none_or(|limit| array.count < limit) {
            let Some(item) = items.next().await else { break };
            array.push(&item?)?;
        }
        array.end()
    }

    async fn pages(&self, mut pages: Pages<Value>) -> Result<u64> {
        let mut array = Array::new(self);
        let mut items = 0;
        while self.limit.is_none_or(|limit| items < limit) {
            let Some(page) = pages.next().await else { break };
            let page = page?;
            items += of_page(&page);
            let raw = serde_json::from_slice(page.bytes())
                .map_err(|error| crate::exit::Failure::new(crate::exit::Exit::Other, error.to_string()))?;
            array.push(&raw)?;
        }
        array.end()?;
        Ok(items)
    }
}

fn of_page(page: &Page<Value>) -> u64 {
    page.data.as_ref().map_or(0, Vec::len) as u64
}

impl<'a> Array<'a> {
    fn new(walk: &'a Walk<'a>) -> Self {
        Self { walk, kept: Vec::new(), count: 0 }
    }

    fn push(&mut self, value: &Value) -> Result<()> {
        let (streams, first) = (self.walk.streams, self.count == 0);
        self.count += 1;
        match (&self.walk.filter, self.walk.form) {
            _ if self.walk.silent => {}
            (Some(filter), Form::Lines) => {
                for value in filter.run(Filter::input(value)?) {
                    streams.filtered(&value?)?;
                }
            }
            (None, Form::Lines) => streams.line(&value.to_string())?,
            (Some(_), _) => self.kept.push(Filter::input(value)?),
            (None, _) => {
                streams.write(if first { b"[\n" } else { b",\n" })?;
                streams.write(value.to_string().as_bytes())?;
            }
        }
        // Whoever reads lines gets them as they come.
        if self.walk.form == Form::Lines && self.count.is_multiple_of(100) {
            streams.flush()?;
        }
        Ok(())
    }

    fn end(self) -> Result<u64> {
        let streams = self.walk.streams;
        match &self.walk.filter {
            _ if self.walk.silent || self.walk.form == Form::Lines => {}
            Some(filter) => {
                let all = jaq_json::Val::Arr(self.kept.into());
                for value in filter.run(all) {
                    streams.filtered(&value?)?;
                }
            }
            None if self.count == 0 => streams.line("[]")?,
            None => streams.write(b"\n]\n")?,
        }
        Ok(self.count)
    }
}
