//! `cargo xtask test-completions`: tab completion in bash and zsh.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::artifacts;
use crate::workspace::{XtaskError, root};

/// Typed lines with tabs, and the arguments that the command then receives.
const TYPED: [(&str, &[&str]); 8] = [
    ("vimeo vid\t", &["videos"]),
    ("vimeo videos list --read\t", &["videos", "list", "--read-only"]),
    ("vimeo api /me --account an\t", &["api", "/me", "--account", "anna"]),
    ("vimeo videos list --json=na\t", &["videos", "list", "--json=name"]),
    ("vimeo videos list --json=uri,na\t", &["videos", "list", "--json=uri,name"]),
    ("vimeo videos list --limit=2 --json=na\t", &["videos", "list", "--limit=2", "--json=name"]),
    ("vimeo videos list --json=na\t--read\t", &["videos", "list", "--json=name", "--read-only"]),
    (
        "vimeo api /videos -f query=surf --account=an\t",
        &["api", "/videos", "-f", "query=surf", "--account=anna"],
    ),
];

/// The prompt of the shells.
const PROMPT: &str = "<next>";

/// How long to wait for output.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Replaces the command by a function that prints its arguments. The completions call the function to get their candidates;
/// it passes those calls on to the command.
const SETUP: &str = "\
vimeo() { if [ -n \"$COMPLETE\" ]; then command vimeo \"$@\"; else printf '<word %s>' \"$@\"; echo '<end>'; fi; }\n";

/// The command line of a shell, and its start-up file.
struct Shell {
    name: &'static str,
    command: &'static str,
    file: &'static str,
    setup: &'static str,
}

const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        command: "bash --noprofile --rcfile bashrc -i",
        file: "bashrc",
        setup: "bind 'set enable-bracketed-paste off'\nsource <(vimeo completion -s bash)\n",
    },
    Shell {
        name: "bash where `=` ends no word",
        command: "bash --noprofile --rcfile bashrc-whole -i",
        file: "bashrc-whole",
        setup: "bind 'set enable-bracketed-paste off'\nCOMP_WORDBREAKS=${COMP_WORDBREAKS//=/}\nsource <(vimeo completion -s bash)\n",
    },
    Shell {
        name: "zsh",
        command: "ZDOTDIR=$PWD zsh -o NO_GLOBAL_RCS -i",
        file: ".zshrc",
        setup: "autoload -U compinit && compinit -u -D\nunsetopt PROMPT_SP\nsource <(vimeo completion -s zsh)\n",
    },
];

/// Types into shells on a pseudo-terminal. Needs bash, zsh, and `script` of util-linux.
pub(crate) fn run() -> Result<(), XtaskError> {
    let vimeo = artifacts::binary("vimeo-ext/cli", "vimeo")?;
    let folder = root().join("target/completions");
    fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(XtaskError::file(path))
    };
    write(
        "accounts.toml",
        "version = 1\n[accounts.anna]\nbase-url = \"https://api.vimeo.com/\"\ntoken = \"keyring\"\n",
    )?;
    for shell in SHELLS {
        write(shell.file, &[shell.setup, SETUP, "PS1='", PROMPT, "'\n"].concat())?;
        let mut terminal = Terminal::start(&shell, &folder, vimeo.parent().unwrap_or(&folder))?;
        terminal.until(PROMPT)?;
        for (typed, words) in TYPED {
            terminal.typed(&format!("{typed}\n"))?;
            let output = terminal.until("<end>")?;
            let got: Vec<&str> =
                output.split("<word ").skip(1).filter_map(|word| Some(word.split_once('>')?.0)).collect();
            if got != words {
                return Err(XtaskError::Command(format!(
                    "{}: {typed:?} gave {got:?}, not {words:?}",
                    shell.name
                )));
            }
            terminal.until(PROMPT)?;
        }
        println!("{}: {} lines completed", shell.name, TYPED.len());
    }
    Ok(())
}

/// A shell on a pseudo-terminal. Dropping it kills the shell.
struct Terminal {
    process: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn start(shell: &Shell, folder: &Path, binaries: &Path) -> Result<Self, XtaskError> {
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
        let mut process = Command::new("script")
            .args(["--quiet", "--return", "--command", shell.command, "/dev/null"])
            .current_dir(folder)
            .env("SHELL", "/bin/sh")
            .env("PATH", path)
            .env("TERM", "dumb")
            .env("VIMEO_CONFIG_DIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(XtaskError::file("script"))?;
        let none = || XtaskError::Command("a program without its streams".to_owned());
        let (keys, mut output) =
            (process.stdin.take().ok_or_else(none)?, process.stdout.take().ok_or_else(none)?);
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                let _ = sender.send(bytes.get(..read).unwrap_or_default().to_vec());
            }
        });
        Ok(Self { process, keys, screen, seen: String::new() })
    }

    fn typed(&mut self, keys: &str) -> Result<(), XtaskError> {
        self.keys.write_all(keys.as_bytes()).map_err(XtaskError::file("the terminal"))
    }

    /// Returns and removes all output up to these words.
    fn until(&mut self, words: &str) -> Result<String, XtaskError> {
        loop {
            if let Some((before, after)) = self.seen.split_once(words) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.seen = after;
                return Ok(before);
            }
            let Ok(bytes) = self.screen.recv_timeout(TIMEOUT) else {
                return Err(XtaskError::Command(format!(
                    "the shell did not print `{words}` but {:?}",
                    self.seen
                )));
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
