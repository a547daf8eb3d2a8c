//! What became of the files, told to people and to programs.

use serde_json::{Map, Value, json};

use super::one::Report;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::{Table, plain};

impl Report {
    /// How far it is, in a word.
    fn state(&self) -> &'static str {
        match (self.is_uploaded, self.transcoded) {
            (false, _) => "failed",
            (true, None) => "uploaded",
            (true, Some(true)) => "transcoded",
            (true, Some(false)) => "transcoding",
        }
    }

    fn exit(&self) -> Exit {
        match self.failure() {
            Some(failure) => failure.exit,
            None if self.transcoded == Some(false) => Exit::Pending,
            None => Exit::Done,
        }
    }

    fn json(&self, file: &str) -> Value {
        let mut document = json!({
            "file": file, "uri": self.uri, "link": self.link, "state": self.state(), "code": self.exit().code(),
        });
        let Some(members) = document.as_object_mut() else { return document };
        if !self.extras.is_empty() {
            let state = |done: bool| if done { "done" } else { "failed" };
            let extras: Map<String, Value> = self
                .extras
                .iter()
                .map(|extra| (extra.name.clone(), state(extra.outcome.is_ok()).into()))
                .collect();
            members.insert("extras".to_owned(), extras.into());
        }
        if let Some(failure) = self.failure() {
            members.insert("error".to_owned(), failure.json());
        }
        document
    }

    /// As `json` has it, for a table.
    fn words(&self) -> String {
        let failed = self.extras.iter().filter(|extra| extra.outcome.is_err());
        failed.fold(self.state().to_owned(), |words, extra| format!("{words}, {} failed", extra.name))
    }
}

/// Prints what became of each file, and says how the whole ends.
pub(crate) async fn tell(context: &Context<'_>, reports: &[(String, Report)]) -> Result<Exit> {
    let streams = context.streams;
    if context.global.json.is_some() || context.global.jq.is_some() {
        let list: Vec<Value> = reports.iter().map(|(file, report)| report.json(file)).collect();
        context.document(&json!({ "files": list })).await?;
    } else {
        let mut table = Table::new(&["file", "video", "page", "state"]);
        for (file, report) in reports.iter().filter(|(_, report)| report.is_uploaded) {
            let link = report.link.clone().unwrap_or_default();
            table.row([file.clone(), report.uri.clone().unwrap_or_default(), link, report.words()]);
        }
        table.print(streams)?;
    }
    streams.flush()?;
    let paint = streams.paint_err();
    for (file, report) in reports {
        for (about, failure) in report.failures() {
            let code = failure.exit.code();
            let about = about.map(|about| format!("{about}: ")).unwrap_or_default();
            let file = plain(file);
            let mark = paint.red("vimeo:");
            streams.note(&format!("{mark} {file}: {about}{failure} (code {code})"));
            if let Some(next) = failure.next_step() {
                streams.note(&format!("{} {next}", paint.dim("next:")));
            }
        }
    }
    let exit = together(reports.iter().map(|(_, report)| report.exit()));
    match exit {
        Exit::Done | Exit::Pending => Ok(exit),
        exit => Err(in_one(exit, reports)),
    }
}

/// All failures as one, for programs: people have read each.
fn in_one(exit: Exit, reports: &[(String, Report)]) -> Failure {
    let failed: Vec<(&String, &Failure)> =
        reports.iter().filter_map(|(file, report)| Some((file, report.failure()?))).collect();
    let failure = match failed.as_slice() {
        [(file, failure)] => {
            let one = Failure::new(exit, format!("{file}: {failure}"));
            let one = one.answered(failure.status()).about(failure.video());
            match failure.next_step() {
                Some(next) => one.next(next),
                None => one,
            }
        }
        several => {
            let list: Vec<String> =
                several.iter().map(|(file, failure)| format!("{file}: {failure}")).collect();
            let message = format!("{} of {} files failed: {}", several.len(), reports.len(), list.join("; "));
            Failure::new(exit, message).next("run the same command again: what is done is not done twice")
        }
    };
    failure.already_shown()
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
