//! `vimeo doctor`.

use std::path::Path;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use vimeo_ext::api::operations;
use vimeo_ext::upload::Journal;
use vimeo_ext::{Scope, ScopeSet};

use super::limits::Room;
use crate::config::TokenPlace;
use crate::context::{Context, CredentialSource, variable};
use crate::exit::{Exit, Failure, Result};
use crate::output::plain;

/// Look at everything that calls depend on: variables, token, scopes, clock, network, limits
///
/// For each scope that the token lacks it says what that disables.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 4 when there is no token that works, 5 when Vimeo cannot be reached.\n\n\
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
    what: &'static str,
    verdict: Verdict,
    says: String,
    /// What to do about it.
    next: Option<String>,
}

fn finding(what: &'static str, verdict: Verdict, says: impl Into<String>, next: Option<&str>) -> Finding {
    Finding { what, verdict, says: says.into(), next: next.map(str::to_owned) }
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit> {
    let mut findings = variables(|name| variable(name).ok().flatten().is_some());
    findings.push(uploads(context).await);
    let exit = match context.identity().await {
        Ok(identity) => {
            findings.push(finding(
                "token",
                Verdict::Good,
                format!("{}, for {}", place(&identity), identity.base_url),
                None,
            ));
            ask(context, identity, &mut findings).await?
        }
        Err(failure) => {
            findings.push(finding("token", Verdict::Bad, failure.message(), failure.next_step()));
            failure.exit
        }
    };
    show(context, &findings).await?;
    match exit {
        Exit::Done => Ok(exit),
        // What is wrong was shown, and is told to programs once more.
        exit => Err(match findings.iter().find(|finding| finding.verdict == Verdict::Bad) {
            Some(bad) => {
                let failure = Failure::new(exit, format!("{}: {}", bad.what, bad.says)).already_shown();
                match &bad.next {
                    Some(next) => failure.next(next),
                    None => failure,
                }
            }
            None => Failure::reported(exit),
        }),
    }
}

/// Names that other programs use for the same things.
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
                format!("{name} is set, which nothing here reads"),
                Some(&next),
            )
        })
        .collect();
    for (there, missing) in
        [("VIMEO_CLIENT_ID", "VIMEO_CLIENT_SECRET"), ("VIMEO_CLIENT_SECRET", "VIMEO_CLIENT_ID")]
    {
        if is_set(there) && !is_set(missing) {
            let says = format!("{there} is set and {missing} is not; an app needs both");
            findings.push(finding("variables", Verdict::Note, says, None));
        }
    }
    if findings.is_empty() {
        findings.push(finding("variables", Verdict::Good, "nothing odd", None));
    }
    findings
}

async fn uploads(context: &Context<'_>) -> Finding {
    let (list, folder) = match context.uploads().await {
        Ok(folder) => {
            let list = Journal::in_folder(&folder).list().await.map_err(Failure::from);
            (list, Some(folder))
        }
        Err(failure) => (Err(failure), None),
    };
    match list {
        Ok(list) if list.is_empty() => match folder.as_deref().map(writable) {
            Some(Err(failure)) => finding("uploads", Verdict::Bad, failure.message(), failure.next_step()),
            _ => finding("uploads", Verdict::Good, "all are finished", None),
        },
        Ok(list) => {
            let says = format!("{} not finished", list.len());
            finding("uploads", Verdict::Note, says, Some("vimeo uploads list"))
        }
        Err(failure) => finding("uploads", Verdict::Bad, failure.message(), None),
    }
}

/// Whether files can be put into a folder, or into the one above it in which it would be made.
fn writable(folder: &Path) -> Result<()> {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    // It has no name, and is gone with its handle.
    match tempfile::tempfile_in(there) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::file("write unfinished uploads down in", folder, &error).next(
            "set VIMEO_STATE_DIR to a folder that can be written; until then no upload can be resumed",
        )),
    }
}

fn place(identity: &crate::context::Identity) -> String {
    match (&identity.from, identity.account.as_ref().map(|account| account.token)) {
        (CredentialSource::Sandbox, _) => "of the sandbox".to_owned(),
        (CredentialSource::Environment, _) => "out of VIMEO_ACCESS_TOKEN".to_owned(),
        (CredentialSource::App, _) => "of an app without a user".to_owned(),
        (CredentialSource::Account(name), Some(TokenPlace::Keyring)) => {
            format!("of account {name}, out of the keyring")
        }
        (CredentialSource::Account(name), Some(TokenPlace::InsecureFile)) => {
            format!("of account {name}, in clear in a file")
        }
        (CredentialSource::Account(name), _) => format!("of account {name}, printed by a command"),
    }
}

/// What only Vimeo can say.
async fn ask(
    context: &Context<'_>,
    identity: crate::context::Identity,
    findings: &mut Vec<Finding>,
) -> Result<Exit> {
    let vimeo = context.client(identity)?;
    let grant = match vimeo.auth().verify().await {
        Ok(grant) => grant,
        Err(error) => {
            let failure = Failure::from(error);
            let what = if failure.exit == Exit::Auth { "login" } else { "network" };
            findings.push(finding(what, Verdict::Bad, failure.message(), failure.next_step()));
            return Ok(failure.exit);
        }
    };
    findings.push(finding("network", Verdict::Good, "Vimeo answers", None));
    let who =
        grant.user.as_ref().and_then(|user| user.name.as_deref()).map_or_else(|| "an app".to_owned(), plain);
    findings.push(finding("login", Verdict::Good, format!("Vimeo takes the token; it acts for {who}"), None));
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
                None => finding("limits", Verdict::Note, "Vimeo names none", None),
            });
            if let Some(room) = me.pointer("/upload_quota/space").and_then(Room::of) {
                let verdict = if room.free == 0 { Verdict::Bad } else { Verdict::Good };
                findings.push(finding("storage", verdict, format!("room for {}", room.left()), None));
            }
        }
        Err(error) => findings.push(finding("limits", Verdict::Note, error.to_string(), None)),
    }
    Ok(Exit::Done)
}

