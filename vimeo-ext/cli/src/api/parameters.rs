//! Parses `-f key=value` and `-F key=value`, with the key syntax of `gh api`.

use serde_json::{Map, Value};

use crate::exit::{CliError, Result};
use crate::output::IoStreams;

/// Parameters in the given order, as one JSON object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parameters(Map<String, Value>);

impl Parameters {
    /// Parses parameters. `raw` values are strings. In `typed` values, `true`, `false`, `null` and integers are
    /// converted, `@file` reads a file and `@-` standard input.
    pub(crate) async fn parse(raw: &[String], typed: &[String], streams: &IoStreams) -> Result<Self> {
        let mut parameters = Self::default();
        for pair in raw {
            let (key, value) = split(pair)?;
            parameters.insert(key, value.map(|value| Value::String(value.to_owned())))?;
        }
        for pair in typed {
            let (key, value) = split(pair)?;
            let value = match value {
                Some(value) => Some(typed_value(value, streams).await?),
                None => None,
            };
            parameters.insert(key, value)?;
        }
        Ok(parameters)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_body(self) -> Value {
        Value::Object(self.0)
    }

    /// Inserts a value at the key `name`, `name[sub]` or `name[]`. Only `name[]` can have no value: an empty list.
    fn insert(&mut self, key: &str, value: Option<Value>) -> Result<()> {
        let invalid = |reason: &str| {
            CliError::usage(format!("invalid key `{key}`: {reason}")).with_next_step("vimeo help syntax")
        };
        let (name, rest) = match key.find('[') {
            Some(at) => key.split_at(at),
            None => (key, ""),
        };
        if name.is_empty() {
            return Err(invalid("it has no name"));
        }
        let mut steps = Vec::new();
        let mut left = rest;
        while !left.is_empty() {
            let inner = left.strip_prefix('[').ok_or_else(|| invalid("unexpected text after `]`"))?;
            let (step, after) = inner.split_once(']').ok_or_else(|| invalid("missing `]`"))?;
            steps.push(step);
            left = after;
        }
        if value.is_none() && steps.last() != Some(&"") {
            return Err(invalid("missing `=value`"));
        }
        let slot = self.0.entry(name).or_insert(Value::Null);
        insert_at(slot, &steps, value).map_err(invalid)
    }
}

/// Inserts a value at a path, creating lists and objects on the way.
fn insert_at(
    slot: &mut Value,
    steps: &[&str],
    value: Option<Value>,
) -> std::result::Result<(), &'static str> {
    let Some((step, rest)) = steps.split_first() else {
        if !slot.is_null() {
            return Err("it is given twice");
        }
        *slot = value.unwrap_or_default();
        return Ok(());
    };
    if step.is_empty() {
        if slot.is_null() {
            *slot = Value::Array(Vec::new());
        }
        let Value::Array(list) = slot else { return Err("it is used both as a list and as another type") };
        // An empty list.
        if value.is_none() && rest.is_empty() {
            return Ok(());
        }
        // `a[][x]=1 a[][y]=2` fills one object; `a[][x]=1 a[][x]=2` begins another.
        let extends_last = match (list.last(), rest.first()) {
            (Some(Value::Object(last)), Some(next)) => rest.len() > 1 || !last.contains_key(*next),
            _ => false,
        };
        if !extends_last {
            list.push(Value::Null);
        }
        let Some(last) = list.last_mut() else { return Ok(()) };
        return insert_at(last, rest, value);
    }
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    let Value::Object(object) = slot else { return Err("it is used both as an object and as another type") };
    insert_at(object.entry(*step).or_insert(Value::Null), rest, value)
}

fn split(pair: &str) -> Result<(&str, Option<&str>)> {
    match pair.split_once('=') {
        Some((key, value)) => Ok((key, Some(value))),
        None if pair.ends_with("[]") => Ok((pair, None)),
        None => Err(CliError::usage(format!("invalid parameter `{pair}`; use key=value"))),
    }
}

