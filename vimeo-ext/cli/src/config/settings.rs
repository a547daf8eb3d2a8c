//! `config.toml`: defaults for flags.

use std::path::Path;

use serde::{Deserialize, Deserializer, de};
use vimeo_ext::api::OpenEnum;
use vimeo_ext::api::types::VideoViewPrivacy;

use crate::exit::{CliError, ExitCode, Result};

/// Defaults for the flags of the same names. Flags and environment variables take precedence. The command never writes
/// this file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    pub(crate) transfers: Option<u16>,
    pub(crate) bwlimit: Option<String>,
    pub(crate) chunk_size: Option<String>,
    pub(crate) progress: Option<String>,
    #[serde(deserialize_with = "known_value")]
    pub(crate) privacy: Option<VideoViewPrivacy>,
}

/// Deserializes a known value of an API enum; unknown values are errors.
fn known_value<'de, T: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

impl Settings {
    /// Reads the file. A missing file has no settings.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.toml");
        let text = match super::read_named_text(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(CliError::io("read", &path, &error)),
        };
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let problem = error.message();
            CliError::new(ExitCode::Usage, format!("{}, line {line}: {problem}", path.display()))
                .with_next_step("correct that line; vimeo help environment lists the settings")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_the_line_of_invalid_settings() {
        let folder = crate::config::files::test_folder();
        assert_eq!(Settings::read(folder.path()).unwrap(), Settings::default());
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "transfers = 4\nbwlimit = \"10M\"\n").unwrap();
        let settings = Settings::read(folder.path()).unwrap();
        assert_eq!((settings.transfers, settings.bwlimit.as_deref()), (Some(4), Some("10M")));
        std::fs::write(&file, "transfers = 4\nprivacy = \"nobdy\"\n").unwrap();
        let error = Settings::read(folder.path()).unwrap_err();
        assert!(
            error.message().contains("line 2: `nobdy` is not a known value; known values are anybody, "),
            "{error}"
        );
        std::fs::write(&file, "transfers = 4\ncolour = true\n").unwrap();
        let error = Settings::read(folder.path()).unwrap_err();
        assert_eq!(error.exit, ExitCode::Usage);
        assert!(error.message().contains("config.toml, line 2: unknown field `colour`"), "{error}");
    }
}
