//! `vimeo auth login`.

use clap::Args;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use vimeo_ext::auth::{Grant, PendingErrors};
use vimeo_ext::{AccessToken, ScopeSet, Vimeo};

use super::browser::{self, CallbackServer};
use crate::config::{self, Account, AccountsFile, TokenStorage};
use crate::context::{API_URL, Context, USER_AGENT, env_var, secret_name};
use crate::credentials::{self, SecretStoreError};
use crate::exit::{CliError, ExitCode, Result};
use crate::output::sanitize;

/// Log in with a browser, a device code or a token
///
/// Browser and device logins need your own app: its client ID, and its client secret in VIMEO_CLIENT_SECRET or entered
/// at the prompt. For --with-token, generate a token on the app's page at developer.vimeo.com/apps.
///
/// The token is stored in the system keyring. If no keyring is available, the login fails unless --insecure-storage is
/// given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo auth login --with-token < token.txt\n  \
    $ vimeo auth login --token-command 'pass show vimeo' --account anna\n\n\
    Redirect URI to register for the app: http://127.0.0.1:8976/callback")]
pub(crate) struct LoginArgs {
    /// Read the token from standard input
    #[arg(long, conflicts_with_all = ["device", "token_command"])]
    with_token: bool,

    /// Do not store a token; run this command to obtain one
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["device", "insecure_storage"])]
    token_command: Option<String>,

    /// Log in with a code entered on another device
    #[arg(long)]
    device: bool,

    /// Client ID of the app
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Scopes to request (comma-separated)
    #[arg(
        long,
        value_name = "SCOPES",
        default_value = "public,private,create,edit,delete,interact,upload,stats"
    )]
    scopes: String,

    /// Store the token unencrypted in a file readable only by you
    #[arg(long)]
    insecure_storage: bool,

    /// Print the authorization link instead of opening a browser
    #[arg(long)]
    no_browser: bool,

    /// Local port of the redirect URI; 0 picks a free port
    #[arg(long, value_name = "PORT", default_value_t = 8976)]
    redirect_port: u16,

    /// Treat this Vimeo error code as "authorization pending" (repeatable) [default: any JSON error]
    #[arg(long, value_name = "CODE", requires = "device")]
    pending_code: Vec<i64>,
}

pub(crate) async fn run(context: &Context<'_>, args: LoginArgs) -> Result<ExitCode> {
    if env_var("VIMEO_ACCESS_TOKEN")?.is_some() {
        return Err(CliError::usage("VIMEO_ACCESS_TOKEN is set and takes precedence over any login")
            .with_next_step("unset VIMEO_ACCESS_TOKEN, then log in"));
    }
    if let Some(name) = &context.global.account {
        config::check_name(name)?;
    }
    let storage = match (&args.token_command, args.insecure_storage) {
        (Some(_), _) => TokenStorage::Command,
        (None, true) => TokenStorage::InsecureFile,
        (None, false) => TokenStorage::Keyring,
    };
    // Find out before the login, not after it, that the token cannot be stored.
    check_storage(context, storage)?;

    let base_url = match context.global.sandbox {
        true => context.sandbox().await?.url().to_string(),
        false => context.base_url()?.unwrap_or_else(|| API_URL.to_owned()),
    };
    let (grant, token) = authenticate(context, &args, &base_url).await?;
    let account = Account {
        user: grant.user.as_ref().and_then(|user| user.uri.clone()),
        display_name: grant.user.as_ref().and_then(|user| user.name.clone()),
        base_url,
        scopes: grant.scopes().cloned(),
        expires: grant.expires(),
        token: storage,
        token_command: args.token_command.clone(),
    };
    let link = grant.user.as_ref().and_then(|user| user.link.clone());
    let name = store_account(context, account.clone(), link.as_deref(), &token)?;
    print_status(context, &args, &name, &account);
    Ok(ExitCode::Done)
}

