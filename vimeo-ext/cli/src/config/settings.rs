//! `config.toml`: what a person would otherwise type every time.

use std::path::Path;

use serde::{Deserialize, Deserializer, de};
use vimeo_ext::api::OpenEnum;
use vimeo_ext::api::types::VideoViewPrivacy;

use crate::exit::{Exit, Failure, Result};

/// Defaults for flags of the same names. A flag, and its variable, win over the file; the command never writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub(crate) transfers: Option<u16>,
    pub(crate) bwlimit: Option<String>,
    pub(crate) chunk_size: Option<String>,
    pub(crate) progress: Option<String>,
    #[serde(deserialize_with = "known")]
    pub(crate) privacy: Option<VideoViewPrivacy>,
}

/// A word that the API is known to take.
fn known<'de, T: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

impl Settings {
    /// None at all when there is no such file.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.toml");
        let text = match super::read_named_text(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let problem = error.message();
            Failure::new(Exit::Usage, format!("{}, line {line}: {problem}", path.display()))
                .next("mend that line; vimeo help environment names what the file may hold")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_are_placed() {
        let folder = crate::config::files::test_folder();
        assert_eq!(Settings::read(folder.path()).unwrap(), Settings::default());
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "transfers = 4\nbwlimit = \"10M\"\n").unwrap();
        let settings = Settings::read(folder.path()).unwrap();
        assert_eq!((settings.transfers, settings.bwlimit.as_deref()), (Some(4), Some("10M")));
        std::fs::write(&file, "transfers = 4\nprivacy = \"nobdy\"\n").unwrap();
        let error = Settings::read(folder.path()).unwrap_err();
        assert!(
            error.message().contains("line 2: `nobdy` is not a known word; known are anybody, "),
            "{error}"
        );
        std::fs::write(&file, "transfers = 4\ncolour = true\n").unwrap();
        let error = Settings::read(folder.path()).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message().contains("config.toml, line 2: unknown field `colour`"), "{error}");
    }
}
