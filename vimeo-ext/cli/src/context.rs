//! What a command works with: streams, folders, settings, and a client for the right account.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use url::Url;
use vimeo_ext::upload::Journal;
use vimeo_ext::{AccessToken, RateLimitPolicy, Timeouts, Vimeo, VimeoBuilder};
use vimeo_sandbox::Sandbox;

use crate::config::{Account, Accounts, Folders, Settings, TokenPlace};
use crate::credentials::{self, InsecureFiles, Keyring, SecretStore, TimeoutStore};
use crate::exit::{Exit, Failure, Result};
use crate::globals::Global;
use crate::output::{Filter, IoStreams};

/// Where the API is when nothing else is said.
pub(crate) const VIMEO: &str = "https://api.vimeo.com/";

/// How long one attempt of a call may take, moving or not: a page of a hundred videos comes in it over a slow line.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5 * 60);

/// How long a call may take with all its attempts, beside the time that it may wait for a rate limit.
const LONGEST_CALL: Duration = Duration::from_secs(15 * 60);

/// What one run of the command works with.
pub(crate) struct Context<'a> {
    pub(crate) streams: &'a IoStreams,
    pub(crate) global: Global,
    pub(crate) folders: Folders,
    pub(crate) settings: Settings,
    sandbox: OnceCell<EphemeralSandbox>,
}

/// A sandbox for one command, and a place for what it would otherwise leave behind.
struct EphemeralSandbox {
    sandbox: Sandbox,
    folder: TempDir,
}

/// Who a command acts as.
pub(crate) struct Identity {
    pub(crate) from: CredentialSource,
    pub(crate) base_url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) account: Option<Account>,
}

/// Where an identity comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    Sandbox,
    Environment,
    Account(String),
    /// An app without a user, out of the environment.
    App,
}

impl<'a> Context<'a> {
    pub(crate) fn new(global: Global, streams: &'a IoStreams) -> Result<Self> {
        let folders = Folders::of_process()?;
        let settings = Settings::read(folders.config())?;
        Ok(Self { streams, global, folders, settings, sandbox: OnceCell::new() })
    }

    pub(crate) fn accounts(&self) -> Accounts {
        Accounts::in_folder(self.folders.config())
    }

    /// The sandbox of this command, started when it is first needed. A few videos are in it, so that lists show
    /// something.
    pub(crate) async fn sandbox(&self) -> Result<&Sandbox> {
        Ok(&self.playground().await?.sandbox)
    }

    async fn playground(&self) -> Result<&EphemeralSandbox> {
        let start = || async {
            let sandbox = Sandbox::start()
                .await
                .map_err(|error| Failure::new(Exit::Other, format!("the sandbox does not start: {error}")))?;
            sandbox.add_videos(3);
            self.streams.hint("a sandbox on this machine takes Vimeo's place; it ends with this command");
            let folder = tempfile::tempdir()
                .map_err(|error| Failure::file("make a folder in", &std::env::temp_dir(), &error))?;
            Ok(EphemeralSandbox { sandbox, folder })
        };
        self.sandbox.get_or_try_init(start).await
    }

    /// The folder of unfinished uploads. Those to a sandbox that ends with the command are not kept.
    pub(crate) async fn uploads(&self) -> Result<PathBuf> {
        match self.global.sandbox {
            true => Ok(self.playground().await?.folder.path().join("uploads")),
            false => Ok(self.folders.uploads()),
        }
    }

    /// The folder of answers that are kept for a while.
    pub(crate) async fn cache(&self) -> Result<PathBuf> {
        match self.global.sandbox {
            true => Ok(self.playground().await?.folder.path().join("cache")),
            false => Ok(self.folders.cache()),
        }
    }

    /// The filter of `--jq`, read before anything is sent.
    pub(crate) fn filter(&self) -> Result<Option<Filter>> {
        self.global.jq.as_deref().map(Filter::compile).transpose()
    }

    /// One JSON document, through `--jq` where there is one.
    pub(crate) async fn document(&self, document: &impl serde::Serialize) -> Result<()> {
        let Some(filter) = self.filter()? else { return Ok(self.streams.json(document)?) };
        let text =
            serde_json::to_vec(document).map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
        filter.print(text, self.streams).await
    }

