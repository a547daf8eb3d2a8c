//! The context of a command: streams, folders, settings, and a client for the selected account.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use url::Url;
use vimeo_ext::upload::Journal;
use vimeo_ext::{AccessToken, RateLimitPolicy, Timeouts, Vimeo, VimeoBuilder};
use vimeo_sandbox::Sandbox;
use vimeo_sandbox::cli::Page;

use crate::config::{Account, Accounts, Folders, Settings, TokenStorage};
use crate::credentials::{self, InsecureFiles, Keyring, SecretStore, TimeoutStore};
use crate::exit::{CliError, ExitCode, Result};
use crate::globals::GlobalArgs;
use crate::output::{Filter, IoStreams};
use crate::video_pages::Site;

/// Default API base URL.
pub(crate) const API_URL: &str = "https://api.vimeo.com/";

/// Timeout of one attempt of a call. Long enough for a page of a hundred videos over a slow connection.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Timeout of a call with all its attempts, not counting the time it waits for a rate limit.
const CALL_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Everything that one run of a command uses.
pub(crate) struct Context<'a> {
    pub(crate) streams: &'a IoStreams,
    pub(crate) global: GlobalArgs,
    pub(crate) folders: Folders,
    pub(crate) settings: Settings,
    sandbox: OnceCell<EphemeralSandbox>,
    /// The API of the first client that was created, with its access token.
    api: OnceLock<(String, Option<SecretString>)>,
    site: OnceCell<Site>,
}

/// A sandbox for one command, and a temporary folder for its state.
struct EphemeralSandbox {
    sandbox: Sandbox,
    folder: TempDir,
}

/// The credentials that a command uses.
pub(crate) struct Identity {
    pub(crate) source: CredentialSource,
    pub(crate) base_url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) account: Option<Account>,
}

impl Identity {
    /// The credentials of a stored account.
    pub(crate) fn of_account(name: &str, account: &Account, token: Option<SecretString>) -> Self {
        Self {
            source: CredentialSource::Account(name.to_owned()),
            base_url: account.base_url.clone(),
            token,
            account: Some(account.clone()),
        }
    }

    /// App credentials from the environment.
    fn of_app(base_url: Option<String>) -> Self {
        let base_url = base_url.unwrap_or_else(|| API_URL.to_owned());
        Self { source: CredentialSource::App, base_url, token: None, account: None }
    }

    /// The name of the account, if these are an account's credentials.
    pub(crate) fn account_name(&self) -> Option<&str> {
        match &self.source {
            CredentialSource::Account(name) => Some(name),
            _ => None,
        }
    }
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    Sandbox,
    Environment,
    Account(String),
    /// App credentials from the environment, without a user.
    App,
}

impl<'a> Context<'a> {
    pub(crate) fn new(global: GlobalArgs, streams: &'a IoStreams) -> Result<Self> {
        let folders = Folders::from_env()?;
        let settings = Settings::read(folders.config())?;
        Ok(Self {
            streams,
            global,
            folders,
            settings,
            sandbox: OnceCell::new(),
            api: OnceLock::new(),
            site: OnceCell::new(),
        })
    }

    pub(crate) fn accounts(&self) -> Accounts {
        Accounts::in_folder(self.folders.config())
    }

    /// Returns this command's sandbox, started on first use with a few videos in it.
    pub(crate) async fn sandbox(&self) -> Result<&Sandbox> {
        Ok(&self.ephemeral_sandbox().await?.sandbox)
    }

    async fn ephemeral_sandbox(&self) -> Result<&EphemeralSandbox> {
        let start = || async {
            let sandbox = Sandbox::start().await.map_err(|error| {
                CliError::new(ExitCode::Other, format!("cannot start the sandbox: {error}"))
            })?;
            sandbox.add_videos(3);
            self.streams.hint("using a local sandbox instead of Vimeo; it ends with this command");
            let folder = tempfile::tempdir()
                .map_err(|error| CliError::io("create a folder in", &std::env::temp_dir(), &error))?;
            Ok(EphemeralSandbox { sandbox, folder })
        };
        self.sandbox.get_or_try_init(start).await
    }

    /// Returns the folder of unfinished uploads. With `--sandbox` it is temporary.
    pub(crate) async fn uploads(&self) -> Result<PathBuf> {
        match self.global.sandbox {
            true => Ok(self.ephemeral_sandbox().await?.folder.path().join("uploads")),
            false => Ok(self.folders.uploads()),
        }
    }

    /// Returns the folder of what is written to disk before it is uploaded. With `--sandbox` it is temporary.
    pub(crate) async fn spool(&self) -> Result<PathBuf> {
        Ok(self.uploads().await?.with_file_name("spool"))
    }

    /// Returns the folder of cached responses. With `--sandbox` it is temporary.
    pub(crate) async fn cache(&self) -> Result<PathBuf> {
        match self.global.sandbox {
            true => Ok(self.ephemeral_sandbox().await?.folder.path().join("cache")),
            false => Ok(self.folders.cache()),
        }
    }

