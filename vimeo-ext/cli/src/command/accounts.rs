//! `vimeo accounts`: the store in which a product keeps the accounts of its users.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::json;
use vimeo_ext::accounts::{AccountsError, KeyError, KeyRotation, RotationReport};

use super::store::KeyArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Look after a store of many users' accounts, as programs with vimeo-ext keep it
#[derive(Debug, Args)]
pub(crate) struct AccountsArgs {
    #[command(subcommand)]
    command: AccountsCommand,
}

#[derive(Debug, Subcommand)]
enum AccountsCommand {
    RotateKeys(RotateKeysArgs),
}

/// Encrypt the secrets in a store anew, with another key
///
/// First give every process that works on the store the new key, and the old one to read with. Then run this; the
/// processes may go on meanwhile. Ended at any moment, it goes on when it is run again. At last take the old key away.
///
/// A key is the base64 of 32 random bytes, as `openssl rand -base64 32` prints it. Keys come from files or from variables:
/// the new one from VIMEO_ACCOUNTS_KEY, old ones from VIMEO_ACCOUNTS_OLD_KEYS with commas between. Nothing is written
/// when a record is under a key that is not among them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo accounts rotate-keys --store sqlite:accounts.db --key-file new.key --old-key-file old.key\n\n\
    An address with a password in it is better put into VIMEO_STORE than on the command line, where others of this \
    machine see it; or leave the password to PGPASSWORD.")]
pub(crate) struct RotateKeysArgs {
    /// Where the accounts are kept: sqlite:///path/to/file or postgres://user@host/database
    #[arg(long, value_name = "ADDRESS")]
    store: String,

    #[command(flatten)]
    keys: KeyArgs,
}

pub(crate) async fn run(context: &Context<'_>, args: AccountsArgs) -> Result<Exit> {
    match args.command {
        AccountsCommand::RotateKeys(args) => rotate_keys(context, args).await,
    }
}

async fn rotate_keys(context: &Context<'_>, args: RotateKeysArgs) -> Result<Exit> {
    // Before anything is opened: a filter that cannot be read, a write that was ruled out.
    context.filter()?;
    context.may_write("rotating keys")?;
    let keys = args.keys.ring()?;
    let current = keys.current().clone();
    let store = args.keys.open(&args.store).await?;
    context.on_interrupt_hint("run the same command again: it goes on with what is left".to_owned());
    let (told, every) = (Mutex::new(Instant::now()), Duration::from_secs(2));
    let (seen, mut progress) = tokio::sync::watch::channel((0, 0));
    let rotation = KeyRotation::new(store, keys).on_progress(move |done, total| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= every {
            *told = Instant::now();
            seen.send_replace((done, total));
        }
    });
    let rotating = rotation.run();
    tokio::pin!(rotating);
    let rotation = loop {
        tokio::select! {
            outcome = &mut rotating => break outcome.map_err(failed)?,
            Ok(()) = progress.changed() => {
                let (done, total) = *progress.borrow_and_update();
                context.streams.note(&format!("{done} of {total} records"));
            }
        }
    };
    context.on_interrupt_hint(None);
    tell(context, &rotation, current.as_str()).await?;
    match rotation.is_complete() {
        true => Ok(Exit::Done),
        false => {
            let next = match rotation.damaged.is_empty() {
                true => "give every process the new key, then run the same command again",
                false => {
                    "bring them back from a backup, or let their users log in again; until then keep the old key"
                }
            };
            Err(Failure::new(Exit::Partly, "some records still need an old key").next(next))
        }
    }
}

fn failed(error: AccountsError) -> Failure {
    match error {
        AccountsError::Key(KeyError::UnknownKey { key }) => Failure::usage(format!(
            "something in the store is encrypted with key {key}, which is not among those given; it was not overwritten"
        ))
        .next("add that key: --old-key-file FILE, or VIMEO_ACCOUNTS_OLD_KEYS"),
        error => Failure::new(Exit::Temporary, error.to_string())
            .next("run the same command again: it goes on with what is left"),
    }
}

async fn tell(context: &Context<'_>, rotation: &RotationReport, key: &str) -> Result<()> {
    let RotationReport {
        accounts,
        connections,
        already_current: already,
        damaged,
        remaining: left,
        pending_logins: logins,
        ..
    } = rotation;
    if context.global.json.is_some() || context.global.jq.is_some() {
        return context
            .document(&json!({
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
        .line(&format!("{accounts} accounts and {connections} connections are rewritten with key {key}"))?;
    streams.line(&format!("{already} records were already under it"))?;
    for owner in damaged {
        streams.line(&format!("{owner}: cannot be decrypted, left as it is"))?;
    }
    if *left > 0 {
        streams.line(&format!(
            "{left} records came under an older key meanwhile: a process still writes with it"
        ))?;
    }
    if *logins > 0 {
        streams.note(&format!(
            "{logins} logins wait for their users under an older key; keep it until they have ended, which takes minutes"
        ));
    }
    Ok(())
}
