//! Pending grants: authorization codes, device codes and refresh tokens.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::scopes::Scopes;

/// The lifetime of an authorization code. Vimeo's is unknown.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// The lifetime of a device code. Vimeo's is unknown.
pub(crate) const DEVICE_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// What a user granted, before it becomes a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) user: u64,
    pub(crate) scopes: Scopes,
}

/// Why a grant does not become a token, with OAuth's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantError {
    /// The code is unknown, used or expired, or does not match its redirect URI or verifier.
    InvalidGrant,
    /// The user has not decided yet.
    Pending,
    /// The user denied access.
    Denied,
    /// The device code has expired.
    Expired,
}

impl GrantError {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidGrant => "invalid_grant",
            Self::Pending => "authorization_pending",
            Self::Denied => "access_denied",
            Self::Expired => "expired_token",
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Grants {
    codes: BTreeMap<String, Code>,
    devices: BTreeMap<String, Device>,
    refresh: BTreeMap<String, Grant>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Code {
    grant: Grant,
    redirect_uri: String,
    challenge: Option<Challenge>,
    expires: DateTime<Utc>,
}

/// A PKCE code challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Challenge {
    Plain(String),
    S256(String),
}

impl Challenge {
    /// Parses `code_challenge` and `code_challenge_method`; `None` for an unknown method.
    pub(crate) fn read(text: Option<&str>, method: Option<&str>) -> Option<Option<Self>> {
        match (text.filter(|text| !text.is_empty()), method.unwrap_or("plain")) {
            (None, _) => Some(None),
            (Some(text), "S256") => Some(Some(Self::S256(text.to_owned()))),
            (Some(text), "plain" | "") => Some(Some(Self::Plain(text.to_owned()))),
            (Some(_), _) => None,
        }
    }

