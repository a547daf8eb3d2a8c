//! Runs every example in the help.

use std::path::Path;

use serde_json::json;
use vimeo_sandbox::{Plan, Sandbox, Transcode};

use crate::harness::{Harness, Run};

fn collect_examples(command: &clap::Command, examples: &mut Vec<String>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    examples.extend(
        help.lines().filter_map(|line| Some(format!("vimeo {}", line.trim().strip_prefix("$ vimeo ")?))),
    );
    for sub in command.get_subcommands() {
        collect_examples(sub, examples);
    }
}

fn write_program(path: &Path, script: &str) {
    std::fs::write(path, script).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Creates the items that the examples refer to. New for each example, because some examples delete them.
async fn create_fixtures(client: &vimeo_ext::Vimeo) -> [(&'static str, String); 5] {
    let number = |response: &serde_json::Value| {
        response["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    let upload = json!({"upload": {"approach": "tus", "size": 1}, "name": "Surf"});
    let video = number(&client.post("/me/videos").json(&upload).send().await.unwrap());
    let folder =
        number(&client.post("/me/projects").json(&json!({"name": "Holidays"})).send().await.unwrap());
    let showcase =
        number(&client.post("/me/albums").json(&json!({"name": "Trailers"})).send().await.unwrap());
    let event = client.post("/me/live_events").json(&json!({"title": "Talk"})).send().await.unwrap();
    client.put(&format!("/me/albums/{showcase}/videos/{video}")).send().await.unwrap();
    client.put(&format!("/me/projects/{folder}/videos/{video}")).send().await.unwrap();
    let app = client.auth().verify().await.unwrap().app.unwrap().uri.unwrap();
    let hook = json!({"webhook_type": "video-transcode-complete", "webhook_url": "https://example.com/hook"});
    let hook = client.post(&format!("{app}/webhooks")).json(&hook).send().await.unwrap();
    [
        ("76979871", video),
        ("76979872", folder),
        ("76979873", showcase),
        ("76979874", number(&event)),
        ("76979875", number(&hook)),
    ]
}

/// Creates the store that the examples refer to, and sets its key and the app's credentials. New for each example, because
/// some examples change or delete its records.
#[cfg(all(unix, feature = "stores"))]
async fn create_store(harness: &Harness, line: &str, shell: &mut std::process::Command) {
    use secrecy::ExposeSecret;
    use vimeo_ext::accounts::{AccountId, KeyRing, NewConnection};
    use vimeo_ext::auth::AppCredentials;

    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(harness.path(&format!("accounts.db{end}")));
    }
    crate::key_rotation::fill(harness, "accounts.db", 2).await;
    let store = crate::key_rotation::store(harness, "accounts.db").await;
    let ring = KeyRing::new(crate::key_rotation::old());
    let accounts = crate::key_rotation::accounts(harness, store.clone(), ring).await;
    let (id, secret) = (harness.sandbox.client_id(), harness.sandbox.client_secret());
    // Disconnecting the account revokes its token.
    let token = harness.sandbox.issue_token("public private");
    accounts.connect_with_token(&AccountId::new("user 7").unwrap(), token.as_str()).await.unwrap();
    if !line.contains(" link ") {
        let app = AppCredentials::new(id.as_str(), secret.as_str());
        let marketing = NewConnection::new("Marketing", app, harness.sandbox.token());
        accounts.connections().create(marketing).await.unwrap();
    }
    store.close().await;
    let input = json!({
        "name": "Sales", "clientIdentifier": id, "clientSecret": secret, "accessToken": harness.sandbox.token(),
    });
    std::fs::write(harness.path("connection.json"), input.to_string()).unwrap();
    std::fs::write(harness.path("change.json"), r#"{"description": "The team's"}"#).unwrap();
    let key = crate::key_rotation::old().to_base64();
    shell.env("VIMEO_CLIENT_ID", id).env("VIMEO_CLIENT_SECRET", secret);
    shell.env("VIMEO_ACCOUNTS_KEY", key.expose_secret());
}

#[cfg(unix)]
#[test]
fn all_help_examples_work() {
    let builder = Sandbox::builder().plan(Plan::Enterprise).transcode(Transcode::Immediate).keep_bytes(true);
    let harness = Harness::with(builder);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/media/sample.mp4");
    for file in ["film.mp4", "talk.mp4"] {
        std::fs::copy(sample, harness.path(file)).unwrap();
    }
    std::fs::write(harness.path("film.vtt"), "WEBVTT\n\n00:00.000 --> 00:01.000\nSurf\n").unwrap();
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R'];
    for file in ["thumbnail.png", "portrait.png"] {
        std::fs::write(harness.path(file), png).unwrap();
    }
    std::fs::write(harness.path("token.txt"), harness.sandbox.token()).unwrap();
    // Programs that the examples call: the command itself, and a password manager.
    let programs = harness.path("bin");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vimeo"), programs.join("vimeo")).unwrap();
    write_program(&programs.join("pass"), &format!("#!/bin/sh\necho {}\n", harness.sandbox.token()));
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());

    let mut examples = Vec::new();
    collect_examples(&vimeo_cli::command(), &mut examples);
    assert!(examples.len() > 40, "{}", examples.len());
    let mut failed = Vec::new();
    for example in &examples {
        let mut line = example.clone();
        if line.starts_with("vimeo ai") {
            // The video is transcoded and has a transcript.
            let video = harness.sandbox.add_videos(1)[0].to_string();
            let track = json!({"type": "captions", "language": "en", "name": "English"});
            let (client, path) = (harness.client(), format!("/videos/{video}/texttracks"));
            harness.runtime.block_on(async { client.post(&path).json(&track).send().await }).unwrap();
            line = line.replace("76979871", &video);
        }
        for (shown, real) in harness.runtime.block_on(create_fixtures(&harness.client())) {
            line = line.replace(shown, &real);
        }
        if line.starts_with("vimeo serve keys") {
            let created = harness.run(&["serve", "keys", "create", "example", "--json"]).json();
            line = line.replace("0123456789abcdef", created["id"].as_str().unwrap());
        }
        if line.starts_with("vimeo live end") {
            // Only a started event can be ended.
            line = format!("{} && {line}", line.replacen("end", "start", 1));
        }
        let logs_in = line.starts_with("vimeo auth");
        if logs_in {
            let anna = format!(
                "version = 1\nactive = \"anna\"\n[accounts.anna]\nuser = \"/users/{}\"\nbase-url = \"{}\"\n\
                 token = \"command\"\ntoken-command = \"pass\"\n",
                harness.sandbox.user_id(),
                harness.sandbox.url(),
            );
            std::fs::create_dir_all(harness.path("config")).unwrap();
            std::fs::write(harness.path("config/accounts.toml"), anna).unwrap();
        }
        let mut shell = std::process::Command::new("sh");
        let command = if logs_in { harness.logged_out(&[]) } else { harness.vimeo(&[]) };
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if line.contains("--with-token") {
            shell.env("VIMEO_INSECURE_STORAGE", "1");
        }
        #[cfg(feature = "stores")]
        if line.starts_with("vimeo accounts") || line.starts_with("vimeo connections") {
            harness.runtime.block_on(create_store(&harness, &line, &mut shell));
            line = line.replace("--client-id ID", &format!("--client-id {}", harness.sandbox.client_id()));
        }
        shell.env("PATH", &path).args(["-c", &line]).current_dir(harness.folder.path());
        let run = Run::of(shell.stdin(std::process::Stdio::null()).output().unwrap());
        if run.code != 0 {
            failed.push(format!("{line}\n{}{}", run.out, run.err));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} examples failed:\n{}",
        failed.len(),
        examples.len(),
        failed.join("\n")
    );
}