/// What each scope that is not granted disables, and one login that grants them all.
fn scopes(granted: &ScopeSet) -> Vec<Finding> {
    let words = "private purchased create edit delete interact upload promo_codes stats video_files ai";
    let missing = ScopeSet::from(words).difference(granted);
    let mut findings = vec![finding("scopes", Verdict::Good, granted.to_string(), None)];
    for scope in &missing {
        findings.push(finding(
            "scopes",
            Verdict::Note,
            format!("{scope} is missing, {}", disables(scope)),
            None,
        ));
    }
    if let Some(last) = findings.last_mut().filter(|_| !missing.is_empty()) {
        // A login grants the scopes that it names and no others.
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
        (Some(commands), 0) => format!("which {commands} needs"),
        (Some(commands), 1) => format!("which disables {commands}; one operation in all"),
        (Some(commands), _) => format!("which disables {commands}; {needs} operations in all"),
        (None, 0) => "which no operation here needs".to_owned(),
        (None, 1) => "which disables one operation".to_owned(),
        (None, _) => format!("which disables {needs} operations"),
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
        Scope::VideoFiles => &["videos links (the files)"],
        _ => &[],
    }
}

/// Whether the clock here is near Vimeo's: links and limits are dated by theirs.
fn clock(headers: &http::HeaderMap, now: DateTime<Utc>) -> Finding {
    let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
    let Some(theirs) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
        return finding("clock", Verdict::Note, "Vimeo's answer has no date to compare with", None);
    };
    let apart = (now - theirs.with_timezone(&Utc)).num_seconds();
    match apart.abs() {
        ..=30 => finding("clock", Verdict::Good, "agrees with Vimeo's", None),
        _ => {
            let way = if apart > 0 { "ahead of" } else { "behind" };
            let says = format!("{} s {way} Vimeo's", apart.abs());
            finding(
                "clock",
                Verdict::Bad,
                says,
                Some("let the system keep its time: timedatectl set-ntp true"),
            )
        }
    }
}

async fn show(context: &Context<'_>, findings: &[Finding]) -> Result<()> {
    if context.global.json.is_some() || context.global.jq.is_some() {
        return context.document(&json!({ "findings": findings })).await;
    }
    let (streams, paint) = (context.streams, context.streams.paint());
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => paint.green("✓"),
            Verdict::Note => paint.yellow("!"),
            Verdict::Bad => paint.red("✗"),
        };
        streams.line(&format!("{mark} {:<10} {}", finding.what, plain(&finding.says)))?;
        if let Some(next) = &finding.next {
            streams.line(&format!("  {:<10} {}", "", paint.dim(&plain(next))))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_names_are_known() {
        let set = |names: &'static [&'static str]| variables(move |name| names.contains(&name));
        assert_eq!(set(&[]).first().unwrap().verdict, Verdict::Good);
        let pat = set(&["VIMEO_PAT"]);
        assert!(pat[0].next.as_ref().unwrap().contains("VIMEO_ACCESS_TOKEN=\"$VIMEO_PAT\""), "{pat:?}");
        assert!(set(&["VIMEO_CLIENT_ID"])[0].says.contains("VIMEO_CLIENT_SECRET is not"));
    }

    #[test]
    fn a_missing_scope_says_what_it_disables() {
        let findings = scopes(&ScopeSet::from("private create edit delete interact stats"));
        let upload = findings.iter().find(|finding| finding.says.starts_with("upload is missing")).unwrap();
        assert!(upload.says.contains("vimeo upload, replace"), "{upload:?}");
        assert!(!findings.iter().any(|finding| finding.says.starts_with("edit is missing")));
        assert!(!findings.iter().any(|finding| finding.says.contains(" 0 operations")), "{findings:?}");
        // One login for all, as each takes away what it does not name.
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
    fn a_folder_that_could_not_be_made_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        for place in [folder.path().to_path_buf(), folder.path().join("not/yet/there")] {
            assert!(writable(&place).is_ok(), "{}", place.display());
        }
        let failure = writable(Path::new("/proc/uploads")).unwrap_err();
        assert!(failure.message().contains("/proc/uploads"), "{failure}");
        assert!(failure.next_step().unwrap().contains("VIMEO_STATE_DIR"));
    }

    #[test]
    fn clocks_are_compared() {
        let mut headers = http::HeaderMap::new();
        headers.insert("date", "Wed, 21 Oct 2015 07:28:00 GMT".parse().unwrap());
        let at = |seconds: i64| DateTime::from_timestamp(1_445_412_480 + seconds, 0).unwrap();
        assert_eq!(clock(&headers, at(5)).verdict, Verdict::Good);
        assert_eq!(clock(&headers, at(-90)).says, "90 s behind Vimeo's");
    }
}