    /// Returns where people find what the client of this command works on. Asks the API if it is a sandbox, once, and
    /// only if it is on this machine.
    pub(crate) async fn site(&self) -> Result<&Site> {
        let find = || async {
            if self.global.sandbox {
                return Ok(Site::EndingSandbox);
            }
            let Some((base_url, token)) = self.api.get() else { return Ok(Site::Vimeo) };
            let Ok(base_url) = Url::parse(base_url) else { return Ok(Site::Vimeo) };
            let control_token = env_var("VIMEO_SANDBOX_CONTROL_TOKEN")?.map(SecretString::from);
            let page = Page::find(&base_url, token.as_ref(), control_token.as_ref()).await;
            Ok(page.map_or(Site::Vimeo, Site::Sandbox))
        };
        self.site.get_or_try_init(find).await
    }

    /// Compiles the filter of `--jq`. Called before anything is sent.
    pub(crate) fn filter(&self) -> Result<Option<Filter>> {
        self.global.jq.as_deref().map(Filter::compile).transpose()
    }

    /// Whether the command prints JSON: `--json` or `--jq` was given.
    pub(crate) fn wants_json(&self) -> bool {
        self.global.json.is_some() || self.global.jq.is_some()
    }

    /// Prints a JSON document, filtered by `--jq` if given.
    pub(crate) async fn print_json(&self, value: &impl serde::Serialize) -> Result<()> {
        let Some(filter) = self.filter()? else { return Ok(self.streams.json(value)?) };
        let text =
            serde_json::to_vec(value).map_err(|error| CliError::new(ExitCode::Other, error.to_string()))?;
        filter.print(text, self.streams).await
    }

    /// Returns an error if `--read-only` forbids writes.
    pub(crate) fn check_write_allowed(&self, action: &str) -> Result<()> {
        if self.global.read_only {
            let message = format!("{action}: refused because --read-only or VIMEO_READ_ONLY is set");
            return Err(CliError::new(ExitCode::WriteRefused, message));
        }
        Ok(())
    }

    /// Sets the next step to suggest if a signal ends the command from now on.
    pub(crate) fn on_interrupt_hint(&self, text: impl Into<Option<String>>) {
        self.streams.interrupt().set_next_step(text.into());
    }

    /// Returns the base URL given by flag or variable, if any.
    pub(crate) fn base_url(&self) -> Result<Option<String>> {
        let Some(text) = self.global.base_url.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let url = Url::parse(text).map_err(|error| {
            CliError::usage(format!("invalid --base-url `{text}`: {error}"))
                .with_next_step("use a URL such as https://api.vimeo.com")
        })?;
        Ok(Some(url.to_string()))
    }

    /// Selects the credentials: the sandbox, then the environment's token, then the account, then app credentials.
    pub(crate) async fn identity(&self) -> Result<Identity> {
        if self.global.sandbox {
            let sandbox = self.sandbox().await?;
            let (base_url, token) = (sandbox.url().to_string(), Some(sandbox.token().into()));
            return Ok(Identity { source: CredentialSource::Sandbox, base_url, token, account: None });
        }
        let base_url = self.base_url()?;
        if let Some(token) = env_var("VIMEO_ACCESS_TOKEN")?.as_deref().and_then(credentials::parse_token) {
            if let Some(name) = &self.global.account {
                self.streams
                    .note(&format!("VIMEO_ACCESS_TOKEN is set and takes precedence over account {name}"));
            }
            let base_url = base_url.unwrap_or_else(|| API_URL.to_owned());
            return Ok(Identity {
                source: CredentialSource::Environment,
                base_url,
                token: Some(token),
                account: None,
            });
        }
        let stored = self.accounts().read()?;
        if let Some((name, account)) = stored.find(self.global.account.as_deref())? {
            return self.identity_of(name, account, base_url).await;
        }
        if env_var("VIMEO_CLIENT_ID")?.is_some() && env_var("VIMEO_CLIENT_SECRET")?.is_some() {
            return Ok(Identity::of_app(base_url));
        }
        Err(CliError::new(ExitCode::Auth, "you are not logged in").with_next_step(
            "vimeo auth login, or set VIMEO_ACCESS_TOKEN, or add --sandbox to try it without an account",
        ))
    }

    #[cfg(feature = "mcp")]
    /// Returns the credentials of a logged-in account.
    pub(crate) async fn account(&self, name: &str) -> Result<Identity> {
        let stored = self.accounts().read()?;
        match stored.find(Some(name))? {
            Some((name, account)) => self.identity_of(name, account, self.base_url()?).await,
            None => Err(CliError::new(ExitCode::Auth, format!("unknown account `{name}`"))
                .with_next_step(format!("vimeo auth login --account {name}"))),
        }
    }

    async fn identity_of(&self, name: &str, account: &Account, base_url: Option<String>) -> Result<Identity> {
        let token = self.token_of(name, account).await?;
        check_base_url(name, account, base_url)?;
        Ok(Identity::of_account(name, account, Some(token)))
    }

