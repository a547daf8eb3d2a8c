//! `vimeo accounts rotate-keys`: replaces the encryption key of a store.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use vimeo_ext::accounts::{AccountsError, KeyError, KeyRotation, RotationReport};

use crate::command::store::KeyArgs;
use crate::context::Context;
use crate::exit::{CliError, ExitCode, Result};

/// Re-encrypt the secrets in an account store with a new key
///
/// First, configure every process that uses the store with the new key, and with the old one for reading. Then run this
/// command; the processes can keep running. If it is interrupted, run it again to continue. Finally, remove the old
/// key.
///
/// A key is 32 random bytes in base64, as printed by `openssl rand -base64 32`. Keys come from files or from
/// environment variables: the new key from VIMEO_ACCOUNTS_KEY, old keys from VIMEO_ACCOUNTS_OLD_KEYS (comma-separated).
/// If any record uses a key that was not given, nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo accounts rotate-keys --store sqlite:accounts.db --key-file new.key --old-key-file old.key\n\n\
    If the URL contains a password, pass it in VIMEO_STORE, or set PGPASSWORD: other users of this machine can read \
    command lines.")]
pub(crate) struct RotateKeysArgs {
    /// The store's URL: sqlite:///path/to/file or postgres://user@host/database
    #[arg(long, value_name = "URL")]
    store: String,

    #[command(flatten)]
    keys: KeyArgs,
}

/// Time between two progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

pub(super) async fn rotate_keys(context: &Context<'_>, args: RotateKeysArgs) -> Result<ExitCode> {
    // Reject an invalid filter or a forbidden write before opening the store.
    context.filter()?;
    context.check_write_allowed("rotating keys")?;
    let keys = args.keys.key_ring()?;
    let current = keys.current().clone();
    let store = args.keys.open(&args.store).await?;
    context.on_interrupt_hint("run the same command again to continue".to_owned());
    let last_report = Mutex::new(Instant::now());
    let (reports, mut progress) = tokio::sync::watch::channel((0, 0));
    let rotation = KeyRotation::new(store, keys).on_progress(move |done, total| {
        let mut last_report = last_report.lock().unwrap_or_else(PoisonError::into_inner);
        if last_report.elapsed() >= PROGRESS_INTERVAL {
            *last_report = Instant::now();
            reports.send_replace((done, total));
        }
    });
    let rotating = rotation.run();
    tokio::pin!(rotating);
    let rotation = loop {
        tokio::select! {
            outcome = &mut rotating => break outcome.map_err(rotation_error)?,
            Ok(()) = progress.changed() => {
                let (done, total) = *progress.borrow_and_update();
                context.streams.note(&format!("{done} of {total} records"));
            }
        }
    };
    context.on_interrupt_hint(None);
    print_report(context, &rotation, current.as_str()).await?;
    match rotation.is_complete() {
        true => Ok(ExitCode::Done),
        false => {
            let next = match rotation.damaged.is_empty() {
                true => "give every process the new key, then run the same command again",
                false => {
                    "restore the damaged records from a backup, or have their users log in again; keep the old key until then"
                }
            };
            Err(CliError::new(ExitCode::Partly, "some records still require an old key").with_next_step(next))
        }
    }
}

fn rotation_error(error: AccountsError) -> CliError {
    match error {
        AccountsError::Key(KeyError::UnknownKey { key }) => CliError::usage(format!(
            "a record is encrypted with key {key}, which was not given; the record was not overwritten"
        ))
        .with_next_step("add that key with --old-key-file FILE or VIMEO_ACCOUNTS_OLD_KEYS"),
        error => CliError::new(ExitCode::Temporary, error.to_string())
            .with_next_step("run the same command again to continue"),
    }
}

async fn print_report(context: &Context<'_>, rotation: &RotationReport, key: &str) -> Result<()> {
    let RotationReport {
        accounts,
        connections,
        already_current: already,
        damaged,
        remaining: left,
        pending_logins: logins,
        ..
    } = rotation;
    if context.wants_json() {
        return context
            .print_json(&json!({
                "key": key,
                "rewritten": { "accounts": accounts, "connections": connections },
                "already": already,
                "damaged": damaged,
                "left": left,
                "logins": logins,
            }))
            .await;
    }
    let streams = context.streams;
    streams
        .line(&format!("re-encrypted {accounts} accounts and {connections} connections with key {key}"))?;
    streams.line(&format!("{already} records already used this key"))?;
    for owner in damaged {
        streams.line(&format!("{owner}: cannot be decrypted; left unchanged"))?;
    }
    if *left > 0 {
        streams.line(&format!(
            "{left} records were written with an old key in the meantime: some process still uses that key"
        ))?;
    }
    if *logins > 0 {
        streams.note(&format!(
            "{logins} pending logins use an old key; keep that key for a few minutes until they have ended"
        ));
    }
    Ok(())
}
