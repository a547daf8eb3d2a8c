//! Where things are kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure, Result};

/// The folder of the settings and the folder of the state. They are made when something is first written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folders {
    config: PathBuf,
    state: PathBuf,
}

impl Folders {
    /// `VIMEO_CONFIG_DIR`, `$XDG_CONFIG_HOME/vimeo`, `%AppData%\vimeo`, `~/.config/vimeo`, on macOS too; and
    /// `VIMEO_STATE_DIR`, `$XDG_STATE_HOME/vimeo`, `%LocalAppData%\vimeo`, `~/.local/state/vimeo`.
    pub(crate) fn of_process() -> Result<Self> {
        Self::find(|name| std::env::var_os(name), dirs::home_dir())
    }

    fn find(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // XDG has relative paths passed over.
        let xdg = |name: &str| set(name).filter(|path| path.is_absolute());
        let of_windows = |name: &str| if cfg!(windows) { set(name) } else { None };
        let nowhere = |name: &str| {
            Failure::new(Exit::Usage, "there is no home folder to keep settings in")
                .next(format!("set {name}"))
        };
        let config = set("VIMEO_CONFIG_DIR")
            .or_else(|| Some(xdg("XDG_CONFIG_HOME")?.join("vimeo")))
            .or_else(|| Some(of_windows("APPDATA")?.join("vimeo")))
            .or_else(|| Some(home.as_ref()?.join(".config").join("vimeo")))
            .ok_or_else(|| nowhere("VIMEO_CONFIG_DIR"))?;
        let state = set("VIMEO_STATE_DIR")
            .or_else(|| Some(xdg("XDG_STATE_HOME")?.join("vimeo")))
            .or_else(|| Some(of_windows("LOCALAPPDATA")?.join("vimeo")))
            .or_else(|| Some(home.as_ref()?.join(".local").join("state").join("vimeo")))
            .ok_or_else(|| nowhere("VIMEO_STATE_DIR"))?;
        Ok(Self { config, state })
    }

    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The uploads that are not finished.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.state.join("uploads")
    }

    /// Answers that are kept for a while.
    pub(crate) fn cache(&self) -> PathBuf {
        self.state.join("cache")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_is_taken() {
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
        let nowhere = Folders::find(|_| None, None).unwrap_err();
        assert_eq!((nowhere.exit, nowhere.next_step()), (Exit::Usage, Some("set VIMEO_CONFIG_DIR")));
    }
}
