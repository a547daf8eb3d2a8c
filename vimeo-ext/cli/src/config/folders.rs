//! Locations of configuration and state.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::exit::{CliError, ExitCode, Result};

/// The configuration folder and the state folder. They are created on the first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folders {
    config: PathBuf,
    state: PathBuf,
}

impl Folders {
    /// Returns the first that is set of `VIMEO_CONFIG_DIR`, `$XDG_CONFIG_HOME/vimeo`, `%AppData%\vimeo`,
    /// `~/.config/vimeo` (also on macOS), and of `VIMEO_STATE_DIR`, `$XDG_STATE_HOME/vimeo`, `%LocalAppData%\vimeo`,
    /// `~/.local/state/vimeo`.
    pub(crate) fn from_env() -> Result<Self> {
        Self::find(|name| std::env::var_os(name), dirs::home_dir())
    }

    fn find(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG specification ignores relative paths.
        let xdg = |name: &str| set(name).filter(|path| path.is_absolute());
        let windows = |name: &str| if cfg!(windows) { set(name) } else { None };
        let missing = |name: &str| {
            CliError::new(ExitCode::Usage, "no home folder found for configuration and state")
                .with_next_step(format!("set {name}"))
        };
        let config = set("VIMEO_CONFIG_DIR")
            .or_else(|| Some(xdg("XDG_CONFIG_HOME")?.join("vimeo")))
            .or_else(|| Some(windows("APPDATA")?.join("vimeo")))
            .or_else(|| Some(home.as_ref()?.join(".config").join("vimeo")))
            .ok_or_else(|| missing("VIMEO_CONFIG_DIR"))?;
        let state = set("VIMEO_STATE_DIR")
            .or_else(|| Some(xdg("XDG_STATE_HOME")?.join("vimeo")))
            .or_else(|| Some(windows("LOCALAPPDATA")?.join("vimeo")))
            .or_else(|| Some(home.as_ref()?.join(".local").join("state").join("vimeo")))
            .ok_or_else(|| missing("VIMEO_STATE_DIR"))?;
        Ok(Self { config, state })
    }

    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The folder of unfinished uploads.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.state.join("uploads")
    }

    /// The file in which `vimeo serve` keeps its accounts and API keys, unless told otherwise.
    #[cfg(feature = "connector")]
    pub(crate) fn connector_store(&self) -> PathBuf {
        self.state.join("connector.db")
    }

    /// The folder of cached responses.
    pub(crate) fn cache(&self) -> PathBuf {
        self.state.join("cache")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn uses_the_first_folder_that_is_set() {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let cases: [Case<'_>; 4] = [
            (&[], "/home/a/.config/vimeo", "/home/a/.local/state/vimeo"),
            (&[("XDG_CONFIG_HOME", "/x"), ("XDG_STATE_HOME", "/y")], "/x/vimeo", "/y/vimeo"),
            (
                &[("XDG_CONFIG_HOME", "x"), ("XDG_STATE_HOME", "")],
                "/home/a/.config/vimeo",
                "/home/a/.local/state/vimeo",
            ),
            (&[("VIMEO_CONFIG_DIR", "/c"), ("VIMEO_STATE_DIR", "s"), ("XDG_CONFIG_HOME", "/x")], "/c", "s"),
        ];
        for (variables, config, state) in cases {
            let find = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            let folders = Folders::find(find, Some("/home/a".into())).unwrap();
            assert_eq!(folders.config(), Path::new(config));
            assert_eq!(folders.uploads(), Path::new(state).join("uploads"));
        }
        let missing = Folders::find(|_| None, None).unwrap_err();
        assert_eq!((missing.exit, missing.next_step()), (ExitCode::Usage, Some("set VIMEO_CONFIG_DIR")));
    }
}
