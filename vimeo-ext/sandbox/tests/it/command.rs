//! The command line.

#![cfg(feature = "cli")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::client::{Client, offset};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vimeo-sandbox"));
    command
        .args(arguments)
        .env_remove("VIMEO_SANDBOX_PORT")
        .env_remove("VIMEO_SANDBOX_CONTROL_TOKEN")
        .env_remove("VIMEO_BASE_URL");
    command
}

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A sandbox process, which is killed on drop.
struct SandboxProcess {
    child: Child,
    ready_line: Value,
}

impl SandboxProcess {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, ready_line: serde_json::from_str(&line).unwrap() }
    }

    fn client(&self) -> Client {
        Client::at(self.ready_line["url"].as_str().unwrap(), self.ready_line["token"].as_str().unwrap())
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn prints_ready_line_and_client_settings() {
    let folder = crate::test_folder();
    let ready = folder.path().join("ready.json");
    let running = SandboxProcess::start(&["--proxy", "--videos", "2", "--ready-file", path(&ready)]);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&ready).unwrap()).unwrap();
    assert_eq!(written, running.ready_line);
    assert_eq!(running.client().get("/me/videos").await.body["total"], 2);
    assert!(Path::new(running.ready_line["ca_file"].as_str().unwrap()).exists());

    for client in ["shell", "python", "node", "php", "ruby", "go", "java", "dotnet", "curl", "mcp"] {
        let by_file = output(&["env", "--for", client, "--ready-file", path(&ready)]);
        assert!(by_file.status.success(), "{client}: {}", text(&by_file.stderr));
        assert!(text(&by_file.stdout).contains(running.ready_line["token"].as_str().unwrap()), "{client}");
        let by_url = output(&["env", "--for", client, "--url", running.ready_line["url"].as_str().unwrap()]);
        assert_eq!(text(&by_url.stdout), text(&by_file.stdout), "{client}");
    }
}

#[test]
fn run_passes_exit_code_through() {
    let shown = output(&[
        "run",
        "--token",
        "my-token",
        "--",
        "sh",
        "-c",
        "echo $VIMEO_ACCESS_TOKEN $VIMEO_BASE_URL; exit 7",
    ]);
    assert_eq!(shown.status.code(), Some(7));
    let said = text(&shown.stdout);
    assert!(said.starts_with("my-token http://127.0.0.1:"), "{said}");
    assert_eq!(output(&["run", "--", "sh", "-c", "kill -9 $$"]).status.code(), Some(137));
    let missing = output(&["run", "--", "no-such-command-anywhere"]);
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("cannot run no-such-command-anywhere"));
}

#[cfg(all(unix, feature = "record"))]
#[tokio::test]
async fn record_trusts_the_certificates_of_the_system_only() {
    let folder = crate::test_folder();
    let file = folder.path().join("session.jsonl");
    let target = SandboxProcess::start(&["--https"]);
    let [url, ca, token] =
        ["https_url", "ca_file", "token"].map(|name| target.ready_line[name].as_str().unwrap());
    let url = url.replace("127.0.0.1", "localhost");
    let record = ["record", "--base-url", &url, "--output", path(&file)];
    let (recorded, body) = request_from(&record, token, Some(ca)).await;
    assert_eq!(body["name"], "Sandbox User", "{}", text(&recorded.stderr));
    let other = SandboxProcess::start(&["--https"]);
    let other_ca = other.ready_line["ca_file"].as_str().unwrap();
    let (refused, body) = request_from(&record, token, Some(other_ca)).await;
    assert!(body["error"].as_str().unwrap().contains("certificate"), "{body}");
    assert!(
        text(&refused.stderr).contains("1 request without a complete response"),
        "{}",
        text(&refused.stderr)
    );
}