    /// Refuses what would change something, where that was ruled out.
    pub(crate) fn may_write(&self, what: &str) -> Result<()> {
        if self.global.read_only {
            let message =
                format!("{what} would change something, and --read-only or VIMEO_READ_ONLY forbids it");
            return Err(Failure::new(Exit::WriteRefused, message));
        }
        Ok(())
    }

    /// Says what is told when a signal ends the command from here on.
    pub(crate) fn on_interrupt_hint(&self, text: impl Into<Option<String>>) {
        self.streams.interrupt().next_step(text.into());
    }

    /// The address of the API that was asked for, if one was.
    pub(crate) fn base_url(&self) -> Result<Option<String>> {
        let Some(text) = self.global.base_url.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let url = Url::parse(text).map_err(|error| {
            Failure::usage(format!("--base-url `{text}` is no URL ({error})"))
                .next("write it as https://api.vimeo.com")
        })?;
        Ok(Some(url.to_string()))
    }

    /// Who this command acts as: the sandbox, else the environment's token, else the account.
    pub(crate) async fn identity(&self) -> Result<Identity> {
        if self.global.sandbox {
            let sandbox = self.sandbox().await?;
            let (base_url, token) = (sandbox.url().to_string(), Some(sandbox.token().into()));
            return Ok(Identity { from: CredentialSource::Sandbox, base_url, token, account: None });
        }
        let asked = self.base_url()?;
        if let Some(token) = variable("VIMEO_ACCESS_TOKEN")?.as_deref().and_then(credentials::token) {
            if let Some(name) = &self.global.account {
                self.streams.note(&format!("VIMEO_ACCESS_TOKEN is set and wins over the account {name}"));
            }
            let base_url = asked.unwrap_or_else(|| VIMEO.to_owned());
            return Ok(Identity {
                from: CredentialSource::Environment,
                base_url,
                token: Some(token),
                account: None,
            });
        }
        let kept = self.accounts().read()?;
        if let Some((name, account)) = kept.find(self.global.account.as_deref())? {
            return self.identity_of(name, account, asked).await;
        }
        if variable("VIMEO_CLIENT_ID")?.is_some() && variable("VIMEO_CLIENT_SECRET")?.is_some() {
            let base_url = asked.unwrap_or_else(|| VIMEO.to_owned());
            return Ok(Identity { from: CredentialSource::App, base_url, token: None, account: None });
        }
        Err(Failure::new(Exit::Auth, "you are not logged in").next(
            "vimeo auth login, or set VIMEO_ACCESS_TOKEN, or add --sandbox to try it without an account",
        ))
    }

    #[cfg(feature = "mcp")]
    /// An account that is logged in, by its name.
    pub(crate) async fn account(&self, name: &str) -> Result<Identity> {
        let kept = self.accounts().read()?;
        match kept.find(Some(name))? {
            Some((name, account)) => self.identity_of(name, account, self.base_url()?).await,
            None => Err(Failure::new(Exit::Auth, format!("no account is called `{name}`"))
                .next(format!("vimeo auth login --account {name}"))),
        }
    }

    async fn identity_of(&self, name: &str, account: &Account, asked: Option<String>) -> Result<Identity> {
        let token = Some(self.token_of(name, account).await?);
        let base_url = bound(name, account, asked)?;
        Ok(Identity {
            from: CredentialSource::Account(name.to_owned()),
            base_url,
            token,
            account: Some(account.clone()),
        })
    }

    /// The token of an account, from wherever it is kept.
    pub(crate) async fn token_of(&self, name: &str, account: &Account) -> Result<SecretString> {
        if let (TokenPlace::Command, Some(command)) = (account.token, &account.token_command) {
            return credentials::run_token_command(command).await;
        }
        let again = format!("vimeo auth login --account {name}");
        match self.vault(account.token).get(&vault_name(name, &account.base_url)) {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(Failure::new(
                Exit::Auth,
                format!("the token of account {name} is no longer where it was kept"),
            )
            .next(again)),
            Err(error) => {
                Err(Failure::new(Exit::Auth, format!("the token of account {name} cannot be had: {error}"))
                    .next("unlock the keyring and try again, or set VIMEO_ACCESS_TOKEN"))
            }
        }
    }

