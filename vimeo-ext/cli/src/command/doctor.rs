//! `vimeo doctor`.

use std::path::Path;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use vimeo_ext::api::operations;
use vimeo_ext::upload::Journal;
use vimeo_ext::{Scope, ScopeSet};

use super::limits::QuotaStatus;
use crate::config::TokenStorage;
use crate::context::{Context, CredentialSource, env_var};
use crate::exit::{CliError, ExitCode, Result};
use crate::output::sanitize;

/// Diagnose problems with environment, token, scopes, clock, network and limits
///
/// Also reports, for each scope that the token lacks, which commands need it.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 4 if no valid token was found, 5 if Vimeo cannot be reached.\n\n\
    Examples:\n  $ vimeo doctor\n  $ vimeo doctor --json")]
pub(crate) struct DoctorArgs {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Note,
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    #[serde(rename = "what")]
    check: &'static str,
    verdict: Verdict,
    #[serde(rename = "says")]
    message: String,
    /// What to do about it.
    next: Option<String>,
}

fn finding(check: &'static str, verdict: Verdict, message: impl Into<String>, next: Option<&str>) -> Finding {
    Finding { check, verdict, message: message.into(), next: next.map(str::to_owned) }
}

pub(crate) async fn run(context: &Context<'_>) -> Result<ExitCode> {
    let mut findings = variables(|name| env_var(name).ok().flatten().is_some());
    findings.push(uploads(context).await);
    let exit = match context.identity().await {
        Ok(identity) => {
            findings.push(finding(
                "token",
                Verdict::Good,
                format!("{} (API: {})", token_source(&identity), identity.base_url),
                None,
            ));
            check_api(context, identity, &mut findings).await?
        }
        Err(failure) => {
            findings.push(finding("token", Verdict::Bad, failure.message(), failure.next_step()));
            failure.exit
        }
    };
    show(context, &findings).await?;
    match exit {
        ExitCode::Done => Ok(exit),
        // People have seen the problem in the list; programs also get it as the error.
        exit => Err(match findings.iter().find(|finding| finding.verdict == Verdict::Bad) {
            Some(bad) => CliError::new(exit, format!("{}: {}", bad.check, bad.message))
                .with_optional_next_step(bad.next.as_deref())
                .already_shown(),
            None => CliError::reported(exit),
        }),
    }
}

/// Checks for variable names that other programs use for the same settings.
fn variables(is_set: impl Fn(&str) -> bool) -> Vec<Finding> {
    let old = [
        ("VIMEO_PAT", "VIMEO_ACCESS_TOKEN"),
        ("VIMEO_TOKEN", "VIMEO_ACCESS_TOKEN"),
        ("VIMEO_API_TOKEN", "VIMEO_ACCESS_TOKEN"),
        ("VIMEO_API_BASE", "VIMEO_BASE_URL"),
    ];
    let mut findings: Vec<Finding> = old
        .iter()
        .filter(|(name, _)| is_set(name))
        .map(|(name, new)| {
            let next = format!("rename it: export {new}=\"${name}\"; unset {name}");
            finding(
                "variables",
                Verdict::Note,
                format!("{name} is set, but this program does not read it"),
                Some(&next),
            )
        })
        .collect();
    for (set, missing) in
        [("VIMEO_CLIENT_ID", "VIMEO_CLIENT_SECRET"), ("VIMEO_CLIENT_SECRET", "VIMEO_CLIENT_ID")]
    {
        if is_set(set) && !is_set(missing) {
            let message = format!("{set} is set but {missing} is not; an app needs both");
            findings.push(finding("variables", Verdict::Note, message, None));
        }
    }
    if findings.is_empty() {
        findings.push(finding("variables", Verdict::Good, "no problems found", None));
    }
    findings
}

async fn uploads(context: &Context<'_>) -> Finding {
    let (list, folder) = match context.uploads().await {
        Ok(folder) => {
            let list = super::uploads::all_entries(&Journal::in_folder(&folder)).await;
            (list, Some(folder))
        }
        Err(failure) => (Err(failure), None),
    };
    match list {
        Ok(list) if list.is_empty() => match folder.as_deref().map(check_writable) {
            Some(Err(failure)) => finding("uploads", Verdict::Bad, failure.message(), failure.next_step()),
            _ => finding("uploads", Verdict::Good, "no unfinished uploads", None),
        },
        Ok(list) => {
            let message = format!("{} unfinished", list.len());
            finding("uploads", Verdict::Note, message, Some("vimeo uploads list"))
        }
        Err(failure) => finding("uploads", Verdict::Bad, failure.message(), None),
    }
}

/// Checks that files can be created in a folder, or in its closest existing ancestor.
fn check_writable(folder: &Path) -> Result<()> {
    let existing = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    // The file is unnamed and disappears when its handle is dropped.
    match tempfile::tempfile_in(existing) {
        Ok(_) => Ok(()),
        Err(error) => Err(CliError::io("create files in", folder, &error).with_next_step(
            "set VIMEO_STATE_DIR to a writable folder; until then uploads cannot be resumed",
        )),
    }
}

