//! Prints Vimeo's resources as tables and as JSON: which fields exist, which are shown, which are requested.

use serde_json::{Number, Value};
use vimeo_ext::api::Call;

use crate::api::{ListFormat, PagePrinter};
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::{FieldList, Table, sanitize};
use crate::video_pages::Site;

/// A type of resource, such as videos.
pub(crate) struct Resource {
    /// Plural noun for messages.
    pub(crate) noun: &'static str,
    pub(crate) columns: &'static [Column],
    /// Returns all field names.
    pub(crate) field_names: fn() -> Vec<&'static str>,
}

/// A table column.
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// The field to request and show, e.g. `privacy.view`.
    pub(crate) field: &'static str,
    pub(crate) format: CellFormat,
}

/// How a table cell is formatted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CellFormat {
    Text,
    /// Seconds as `1:02:03`.
    Duration,
    /// A timestamp, to the minute.
    Time,
    /// A link to the page of an object.
    Page,
}

pub(crate) const fn column(title: &'static str, field: &'static str, format: CellFormat) -> Column {
    Column { title, field, format }
}

impl Resource {
    /// Reads `--json`. Without a value, `--json` makes the command list the fields and do nothing else.
    pub(crate) fn requested_fields(&self, context: &Context<'_>) -> Result<RequestedFields> {
        match context.global.json.as_deref() {
            Some("") => Ok(RequestedFields::ListNames),
            Some(list) => Ok(RequestedFields::Json(FieldList::parse(list, &(self.field_names)())?.joined())),
            None if context.global.jq.is_some() => Err(CliError::usage("--jq requires --json=FIELDS")
                .with_next_step("run with --json to list the fields")),
            None => Ok(RequestedFields::Table),
        }
    }

    fn column_fields(&self) -> String {
        self.columns.iter().map(|column| column.field).collect::<Vec<_>>().join(",")
    }

    /// Returns where the pages of items are, if they are shown.
    async fn site<'a>(&self, context: &'a Context<'_>) -> Result<&'a Site> {
        match self.columns.iter().any(|column| matches!(column.format, CellFormat::Page)) {
            true => context.site().await,
            false => Ok(&Site::Vimeo),
        }
    }

    fn cells(&self, value: &Value, site: &Site) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| column.format.format(value_at(value, column.field), site))
    }

    /// Prints the field names, one per line.
    fn print_field_names(&self, context: &Context<'_>) -> Result<ExitCode> {
        for name in (self.field_names)() {
            context.streams.line(name)?;
        }
        context.streams.hint("To select fields: --json=uri,name");
        Ok(ExitCode::Done)
    }

    /// Prints a list, up to `limit` items.
    pub(crate) async fn list(
        &self,
        context: &Context<'_>,
        call: Call<Value>,
        limit: u64,
    ) -> Result<ExitCode> {
        let filter = context.filter()?;
        let requested = self.requested_fields(context)?;
        context.streams.start_pager();
        let call = match call.query_value("per_page") {
            None => call.query("per_page", limit.clamp(1, 100)),
            Some(_) => call,
        };
        match requested {
            RequestedFields::ListNames => self.print_field_names(context),
            RequestedFields::Json(fields) => {
                let call = call.fields(fields.as_str());
                let printer = PagePrinter {
                    streams: context.streams,
                    format: ListFormat::Items,
                    filter,
                    limit: Some(limit),
                    silent: false,
                };
                printer.run(call).await?;
                Ok(ExitCode::Done)
            }
            RequestedFields::Table => {
                let mut items = call.fields(self.column_fields().as_str()).pages::<Value>().items();
                let site = self.site(context).await?;
                let titles: Vec<&'static str> = self.columns.iter().map(|column| column.title).collect();
                let (mut table, mut count) = (Table::new(&titles), 0);
                while count < limit {
                    let Some(item) = items.next().await else { break };
                    table.row(self.cells(&item?, site));
                    count += 1;
                }
                table.print(context.streams)?;
                match items.total() {
                    _ if count == 0 => context.streams.hint(&format!("no {}", self.noun)),
                    Some(total) if total > count => {
                        context.streams.hint(&format!(
                            "showing {count} of {total} {}; use --limit to show more",
                            self.noun
                        ));
                    }
                    _ => {}
                }
                Ok(ExitCode::Done)
            }
        }
    }

    /// Sends the call and prints the item it returns.
    pub(crate) async fn show(&self, context: &Context<'_>, call: Call<Value>) -> Result<ExitCode> {
        context.streams.start_pager();
        match self.requested_fields(context)? {
            RequestedFields::ListNames => self.print_field_names(context),
            RequestedFields::Json(fields) => {
                let response = call.fields(fields.as_str()).send().await?;
                context.print_json(&*response).await?;
                Ok(ExitCode::Done)
            }
            RequestedFields::Table => {
                let response = call.fields(self.column_fields().as_str()).send().await?;
                self.print_item(context, &response, self.site(context).await?)?;
                Ok(ExitCode::Done)
            }
        }
    }

    /// Sends a call that creates or changes an item, and prints the item.
    pub(crate) async fn send_and_show(&self, context: &Context<'_>, call: Call<Value>) -> Result<ExitCode> {
        // Listing the field names must not change anything.
        match self.requested_fields(context)? {
            RequestedFields::ListNames => self.print_field_names(context),
            _ => self.show(context, call).await,
        }
    }

    fn print_item(&self, context: &Context<'_>, value: &Value, site: &Site) -> Result<()> {
        let streams = context.streams;
        if !streams.out_is_terminal() {
            let cells: Vec<String> = self.cells(value, site).map(|cell| sanitize(&cell)).collect();
            return Ok(streams.line(&cells.join("\t"))?);
        }
        let width = self.columns.iter().map(|column| column.title.len()).max().unwrap_or_default();
        for (column, cell) in self.columns.iter().zip(self.cells(value, site)) {
            let title = format!("{:<width$}", column.title);
            streams.line(&format!("{}  {}", streams.paint().bold(&title), sanitize(&cell)))?;
        }
        Ok(())
    }
}

