//! Decodes recorded responses and reports schema mismatches and unknown fields.
//!
//! A response is matched with an operation by its `uri`, by the links of its page, or by the `uri` of its items. The exit code
//! is 1 if one does not decode. Run by `cargo xtask check-payloads DIR`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use vimeo_api::{ApiError, INSPECTORS, Inspection, RawResponse};

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: payloads DIR");
        return ExitCode::from(2);
    };
    let mut files: Vec<_> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) => {
            eprintln!("{folder}: {error}");
            return ExitCode::from(2);
        }
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut tally = Tally::default();
    for file in &files {
        report(file, &mut tally);
    }
    println!();
    println!(
        "{} files: {} decoded, {} by their shape, {} failed; {} mismatches, {} unknown fields",
        files.len(),
        tally.decoded,
        tally.by_shape,
        tally.failed,
        tally.mismatches,
        tally.unknown,
    );
    if tally.failed > 0 || files.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[derive(Default)]
struct Tally {
    decoded: usize,
    by_shape: usize,
    failed: usize,
    mismatches: usize,
    unknown: usize,
}

fn report(file: &Path, tally: &mut Tally) {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = std::fs::read(file).map_err(|error| error.to_string());
    // Editors add a byte order mark to saved responses.
    let outcome = read.and_then(|bytes| inspect(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes)));
    match outcome {
        Ok(Outcome { what, inspection, by_shape }) => {
            tally.decoded += usize::from(!by_shape);
            tally.by_shape += usize::from(by_shape);
            tally.mismatches += inspection.mismatches.len();
            tally.unknown += inspection.unknown.len();
            println!("{name}: decoded as {what}");
            for mismatch in &inspection.mismatches {
                println!("    mismatch: {mismatch}");
            }
            let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
            for path in &inspection.unknown {
                *unknown.entry(without_numbers(path)).or_default() += 1;
            }
            for (path, count) in unknown {
                println!("    unknown field: {path} ({count} ×)");
            }
        }
        Err(reason) => {
            tally.failed += 1;
            println!("{name}: FAILED: {reason}");
        }
    }
}

struct Outcome {
    what: String,
    inspection: Inspection,
    /// The response has no `uri` and was not matched with an operation.
    by_shape: bool,
}

fn inspect(bytes: &[u8]) -> Result<Outcome, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("invalid JSON: {error}"))?;
    if let Some(outcome) = as_error(&value, bytes) {
        return Ok(outcome);
    }
    let mut tried = Vec::new();
    for place in candidate_paths(&value) {
        let Some((template, read)) = reader(&place) else {
            tried.push(place);
            continue;
        };
        return read(bytes)
            .map(|inspection| Outcome { what: format!("GET {template}"), inspection, by_shape: false })
            .map_err(|failure| format!("as GET {template}: {failure:?}"));
    }
    let wrapped = value.get("data").is_none() && value.as_array().is_none();
    if tried.is_empty() && wrapped {
        return best_fit(bytes)
            .ok_or_else(|| "it has no `uri`, and no response type matches its fields".to_owned());
    }
    Err(format!("no operation has a path of {tried:?}"))
}

/// Reads error responses, which all have one type.
fn as_error(value: &Value, bytes: &[u8]) -> Option<Outcome> {
    value.get("error").filter(|error| error.is_string())?;
    let raw = RawResponse::new(http::StatusCode::BAD_REQUEST, http::HeaderMap::new(), bytes.to_vec().into());
    let error = ApiError::read(None, "recorded", raw);
    error.error()?;
    let known =
        ["error", "error_code", "error_description", "developer_message", "link", "invalid_parameters"];
    let fields = value.as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let unknown = fields.filter(|name| !known.contains(&name.as_str())).collect();
    Some(Outcome {
        what: "an error".to_owned(),
        inspection: Inspection { mismatches: Vec::new(), unknown },
        by_shape: false,
    })
}

/// Returns the possible paths of a response, the most likely first.
fn candidate_paths(value: &Value) -> Vec<String> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(path_of);
    let mut places: Vec<String> = ["/uri", "/paging/first", "/paging/last", "/paging/next"]
        .iter()
        .filter_map(|pointer| text(value, pointer))
        .collect();
    let items = value.get("data").or(Some(value)).and_then(Value::as_array);
    // A list without links has the path of its items.
    for item in items.into_iter().flatten() {
        if let Some((list, _)) = text(item, "/uri").as_deref().and_then(|place| place.rsplit_once('/')) {
            places.push(list.to_owned());
        }
    }
    if value.get("access_token").is_some() || value.get("token_type").is_some() {
        places.push("/oauth/verify".to_owned());
    }
    places.dedup();
    places
}

fn path_of(link: &str) -> String {
    link.split('?').next().unwrap_or_default().to_owned()
}

type Reader = fn(&[u8]) -> Result<Inspection, vimeo_api::DecodeErrorKind>;

fn reader(place: &str) -> Option<(&'static str, Reader)> {
    let operation = vimeo_api::operation_at(&http::Method::GET, place)?;
    INSPECTORS
        .iter()
        .find(|(template, _)| *template == operation.path)
        .map(|(template, read)| (*template, *read))
}

/// Reads a response without a `uri`, such as one to `fields=name`, as the type that has most of its fields.
fn best_fit(bytes: &[u8]) -> Option<Outcome> {
    let fits = INSPECTORS.iter().filter_map(|(template, read)| Some((*template, read(bytes).ok()?)));
    let (template, inspection) =
        fits.min_by_key(|(_, inspection)| inspection.mismatches.len() + inspection.unknown.len())?;
    Some(Outcome { what: format!("GET {template}, by its fields"), inspection, by_shape: true })
}

fn without_numbers(path: &str) -> String {
    path.split('.').filter(|step| step.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}
