//! Things of Vimeo as rows and as JSON: which fields they have, which are shown, which are asked for.

use serde_json::{Number, Value};
use vimeo_ext::api::Call;

use crate::api::{Form, PagePrinter};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::{FieldList, Table, plain};

/// A kind of thing.
pub(crate) struct Resource {
    /// In the plural, for notes.
    pub(crate) noun: &'static str,
    pub(crate) columns: &'static [Column],
    /// All its fields.
    pub(crate) known: fn() -> Vec<&'static str>,
}

/// A column of its table.
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Where the value is in an answer, and what is asked for: `privacy.view`.
    pub(crate) field: &'static str,
    pub(crate) form: Shape,
}

/// How a value is shown to people.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    /// Seconds, as `1:02:03`.
    Length,
    /// A time, to the minute.
    Time,
}

pub(crate) const fn column(title: &'static str, field: &'static str, form: Shape) -> Column {
    Column { title, field, form }
}

impl Resource {
    /// What `--json` asks for: `None` for a table. Bare, it lists the fields, and that is all the command does.
    pub(crate) fn wanted(&self, context: &Context<'_>) -> Result<Wanted> {
        match context.global.json.as_deref() {
            Some("") => Ok(Wanted::Names),
            Some(list) => Ok(Wanted::Json(FieldList::parse(list, &(self.known)())?.joined())),
            None if context.global.jq.is_some() => {
                Err(Failure::usage("--jq needs --json=FIELDS beside it")
                    .next("--json alone lists the fields"))
            }
            None => Ok(Wanted::Table),
        }
    }

    fn shown(&self) -> String {
        self.columns.iter().map(|column| column.field).collect::<Vec<_>>().join(",")
    }

    fn cells(&self, value: &Value) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| column.form.show(at(value, column.field)))
    }

    /// The names of the fields, one a line.
    fn names(&self, context: &Context<'_>) -> Result<Exit> {
        for name in (self.known)() {
            context.streams.line(name)?;
        }
        context.streams.hint("Name the ones you want: --json=uri,name");
        Ok(Exit::Done)
    }

    /// Prints a list, as far as the limit goes.
    pub(crate) async fn list(&self, context: &Context<'_>, call: Call<Value>, limit: u64) -> Result<Exit> {
        let filter = context.filter()?;
        let wanted = self.wanted(context)?;
        context.streams.page();
        let call = match call.query_value("per_page") {
            None => call.query("per_page", limit.clamp(1, 100)),
            Some(_) => call,
        };
        match wanted {
            Wanted::Names => self.names(context),
            Wanted::Json(fields) => {
                let call = call.fields(fields.as_str());
                let walk = PagePrinter {
                    streams: context.streams,
                    form: Form::Items,
                    filter,
                    limit: Some(limit),
                    silent: false,
                };
                walk.run(call).await?;
                Ok(Exit::Done)
            }
            Wanted::Table => {
                let mut items = call.fields(self.shown().as_str()).pages::<Value>().items();
                let titles: Vec<&'static str> = self.columns.iter().map(|column| column.title).collect();
                let (mut table, mut count) = (Table::new(&titles), 0);
                while count < limit {
                    let Some(item) = items.next().await else { break };
                    table.row(self.cells(&item?));
                    count += 1;
                }
                table.print(context.streams)?;
                match items.total() {
                    _ if count == 0 => context.streams.hint(&format!("no {}", self.noun)),
                    Some(total) if total > count => {
                        context
                            .streams
                            .hint(&format!("{count} of {total} {}; --limit gives more", self.noun));
                    }
                    _ => {}
                }
                Ok(Exit::Done)
            }
        }
    }

    /// Prints one of them.
    pub(crate) async fn show(&self, context: &Context<'_>, call: Call<Value>) -> Result<Exit> {
        context.streams.page();
        match self.wanted(context)? {
            Wanted::Names => self.names(context),
            Wanted::Json(fields) => {
                let answer = call.fields(fields.as_str()).send().await?;
                context.document(&*answer).await?;
                Ok(Exit::Done)
            }
            Wanted::Table => {
                let answer = call.fields(self.shown().as_str()).send().await?;
                self.print_one(context, &answer)?;
                Ok(Exit::Done)
            }
        }
    }

    /// Makes a call that changes or creates one, and prints what came of it.
    pub(crate) async fn changed(&self, context: &Context<'_>, call: Call<Value>) -> Result<Exit> {
        // Nothing is changed for somebody who only asked for names.
        match self.wanted(context)? {
            Wanted::Names => self.names(context),
            _ => self.show(context, call).await,
        }
    }

    fn print_one(&self, context: &Context<'_>, value: &Value) -> Result<()> {
        let streams = context.streams;
        if !streams.out_is_terminal() {
            let cells: Vec<String> = self.cells(value).map(|cell| plain(&cell)).collect();
            return Ok(streams.line(&cells.join("\t"))?);
        }
        let width = self.columns.iter().map(|column| column.title.len()).max().unwrap_or_default();
        for (column, cell) in self.columns.iter().zip(self.cells(value)) {
            let title = format!("{:<width$}", column.title);
            streams.line(&format!("{}  {}", streams.paint().bold(&title), plain(&cell)))?;
        }
        Ok(())
    }
}

