//! `vimeo auth login`.

use clap::Args;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use vimeo_ext::auth::{DeviceErrorCodes, Grant};
use vimeo_ext::{AccessToken, ScopeSet, Vimeo};

use super::browser::{self, Loopback};
use crate::config::{self, Account, AccountsFile, TokenPlace};
use crate::context::{Context, USER_AGENT, VIMEO, variable, vault_name};
use crate::credentials::{self, VaultError};
use crate::exit::{Exit, Failure, Result};
use crate::output::plain;

/// Log in: through the browser, with a code on another device, or with a token
///
/// The browser and the device need an app of yours: its client identifier, and its client secret in VIMEO_CLIENT_SECRET
/// or typed in. The app's page at developer.vimeo.com/apps also makes tokens, for --with-token.
///
/// The token goes to the system's keyring. Where there is none nothing is written, unless --insecure-storage says so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    $ vimeo auth login --with-token < token.txt\n  \
    $ vimeo auth login --token-command 'pass show vimeo' --account anna\n\n\
    The redirect URI to enter at the app: http://127.0.0.1:8976/callback")]
pub(crate) struct LoginArgs {
    /// Read a token from standard input
    #[arg(long, conflicts_with_all = ["device", "token_command"])]
    with_token: bool,

    /// Keep no token, run this command whenever one is needed
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["device", "insecure_storage"])]
    token_command: Option<String>,

    /// Show a code to enter on another device
    #[arg(long)]
    device: bool,

    /// The app's client identifier
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// What the token shall be allowed, with commas between
    #[arg(
        long,
        value_name = "SCOPES",
        default_value = "public,private,create,edit,delete,interact,upload,stats"
    )]
    scopes: String,

    /// Keep the token in clear in a file that only you can read
    #[arg(long)]
    insecure_storage: bool,

    /// Print the address rather than open a browser
    #[arg(long)]
    no_browser: bool,

    /// The port of this machine that the browser comes back to; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 8976)]
    redirect_port: u16,

    /// While the device waits, take this error code of Vimeo's for "not yet"; without it every refusal that is JSON
    #[arg(long, value_name = "CODE", requires = "device")]
    pending_code: Vec<i64>,
}

pub(crate) async fn run(context: &Context<'_>, args: LoginArgs) -> Result<Exit> {
    if variable("VIMEO_ACCESS_TOKEN")?.is_some() {
        return Err(Failure::usage("VIMEO_ACCESS_TOKEN is set and would win over whoever logs in")
            .next("unset VIMEO_ACCESS_TOKEN, then log in"));
    }
    if let Some(name) = &context.global.account {
        config::check_name(name)?;
    }
    let place = match (&args.token_command, args.insecure_storage) {
        (Some(_), _) => TokenPlace::Command,
        (None, true) => TokenPlace::InsecureFile,
        (None, false) => TokenPlace::Keyring,
    };
    // Whoever goes through a login shall not find at its end that nothing can be kept.
    probe(context, place)?;

    let base_url = match context.global.sandbox {
        true => context.sandbox().await?.url().to_string(),
        false => context.base_url()?.unwrap_or_else(|| VIMEO.to_owned()),
    };
    let (grant, token) = get(context, &args, &base_url).await?;
    let account = Account {
        user: grant.user.as_ref().and_then(|user| user.uri.clone()),
        display_name: grant.user.as_ref().and_then(|user| user.name.clone()),
        base_url,
        scopes: grant.scopes().cloned(),
        expires: grant.expires(),
        token: place,
        token_command: args.token_command.clone(),
    };
    let link = grant.user.as_ref().and_then(|user| user.link.clone());
    let name = keep(context, account.clone(), link.as_deref(), &token)?;
    tell(context, &args, &name, &account);
    Ok(Exit::Done)
}

fn probe(context: &Context<'_>, place: TokenPlace) -> Result<()> {
    if place == TokenPlace::Keyring {
        // A locked keyring says so only when something is to be kept.
        let vault = context.vault(place);
        vault
            .set("probe", &"probe".into())
            .and_then(|()| vault.delete("probe"))
            .map_err(|error| no_keyring(&error))?;
    }
    let folder = context.folders.config();
    if folder.exists() {
        tempfile::tempfile_in(folder).map_err(|error| Failure::file("write in", folder, &error))?;
    }
    Ok(())
}

fn no_keyring(error: &VaultError) -> Failure {
    let next = match error {
        VaultError::File(_) => "look at that folder's permissions",
        _ => {
            "unlock or start a keyring; or add --insecure-storage to keep the token in clear in a file, or use \
             --token-command"
        }
    };
    Failure::new(Exit::Auth, format!("the token is not kept: {error}; nothing was written")).next(next)
}