fn token_source(identity: &crate::context::Identity) -> String {
    match (&identity.source, identity.account.as_ref().map(|account| account.token)) {
        (CredentialSource::Sandbox, _) => "from the sandbox".to_owned(),
        (CredentialSource::Environment, _) => "from VIMEO_ACCESS_TOKEN".to_owned(),
        (CredentialSource::App, _) => "app credentials, no user".to_owned(),
        (CredentialSource::Account(name), Some(TokenStorage::Keyring)) => {
            format!("account {name}, from the system keyring")
        }
        (CredentialSource::Account(name), Some(TokenStorage::InsecureFile)) => {
            format!("account {name}, from an unencrypted file")
        }
        (CredentialSource::Account(name), _) => format!("account {name}, from a token command"),
    }
}

/// Runs the checks that need a call to Vimeo.
async fn check_api(
    context: &Context<'_>,
    identity: crate::context::Identity,
    findings: &mut Vec<Finding>,
) -> Result<ExitCode> {
    let vimeo = context.client(identity)?;
    let grant = match vimeo.auth().verify().await {
        Ok(grant) => grant,
        Err(error) => {
            let failure = CliError::from(error);
            let check = if failure.exit == ExitCode::Auth { "login" } else { "network" };
            findings.push(finding(check, Verdict::Bad, failure.message(), failure.next_step()));
            return Ok(failure.exit);
        }
    };
    findings.push(finding("network", Verdict::Good, "Vimeo is reachable", None));
    let who = grant
        .user
        .as_ref()
        .and_then(|user| user.name.as_deref())
        .map_or_else(|| "an app".to_owned(), sanitize);
    findings.push(finding(
        "login",
        Verdict::Good,
        format!("Vimeo accepts the token; it acts for {who}"),
        None,
    ));
    if let Some(granted) = grant.scopes() {
        findings.extend(scopes(granted));
    }
    match vimeo.get("/me").fields("upload_quota").send().await {
        Ok(me) => {
            findings.push(clock(me.headers(), Utc::now()));
            findings.push(match me.rate_limit().and_then(|limit| Some((limit.remaining?, limit.limit?))) {
                Some((0, limit)) => {
                    finding("limits", Verdict::Bad, format!("0 of {limit} calls left"), Some("vimeo limits"))
                }
                Some((left, limit)) => {
                    finding("limits", Verdict::Good, format!("{left} of {limit} calls left"), None)
                }
                None => finding("limits", Verdict::Note, "the response has no rate limit headers", None),
            });
            if let Some(quota_status) = me.pointer("/upload_quota/space").and_then(QuotaStatus::from_json) {
                let verdict = if quota_status.free == 0 { Verdict::Bad } else { Verdict::Good };
                findings.push(finding(
                    "storage",
                    verdict,
                    format!("{} left", quota_status.remaining()),
                    None,
                ));
            }
        }
        Err(error) => findings.push(finding("limits", Verdict::Note, error.to_string(), None)),
    }
    Ok(ExitCode::Done)
}

/// Reports what each missing scope disables, and one login command that grants all scopes.
fn scopes(granted: &ScopeSet) -> Vec<Finding> {
    let words = "private purchased create edit delete interact upload promo_codes stats video_files ai";
    let missing = ScopeSet::from(words).difference(granted);
    let mut findings = vec![finding("scopes", Verdict::Good, granted.to_string(), None)];
    for scope in &missing {
        findings.push(finding(
            "scopes",
            Verdict::Note,
            format!("{scope} is missing: {}", disables(scope)),
            None,
        ));
    }
    if let Some(last) = findings.last_mut().filter(|_| !missing.is_empty()) {
        // A login replaces the token's scopes, so name the granted ones too.
        let all: Vec<&str> = granted.iter().chain(missing.iter()).map(Scope::as_str).collect();
        last.next = Some(format!("vimeo auth login --scopes {}", all.join(",")));
    }
    findings
}

fn disables(scope: &Scope) -> String {
    let needs = operations().filter(|operation| operation.scopes.contains(scope)).count();
    let commands = commands_that_need(scope);
    let commands = (!commands.is_empty()).then(|| format!("vimeo {}", commands.join(", ")));
    match (commands, needs) {
        (Some(commands), 0) => format!("{commands} needs it"),
        (Some(commands), 1) => format!("disables {commands} (1 operation in total)"),
        (Some(commands), _) => format!("disables {commands} ({needs} operations in total)"),
        (None, 0) => "no operation needs it".to_owned(),
        (None, 1) => "disables 1 operation".to_owned(),
        (None, _) => format!("disables {needs} operations"),
    }
}

