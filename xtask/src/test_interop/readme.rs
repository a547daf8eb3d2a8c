//! Runs the README's snippets in other languages, unchanged.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::install::{TEST_TIMEOUT, finish_within};
use crate::sandbox_process::remove_user_settings;
use crate::workspace::{XtaskError, root};

/// Runs the first snippet in this language against a sandbox. Fails if it prints nothing.
pub(super) fn run(
    sandbox: &Path,
    language: &str,
    interpreter: &Path,
    script: &Path,
) -> Result<(), XtaskError> {
    let readme = root().join("README.md");
    let text = fs::read_to_string(&readme).map_err(XtaskError::file(&readme))?;
    let none = || XtaskError::Command(format!("the README has no snippet in {language}"));
    let folder = script.parent().ok_or_else(none)?;
    fs::write(script, snippet(&text, language).ok_or_else(none)?).map_err(XtaskError::file(script))?;
    let film = folder.join("film.mp4");
    fs::copy(root().join("vimeo-ext/examples/media/sample.mp4"), &film).map_err(XtaskError::file(film))?;
    let said = script.with_extension("out");
    let mut command = Command::new(sandbox);
    remove_user_settings(&mut command);
    command.args(["run", "--"]).args([interpreter, script]).current_dir(folder);
    command.stdout(File::create(&said).map_err(XtaskError::file(&said))?);
    let purpose = format!("the README's snippet in {language}");
    finish_within(TEST_TIMEOUT, &mut command, &purpose)?;
    let printed = fs::read_to_string(&said).map_err(XtaskError::file(&said))?;
    if printed.trim().is_empty() {
        return Err(XtaskError::Command(format!("{purpose} printed nothing")));
    }
    println!("README, {language}: {}", printed.trim());
    Ok(())
}

/// Returns the text between the first fences of a language.
fn snippet<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("\n```{language}\n"))?;
    Some(rest.split_once("\n```")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_text_between_the_fences() {
        let text = "# A\n```js\none()\ntwo()\n```\n```python\nthree()\n```\n";
        assert_eq!(snippet(text, "js"), Some("one()\ntwo()"));
        assert_eq!(snippet(text, "python"), Some("three()"));
        assert_eq!(snippet(text, "ruby"), None);
    }
}
