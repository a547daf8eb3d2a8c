//! The contenders, their turns, and the table of results.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::AnyError;

const MIB: u64 = 1024 * 1024;
/// The size of the sparse file.
const SPARSE_SIZE: u64 = 8 * 1024 * MIB;

struct Options {
    size: u64,
    runs: usize,
    python: Option<PathBuf>,
    /// Whether to upload the large sparse file too.
    hole: bool,
}

impl Options {
    fn read(words: &[&str]) -> Result<Self, AnyError> {
        let mut options = Self { size: 1024 * MIB, runs: 7, python: None, hole: true };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match *word {
                // Cargo passes this to every benchmark.
                "--bench" => {}
                "--size" => options.size = value()?.parse::<u64>()? * MIB,
                "--runs" => options.runs = value()?.parse::<usize>()?.max(1),
                "--python" => options.python = Some(value()?.into()),
                "--no-hole" => options.hole = false,
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(words: &[&str]) -> Result<(), AnyError> {
    let options = Options::read(words)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("upload-bench");
    std::fs::create_dir_all(&folder)?;
    let file = film(&folder, options.size)?;
    let server = Server::start(&folder)?;

    let (http, https) = (server.http.as_str(), server.https.as_str());
    println!(
        "{} MiB from the page cache, median (minimum) of {} runs in turns\n",
        options.size / MIB,
        options.runs
    );
    let mut plain = vec![
        Contender::new("curl, one PATCH", |place| curl(place, http, &file)),
        Contender::new("ours", |place| ours(place, "upload", http, &file, options.size)),
        Contender::new("ours, many threads", |place| {
            ours(place, "upload-threads", http, &file, options.size)
        }),
    ];
    if let Some(python) = &options.python {
        plain.push(Contender::new("PyVimeo", |_| Ok(pyvimeo(python, http, &file))));
    }
    turns(&folder, &mut plain, options.runs)?;
    table("http", &plain);

    let mut secure = vec![
        Contender::new("curl, one PATCH", |place| curl(place, https, &file)),
        Contender::new("ours", |place| ours(place, "upload", https, &file, options.size)),
        Contender::new("ours, many threads", |place| {
            ours(place, "upload-threads", https, &file, options.size)
        }),
    ];
    turns(&folder, &mut secure, options.runs)?;
    table("https", &secure);

    if !options.hole {
        return Ok(());
    }
    let hole = folder.join("hole.mp4");
    File::create(&hole)?.set_len(SPARSE_SIZE)?;
    let mut large =
        vec![Contender::new("ours, 8 GiB sparse", |place| ours(place, "upload", http, &hole, SPARSE_SIZE))];
    turns(&folder, &mut large, 1)?;
    table("memory", &large);
    // Its pages are zeros, but they would fill the page cache.
    std::fs::remove_file(&hole)?;
    Ok(())
}

/// Creates a file of this size and reads it once, so that it is in the page cache.
fn film(folder: &Path, size: u64) -> Result<PathBuf, AnyError> {
    let path = folder.join("film.mp4");
    if std::fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or(0) != size {
        let mut file = File::create(&path)?;
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut piece = Vec::with_capacity(MIB as usize);
        let mut missing = size;
        while missing > 0 {
            piece.clear();
            while (piece.len() as u64) < missing.min(MIB) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                piece.extend_from_slice(&state.to_le_bytes());
            }
            piece.truncate(missing.min(MIB) as usize);
            file.write_all(&piece)?;
            missing -= piece.len() as u64;
        }
        file.sync_all()?;
    }
    let mut file = File::open(&path)?;
    let mut buffer = vec![0; MIB as usize];
    while file.read(&mut buffer)? > 0 {}
    Ok(path)
}

/// The server in its own process, which ends when this is dropped.
struct Server {
    http: String,
    https: String,
    _input: ChildStdin,
    _process: Child,
}

impl Server {
    fn start(folder: &Path) -> Result<Self, AnyError> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().ok_or("the server has no input")?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let (http, https) = line.trim().split_once(' ').ok_or("the server did not start")?;
        Ok(Self { http: http.to_owned(), https: https.to_owned(), _input: input, _process: process })
    }
}

/// Builds the command of one run from the folder of this benchmark.
type Make<'a> = Box<dyn Fn(&Path) -> Result<Command, AnyError> + 'a>;

struct Contender<'a> {
    name: &'static str,
    make: Make<'a>,
    costs: Vec<Cost>,
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, make: impl Fn(&Path) -> Result<Command, AnyError> + 'a) -> Self {
        Self { name, make: Box::new(make), costs: Vec::new() }
    }
}