fn check_storage(context: &Context<'_>, storage: TokenStorage) -> Result<()> {
    if storage == TokenStorage::Keyring {
        // A locked keyring fails only on a write.
        let store = context.secret_store(storage);
        store
            .set("probe", &"probe".into())
            .and_then(|()| store.delete("probe"))
            .map_err(|error| no_keyring(&error))?;
    }
    let folder = context.folders.config();
    if folder.exists() {
        tempfile::tempfile_in(folder).map_err(|error| CliError::io("create files in", folder, &error))?;
    }
    Ok(())
}

fn no_keyring(error: &SecretStoreError) -> CliError {
    let next = match error {
        SecretStoreError::File(_) => "check that folder's permissions",
        _ => {
            "unlock or start a keyring, add --insecure-storage to store the token unencrypted in a file, or use \
             --token-command"
        }
    };
    CliError::new(ExitCode::Auth, format!("cannot store the token: {error}; nothing was written"))
        .with_next_step(next)
}

/// Returns Vimeo's grant and the token to store. A token from the user is stored as given, whatever Vimeo's response
/// repeats of it.
async fn authenticate(
    context: &Context<'_>,
    args: &LoginArgs,
    base_url: &str,
) -> Result<(Grant, SecretString)> {
    let builder = Vimeo::builder().base_url(base_url).user_agent(USER_AGENT);
    if let Some(token) = provided_token(context, args).await? {
        let access_token = AccessToken::new(token.clone());
        let vimeo = builder.access_token(access_token.clone()).build()?;
        let grant = vimeo.auth().verify_token(&access_token).await.map_err(|error| {
            let failure = CliError::from(error);
            match failure.exit {
                ExitCode::Auth => failure
                    .with_next_step("generate a new token on the app's page at developer.vimeo.com/apps"),
                _ => failure,
            }
        })?;
        return Ok((grant, token));
    }
    let (id, secret) = app_credentials(context, args).await?;
    let vimeo = builder.app(id, secret).build()?;
    let scopes = ScopeSet::from(args.scopes.as_str());
    let grant = match args.device {
        true => authorize_device(context, args, &vimeo, scopes).await?,
        false => authorize_in_browser(context, args, &vimeo, scopes).await?,
    };
    let token = grant.token.secret().clone();
    Ok((grant, token))
}

/// Returns a token that needs no login: from standard input or from a command.
async fn provided_token(context: &Context<'_>, args: &LoginArgs) -> Result<Option<SecretString>> {
    if let Some(command) = &args.token_command {
        return credentials::run_token_command(command).await.map(Some);
    }
    if !args.with_token {
        return Ok(None);
    }
    if context.streams.in_is_terminal() {
        context.streams.note("Paste the token, then press Ctrl-D:");
    }
    let text = Zeroizing::new(context.streams.read_input("-").await?);
    let token = std::str::from_utf8(&text).ok().and_then(credentials::parse_token);
    match token {
        Some(token) => Ok(Some(token)),
        None => Err(CliError::usage("standard input contains no token")
            .with_next_step("vimeo auth login --with-token < token.txt")),
    }
}

async fn app_credentials(context: &Context<'_>, args: &LoginArgs) -> Result<(String, SecretString)> {
    if context.global.sandbox {
        let sandbox = context.sandbox().await?;
        return Ok((sandbox.client_id(), sandbox.client_secret().into()));
    }
    let missing = |what: &str, next: &str| {
        CliError::usage(format!("{what} is required"))
            .with_next_step(format!("{next}, or use vimeo auth login --with-token < token.txt"))
    };
    let can_prompt = context.streams.can_prompt();
    let id = match args.client_id.clone().filter(|id| !id.is_empty()) {
        Some(id) => id,
        None if can_prompt => {
            let answer = context.streams.prompt("Client ID of your app (developer.vimeo.com/apps): ").await?;
            let answer = answer.filter(|answer| !answer.is_empty());
            answer.ok_or_else(|| missing("the app's client ID", "add --client-id ID"))?
        }
        None => return Err(missing("the app's client ID", "add --client-id ID")),
    };
    let secret = match env_var("VIMEO_CLIENT_SECRET")? {
        Some(secret) => secret,
        None if can_prompt => {
            let answer = context.streams.prompt_password("Client secret (input hidden): ").await?;
            let answer = answer.map(|answer| answer.trim().to_owned()).filter(|answer| !answer.is_empty());
            answer.ok_or_else(|| missing("the app's client secret", "set VIMEO_CLIENT_SECRET"))?
        }
        None => return Err(missing("the app's client secret", "set VIMEO_CLIENT_SECRET")),
    };
    Ok((id, secret.into()))
}