/// What a command is to print.
pub(crate) enum Wanted {
    Table,
    Names,
    /// These fields, as Vimeo takes them.
    Json(String),
}

fn at<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    field.split('.').try_fold(value, |value, name| value.get(name))
}

impl Shape {
    fn show(self, value: Option<&Value>) -> String {
        match (self, value) {
            (_, None | Some(Value::Null)) => String::new(),
            (Self::Length, Some(Value::Number(number))) => length(number),
            (Self::Time, Some(Value::String(time))) => {
                let shown = time.get(..16).map(|time| time.replace('T', " "));
                shown.unwrap_or_else(|| time.clone())
            }
            (_, Some(Value::String(text))) => text.clone(),
            (_, Some(other)) => other.to_string(),
        }
    }
}

/// Seconds as `1:02:03`, with a tenth where there is a part of one. A number that is no length is shown as it came.
fn length(number: &Number) -> String {
    // Longer than any video; beyond it the parts of a second are not exact.
    const LONGEST: f64 = 1e9;
    let whole = number.as_u64().map(|seconds| (seconds, 0));
    let tenths = || {
        let tenths =
            (number.as_f64().filter(|seconds| (0.0..=LONGEST).contains(seconds))? * 10.0).round() as u64;
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
    fn values_are_shown_for_people() {
        for (form, value, text) in [
            (Shape::Text, json!("Surf"), "Surf"),
            (Shape::Text, json!(7), "7"),
            (Shape::Text, json!(null), ""),
            (Shape::Length, json!(65), "1:05"),
            (Shape::Length, json!(3725), "1:02:05"),
            (Shape::Length, json!(0), "0:00"),
            (Shape::Length, json!(1.5), "0:01.5"),
            (Shape::Length, json!(23.98), "0:24"),
            (Shape::Length, json!(1e3), "16:40"),
            (Shape::Length, json!(-5), "-5"),
            (Shape::Length, json!(-0.5), "-0.5"),
            (Shape::Length, json!(1e29), "1e+29"),
            (Shape::Length, json!("PT5S"), "PT5S"),
            (Shape::Time, json!("2026-11-25T02:35:56+00:00"), "2026-11-25 02:35"),
            (Shape::Time, json!("soon"), "soon"),
        ] {
            assert_eq!(form.show(Some(&value)), text);
        }
        assert_eq!(at(&json!({"privacy": {"view": "nobody"}}), "privacy.view"), Some(&json!("nobody")));
        assert_eq!(at(&json!({"privacy": null}), "privacy.view"), None);
    }
}