/// Runs a command that prints its base URL, sends one request to it, and returns the output and the response's body.
#[cfg(all(unix, feature = "record"))]
async fn request_from(arguments: &[&str], token: &str, ca_file: Option<&str>) -> (Output, Value) {
    let script = "echo $VIMEO_BASE_URL; read line; exit 7";
    let mut child = command(&[arguments, &["--", "sh", "-c", script]].concat())
        .envs(ca_file.map(|file| ("SSL_CERT_FILE", file)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut shown = BufReader::new(child.stdout.take().unwrap());
    shown.read_line(&mut line).unwrap();
    let body = Client::at(line.trim(), token).get("/me").await.body;
    drop(child.stdin.take());
    (child.wait_with_output().unwrap(), body)
}

#[cfg(all(unix, feature = "record"))]
#[tokio::test]
async fn record_writes_a_private_file_and_passes_exit_code() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = crate::test_folder();
    let file = folder.path().join("session.jsonl");
    let target = SandboxProcess::start(&["--token", "my-own-token"]);
    let url = target.ready_line["url"].as_str().unwrap();
    let record = ["record", "--base-url", url, "--output", path(&file)];
    let nothing = output(&[&record[..], &["--", "true"]].concat());
    assert!(nothing.status.success() && !file.exists());
    assert!(text(&nothing.stderr).contains("nothing was recorded"), "{}", text(&nothing.stderr));
    let (recorded, body) = request_from(&record, "my-own-token", None).await;
    assert_eq!((recorded.status.code(), &body["name"]), (Some(7), &json!("Sandbox User")));
    assert!(text(&recorded.stderr).contains("wrote 1 exchange to"), "{}", text(&recorded.stderr));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(!stored.contains("my-own-token") && !stored.contains("Sandbox User"), "{stored}");
    // A recording plays in a restored state as well.
    let state = folder.path().join("state");
    let play = ["run", "--token", "fake", "--state", path(&state), "--fixture", path(&file)];
    for _ in 0..2 {
        let (_, body) = request_from(&play, "fake", None).await;
        assert_eq!(body["name"], "name-1");
    }
}

#[test]
fn run_sets_proxy_variables_only_with_proxy() {
    let script = "echo $http_proxy,$https_proxy,$no_proxy,$NODE_USE_ENV_PROXY,$PHP_INI_SCAN_DIR; cat ${PHP_INI_SCAN_DIR#:}/php.ini";
    let mut with = command(&["run", "--proxy", "--", "sh", "-c", script]);
    let mut without = command(&["run", "--", "sh", "-c", "echo $http_proxy$no_proxy$PHP_INI_SCAN_DIR"]);
    for command in [&mut with, &mut without] {
        for name in ["http_proxy", "https_proxy", "no_proxy", "PHP_INI_SCAN_DIR"] {
            command.env_remove(name);
        }
    }
    let said = text(&with.output().unwrap().stdout);
    let (variables, php) = said.split_once('\n').unwrap();
    let variables: Vec<&str> = variables.split(',').collect();
    let [http, https, "127.0.0.1", "localhost", "1", folder] = variables[..] else { panic!("{said}") };
    assert!(http == https && http.starts_with("http://127.0.0.1:"), "{said}");
    let folder = folder.strip_prefix(':').unwrap();
    assert!(php.contains(&format!("curl.cainfo='{folder}/ca.pem'")), "{said}");
    // Deleted with the sandbox.
    assert!(!Path::new(folder).exists());
    assert_eq!(text(&without.output().unwrap().stdout), "\n");
}

#[test]
fn errors_are_one_line_with_exit_code() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = crate::test_folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let below_a_file = file.join("state");
    let nowhere = folder.path().join("nowhere");
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("snapshot-1.json"), "{").unwrap();
    let recording = folder.path().join("recording");
    std::fs::write(&recording, "{\"vimeo_sandbox_recording\":1}\nx").unwrap();
    let cannot_read_file = format!("cannot read {}", path(&file));
    for (arguments, code, expected_text) in [
        (vec!["--port", &port], 3, "choose another port"),
        (vec!["--state", path(&below_a_file)], 4, "cannot store the state in"),
        (vec!["--keep-bytes", path(&below_a_file)], 4, "cannot store uploads in"),
        (vec!["--ca-folder", path(&below_a_file)], 4, "cannot keep the certificate authority in"),
        (vec!["--state", path(&broken)], 5, "snapshot-1.json: EOF"),
        (vec!["--token", "0123456789abcdef0123456789abcdef"], 2, "looks like a real Vimeo token"),
        (vec!["--token", "t", "--scopes", "all"], 2, "unknown scope"),
        (vec!["--fixture", path(&file)], 2, &format!("{}, line 1: ", path(&file))),
        (vec!["--fixture", path(&recording)], 2, "recording, line 2: "),
        (vec!["record", "--output", path(&below_a_file), "--", "true"], 4, "folder not found"),
        // Before the command runs.
        (vec!["record", "--output", path(&broken), "--", "no-such-command-anywhere"], 2, "is a folder"),
        (
            vec!["record", "--base-url", "http://example.com/", "--", "true"],
            2,
            "tokens are sent to https only",
        ),
        (vec!["record", "--base-url", "nowhere", "--", "true"], 2, "--base-url: "),
        (vec!["--forward-to", "http://example.com/"], 2, "only http URLs of this machine"),
        (vec!["--ready-file", path(&below_a_file)], 4, "cannot write"),
        (vec!["--token", "two words"], 2, "cannot be sent in a header"),
        (vec!["--world-port", &port], 3, "choose another port"),
        (vec!["--unix", path(&file)], 3, "no other file may have this name"),
        (vec!["snapshot", "import", "--state", path(&nowhere), path(&file)], 5, &cannot_read_file),
        (vec!["snapshot", "import", "--url", "http://127.0.0.1:1/", path(&file)], 5, &cannot_read_file),
        (vec!["env", "--for", "python", "--url", "http://127.0.0.1:1/"], 1, "did not respond"),
        (vec!["env", "--for", "python", "--ready-file", path(&file)], 2, &cannot_read_file),
        (vec!["snapshot", "export", "--state", path(&below_a_file), "-"], 4, "folder not found"),
    ] {
        let failed = output(&arguments);
        let said = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.starts_with("vimeo-sandbox: ") && said.lines().count() == 1, "{said}");
        assert!(said.contains(expected_text), "{said}");
    }
    // An unreadable document creates no folder.
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn exports_and_imports_worlds_with_ports() {
    let folder = crate::test_folder();
    let running = SandboxProcess::start(&["--videos", "2", "--world-port", "0", "--world-port", "0"]);
    let urls: Vec<&str> = running.ready_line["worlds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["url"].as_str().unwrap())
        .collect();
    let token = running.ready_line["token"].as_str().unwrap();
    let [one, other] = [Client::at(urls[0], token), Client::at(urls[1], token)];
    one.upload("One", b"1").await;
    for (client, total) in [(running.client(), 2), (one, 3), (other, 2)] {
        assert_eq!(client.get("/me/videos").await.body["total"], total);
    }
    let lines = output(&["env", "--for", "curl", "--url", urls[1]]);
    assert!(text(&lines.stdout).contains(urls[1].trim_end_matches('/')), "{}", text(&lines.stdout));
    let happened = output(&["trigger", "video-updated", "--resource", "/videos/1", "--url", urls[1]]);
    assert!(happened.status.success(), "{}", text(&happened.stderr));
    let count = |url: &str| text(&output(&["events", "list", "--url", url]).stdout).lines().count();
    assert_eq!((count(urls[1]), count(running.ready_line["url"].as_str().unwrap())), (1, 0));

    let file = folder.path().join("worlds.json");
    let other = SandboxProcess::start(&[]);
    for arguments in [
        ["export", running.ready_line["url"].as_str().unwrap()],
        ["import", other.ready_line["url"].as_str().unwrap()],
    ] {
        let carried = output(&["snapshot", arguments[0], "--url", arguments[1], path(&file)]);
        assert!(carried.status.success(), "{}", text(&carried.stderr));
    }
    let worlds = other.client().get("/_sandbox/worlds").await.body;
    let url = worlds["worlds"][1]["url"].as_str().unwrap();
    assert!(!urls.contains(&url));
    assert_eq!(Client::at(url, token).get("/me/videos").await.body["total"], 3);
}

#[cfg(unix)]
#[tokio::test]
async fn closed_output_pipe_is_not_an_error() {
    let running = SandboxProcess::start(&["--fill", "small"]);
    let script = format!(
        "{} events list --url {} | head -c 1 >/dev/null; echo done",
        env!("CARGO_BIN_EXE_vimeo-sandbox"),
        running.ready_line["url"].as_str().unwrap()
    );
    let shown = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!((text(&shown.stdout).as_str(), text(&shown.stderr).as_str()), ("done\n", ""));
}

#[cfg(unix)]
#[test]
fn stops_when_parent_exits() {
    // The shell starts the sandbox, echoes its ready line and exits.
    let script = format!("{} | {{ read line; echo \"$line\"; }} & wait", env!("CARGO_BIN_EXE_vimeo-sandbox"));
    let mut shell = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    shell.kill().unwrap();
    shell.wait().unwrap();
    let address =
        line["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
    while std::net::TcpStream::connect(&address).is_ok() {
        std::thread::yield_now();
    }
}

#[cfg(unix)]
#[test]
fn run_leaves_the_first_interrupt_to_the_command() {
    // Only the sandbox gets the interrupts. Requests give it time to see them.
    for (script, code) in [
        ("kill -INT $PPID; \"$0\" events list --url $VIMEO_BASE_URL && exit 7", 7),
        ("while kill -INT $PPID; do \"$0\" events list --url $VIMEO_BASE_URL; done", 128 + 9),
    ] {
        let ran = output(&["run", "--", "sh", "-c", script, env!("CARGO_BIN_EXE_vimeo-sandbox")]);
        assert_eq!(ran.status.code(), Some(code), "{script}: {}", text(&ran.stderr));
    }
}

/// Starts a sandbox under umask 000 and returns the mode of its temporary folder, as `ls` shows it.
#[cfg(unix)]
fn mode_of_temporary_folder(arguments: &str) -> String {
    let folder = crate::test_folder();
    let script = format!("umask 000; exec \"$0\" run {arguments} -- ls -l \"$TMPDIR\"");
    let sandbox = env!("CARGO_BIN_EXE_vimeo-sandbox");
    let ran =
        Command::new("sh").args(["-c", &script, sandbox]).env("TMPDIR", folder.path()).output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let listed = text(&ran.stdout);
    let line =
        listed.lines().find(|line| line.contains(" vimeo-sandbox-")).unwrap_or_else(|| panic!("{listed}"));
    line.chars().take(10).collect()
}

#[cfg(unix)]
#[test]
fn folder_of_bytes_is_private_under_any_umask() {
    assert_eq!(mode_of_temporary_folder("--keep-bytes"), "drwx------");
}

#[cfg(all(unix, feature = "tls"))]
#[test]
fn folder_of_temporary_authority_is_writable_by_nobody_else() {
    assert_eq!(mode_of_temporary_folder("--https"), "drwxr-xr-x");
}

#[tokio::test]
async fn stops_when_standard_input_ends_and_deletes_bytes() {
    let folder = crate::test_folder();
    let mut command = command(&["--stop-with-stdin", "--outlive-parent", "--keep-bytes", "--digest"]);
    let mut child = command
        .env("TMPDIR", folder.path())
        .env("TMP", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut running = SandboxProcess { child, ready_line: serde_json::from_str(&line).unwrap() };
    let client = running.client();
    let id = client.upload("Surf", b"bytes").await;
    let file = client.request("GET", &format!("/_sandbox/videos/{id}/file")).send().await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), &b"bytes"[..]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    drop(stdin);
    assert!(running.child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Everything that was acknowledged before the process was killed is there after a restart.
#[tokio::test]
async fn kill_loses_no_acknowledged_write() {
    let folder = crate::test_folder();
    let arguments = ["--state", path(folder.path())];
    let mut acknowledged: Vec<String> = Vec::new();
    let mut uploads: Vec<(u64, u64)> = Vec::new();
    for round in 0..8_u64 {
        let mut running = SandboxProcess::start(&arguments);
        let client = running.client();
        let names = client.all_names().await;
        for name in &acknowledged {
            assert!(names.contains(name), "round {round}: {name} was acknowledged and is gone");
        }
        for (id, received) in &uploads {
            let link = client.get(&format!("/videos/{id}")).await.body;
            let link = link["upload"]["upload_link"].as_str().unwrap().to_owned();
            assert_eq!(client.offset(&link).await, *received, "round {round}");
        }
        // Kills the process while several writers are active.
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let client = running.client();
                tokio::spawn(async move {
                    let mut done = Vec::new();
                    for number in 0.. {
                        let name = format!("{round}-{writer}-{number}");
                        let body = json!({"name": name, "upload": {"approach": "tus", "size": 10}});
                        match client.request("POST", "/me/videos").json(&body).send().await {
                            Ok(response) if response.status() == 200 => done.push(name),
                            _ => break,
                        }
                    }
                    done
                })
            })
            .collect();
        let (id, link) = client.create("Upload", 10).await;
        let sent = client.patch(&link, 0, "1234").send().await.unwrap();
        uploads.push((id, offset(&sent)));
        // Kills later in each round, measured in requests rather than time.
        for _ in 0..round * 5 {
            client.get("/me").await;
        }
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
    }
    assert!(acknowledged.len() > 8);

    // Exports the state and imports it into another folder.
    let file = folder.path().join("worlds.json");
    let exported = output(&["snapshot", "export", arguments[0], arguments[1], path(&file)]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    let elsewhere = folder.path().join("elsewhere");
    let imported = output(&["snapshot", "import", "--state", path(&elsewhere), path(&file)]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let running = SandboxProcess::start(&["--state", path(&elsewhere)]);
    let names = running.client().all_names().await;
    assert!(acknowledged.iter().all(|name| names.contains(name)));
}

#[test]
fn control_token_is_required_and_never_printed() {
    let running = SandboxProcess::start(&["--control-token", "open-sesame"]);
    assert!(!running.ready_line.to_string().contains("open-sesame"));
    let url = running.ready_line["url"].as_str().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    for arguments in [
        vec!["events", "list", "--url", url],
        vec!["env", "--for", "curl", "--url", url],
        vec!["snapshot", "export", "--url", url, path(file.path())],
    ] {
        let refused = output(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(text(&refused.stderr).contains("x-sandbox-control-token"), "{}", text(&refused.stderr));
        let taken = output(&[arguments.as_slice(), &["--control-token", "open-sesame"]].concat());
        assert!(taken.status.success(), "{arguments:?}: {}", text(&taken.stderr));
        let by_environment =
            command(&arguments).env("VIMEO_SANDBOX_CONTROL_TOKEN", "open-sesame").output().unwrap();
        assert!(by_environment.status.success(), "{}", text(&by_environment.stderr));
    }
    let shown = output(&[
        "run",
        "--control-token",
        "open-sesame",
        "--",
        "sh",
        "-c",
        "test \"$VIMEO_SANDBOX_CONTROL_TOKEN\" = open-sesame",
    ]);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
}