fn commands_that_need(scope: &Scope) -> &'static [&'static str] {
    match scope {
        Scope::Private => &["videos list", "folders list", "showcases list", "limits"],
        Scope::Create => &["folders create", "showcases create", "live start"],
        Scope::Edit => &["videos edit", "showcases add", "picture"],
        Scope::Delete => &["videos delete", "folders delete", "showcases delete"],
        Scope::Interact => &["folders add"],
        Scope::Upload => &["upload", "replace", "picture", "texttrack"],
        Scope::Stats => &["analytics"],
        Scope::VideoFiles => &["videos links (file links)"],
        _ => &[],
    }
}

/// Compares the local clock with Vimeo's, by which links and limits expire.
fn clock(headers: &http::HeaderMap, now: DateTime<Utc>) -> Finding {
    let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
    let Some(server_time) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
        return finding("clock", Verdict::Note, "Vimeo's response has no Date header to compare with", None);
    };
    let offset = (now - server_time.with_timezone(&Utc)).num_seconds();
    match offset.abs() {
        ..=30 => finding("clock", Verdict::Good, "in sync with Vimeo's", None),
        _ => {
            let way = if offset > 0 { "ahead of" } else { "behind" };
            let message = format!("{} s {way} Vimeo's", offset.abs());
            finding(
                "clock",
                Verdict::Bad,
                message,
                Some("synchronize the system clock: timedatectl set-ntp true"),
            )
        }
    }
}

async fn show(context: &Context<'_>, findings: &[Finding]) -> Result<()> {
    if context.wants_json() {
        return context.print_json(&json!({ "findings": findings })).await;
    }
    let (streams, paint) = (context.streams, context.streams.paint());
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => paint.green("✓"),
            Verdict::Note => paint.yellow("!"),
            Verdict::Bad => paint.red("✗"),
        };
        streams.line(&format!("{mark} {:<10} {}", finding.check, sanitize(&finding.message)))?;
        if let Some(next) = &finding.next {
            streams.line(&format!("  {:<10} {}", "", paint.dim(&sanitize(next))))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_variables_of_other_programs() {
        let set = |names: &'static [&'static str]| variables(move |name| names.contains(&name));
        assert_eq!(set(&[]).first().unwrap().verdict, Verdict::Good);
        let pat = set(&["VIMEO_PAT"]);
        assert!(pat[0].next.as_ref().unwrap().contains("VIMEO_ACCESS_TOKEN=\"$VIMEO_PAT\""), "{pat:?}");
        assert!(set(&["VIMEO_CLIENT_ID"])[0].message.contains("VIMEO_CLIENT_SECRET is not"));
    }

    #[test]
    fn missing_scopes_report_what_they_disable() {
        let findings = scopes(&ScopeSet::from("private create edit delete interact stats"));
        let upload =
            findings.iter().find(|finding| finding.message.starts_with("upload is missing")).unwrap();
        assert!(upload.message.contains("vimeo upload, replace"), "{upload:?}");
        assert!(!findings.iter().any(|finding| finding.message.starts_with("edit is missing")));
        assert!(!findings.iter().any(|finding| finding.message.contains(" 0 operations")), "{findings:?}");
        // One login for all scopes: a login drops every scope that it does not name.
        let next: Vec<&str> = findings.iter().filter_map(|finding| finding.next.as_deref()).collect();
        let [login] = next[..] else { panic!("{next:?}") };
        let named = login.strip_prefix("vimeo auth login --scopes ").unwrap();
        let named: Vec<&str> = named.split(',').collect();
        for scope in ["private", "stats", "upload", "video_files", "ai"] {
            assert_eq!(named.iter().filter(|name| **name == scope).count(), 1, "{login}");
        }
        let all = scopes(&ScopeSet::from(login.rsplit(' ').next().unwrap().replace(',', " ").as_str()));
        assert_eq!((all.len(), all[0].next.as_ref()), (1, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn reports_a_state_folder_that_cannot_be_created() {
        let folder = tempfile::tempdir().unwrap();
        for place in [folder.path().to_path_buf(), folder.path().join("not/yet/there")] {
            assert!(check_writable(&place).is_ok(), "{}", place.display());
        }
        let failure = check_writable(Path::new("/proc/uploads")).unwrap_err();
        assert!(failure.message().contains("/proc/uploads"), "{failure}");
        assert!(failure.next_step().unwrap().contains("VIMEO_STATE_DIR"));
    }

    #[test]
    fn json_members_are_stable() {
        let json = serde_json::to_value(finding("clock", Verdict::Good, "in sync", None)).unwrap();
        assert_eq!(json, json!({"what": "clock", "verdict": "good", "says": "in sync", "next": null}));
    }

    #[test]
    fn compares_the_clock_with_the_date_header() {
        let mut headers = http::HeaderMap::new();
        headers.insert("date", "Wed, 21 Oct 2015 07:28:00 GMT".parse().unwrap());
        let at = |seconds: i64| DateTime::from_timestamp(1_445_412_480 + seconds, 0).unwrap();
        assert_eq!(clock(&headers, at(5)).verdict, Verdict::Good);
        assert_eq!(clock(&headers, at(-90)).message, "90 s behind Vimeo's");
    }
}