    fn matches(&self, verifier: &str) -> bool {
        match self {
            Self::Plain(text) => text == verifier,
            Self::S256(text) => *text == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Device {
    user_code: String,
    scopes: Scopes,
    expires: DateTime<Utc>,
    decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Decision {
    Awaited,
    Rejected,
    Accepted(Grant),
}

impl Grants {
    pub(crate) fn add_code(
        &mut self,
        code: String,
        grant: Grant,
        redirect_uri: String,
        challenge: Option<Challenge>,
        now: DateTime<Utc>,
    ) {
        // Remove codes that nobody exchanged.
        self.codes.retain(|_, code| now < code.expires);
        self.codes.insert(code, Code { grant, redirect_uri, challenge, expires: now + CODE_LIFETIME });
    }

    /// Exchanges a code. The code is consumed even if it does not match, so that a stolen code is worthless.
    pub(crate) fn take_code(
        &mut self,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Grant, GrantError> {
        let code = self.codes.remove(code).ok_or(GrantError::InvalidGrant)?;
        let is_proven = match (&code.challenge, verifier) {
            (None, _) => true,
            (Some(challenge), Some(verifier)) => challenge.matches(verifier),
            (Some(_), None) => false,
        };
        if is_proven && code.redirect_uri == redirect_uri && now < code.expires {
            Ok(code.grant)
        } else {
            Err(GrantError::InvalidGrant)
        }
    }

    pub(crate) fn add_device(
        &mut self,
        device_code: String,
        user_code: String,
        scopes: Scopes,
        now: DateTime<Utc>,
    ) {
        // Retain expired codes for another lifetime, so that late devices get `expired_token`.
        self.devices.retain(|_, device| now - device.expires < DEVICE_LIFETIME);
        let device =
            Device { user_code, scopes, expires: now + DEVICE_LIFETIME, decision: Decision::Awaited };
        self.devices.insert(device_code, device);
    }

    /// Returns the scopes of a device that waits for its user.
    pub(crate) fn waiting_device(&self, user_code: &str, now: DateTime<Utc>) -> Option<&Scopes> {
        let waits = |device: &&Device| {
            device.user_code == user_code && device.decision == Decision::Awaited && now < device.expires
        };
        self.devices.values().find(waits).map(|device| &device.scopes)
    }

    /// Records the user's decision on a device; returns `false` if no device waits under this code.
    pub(crate) fn decide_device(&mut self, user_code: &str, user: Option<u64>, now: DateTime<Utc>) -> bool {
        let waits = |device: &&mut Device| {
            device.user_code == user_code && device.decision == Decision::Awaited && now < device.expires
        };
        let Some(device) = self.devices.values_mut().find(waits) else { return false };
        device.decision = match user {
            Some(user) => Decision::Accepted(Grant { user, scopes: device.scopes.clone() }),
            None => Decision::Rejected,
        };
        true
    }

    /// Exchanges a device code.
    pub(crate) fn take_device(
        &mut self,
        device_code: &str,
        user_code: &str,
        now: DateTime<Utc>,
    ) -> Result<Grant, GrantError> {
        let device = self
            .devices
            .get(device_code)
            .filter(|device| device.user_code == user_code)
            .ok_or(GrantError::InvalidGrant)?;
        match &device.decision {
            _ if now >= device.expires => Err(GrantError::Expired),
            Decision::Awaited => Err(GrantError::Pending),
            Decision::Rejected => Err(GrantError::Denied),
            Decision::Accepted(grant) => {
                let grant = grant.clone();
                self.devices.remove(device_code);
                Ok(grant)
            }
        }
    }

    pub(crate) fn add_refresh(&mut self, token: String, grant: Grant) {
        self.refresh.insert(token, grant);
    }

    /// Exchanges a refresh token, which is valid once.
    pub(crate) fn take_refresh(&mut self, token: &str) -> Result<Grant, GrantError> {
        self.refresh.remove(token).ok_or(GrantError::InvalidGrant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn grant() -> Grant {
        Grant { user: 1, scopes: Scopes::public() }
    }

    #[test]
    fn code_is_valid_once_for_its_client() {
        // The example of RFC 7636.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let s256 = Challenge::S256("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into());
        let plain = Challenge::Plain("word".into());
        for (challenge, uri, given, seconds, good) in [
            (None, "http://a/", None, 0, true),
            (None, "http://a/", Some("whatever"), 0, true),
            (None, "http://a", None, 0, false),
            (None, "http://a/", None, 600, false),
            (Some(s256.clone()), "http://a/", Some(verifier), 599, true),
            (Some(s256.clone()), "http://a/", Some("other"), 0, false),
            (Some(s256), "http://a/", None, 0, false),
            (Some(plain.clone()), "http://a/", Some("word"), 0, true),
            (Some(plain), "http://a/", Some("words"), 0, false),
        ] {
            let mut grants = Grants::default();
            grants.add_code("code".into(), grant(), "http://a/".into(), challenge.clone(), at(0));
            let taken = grants.take_code("code", uri, given, at(seconds));
            assert_eq!(taken.is_ok(), good, "{challenge:?} {uri} {given:?} {seconds}");
            assert_eq!(grants.take_code("code", uri, given, at(seconds)), Err(GrantError::InvalidGrant));
        }
    }

    #[test]
    fn parses_challenges() {
        for (text, method, expected) in [
            (None, None, Some(None)),
            (Some(""), Some("S256"), Some(None)),
            (Some("a"), None, Some(Some(Challenge::Plain("a".into())))),
            (Some("a"), Some("S256"), Some(Some(Challenge::S256("a".into())))),
            (Some("a"), Some("MD5"), None),
        ] {
            assert_eq!(Challenge::read(text, method), expected);
        }
    }

    #[test]
    fn device_waits_for_its_user() {
        let decide = |user: Option<Option<u64>>, seconds: i64| {
            let mut grants = Grants::default();
            grants.add_device("device".into(), "user".into(), Scopes::public(), at(0));
            if let Some(user) = user {
                assert!(grants.decide_device("user", user, at(1)));
                assert!(!grants.decide_device("user", user, at(1)));
            }
            grants.take_device("device", "user", at(seconds))
        };
        assert_eq!(decide(None, 1), Err(GrantError::Pending));
        assert_eq!(decide(Some(None), 1), Err(GrantError::Denied));
        assert_eq!(decide(Some(Some(1)), 1), Ok(grant()));
        assert_eq!(decide(Some(Some(1)), 900), Err(GrantError::Expired));
        assert_eq!(Grants::default().take_device("device", "user", at(0)), Err(GrantError::InvalidGrant));
    }
}
