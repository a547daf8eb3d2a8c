//! Prints a paged list as one JSON document, or as JSON lines.
//!
//! Items are copied from the responses to the output as raw text, so that a long list is never in memory as a whole.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use vimeo_ext::api::Call;

use crate::exit::{CliError, ExitCode, Result};
use crate::output::{Filter, IoStreams};

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListFormat {
    /// One array with the items of all pages.
    Items,
    /// One array with the unmodified pages.
    Pages,
    /// One item per line, in constant memory.
    JsonLines,
}

/// Prints a list to standard output.
pub(crate) struct PagePrinter<'a> {
    pub(crate) streams: &'a IoStreams,
    pub(crate) format: ListFormat,
    /// Runs once over the whole document; over each line for [`ListFormat::JsonLines`].
    pub(crate) filter: Option<Filter>,
    /// The maximum number of items.
    pub(crate) limit: Option<u64>,
    /// Whether to print nothing.
    pub(crate) silent: bool,
}

/// A page, split into the raw text of its items.
#[derive(Deserialize)]
struct ItemSpans<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
}

impl PagePrinter<'_> {
    /// Fetches and prints all pages. Returns the number of items.
    pub(crate) async fn run(&self, call: Call<Value>) -> Result<u64> {
        let mut array = ArrayWriter::new(self);
        let mut items = 0;
        match self.print_pages(call, &mut array, &mut items).await {
            Ok(()) => array.end().await.map(|()| items),
            // Close the array, so that the output is valid JSON; the exit code tells that it is incomplete.
            Err(failure) if array.is_open() => {
                array.close()?;
                Err(failure.append(&format!("; the list is incomplete, it ends after {items} items")))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn print_pages(
        &self,
        call: Call<Value>,
        array: &mut ArrayWriter<'_>,
        items: &mut u64,
    ) -> Result<()> {
        let mut pages = call.pages::<IgnoredAny>();
        while self.limit.is_none_or(|limit| *items < limit) {
            let Some(page) = pages.next().await else { break };
            let page = page?;
            let spans: ItemSpans<'_> = serde_json::from_slice(page.bytes()).map_err(invalid_page)?;
            let data = spans.data.unwrap_or_default();
            if self.format == ListFormat::Pages {
                *items = items.saturating_add(data.len() as u64);
                let page: &RawValue = serde_json::from_slice(page.bytes()).map_err(invalid_page)?;
                array.push(page).await?;
                continue;
            }
            let remaining = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(*items));
            for item in data.into_iter().take(usize::try_from(remaining).unwrap_or(usize::MAX)) {
                array.push(item).await?;
                *items = items.saturating_add(1);
            }
            // Readers of JSON lines get each page as soon as it arrives.
            if self.format == ListFormat::JsonLines {
                self.streams.flush()?;
            }
        }
        Ok(())
    }
}

fn invalid_page(error: serde_json::Error) -> CliError {
    CliError::new(ExitCode::Other, format!("cannot parse a page of the list: {error}"))
        .with_next_step("vimeo doctor  (checks network, clock and token)")
}

/// A JSON array that is printed as it arrives, or collected by the filter.
struct ArrayWriter<'a> {
    printer: &'a PagePrinter<'a>,
    is_empty: bool,
}

impl<'a> ArrayWriter<'a> {
    fn new(printer: &'a PagePrinter<'a>) -> Self {
        Self { printer, is_empty: true }
    }

    async fn push(&mut self, value: &RawValue) -> Result<()> {
        let streams = self.printer.streams;
        let first = std::mem::replace(&mut self.is_empty, false);
        match (&self.printer.filter, self.printer.format) {
            _ if self.printer.silent => {}
            (Some(filter), ListFormat::JsonLines) => {
                filter.print(value.get().as_bytes().to_vec(), streams).await?
            }
            (None, ListFormat::JsonLines) => streams.data_line(&on_one_line(value.get()))?,
            (Some(filter), _) => filter.push_element(value.get().as_bytes()).await?,
            (None, _) => {
                streams.write(if first { b"[\n" } else { b",\n" })?;
                streams.data(value.get().as_bytes())?;
            }
        }
        Ok(())
    }

    /// Whether an array was started but not closed.
    fn is_open(&self) -> bool {
        let printer = self.printer;
        !printer.silent
            && printer.filter.is_none()
            && printer.format != ListFormat::JsonLines
            && !self.is_empty
    }

    fn close(&self) -> Result<()> {
        Ok(self.printer.streams.write(b"\n]\n")?)
    }

    async fn end(&self) -> Result<()> {
        let printer = self.printer;
        match &printer.filter {
            _ if printer.silent || printer.format == ListFormat::JsonLines => Ok(()),
            Some(filter) => filter.print_list(printer.streams).await,
            None if self.is_empty => Ok(printer.streams.line("[]")?),
            None => self.close(),
        }
    }
}

/// Removes line breaks from JSON text. They only occur between tokens, because strings escape them.
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
    fn on_one_line_removes_line_breaks() {
        assert_eq!(on_one_line("{\"a\": \"x\\n\"}"), "{\"a\": \"x\\n\"}");
        assert_eq!(on_one_line("{\r\n \"a\": 1\n}"), "{   \"a\": 1 }");
    }
}