async fn authorize_in_browser(
    context: &Context<'_>,
    args: &LoginArgs,
    vimeo: &Vimeo,
    scopes: ScopeSet,
) -> Result<Grant> {
    let loopback = CallbackServer::listen(args.redirect_port).await?;
    let auth = vimeo.auth();
    let login = auth
        .authorization(loopback.redirect_uri())
        .and_then(|request| request.scopes(scopes).begin())
        .map_err(vimeo_ext::Error::from)?;
    let opened = !args.no_browser && context.streams.can_prompt() && browser::open(login.url().as_str());
    let instruction = if opened { "Opening your browser. If it does not open, go to" } else { "Go to" };
    context.streams.note(&format!("{instruction}\n  {}\n", login.url()));
    let callback = loopback.callback(login.state()).await?;
    Ok(auth.exchange_code(&login, &callback).await?)
}

async fn authorize_device(
    context: &Context<'_>,
    args: &LoginArgs,
    vimeo: &Vimeo,
    scopes: ScopeSet,
) -> Result<Grant> {
    let login = vimeo.auth().device(scopes).await?;
    let paint = context.streams.paint_err();
    context.streams.note(&format!(
        "Go to {} and enter {}  (valid for {})",
        sanitize(login.activate_link().unwrap_or("Vimeo's device login page")),
        paint.bold(&sanitize(login.user_code())),
        crate::output::duration(login.lifetime()),
    ));
    let pending = match args.pending_code.is_empty() {
        true => PendingErrors::AnyClientError,
        false => PendingErrors::Codes(args.pending_code.clone()),
    };
    Ok(login.wait(&pending).await?)
}

/// Stores the account and its token, both or neither. Returns the account's name.
fn store_account(
    context: &Context<'_>,
    account: Account,
    link: Option<&str>,
    token: &SecretString,
) -> Result<String> {
    let accounts = context.accounts();
    let name = name_for(&accounts.read()?, &account, context.global.account.as_deref(), link)?;
    let secret = secret_name(&name, &account.base_url);
    let storage = account.token;
    // The previous login's token, restored if this login fails.
    let mut previous = None;
    if storage != TokenStorage::Command {
        let store = context.secret_store(storage);
        previous = store.get(&secret).map_err(|error| no_keyring(&error))?;
        store.set(&secret, token).map_err(|error| no_keyring(&error))?;
    }
    let written = accounts.change(|file| {
        file.accounts.insert(name.clone(), account);
        file.active = Some(name.clone());
        Ok(())
    });
    if let Err(failure) = written {
        if storage == TokenStorage::Command {
            return Err(failure);
        }
        let store = context.secret_store(storage);
        let restored = match &previous {
            Some(token) => store.set(&secret, token),
            None => store.delete(&secret),
        };
        return Err(match restored {
            Ok(()) => failure.append("; the previous login was kept"),
            Err(error) => failure.append(&format!("; the previous token cannot be restored: {error}")),
        });
    }
    Ok(name)
}

