//! `cargo xtask test-connector`: programs in other languages play the connector's story against it and a sandbox.

mod fuzz;
mod guide;

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use crate::artifacts;
use crate::install::{self, TEST_TIMEOUT};
use crate::process::{ChildProcess, wait};
use crate::sandbox_process::{SandboxProcess, remove_user_settings};
use crate::test_agent_frameworks::search_path;
use crate::test_authorize_page::in_path;
use crate::workspace::{XtaskError, root};

/// The pinned HTTP client of the Python program.
const PYTHON: [&str; 1] = ["requests==2.34.2"];

/// Where the service may send browsers after a login. Nothing listens there: the programs only read the redirect.
const RETURN_URL: &str = "http://localhost:3000/app/";

/// The key that encrypts the secrets of the tests' stores.
const ACCOUNTS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The browser to use.
    #[arg(long, env = "CHROMIUM", default_value = "chromium")]
    chromium: PathBuf,
}

/// Plays the stories and the guide, and sends requests that schemathesis generates from the service's document, each with a service
/// and a sandbox of its own. Writes transcripts to `target/connector`. Needs Node, npm, Python and Chromium.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let programs = Programs {
        sandbox: artifacts::binary("vimeo-ext/sandbox", "vimeo-sandbox")?,
        vimeo: artifacts::binary("vimeo-ext/cli", "vimeo")?,
    };
    let folder = root().join("target/connector");
    fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
    let python = install::python_in("venv-connector", &PYTHON)?;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("connector");
    let mut story = Command::new(&python);
    story.arg(scripts.join("story.py"));
    play(&programs, &folder, "story-python", story)?;
    let node = install::node("node")?;
    let mut story = Command::new("node");
    story.arg(node.join("connector-story.mjs")).env("CHROMIUM", in_path(&arguments.chromium)?);
    play(&programs, &folder, "story-node", story)?;
    play_guide(&programs, &folder)?;
    fuzz::run(&programs, &folder)
}

/// Runs the commands of `docs/connector.md`, and compares what they print with what the guide shows.
fn play_guide(programs: &Programs, folder: &Path) -> Result<(), XtaskError> {
    let path = root().join("docs/connector.md");
    let guide = fs::read_to_string(&path).map_err(XtaskError::file(&path))?;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = port.map_err(XtaskError::file("a port"))?.port();
    let sandbox = SandboxProcess::start(&programs.sandbox, &[])?;
    let home = folder.join("guide");
    if home.exists() {
        fs::remove_dir_all(&home).map_err(XtaskError::file(&home))?;
    }
    fs::create_dir_all(&home).map_err(XtaskError::file(&home))?;
    // The default port can be in use.
    let script = guide::script(&guide)
        .replace("vimeo serve --store", &format!("vimeo serve --listen 127.0.0.1:{port} --store"))
        .replace("127.0.0.1:8880", &format!("127.0.0.1:{port}"));
    let mut shell = Command::new("bash");
    remove_user_settings(&mut shell);
    shell
        .args(["-c", &script])
        .current_dir(&home)
        .env("HOME", &home)
        .env("PATH", search_path(&programs.vimeo)?)
        .env("VIMEO_BASE_URL", sandbox.text("url"))
        .env("VIMEO_CLIENT_ID", sandbox.text("client_id"))
        .env("VIMEO_CLIENT_SECRET", sandbox.text("client_secret"))
        .env("VIMEO_ACCESS_TOKEN", sandbox.text("token"));
    let finished = install::finish_within(TEST_TIMEOUT, &mut shell, "the guide docs/connector.md");
    let printed = |number| fs::read_to_string(home.join(format!("output-{number}"))).unwrap_or_default();
    if let Some(difference) = guide::difference(&guide, printed) {
        return Err(XtaskError::Command(format!("docs/connector.md: {difference}")));
    }
    finished?;
    println!("ok guide: {} blocks", guide::count(&guide));
    Ok(())
}

/// The built commands.
struct Programs {
    sandbox: PathBuf,
    vimeo: PathBuf,
}

/// A running service with a sandbox of its own.
struct Started {
    sandbox: SandboxProcess,
    service: ChildProcess,
    home: PathBuf,
    store: String,
    address: String,
}

impl Started {
    fn new(programs: &Programs, folder: &Path, name: &str) -> Result<Self, XtaskError> {
        let sandbox = SandboxProcess::start(&programs.sandbox, &[])?;
        let home = folder.join(name);
        if home.exists() {
            fs::remove_dir_all(&home).map_err(XtaskError::file(&home))?;
        }
        fs::create_dir_all(&home).map_err(XtaskError::file(&home))?;
        let store = format!("sqlite:{}", home.join("connector.db").display());
        let mut serve = Command::new(&programs.vimeo);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--store", &store, "--return-url", RETURN_URL]);
        serve.arg("--spool-folder").arg(home.join("spool"));
        configure(&mut serve, &home, &sandbox);
        let mut service = ChildProcess::start_reading_stderr(serve)?;
        let address = service.line_with("listening on ")?;
        Ok(Self { sandbox, service, home, store, address })
    }

    /// Gives a command the sandbox and the key of the store.
    fn configure(&self, command: &mut Command) {
        configure(command, &self.home, &self.sandbox);
    }
}

fn configure(command: &mut Command, home: &Path, sandbox: &SandboxProcess) {
    remove_user_settings(command);
    command
        .env("HOME", home)
        .env("VIMEO_BASE_URL", sandbox.text("url"))
        .env("VIMEO_CLIENT_ID", sandbox.text("client_id"))
        .env("VIMEO_CLIENT_SECRET", sandbox.text("client_secret"))
        .env("VIMEO_ACCOUNTS_KEY", ACCOUNTS_KEY)
        .stdin(Stdio::null());
}

/// Runs a program with a service and a sandbox, and writes what it prints to a file.
fn play(programs: &Programs, folder: &Path, name: &str, mut program: Command) -> Result<(), XtaskError> {
    let started = Started::new(programs, folder, name)?;
    let transcript = folder.join(format!("{name}.txt"));
    let output = File::create(&transcript).map_err(XtaskError::file(&transcript))?;
    started.configure(&mut program);
    let interpreter = PathBuf::from(program.get_program());
    let mut child = program
        .env("SERVICE", &started.address)
        .env("STORE", &started.store)
        .env("VIMEO", &programs.vimeo)
        .env("VIMEO_ACCESS_TOKEN", started.sandbox.text("token"))
        .env("RETURN_URL", RETURN_URL)
        .env("FILM", root().join("vimeo-ext/examples/media/sample.mp4"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONIOENCODING", "utf-8")
        .stdout(output)
        .spawn()
        .map_err(XtaskError::file(interpreter))?;
    let status = wait(&mut child, name, TEST_TIMEOUT)?;
    let text = fs::read_to_string(&transcript).map_err(XtaskError::file(&transcript))?;
    if !status.success() || !text.ends_with("\nok\n") {
        let logs = started.service.recent_lines();
        return Err(XtaskError::Command(format!("{name} failed: {status}\n{text}\nThe service:\n{logs}")));
    }
    let requests = text.lines().filter(|line| line.contains(" → ")).count();
    println!("ok {name}: {requests} lines, in {}", transcript.display());
    Ok(())
}