/// What a command prints.
pub(crate) enum RequestedFields {
    Table,
    ListNames,
    /// JSON with these fields, in the format of Vimeo's `fields` parameter.
    Json(String),
}

fn value_at<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    field.split('.').try_fold(value, |value, name| value.get(name))
}

impl CellFormat {
    fn format(self, value: Option<&Value>, site: &Site) -> String {
        match (self, value) {
            (_, None | Some(Value::Null)) => String::new(),
            (Self::Duration, Some(Value::Number(number))) => timecode(number),
            (Self::Time, Some(Value::String(time))) => {
                let shown = time.get(..16).map(|time| time.replace('T', " "));
                shown.unwrap_or_else(|| time.clone())
            }
            (Self::Page, Some(Value::String(link))) => site.object(Some(link)).unwrap_or_default(),
            (_, Some(Value::String(text))) => text.clone(),
            (_, Some(other)) => other.to_string(),
        }
    }
}

/// Formats seconds as `1:02:03`, with tenths if there is a fraction. Numbers out of range are shown unchanged.
fn timecode(number: &Number) -> String {
    // Longer than any video; larger values have inexact fractions.
    const MAX_SECONDS: f64 = 1e9;
    let whole = number.as_u64().map(|seconds| (seconds, 0));
    let tenths = || {
        let tenths =
            (number.as_f64().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds))? * 10.0).round() as u64;
        Some((tenths / 10, tenths % 10))
    };
    let Some((seconds, tenth)) = whole.or_else(tenths) else { return number.to_string() };
    let part = if tenth == 0 { String::new() } else { format!(".{tenth}") };
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}{part}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}{part}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formats_table_cells() {
        for (cell, value, text) in [
            (CellFormat::Text, json!("Surf"), "Surf"),
            (CellFormat::Text, json!(7), "7"),
            (CellFormat::Text, json!(null), ""),
            (CellFormat::Duration, json!(65), "1:05"),
            (CellFormat::Duration, json!(3725), "1:02:05"),
            (CellFormat::Duration, json!(0), "0:00"),
            (CellFormat::Duration, json!(1.5), "0:01.5"),
            (CellFormat::Duration, json!(23.98), "0:24"),
            (CellFormat::Duration, json!(1e3), "16:40"),
            (CellFormat::Duration, json!(-5), "-5"),
            (CellFormat::Duration, json!(-0.5), "-0.5"),
            (CellFormat::Duration, json!(1e29), "1e+29"),
            (CellFormat::Duration, json!("PT5S"), "PT5S"),
            (CellFormat::Time, json!("2026-11-25T02:35:56+00:00"), "2026-11-25 02:35"),
            (CellFormat::Time, json!("soon"), "soon"),
            (CellFormat::Page, json!("https://vimeo.com/7"), "https://vimeo.com/7"),
            (CellFormat::Page, json!(null), ""),
        ] {
            assert_eq!(cell.format(Some(&value), &Site::Vimeo), text);
        }
        assert_eq!(value_at(&json!({"privacy": {"view": "nobody"}}), "privacy.view"), Some(&json!("nobody")));
        assert_eq!(value_at(&json!({"privacy": null}), "privacy.view"), None);
    }
}