/// The cost of one process.
struct Cost {
    wall: Duration,
    cpu: Duration,
    peak: u64,
}

/// Runs the contenders in turns. The first turn is for warm-up, unless it is the only one.
fn turns(folder: &Path, contenders: &mut [Contender<'_>], runs: usize) -> Result<(), AnyError> {
    let warming_up = usize::from(runs > 1);
    for turn in 0..runs + warming_up {
        for contender in &mut *contenders {
            let mut command = (contender.make)(folder)?;
            command.stdin(Stdio::null()).stdout(Stdio::null());
            let started = Instant::now();
            let used = command.spawn()?.wait4()?;
            let wall = started.elapsed();
            if !used.status.success() {
                return Err(format!("{} failed: {}", contender.name, used.status).into());
            }
            let (cpu, peak) = (used.rusage.utime + used.rusage.stime, used.rusage.maxrss);
            if turn >= warming_up {
                contender.costs.push(Cost { wall, cpu, peak });
            }
        }
    }
    Ok(())
}

/// Creates an upload on the server with curl, unmeasured, and returns its link.
fn link(base: &str, size: u64) -> Result<String, AnyError> {
    let body = format!(r#"{{"upload":{{"approach":"tus","size":{size}}}}}"#);
    let output = Command::new("curl")
        .args(["--silent", "--fail", "--insecure", "--noproxy", "*", "--data", &body])
        .arg(format!("{base}/me/videos"))
        .output()?;
    let response: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let link = response.pointer("/upload/upload_link").and_then(serde_json::Value::as_str);
    Ok(link.ok_or("the server returned no link")?.to_owned())
}

fn ours(folder: &Path, role: &str, base: &str, file: &Path, size: u64) -> Result<Command, AnyError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(role).arg(link(base, size)?).args([file, folder]);
    Ok(command)
}

fn curl(folder: &Path, base: &str, file: &Path) -> Result<Command, AnyError> {
    let size = std::fs::metadata(file)?.len();
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--fail", "--http1.1", "--noproxy", "*", "--request", "PATCH"])
        .args(["--header", "Tus-Resumable: 1.0.0", "--header", "Upload-Offset: 0"])
        .args(["--header", "Content-Type: application/offset+octet-stream"])
        .arg("--cacert")
        .arg(folder.join("certificate.pem"))
        .arg("--upload-file")
        .arg(file)
        .arg(link(base, size)?);
    Ok(command)
}

const PYVIMEO: &str = "
import sys, vimeo
class Client(vimeo.VimeoClient):
    API_ROOT = sys.argv[1]
Client(token='t', key='k', secret='s').upload(sys.argv[2])
";

fn pyvimeo(python: &Path, base: &str, file: &Path) -> Command {
    let mut command = Command::new(python);
    command.env("NO_PROXY", "*").args(["-c", PYVIMEO, base]).arg(file);
    command
}

fn table(title: &str, contenders: &[Contender<'_>]) {
    println!("{title:<22} {:>17} {:>7} {:>17} {:>7} {:>9}", "wall s", "ratio", "CPU s", "ratio", "peak MiB");
    let mut base = None;
    for contender in contenders {
        let wall = spread(contender.costs.iter().map(|cost| cost.wall));
        let cpu = spread(contender.costs.iter().map(|cost| cost.cpu));
        let peak = contender.costs.iter().map(|cost| cost.peak).max().unwrap_or(0);
        let (base_wall, base_cpu) = *base.get_or_insert((wall.0, cpu.0));
        println!(
            "{:<22} {:>8.3} ({:.3}) {:>7.2} {:>8.3} ({:.3}) {:>7.2} {:>9.1}",
            contender.name,
            wall.0,
            wall.1,
            wall.0 / base_wall,
            cpu.0,
            cpu.1,
            cpu.0 / base_cpu,
            peak as f64 / MIB as f64,
        );
    }
    println!();
}

/// Returns the median and the minimum, in seconds.
fn spread(times: impl Iterator<Item = Duration>) -> (f64, f64) {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    (at(times.len() / 2), at(0))
}
