//! The two processes of the command.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};

use secrecy::ExposeSecret;
use serde_json::Value;
use vimeo_ext::accounts::Key;
use vimeo_sandbox::Sandbox;

/// What both processes are started with.
pub(super) struct Settings {
    command: String,
    store: String,
    key: String,
    base_url: String,
    app: (String, String),
    folder: tempfile::TempDir,
}

impl Settings {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        Self {
            command: variable("VIMEO_TEST_COMMAND"),
            store: variable("VIMEO_TEST_POSTGRES"),
            key: Key::generate().to_base64().expose_secret().to_owned(),
            base_url: sandbox.url().to_string(),
            app: (sandbox.client_id(), sandbox.client_secret()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.command);
        let home = self.folder.path();
        command
            .args(args)
            .env_clear()
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home)
            .env("XDG_STATE_HOME", home)
            .env("RUST_LOG", "warn")
            .env("VIMEO_STORE", &self.store)
            .env("VIMEO_ACCOUNTS_KEY", &self.key)
            .env("VIMEO_BASE_URL", &self.base_url)
            .env("VIMEO_CLIENT_ID", &self.app.0)
            .env("VIMEO_CLIENT_SECRET", &self.app.1);
        command
    }
}

/// The running processes.
pub(super) struct Processes {
    settings: Settings,
    /// The text of an API key.
    pub(super) key: String,
    running: [Mutex<Running>; 2],
}

struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Processes {
    pub(super) fn start(settings: Settings) -> Self {
        let create = ["serve", "keys", "create", "load", "--allow", "publish", "--json"];
        let created = settings.command(&create).stderr(Stdio::inherit()).output().unwrap();
        assert!(created.status.success(), "no API key");
        let created: Value = serde_json::from_slice(&created.stdout).unwrap();
        let key = created["key"].as_str().unwrap().to_owned();
        let running = [0, 1].map(|_| Mutex::new(start(&settings)));
        Self { settings, key, running }
    }

    /// Returns the address of a process.
    pub(super) fn url(&self, process: usize) -> String {
        self.running[process].lock().unwrap().url.clone()
    }

    /// Kills a process with SIGKILL, and starts another one in its place.
    pub(super) fn kill_and_restart(&self, process: usize) {
        {
            let mut running = self.running[process].lock().unwrap();
            running.child.kill().unwrap();
            running.child.wait().unwrap();
        }
        // Meanwhile, callers find that nobody listens under the old address.
        let started = start(&self.settings);
        *self.running[process].lock().unwrap() = started;
    }
}

fn start(settings: &Settings) -> Running {
    let mut command = settings.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (found, url) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            match line.trim().strip_prefix("listening on ") {
                Some(url) => {
                    let _ = found.send(url.to_owned());
                }
                None => println!("service: {line}"),
            }
        }
    });
    let url = url.recv().expect("the service ended before it listened");
    Running { child, url }
}
