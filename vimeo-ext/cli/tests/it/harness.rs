//! Test harness: a sandbox, temporary folders, and the binary.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use vimeo_sandbox::{Sandbox, SandboxBuilder, Transcode};

pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) runtime: Runtime,
    pub(crate) folder: TempDir,
}

/// The result of a run of the command.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts success and returns standard output.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.success()).unwrap()
    }

    /// Asserts the exit code, and that standard error contains all of these texts.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is not in {self:?}");
        }
    }
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(Sandbox::builder().transcode(Transcode::Immediate).keep_bytes(true))
    }

    pub(crate) fn with(builder: SandboxBuilder) -> Self {
        // Group-writable settings are refused, so use the umask of most shells.
        #[cfg(unix)]
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        let runtime = Runtime::new().unwrap();
        let sandbox = runtime.block_on(builder.start()).unwrap();
        Self { sandbox, runtime, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Creates a file of `size` bytes without repeating patterns.
    pub(crate) fn file(&self, name: &str, size: usize) -> PathBuf {
        let path = self.path(name);
        let bytes: Vec<u8> = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The command, with a token for the sandbox in the environment.
    pub(crate) fn vimeo(&self, args: &[&str]) -> Command {
        let mut command = self.logged_out(args);
        command.env("VIMEO_ACCESS_TOKEN", self.sandbox.token());
        command
    }

    /// The command without credentials and without a keyring.
    pub(crate) fn logged_out(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vimeo"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear();
        for kept in ["PATH", "TMPDIR", "SystemRoot", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
            .env("HOME", self.folder.path())
            .env("VIMEO_CONFIG_DIR", self.path("config"))
            .env("VIMEO_STATE_DIR", self.path("state"))
            .env("VIMEO_BASE_URL", self.sandbox.url().as_str())
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path("no-bus").display()));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.vimeo(args).output().unwrap())
    }

    /// Runs a command with this standard input.
    pub(crate) fn feed(mut command: Command, text: &str) -> Run {
        use std::io::Write;
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Run::of(child.wait_with_output().unwrap())
    }

    /// A client to set up fixtures.
    pub(crate) fn client(&self) -> vimeo_ext::Vimeo {
        vimeo_ext::Vimeo::builder()
            .base_url(self.sandbox.url().as_str())
            .access_token(self.sandbox.token())
            .build()
            .unwrap()
    }

    /// The methods and paths of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.sandbox.request_log().iter().map(|entry| format!("{} {}", entry.method, entry.path)).collect()
    }
}
