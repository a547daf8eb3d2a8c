//! TLS settings of connections to PostgreSQL.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::StoreError;

/// Returns the connection options for a URL. Connections to another machine are encrypted and verify the server's certificate,
/// unless the URL itself sets another `sslmode`.
pub(super) fn options(url: &SecretString) -> Result<PgConnectOptions, StoreError> {
    // The parser's own error could contain the password.
    let invalid = || StoreError::unavailable("invalid database URL; expected postgres://user@host/database");
    let url = Url::parse(url.expose_secret()).map_err(|_| invalid())?;
    let options: PgConnectOptions = url.as_str().parse().map_err(|_| invalid())?;
    if is_local(&options) {
        return Ok(options);
    }
    let named = url.query_pairs().filter(|(name, _)| name == "sslmode" || name == "ssl-mode").last();
    let named = named.map(|(_, mode)| mode.to_ascii_lowercase());
    let ambient = std::env::var("PGSSLMODE").ok().map(|mode| mode.to_ascii_lowercase());
    let mode =
        mode_for(options.get_host(), named.as_deref(), ambient.as_deref(), cfg!(feature = "postgres-tls"));
    Ok(options.ssl_mode(mode.map_err(StoreError::unavailable)?))
}

/// Whether the server is on this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the mode for a host on another machine. `named` is the mode in the URL, `ambient` the one in the environment, and
/// `has_tls` whether this program can encrypt.
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
                "PGSSLMODE={mode} would not verify the server at {host}; unset PGSSLMODE, or set sslmode={mode} in the database \
                 URL to allow it"
            ));
        }
        Some(mode) => {
            return Err(format!(
                "sslmode={mode} lets an attacker on the network to {host} turn encryption off; remove it from the database URL or \
                 set sslmode=verify-full, with sslrootcert=FILE for your own certificate authority"
            ));
        }
    };
    if matches!(mode, PgSslMode::Disable) {
        tracing::warn!(
            host,
            "the connection to the database is not encrypted, because its URL sets sslmode=disable"
        );
    } else if !has_tls {
        return Err(format!(
            "the connection to {host} must be encrypted, which requires the feature postgres-tls of vimeo-ext; on a network that \
             you trust, set sslmode=disable in the database URL"
        ));
    } else if !matches!(mode, PgSslMode::VerifyFull) {
        tracing::warn!(
            host,
            ?mode,
            "the database server's identity is not verified, because its URL sets sslmode"
        );
    }
    Ok(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(mode: Result<PgSslMode, String>) -> String {
        mode.map_or_else(|error| format!("rejected: {error}"), |mode| format!("{mode:?}"))
    }

    #[test]
    fn verifies_remote_servers_unless_the_url_says_otherwise() {
        let table = [
            (None, None, true, "VerifyFull"),
            (Some("verify-full"), Some("disable"), true, "VerifyFull"),
            (Some("verify-ca"), None, true, "VerifyCa"),
            (Some("require"), None, true, "Require"),
            (Some("disable"), None, true, "Disable"),
            (Some("disable"), None, false, "Disable"),
            (Some("prefer"), None, true, "rejected: sslmode=prefer"),
            (Some("allow"), None, true, "rejected: sslmode=allow"),
            (None, Some("verify-full"), true, "VerifyFull"),
            (None, Some("disable"), true, "rejected: PGSSLMODE=disable"),
            (None, Some("require"), true, "rejected: PGSSLMODE=require"),
            (None, Some("prefer"), true, "rejected: sslmode=prefer"),
            (None, None, false, "rejected: the connection to db.example must be encrypted"),
            (Some("verify-full"), None, false, "rejected: the connection to db.example must be encrypted"),
            (Some("require"), None, false, "rejected: the connection to db.example must be encrypted"),
        ];
        for (named, ambient, has_tls, expected) in table {
            let mode = describe(mode_for("db.example", named, ambient, has_tls));
            assert!(mode.starts_with(expected), "{named:?} {ambient:?} {has_tls}: {mode}");
        }
    }

    #[test]
    fn local_servers_use_the_mode_in_the_url() {
        for (url, expected) in [
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
            let options = options(&url.into()).unwrap();
            assert_eq!(format!("{:?}", options.get_ssl_mode()), expected, "{url}");
        }
        for url in ["postgres://app:s3cret@db.example/app?sslmode=prefer", "postgres://app:s3cret@db:port/"] {
            let error = options(&url.into()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }
}
