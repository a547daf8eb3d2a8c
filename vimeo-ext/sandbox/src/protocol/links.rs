//! Signed links to the upload host.
//!
//! A link is a capability: its holder can use it until it expires, without a token.

use chrono::{DateTime, Utc};

use crate::protocol::ids;
use crate::protocol::query::Query;

/// The resource that a signed link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file that is uploaded with tus, by its ticket.
    File(String),
    /// A file that a browser sends with a form, by its ticket.
    Form(String),
    /// The image of a picture, by the picture's id.
    Picture(u64),
    /// The file of a text track, by the track's id.
    Captions(u64),
}

/// The path of a signed link: a world and a resource in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkTarget {
    pub(crate) world: u64,
    pub(crate) target: Target,
}

/// Why a link is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// The signature is missing or wrong.
    BadSignature,
    Expired,
}

impl LinkTarget {
    pub(crate) fn path(&self) -> String {
        match &self.target {
            Target::File(ticket) => format!("/files/{}/{ticket}", self.world),
            Target::Form(ticket) => format!("/forms/{}/{ticket}", self.world),
            Target::Picture(id) => format!("/pictures/{}/{id}", self.world),
            Target::Captions(id) => format!("/captions/{}/{id}", self.world),
        }
    }

    pub(crate) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (kind, world, name) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let target = match kind {
            "files" => Target::File(name.to_owned()),
            "forms" => Target::Form(name.to_owned()),
            "pictures" => Target::Picture(name.parse().ok()?),
            "captions" => Target::Captions(name.parse().ok()?),
            _ => return None,
        };
        Some(Self { world: world.parse().ok()?, target })
    }

    /// The link, signed until `expires`, as path and query.
    pub(crate) fn signed(&self, key: u64, expires: DateTime<Utc>) -> String {
        let path = self.path();
        let expires = expires.timestamp();
        format!("{path}?expires={expires}&sig={}", signature(key, &path, expires))
    }

    pub(crate) fn check(&self, key: u64, query: &Query, now: DateTime<Utc>) -> Result<(), LinkError> {
        let expires: i64 =
            query.get("expires").and_then(|text| text.parse().ok()).ok_or(LinkError::BadSignature)?;
        if query.get("sig") != Some(signature(key, &self.path(), expires).as_str()) {
            return Err(LinkError::BadSignature);
        }
        if now.timestamp() >= expires { Err(LinkError::Expired) } else { Ok(()) }
    }
}

fn signature(key: u64, path: &str, expires: i64) -> String {
    ids::digest(&["link", &key.to_string(), path, &expires.to_string()], 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_signature_and_expiry() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let target = LinkTarget { world: 3, target: Target::File("abc".into()) };
        let link = target.signed(7, at(1000));
        let (path, query) = link.split_once('?').unwrap();
        assert_eq!(LinkTarget::parse(path).unwrap(), target);
        let query = Query::parse(query);

        assert_eq!(target.check(7, &query, at(999)), Ok(()));
        assert_eq!(target.check(7, &query, at(1000)), Err(LinkError::Expired));
        assert_eq!(target.check(8, &query, at(1)), Err(LinkError::BadSignature));
        assert_eq!(target.check(7, &Query::parse(""), at(1)), Err(LinkError::BadSignature));
        let other = LinkTarget { world: 3, target: Target::File("abd".into()) };
        assert_eq!(other.check(7, &query, at(1)), Err(LinkError::BadSignature));
    }

    #[test]
    fn rejects_other_paths() {
        for path in
            ["/", "/files", "/files/1", "/files/x/abc", "/files/1/abc/d", "/pictures/1/abc", "/videos/1/2"]
        {
            assert_eq!(LinkTarget::parse(path), None, "{path}");
        }
    }
}