    pub(crate) fn vault(&self, place: TokenPlace) -> Box<dyn SecretStore> {
        match place {
            TokenPlace::InsecureFile => Box::new(self.insecure_files()),
            TokenPlace::Keyring | TokenPlace::Command => Box::new(TimeoutStore::new(Keyring)),
        }
    }

    pub(crate) fn insecure_files(&self) -> InsecureFiles {
        InsecureFiles::in_folder(self.folders.config())
    }

    /// A client for who this command acts as.
    pub(crate) async fn vimeo(&self) -> Result<Vimeo> {
        self.client(self.identity().await?)
    }

    /// A client for an identity.
    pub(crate) fn client(&self, identity: Identity) -> Result<Vimeo> {
        self.client_with(identity, None)
    }

    /// A client with the app's credentials alone, where there are any, for the accounts of a store.
    #[cfg(feature = "stores")]
    pub(crate) fn app(&self, journal: Option<Journal>) -> Result<Vimeo> {
        let base_url = self.base_url()?.unwrap_or_else(|| VIMEO.to_owned());
        self.client_with(
            Identity { from: CredentialSource::App, base_url, token: None, account: None },
            journal,
        )
    }

    /// A client that writes its uploads down in this journal, or nowhere.
    pub(crate) fn client_with(&self, identity: Identity, journal: Option<Journal>) -> Result<Vimeo> {
        Ok(self.builder(identity, journal)?.build()?)
    }

    /// What makes such a client.
    pub(crate) fn builder(&self, identity: Identity, journal: Option<Journal>) -> Result<VimeoBuilder> {
        let mut builder = Vimeo::builder()
            .base_url(identity.base_url)
            .user_agent(USER_AGENT)
            .journal(journal)
            .rate_limit_policy(match self.global.wait_for_limit {
                time if time.is_zero() => RateLimitPolicy::FailFast,
                at_most => RateLimitPolicy::Wait { at_most },
            });
        // A server that sends a byte now and then is not waited for without an end.
        let total = LONGEST_CALL.saturating_add(self.global.wait_for_limit);
        builder = builder.timeouts(Timeouts::default().attempt(LONGEST_ATTEMPT).total(total));
        if let Some(token) = identity.token {
            let mut token = AccessToken::new(token);
            if let Some(account) = &identity.account {
                token = token.with_expiry(account.expires);
                if let Some(scopes) = &account.scopes {
                    token = token.with_scopes(scopes.clone());
                }
            }
            builder = builder.access_token(token);
        } else if let (Some(id), Some(secret)) =
            (variable("VIMEO_CLIENT_ID")?, variable("VIMEO_CLIENT_SECRET")?)
        {
            builder = builder.app(id, secret);
        }
        if let CredentialSource::Account(name) = &identity.from {
            builder = builder.account(name);
        }
        Ok(builder)
    }
}

pub(crate) const USER_AGENT: &str = concat!("vimeo-cli/", env!("CARGO_PKG_VERSION"));

/// The token of an account goes to where it came from and nowhere else.
fn bound(name: &str, account: &Account, asked: Option<String>) -> Result<String> {
    match asked {
        Some(asked) if origin(&asked) != origin(&account.base_url) => Err(Failure::usage(format!(
            "the token of account {name} belongs to {}; it is not sent to {asked}",
            account.base_url
        ))
        .next(format!("vimeo auth login --base-url {asked}, or leave --base-url and VIMEO_BASE_URL out"))),
        _ => Ok(account.base_url.clone()),
    }
}

fn origin(url: &str) -> Option<url::Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

/// The name of an account's secret: with the host, since a token is bound to it.
pub(crate) fn vault_name(account: &str, base_url: &str) -> String {
    let host = Url::parse(base_url).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}_{port}")))
    });
    // The name also names files.
    let host: String =
        host.unwrap_or_default().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{account}@{host}")
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not valid Unicode"))
            .next(format!("unset {name}, or set it again"))),
    }
}
