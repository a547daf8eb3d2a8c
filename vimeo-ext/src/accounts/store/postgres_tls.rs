//! Which encryption a connection to PostgreSQL has.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::StoreError;

/// How the server is to be reached, as the address says it; to a host that is not this machine, encrypted and with its
/// certificate checked unless the address itself names another `sslmode`.
pub(super) fn options(address: &SecretString) -> Result<PgConnectOptions, StoreError> {
    // What the parser says could show the password.
    let unreadable = || {
        StoreError::unavailable(
            "the address of the database is none that can be read; write postgres://user@host/database",
        )
    };
    let address = Url::parse(address.expose_secret()).map_err(|_| unreadable())?;
    let options: PgConnectOptions = address.as_str().parse().map_err(|_| unreadable())?;
    if is_local(&options) {
        return Ok(options);
    }
    let named = address.query_pairs().filter(|(name, _)| name == "sslmode" || name == "ssl-mode").last();
    let named = named.map(|(_, mode)| mode.to_ascii_lowercase());
    let ambient = std::env::var("PGSSLMODE").ok().map(|mode| mode.to_ascii_lowercase());
    let mode =
        mode_for(options.get_host(), named.as_deref(), ambient.as_deref(), cfg!(feature = "postgres-tls"));
    Ok(options.ssl_mode(mode.map_err(StoreError::unavailable)?))
}

/// Whether the server is reached without a network.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The mode for a host that is not this machine: `named` in the address, or `ambient` in the environment. `has_tls` is
/// whether this program can encrypt.
fn mode_for(
    host: &str,
    named: Option<&str>,
    ambient: Option<&str>,
    has_tls: bool,
) -> Result<PgSslMode, String> {
    let mode = match named.or(ambient) {
        None | Some("verify-full") => PgSslMode::VerifyFull,
        Some("verify-ca") if named.is_some() => PgSslMode::VerifyCa,
        Some("require") if named.is_some() => PgSslMode::Require,
        Some("disable") if named.is_some() => PgSslMode::Disable,
        Some(mode @ ("verify-ca" | "require" | "disable")) => {
            return Err(format!(
                "PGSSLMODE={mode} asks for less than a checked connection to {host}; if that is meant, put sslmode={mode} \
                 into the address of the database, else unset PGSSLMODE"
            ));
        }
        Some(mode) => {
            return Err(format!(
                "sslmode={mode} lets anyone between here and {host} turn encryption off; leave it out of the address of the \
                 database or write sslmode=verify-full, with sslrootcert=FILE for an authority of your own"
            ));
        }
    };
    if matches!(mode, PgSslMode::Disable) {
        tracing::warn!(host, "passwords and accounts go to the database in clear, as its address says");
    } else if !has_tls {
        return Err(format!(
            "a connection to {host} has to be encrypted, for which vimeo-ext needs its feature postgres-tls; for a network \
             that you trust put sslmode=disable into the address of the database"
        ));
    } else if !matches!(mode, PgSslMode::VerifyFull) {
        tracing::warn!(host, ?mode, "who the database is is not checked, as its address says");
    }
    Ok(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mode: Result<PgSslMode, String>) -> String {
        mode.map_or_else(|error| format!("refused: {error}"), |mode| format!("{mode:?}"))
    }

    #[test]
    fn a_server_elsewhere_is_checked_unless_its_address_says_otherwise() {
        let table = [
            (None, None, true, "VerifyFull"),
            (Some("verify-full"), Some("disable"), true, "VerifyFull"),
            (Some("verify-ca"), None, true, "VerifyCa"),
            (Some("require"), None, true, "Require"),
            (Some("disable"), None, true, "Disable"),
            (Some("disable"), None, false, "Disable"),
            (Some("prefer"), None, true, "refused: sslmode=prefer"),
            (Some("allow"), None, true, "refused: sslmode=allow"),
            (None, Some("verify-full"), true, "VerifyFull"),
            (None, Some("disable"), true, "refused: PGSSLMODE=disable"),
            (None, Some("require"), true, "refused: PGSSLMODE=require"),
            (None, Some("prefer"), true, "refused: sslmode=prefer"),
            (None, None, false, "refused: a connection to db.example has to be encrypted"),
            (Some("verify-full"), None, false, "refused: a connection to db.example has to be encrypted"),
            (Some("require"), None, false, "refused: a connection to db.example has to be encrypted"),
        ];
        for (named, ambient, has_tls, expected) in table {
            let mode = shown(mode_for("db.example", named, ambient, has_tls));
            assert!(mode.starts_with(expected), "{named:?} {ambient:?} {has_tls}: {mode}");
        }
    }

    #[test]
    fn this_machine_is_reached_as_before() {
        for (address, expected) in [
            ("postgres://app@localhost/app", "Prefer"),
            ("postgres://app@127.0.0.1/app", "Prefer"),
            ("postgres://app@[::1]/app", "Prefer"),
            ("postgres://app@%2Frun%2Fpostgresql/app", "Prefer"),
            ("postgres://app@db.example/app?host=/run/postgresql", "Prefer"),
            ("postgres://app@127.0.0.1/app?sslmode=disable", "Disable"),
            ("postgres://app:s3cret@db.example/app?sslmode=disable", "Disable"),
            ("postgres://app@localhost.db.example/app", "VerifyFull"),
            ("postgres://app@localhost/app?host=db.example", "VerifyFull"),
            ("postgres://app@localhost/app?hostaddr=192.0.2.1", "VerifyFull"),
            ("postgres://app@10.0.0.1/app", "VerifyFull"),
        ] {
            let options = options(&address.into()).unwrap();
            assert_eq!(format!("{:?}", options.get_ssl_mode()), expected, "{address}");
        }
        for address in
            ["postgres://app:s3cret@db.example/app?sslmode=prefer", "postgres://app:s3cret@db:port/"]
        {
            let error = options(&address.into()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }
}