async fn typed_value(value: &str, streams: &IoStreams) -> Result<Value> {
    if let Some(file) = value.strip_prefix('@') {
        let bytes = streams.read_input(file).await?;
        let text = String::from_utf8(bytes).map_err(|_| {
            let name = if file == "-" { "standard input" } else { file };
            CliError::usage(format!("{name} is not valid UTF-8"))
                .with_next_step("to send a JSON file, use --input FILE")
        })?;
        return Ok(Value::String(text));
    }
    Ok(match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        text => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => number.into(),
            _ => Value::String(text.to_owned()),
        },
    })
}

/// Converts parameters to query pairs. Lists are joined with commas, as Vimeo expects; objects are errors.
pub(crate) fn query_pairs(parameters: Parameters) -> Result<Vec<(String, String)>> {
    parameters
        .0
        .into_iter()
        .map(|(name, value)| {
            let text = match &value {
                Value::Array(list) => {
                    list.iter().map(|value| scalar(&name, value)).collect::<Result<Vec<_>>>()?.join(",")
                }
                value => scalar(&name, value)?,
            };
            Ok((name, text))
        })
        .collect()
}

fn scalar(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null => Ok(String::new()),
        _ => Err(CliError::usage(format!("`{name}` is nested, which is not supported in a query"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn read(raw: &[&str], typed: &[&str]) -> Result<Value> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (streams, ..) = IoStreams::captured(None);
        Ok(Parameters::parse(&owned(raw), &owned(typed), &streams).await?.into_body())
    }

    #[tokio::test]
    async fn keys_build_lists_and_objects() {
        let cases = [
            (&["name=Surf"][..], &[][..], json!({"name": "Surf"})),
            (&["name=a=b"], &[], json!({"name": "a=b"})),
            (
                &["n=1"],
                &["m=1", "t=true", "z=null", "w=007", "big=99999999999999999999"],
                json!({"n": "1", "m": 1, "t": true, "z": null, "w": "007", "big": "99999999999999999999"}),
            ),
            (
                &["privacy[view]=nobody"],
                &["privacy[download]=false"],
                json!({"privacy": {"view": "nobody", "download": false}}),
            ),
            (&["tag[]=a", "tag[]=b"], &[], json!({"tag": ["a", "b"]})),
            (&["tag[]"], &[], json!({"tag": []})),
            (
                &["t[][name]=a", "t[][tag]=x", "t[][name]=b"],
                &[],
                json!({"t": [{"name": "a", "tag": "x"}, {"name": "b"}]}),
            ),
            (&["a[b][c][]=1"], &[], json!({"a": {"b": {"c": ["1"]}}})),
        ];
        for (raw, typed, body) in cases {
            assert_eq!(read(raw, typed).await.unwrap(), body, "{raw:?} {typed:?}");
        }
    }

    #[tokio::test]
    async fn rejects_invalid_and_conflicting_keys() {
        for raw in ["name", "=x", "[a]=x", "a[b=x", "a[b]c=x"] {
            assert!(read(&[raw], &[]).await.is_err(), "{raw}");
        }
        for pair in [["a=1", "a=2"], ["a=1", "a[b]=2"], ["a[]=1", "a[b]=2"]] {
            assert!(read(&pair, &[]).await.is_err(), "{pair:?}");
        }
    }

    #[tokio::test]
    async fn reads_values_from_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file\n").unwrap();
        let pair = format!("text=@{}", file.path().display());
        assert_eq!(read(&[], &[&pair]).await.unwrap(), json!({"text": "from a file\n"}));
        let missing = read(&[], &["text=@/nowhere/at/all"]).await.unwrap_err();
        assert_eq!(missing.message(), "cannot read /nowhere/at/all: No such file or directory");
        #[cfg(unix)]
        {
            let endless = read(&[], &["text=@/dev/zero"]).await.unwrap_err();
            assert_eq!(endless.message(), "cannot read /dev/zero: larger than 64 MiB");
        }
    }

    #[tokio::test]
    async fn query_pairs_accept_flat_values_and_lists() {
        let (streams, ..) = IoStreams::captured(None);
        let pairs = async |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
            query_pairs(Parameters::parse(&[], &list, &streams).await.unwrap())
        };
        assert_eq!(
            pairs(&["page=2", "uris[]=/a", "uris[]=/b", "x=true"]).await.unwrap(),
            [("page", "2"), ("uris", "/a,/b"), ("x", "true")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert!(pairs(&["a[b]=1"]).await.is_err());
    }
}