/// What Vimeo says of the login, and the token to keep: one that was given is kept as it is, whatever Vimeo repeats of it.
async fn get(context: &Context<'_>, args: &LoginArgs, base_url: &str) -> Result<(Grant, SecretString)> {
    let builder = Vimeo::builder().base_url(base_url).user_agent(USER_AGENT);
    if let Some(token) = given(context, args).await? {
        let checked = AccessToken::new(token.clone());
        let vimeo = builder.access_token(checked.clone()).build()?;
        let grant = vimeo.auth().verify_token(&checked).await.map_err(|error| {
            let failure = Failure::from(error);
            match failure.exit {
                Exit::Auth => failure.next("make a new token on the app's page at developer.vimeo.com/apps"),
                _ => failure,
            }
        })?;
        return Ok((grant, token));
    }
    let (id, secret) = app(context, args).await?;
    let vimeo = builder.app(id, secret).build()?;
    let scopes = ScopeSet::from(args.scopes.as_str());
    let grant = match args.device {
        true => device(context, args, &vimeo, scopes).await?,
        false => browse(context, args, &vimeo, scopes).await?,
    };
    let token = grant.token.secret().clone();
    Ok((grant, token))
}

/// A token that needs no login: from standard input or from a command.
async fn given(context: &Context<'_>, args: &LoginArgs) -> Result<Option<SecretString>> {
    if let Some(command) = &args.token_command {
        return credentials::run_token_command(command).await.map(Some);
    }
    if !args.with_token {
        return Ok(None);
    }
    if context.streams.in_is_terminal() {
        context.streams.note("Paste the token and end with Ctrl-D:");
    }
    let text = Zeroizing::new(context.streams.read_input("-").await?);
    let token = std::str::from_utf8(&text).ok().and_then(credentials::token);
    match token {
        Some(token) => Ok(Some(token)),
        None => {
            Err(Failure::usage("standard input holds no token")
                .next("vimeo auth login --with-token < token.txt"))
        }
    }
}

async fn app(context: &Context<'_>, args: &LoginArgs) -> Result<(String, SecretString)> {
    if context.global.sandbox {
        let sandbox = context.sandbox().await?;
        return Ok((sandbox.client_id(), sandbox.client_secret().into()));
    }
    let missing = |what: &str, how: &str| {
        Failure::usage(format!("{what} is needed, and there is nobody to ask"))
            .next(format!("{how}; or vimeo auth login --with-token < token.txt"))
    };
    let may_prompt = context.streams.may_prompt();
    let id = match args.client_id.clone().filter(|id| !id.is_empty()) {
        Some(id) => id,
        None if may_prompt => {
            let answer =
                context.streams.ask("Client identifier of your app (developer.vimeo.com/apps): ").await?;
            let answer = answer.filter(|answer| !answer.is_empty());
            answer.ok_or_else(|| missing("the app's client identifier", "--client-id ID"))?
        }
        None => return Err(missing("the app's client identifier", "--client-id ID")),
    };
    let secret = match variable("VIMEO_CLIENT_SECRET")? {
        Some(secret) => secret,
        None if may_prompt => {
            let answer = context.streams.ask_secretly("Client secret (not shown): ").await?;
            let answer = answer.map(|answer| answer.trim().to_owned()).filter(|answer| !answer.is_empty());
            answer.ok_or_else(|| missing("the app's client secret", "set VIMEO_CLIENT_SECRET"))?
        }
        None => return Err(missing("the app's client secret", "set VIMEO_CLIENT_SECRET")),
    };
    Ok((id, secret.into()))
}

async fn browse(context: &Context<'_>, args: &LoginArgs, vimeo: &Vimeo, scopes: ScopeSet) -> Result<Grant> {
    let loopback = Loopback::listen(args.redirect_port).await?;
    let auth = vimeo.auth();
    let login = auth
        .authorization(loopback.redirect_uri())
        .and_then(|request| request.scopes(scopes).begin())
        .map_err(vimeo_ext::Error::from)?;
    let opened = !args.no_browser && context.streams.may_prompt() && browser::open(login.url().as_str());
    let what = if opened { "Your browser opens; if it does not, go to" } else { "Go to" };
    context.streams.note(&format!("{what}\n  {}\n", login.url()));
    let callback = loopback.callback(login.state()).await?;
    Ok(auth.exchange_code(&login, &callback).await?)
}

async fn device(context: &Context<'_>, args: &LoginArgs, vimeo: &Vimeo, scopes: ScopeSet) -> Result<Grant> {
    let login = vimeo.auth().device(scopes).await?;
    let paint = context.streams.paint_err();
    context.streams.note(&format!(
        "Go to {} and enter {}  (good for {})",
        plain(login.activate_link().unwrap_or("the page that Vimeo names for devices")),
        paint.bold(&plain(login.user_code())),
        crate::output::duration(login.lifetime()),
    ));
    let pending = match args.pending_code.is_empty() {
        true => DeviceErrorCodes::AnyClientError,
        false => DeviceErrorCodes::Codes(args.pending_code.clone()),
    };
    Ok(login.wait(&pending).await?)
}