/// Returns the requested name, or the name this user already has, or one derived from the user's page URL.
fn name_for(
    stored: &AccountsFile,
    account: &Account,
    requested: Option<&str>,
    link: Option<&str>,
) -> Result<String> {
    let is_same = |other: &Account| other.user == account.user && other.base_url == account.base_url;
    if let Some(name) = requested {
        return match stored.accounts.get(name) {
            Some(other) if !is_same(other) => Err(CliError::new(
                ExitCode::Auth,
                format!(
                    "account {name} is {} at {}, but this login is {} at {}; nothing was changed",
                    other.user.as_deref().unwrap_or("an app"),
                    other.base_url,
                    account.user.as_deref().unwrap_or("an app"),
                    account.base_url,
                ),
            )
            .with_next_step("choose another name with --account, or log that account out first")),
            _ => Ok(name.to_owned()),
        };
    }
    if let Some((name, _)) = stored.accounts.iter().find(|(_, other)| is_same(other)) {
        return Ok(name.clone());
    }
    let from_link = link.and_then(|link| link.trim_end_matches('/').rsplit('/').next()).map(str::to_owned);
    let from_user = account.user.as_deref().map(|uri| uri.trim_start_matches('/').replace("users/", "user-"));
    let name = [from_link, from_user].into_iter().flatten().find(|name| config::check_name(name).is_ok());
    let name = name.unwrap_or_else(|| "app".to_owned());
    // Append a number if another user or API has the name.
    let mut free = name.clone();
    for number in 2.. {
        if !stored.accounts.contains_key(&free) {
            break;
        }
        free = format!("{name}-{number}");
    }
    Ok(free)
}

fn print_status(context: &Context<'_>, args: &LoginArgs, name: &str, account: &Account) {
    let streams = context.streams;
    let who = account.display_name.as_deref().map_or_else(|| "an app".to_owned(), sanitize);
    streams.note(&format!("{} Logged in as {who}, account {name}", streams.paint_err().green("✓")));
    if account.token == TokenStorage::InsecureFile {
        let path = context.insecure_files().path(&secret_name(name, &account.base_url));
        streams.note(&streams.paint_err().yellow(&format!("Token stored unencrypted in {}", path.display())));
    }
    if let (Some(granted), None, false) = (&account.scopes, &args.token_command, args.with_token) {
        let missing = ScopeSet::from(args.scopes.as_str()).difference(granted);
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.iter().map(vimeo_ext::Scope::as_str).collect();
            streams.note(&format!(
                "Scopes not granted: {}; run vimeo doctor to see what that disables",
                sanitize(&missing.join(", "))
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: Option<&str>, base_url: &str) -> Account {
        Account {
            user: user.map(str::to_owned),
            display_name: None,
            base_url: base_url.to_owned(),
            scopes: None,
            expires: None,
            token: TokenStorage::Keyring,
            token_command: None,
        }
    }

    #[test]
    fn derives_account_names() {
        let mut stored = AccountsFile::default();
        stored.accounts.insert("anna".to_owned(), account(Some("/users/1"), API_URL));
        let page = Some("https://vimeo.com/anna");
        let cases = [
            (Some("/users/1"), API_URL, None, page, Some("anna")),
            (Some("/users/1"), API_URL, Some("anna"), None, Some("anna")),
            (Some("/users/1"), API_URL, Some("other"), None, Some("other")),
            (Some("/users/2"), API_URL, Some("anna"), None, None),
            (Some("/users/2"), API_URL, None, page, Some("anna-2")),
            (Some("/users/2"), API_URL, None, Some("https://vimeo.com/ä"), Some("user-2")),
            (Some("/users/1"), "http://127.0.0.1:1/", None, page, Some("anna-2")),
            (None, API_URL, None, None, Some("app")),
        ];
        for (user, base_url, requested, link, name) in cases {
            let found = name_for(&stored, &account(user, base_url), requested, link);
            assert_eq!(found.as_deref().ok(), name, "{user:?} {base_url} {requested:?}");
        }
    }
}