    /// Reads an account's token from its token command, the keyring or a file.
    pub(crate) async fn token_of(&self, name: &str, account: &Account) -> Result<SecretString> {
        if let (TokenStorage::Command, Some(command)) = (account.token, &account.token_command) {
            return credentials::run_token_command(command).await;
        }
        let login = format!("vimeo auth login --account {name}");
        match self.secret_store(account.token).get(&secret_name(name, &account.base_url)) {
            Ok(Some(token)) => Ok(token),
            Ok(None) => {
                Err(CliError::new(ExitCode::Auth, format!("the stored token of account {name} is missing"))
                    .with_next_step(login))
            }
            Err(error) => Err(CliError::new(
                ExitCode::Auth,
                format!("cannot read the token of account {name}: {error}"),
            )
            .with_next_step("unlock the keyring, then try again, or set VIMEO_ACCESS_TOKEN")),
        }
    }

    pub(crate) fn secret_store(&self, storage: TokenStorage) -> Box<dyn SecretStore> {
        match storage {
            TokenStorage::InsecureFile => Box::new(self.insecure_files()),
            TokenStorage::Keyring | TokenStorage::Command => Box::new(TimeoutStore::new(Keyring)),
        }
    }

    pub(crate) fn insecure_files(&self) -> InsecureFiles {
        InsecureFiles::in_folder(self.folders.config())
    }

    /// Creates a client with this command's credentials.
    pub(crate) async fn vimeo(&self) -> Result<Vimeo> {
        self.client(self.identity().await?)
    }

    /// Creates a client with these credentials and no journal.
    pub(crate) fn client(&self, identity: Identity) -> Result<Vimeo> {
        self.client_with(identity, None)
    }

    /// Creates a client with app credentials only, if set, for the accounts of a store.
    #[cfg(feature = "stores")]
    pub(crate) fn app(&self, journal: Option<Journal>) -> Result<Vimeo> {
        self.client_with(Identity::of_app(self.base_url()?), journal)
    }

    /// Prepares the client of the app, which calls without an access token.
    #[cfg(feature = "stores")]
    pub(crate) fn app_builder(&self) -> Result<VimeoBuilder> {
        self.builder(Identity::of_app(self.base_url()?), None)
    }

    /// Creates a client that records uploads in `journal`, if given.
    pub(crate) fn client_with(&self, identity: Identity, journal: Option<Journal>) -> Result<Vimeo> {
        Ok(self.builder(identity, journal)?.build()?)
    }

    /// Prepares the builder of such a client.
    pub(crate) fn builder(&self, identity: Identity, journal: Option<Journal>) -> Result<VimeoBuilder> {
        self.api.get_or_init(|| (identity.base_url.clone(), identity.token.clone()));
        let mut builder = Vimeo::builder()
            .base_url(identity.base_url)
            .user_agent(USER_AGENT)
            .journal(journal)
            .rate_limit_policy(match self.global.wait_for_limit {
                time if time.is_zero() => RateLimitPolicy::FailFast,
                at_most => RateLimitPolicy::Wait { at_most },
            });
        // Bounds the wait for a server that only sends a byte now and then.
        let total = CALL_TIMEOUT.saturating_add(self.global.wait_for_limit);
        builder = builder.timeouts(Timeouts::default().attempt(ATTEMPT_TIMEOUT).total(total));
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
            (env_var("VIMEO_CLIENT_ID")?, env_var("VIMEO_CLIENT_SECRET")?)
        {
            builder = builder.app(id, secret);
        }
        if let CredentialSource::Account(name) = &identity.source {
            builder = builder.account(name);
        }
        Ok(builder)
    }
}

pub(crate) const USER_AGENT: &str = concat!("vimeo-cli/", env!("CARGO_PKG_VERSION"));

/// Returns an error if another API than the account's was requested: a token is sent only to the API that issued it.
fn check_base_url(name: &str, account: &Account, requested: Option<String>) -> Result<()> {
    match requested {
        Some(requested) if origin(&requested) != origin(&account.base_url) => Err(CliError::usage(format!(
            "the token of account {name} belongs to {}; it is not sent to {requested}",
            account.base_url
        ))
        .with_next_step(format!(
            "vimeo auth login --base-url {requested}, or remove --base-url and VIMEO_BASE_URL"
        ))),
        _ => Ok(()),
    }
}

fn origin(url: &str) -> Option<url::Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

/// Returns the name under which an account's token is stored. It includes the host, because a token is bound to it.
pub(crate) fn secret_name(account: &str, base_url: &str) -> String {
    let host = Url::parse(base_url).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}_{port}")))
    });
    // The name is also used as a file name.
    let host: String =
        host.unwrap_or_default().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{account}@{host}")
}

/// Returns the value of an environment variable if it is set and not empty.
pub(crate) fn env_var(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(CliError::usage(format!("{name} is not valid Unicode"))
                .with_next_step(format!("unset {name} or set it to a valid value")))
        }
    }
}