/// Keeps the account and its token, both or neither; gives the name it goes by.
fn keep(context: &Context<'_>, account: Account, link: Option<&str>, token: &SecretString) -> Result<String> {
    let accounts = context.accounts();
    let name = name_for(&accounts.read()?, &account, context.global.account.as_deref(), link)?;
    let secret = vault_name(&name, &account.base_url);
    let place = account.token;
    // What an earlier login of that name left, to be put back when this one fails.
    let mut before = None;
    if place != TokenPlace::Command {
        let vault = context.vault(place);
        before = vault.get(&secret).map_err(|error| no_keyring(&error))?;
        vault.set(&secret, token).map_err(|error| no_keyring(&error))?;
    }
    let written = accounts.change(|kept| {
        kept.accounts.insert(name.clone(), account);
        kept.active = Some(name.clone());
        Ok(())
    });
    if let Err(failure) = written {
        if place == TokenPlace::Command {
            return Err(failure);
        }
        let vault = context.vault(place);
        let restored = match &before {
            Some(token) => vault.set(&secret, token),
            None => vault.delete(&secret),
        };
        return Err(match restored {
            Ok(()) => failure.with("; whoever was logged in before still is"),
            Err(error) => failure.with(&format!("; and the earlier token cannot be put back: {error}")),
        });
    }
    Ok(name)
}

/// The name that was asked for, else the one this user has already, else one from the address of the user's page.
fn name_for(
    kept: &AccountsFile,
    account: &Account,
    asked: Option<&str>,
    link: Option<&str>,
) -> Result<String> {
    let same = |other: &Account| other.user == account.user && other.base_url == account.base_url;
    if let Some(name) = asked {
        return match kept.accounts.get(name) {
            Some(other) if !same(other) => Err(Failure::new(
                Exit::Auth,
                format!(
                    "account {name} is {} at {}, and this login is {} at {}; nothing was changed",
                    other.user.as_deref().unwrap_or("an app"),
                    other.base_url,
                    account.user.as_deref().unwrap_or("an app"),
                    account.base_url,
                ),
            )
            .next("choose another name with --account, or log that account out first")),
            _ => Ok(name.to_owned()),
        };
    }
    if let Some((name, _)) = kept.accounts.iter().find(|(_, other)| same(other)) {
        return Ok(name.clone());
    }
    let of_page = link.and_then(|link| link.trim_end_matches('/').rsplit('/').next()).map(str::to_owned);
    let of_user = account.user.as_deref().map(|uri| uri.trim_start_matches('/').replace("users/", "user-"));
    let name = [of_page, of_user].into_iter().flatten().find(|name| config::check_name(name).is_ok());
    let name = name.unwrap_or_else(|| "app".to_owned());
    // Another user, or another API, has it.
    let mut free = name.clone();
    for number in 2.. {
        if !kept.accounts.contains_key(&free) {
            break;
        }
        free = format!("{name}-{number}");
    }
    Ok(free)
}

fn tell(context: &Context<'_>, args: &LoginArgs, name: &str, account: &Account) {
    let streams = context.streams;
    let who = account.display_name.as_deref().map_or_else(|| "an app".to_owned(), plain);
    streams.note(&format!("{} Logged in as {who}, account {name}", streams.paint_err().green("✓")));
    if account.token == TokenPlace::InsecureFile {
        let path = context.insecure_files().path(&vault_name(name, &account.base_url));
        streams.note(&streams.paint_err().yellow(&format!("The token is in clear in {}", path.display())));
    }
    if let (Some(granted), None, false) = (&account.scopes, &args.token_command, args.with_token) {
        let missing = ScopeSet::from(args.scopes.as_str()).difference(granted);
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.iter().map(vimeo_ext::Scope::as_str).collect();
            streams.note(&format!(
                "Not granted: {}; vimeo doctor says what that disables",
                plain(&missing.join(", "))
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
            token: TokenPlace::Keyring,
            token_command: None,
        }
    }

    #[test]
    fn accounts_get_names() {
        let mut kept = AccountsFile::default();
        kept.accounts.insert("anna".to_owned(), account(Some("/users/1"), VIMEO));
        let page = Some("https://vimeo.com/anna");
        let cases = [
            (Some("/users/1"), VIMEO, None, page, Some("anna")),
            (Some("/users/1"), VIMEO, Some("anna"), None, Some("anna")),
            (Some("/users/1"), VIMEO, Some("other"), None, Some("other")),
            (Some("/users/2"), VIMEO, Some("anna"), None, None),
            (Some("/users/2"), VIMEO, None, page, Some("anna-2")),
            (Some("/users/2"), VIMEO, None, Some("https://vimeo.com/ä"), Some("user-2")),
            (Some("/users/1"), "http://127.0.0.1:1/", None, page, Some("anna-2")),
            (None, VIMEO, None, None, Some("app")),
        ];
        for (user, base_url, asked, link, name) in cases {
            let found = name_for(&kept, &account(user, base_url), asked, link);
            assert_eq!(found.as_deref().ok(), name, "{user:?} {base_url} {asked:?}");
        }
    }
}
