//! `cargo xtask test-stores`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, net};

use crate::artifacts;
use crate::workspace::{XtaskError, root};

/// What to run while the server is running.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A command with arguments; VIMEO_TEST_POSTGRES holds the server's URL [default: the tests of the stores].
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Starts a temporary PostgreSQL server on loopback, runs the tests of the stores and stops the server.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let server = Server::start()?;
    let mut command = match arguments.command.split_first() {
        Some((program, rest)) => {
            let mut command = Command::new(program);
            command.args(rest).current_dir(root());
            command
        }
        None => {
            let mut command = artifacts::tests("vimeo-ext")?;
            command.args(["--ignored", "--nocapture", "postgres"]);
            command
        }
    };
    let status = command
        .env("VIMEO_TEST_POSTGRES", server.url())
        .env("VIMEO_TEST_PG_DUMP", server.programs.join("pg_dump"))
        .status()
        .map_err(XtaskError::file("the command"))?;
    if status.success() {
        Ok(())
    } else {
        Err(XtaskError::Command(format!("the command ended with {status}")))
    }
}

/// A server with its own folder. Dropping it stops the server and deletes the folder.
pub(crate) struct Server {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Result<Self, XtaskError> {
        let programs = programs()?;
        let folder = env::temp_dir().join(format!("vimeo-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(XtaskError::file(&folder))?;
        let server = Self { programs, folder, port: free_port()? };
        if is_root() {
            run_quietly(Command::new("chown").arg("postgres").arg(&server.folder))?;
        }
        let data = server.data();
        let mut initdb = server.program("initdb");
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--pgdata",
        ]);
        run_quietly(initdb.arg(&data))?;
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={}",
            server.port,
            server.folder.display()
        );
        let log = server.folder.join("log");
        let mut start = server.program("pg_ctl");
        start.arg("--wait").arg("--pgdata").arg(&data).arg("--log").arg(&log).arg("--options").arg(options);
        run_quietly(start.arg("start"))?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns a command. As root, it runs as the user `postgres`, because PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("--wait").arg("--mode=immediate").arg("--pgdata").arg(self.data()).arg("stop");
        if let Err(failure) = run_quietly(&mut stop) {
            eprintln!("{failure}");
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{}: {error}", self.folder.display());
        }
    }
}

/// Finds the newest PostgreSQL: in Debian's folder, else in the path.
fn programs() -> Result<PathBuf, XtaskError> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = debian.map(|entry| entry.path()).max_by_key(|path| version(path));
    let path = env::var_os("PATH").unwrap_or_default();
    newest
        .map(|folder| folder.join("bin"))
        .into_iter()
        .chain(env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
        .ok_or_else(|| {
            XtaskError::Command("PostgreSQL not found; install it (Debian: postgresql)".to_owned())
        })
}

/// Returns a free port.
fn free_port() -> Result<u16, XtaskError> {
    let listener = net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(listener.map_err(XtaskError::file("127.0.0.1"))?.port())
}

fn is_root() -> bool {
    env::var_os("USER").is_some_and(|user| user == "root")
        || Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// Runs a command without its output.
fn run_quietly(command: &mut Command) -> Result<(), XtaskError> {
    // The server would keep a pipe open, so there is none.
    let program = command.get_program().to_owned();
    let status = command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status()
        .map_err(XtaskError::file(&program))?;
    match status.success() {
        true => Ok(()),
        false => Err(XtaskError::Command(format!("{command:?} ended with {status}"))),
    }
}
