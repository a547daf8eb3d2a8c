//! What became of the files, told to people and to programs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::one::Uploaded;
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::{Table, plain};

/// Prints what became of each file, and says how the whole ends.
pub(super) fn tell(context: &Context<'_>, files: &[PathBuf], results: &[Result<Uploaded>]) -> Result<Exit> {
    let streams = context.streams;
    let state = |uploaded: &Uploaded| match uploaded.transcoded {
        None => "uploaded",
        Some(true) => "transcoded",
        Some(false) => "transcoding",
    };
    if context.global.json.is_some() || context.global.jq.is_some() {
        let list: Vec<Value> = files
            .iter()
            .zip(results)
            .map(|(file, result)| match result {
                Ok(uploaded) => json!({
                    "file": file, "uri": uploaded.uri, "link": uploaded.link, "state": state(uploaded),
                    "code": if uploaded.transcoded == Some(false) { Exit::Pending.code() } else { 0 },
                }),
                Err(failure) => json!({
                    "file": file, "uri": null, "link": null, "state": "failed", "code": failure.exit.code(),
                    "error": failure.json(),
                }),
            })
            .collect();
        context.document(&json!({ "files": list }))?;
    } else {
        let mut table = Table::new(&["file", "video", "page", "state"]);
        for (file, uploaded) in
            files.iter().zip(results).filter_map(|(file, result)| Some((file, result.as_ref().ok()?)))
        {
            let link = uploaded.link.clone().unwrap_or_default();
            table.row([file.display().to_string(), uploaded.uri.clone(), link, state(uploaded).to_owned()]);
        }
        table.print(streams)?;
    }
    streams.flush()?;
    let paint = streams.paint_err();
    for (file, failure) in
        files.iter().zip(results).filter_map(|(file, result)| Some((file, result.as_ref().err()?)))
    {
        let code = failure.exit.code();
        streams.note(&format!(
            "{} {}: {} (code {code})",
            paint.red("vimeo:"),
            plain(&file.display().to_string()),
            failure
        ));
        if let Some(next) = failure.next_step() {
            streams.note(&format!("{} {next}", paint.dim("next:")));
        }
    }
    Ok(together(results.iter().map(|result| match result {
        Ok(Uploaded { transcoded: Some(false), .. }) => Exit::Pending,
        Ok(_) => Exit::Done,
        Err(failure) => failure.exit,
    })))
}

/// One code for all: the common one, or 9 where they differ and not all went well.
fn together(codes: impl Iterator<Item = Exit>) -> Exit {
    let mut codes: Vec<Exit> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    match codes.as_slice() {
        [] => Exit::Done,
        [only] => *only,
        [Exit::Done, Exit::Pending] => Exit::Pending,
        _ => Exit::Partly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_codes_become_one() {
        use Exit::{Done, Partly, Pending, Refused, Temporary, Usage};
        for (codes, one) in [
            (&[Done, Done][..], Done),
            (&[Done, Pending], Pending),
            (&[Refused, Refused], Refused),
            (&[Done, Refused, Usage], Partly),
            (&[Refused, Temporary], Partly),
            (&[], Done),
        ] {
            assert_eq!(together(codes.iter().copied()), one, "{codes:?}");
        }
    }
}
