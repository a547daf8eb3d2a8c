//! Prints the outcome of all files, for people and programs.

use serde_json::{Map, Value, json};

use super::single::Report;
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};
use crate::output::{Table, sanitize};
use crate::video_pages::Site;

impl Report {
    /// Returns the file's state.
    fn state(&self) -> &'static str {
        match (self.is_uploaded, self.transcoded) {
            (false, _) => "failed",
            (true, None) => "uploaded",
            (true, Some(true)) => "transcoded",
            (true, Some(false)) => "transcoding",
        }
    }

    fn exit(&self) -> ExitCode {
        match self.failure() {
            Some(failure) => failure.exit,
            None if self.transcoded == Some(false) => ExitCode::Pending,
            None => ExitCode::Done,
        }
    }

    /// Returns the address of the video's page, for people.
    fn page(&self, site: &Site) -> Option<String> {
        site.video(self.uri.as_deref(), self.link.as_deref())
    }

    fn json(&self, file: &str, site: &Site) -> Value {
        let mut document = json!({
            "file": file, "uri": self.uri, "link": self.link, "state": self.state(), "code": self.exit().code(),
        });
        let Some(members) = document.as_object_mut() else { return document };
        if let (Site::Sandbox(_), Some(page)) = (site, self.page(site)) {
            members.insert("page".to_owned(), page.into());
        }
        if !self.steps.is_empty() {
            let state = |done: bool| if done { "done" } else { "failed" };
            let steps: Map<String, Value> = self
                .steps
                .iter()
                .map(|step| (step.name.clone(), state(step.outcome.is_ok()).into()))
                .collect();
            members.insert("extras".to_owned(), steps.into());
        }
        if let Some(failure) = self.failure() {
            members.insert("error".to_owned(), failure.json());
        }
        document
    }

    /// Returns the state for a table, with failed steps.
    fn state_text(&self) -> String {
        let failed = self.steps.iter().filter(|step| step.outcome.is_err());
        failed.fold(self.state().to_owned(), |text, step| format!("{text}, {} failed", step.name))
    }
}

/// Prints the outcome of each file and returns the combined exit code.
pub(crate) async fn print_reports(context: &Context<'_>, reports: &[(String, Report)]) -> Result<ExitCode> {
    let streams = context.streams;
    let is_uploaded = reports.iter().any(|(_, report)| report.is_uploaded);
    // Without a video there is nothing to open.
    let site = if is_uploaded { context.site().await? } else { &Site::Vimeo };
    if context.wants_json() {
        let list: Vec<Value> = reports.iter().map(|(file, report)| report.json(file, site)).collect();
        context.print_json(&json!({ "files": list })).await?;
    } else {
        // Scripts find the same columns everywhere.
        let has_pages = !matches!(site, Site::EndingSandbox) || !streams.out_is_terminal();
        let titles: &[&str] =
            if has_pages { &["file", "video", "page", "state"] } else { &["file", "video", "state"] };
        let mut table = Table::new(titles);
        for (file, report) in reports.iter().filter(|(_, report)| report.is_uploaded) {
            let page = has_pages.then(|| report.page(site).unwrap_or_default());
            let video = [file.clone(), report.uri.clone().unwrap_or_default()];
            table.row(video.into_iter().chain(page).chain([report.state_text()]));
        }
        table.print(streams)?;
    }
    streams.flush()?;
    if matches!(site, Site::EndingSandbox) && !context.wants_json() {
        streams.hint(
            "this sandbox and its videos are gone; `vimeo sandbox` starts one that stays, with a page that plays videos",
        );
    }
    let paint = streams.paint_err();
    for (file, report) in reports {
        for (about, failure) in report.failures() {
            let code = failure.exit.code();
            let about = about.map(|about| format!("{about}: ")).unwrap_or_default();
            let file = sanitize(file);
            let mark = paint.red("vimeo:");
            streams.note(&format!("{mark} {file}: {about}{failure} (code {code})"));
            if let Some(next) = failure.next_step() {
                streams.note(&format!("{} {next}", paint.dim("next:")));
            }
        }
    }
    let exit = combined_exit_code(reports.iter().map(|(_, report)| report.exit()));
    match exit {
        ExitCode::Done | ExitCode::Pending => Ok(exit),
        exit => Err(combined_error(exit, reports)),
    }
}

/// Combines all errors into one for programs; people have already seen each.
fn combined_error(exit: ExitCode, reports: &[(String, Report)]) -> CliError {
    let failed: Vec<(&String, &CliError)> =
        reports.iter().filter_map(|(file, report)| Some((file, report.failure()?))).collect();
    let error = match failed.as_slice() {
        [(file, failure)] => CliError::new(exit, format!("{file}: {failure}"))
            .with_status(failure.status())
            .with_video(failure.video())
            .with_optional_next_step(failure.next_step()),
        several => {
            let list: Vec<String> =
                several.iter().map(|(file, failure)| format!("{file}: {failure}")).collect();
            let message = format!("{} of {} files failed: {}", several.len(), reports.len(), list.join("; "));
            CliError::new(exit, message)
                .with_next_step("run the same command again: completed files are skipped")
        }
    };
    error.already_shown()
}

/// Combines exit codes: the common one, or 9 if they differ and not all succeeded.
fn combined_exit_code(codes: impl Iterator<Item = ExitCode>) -> ExitCode {
    let mut codes: Vec<ExitCode> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    match codes.as_slice() {
        [] => ExitCode::Done,
        [only] => *only,
        [ExitCode::Done, ExitCode::Pending] => ExitCode::Pending,
        _ => ExitCode::Partly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combines_exit_codes() {
        use ExitCode::{Done, Partly, Pending, Refused, Temporary, Usage};
        for (codes, combined) in [
            (&[Done, Done][..], Done),
            (&[Done, Pending], Pending),
            (&[Refused, Refused], Refused),
            (&[Done, Refused, Usage], Partly),
            (&[Refused, Temporary], Partly),
            (&[], Done),
        ] {
            assert_eq!(combined_exit_code(codes.iter().copied()), combined, "{codes:?}");
        }
    }
}
