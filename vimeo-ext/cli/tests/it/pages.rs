//! What the command prints in place of links to vimeo.com, which do not lead into a sandbox.

use serde_json::{Value, json};
use vimeo_sandbox::{Effect, Fault, Host, Sandbox};

use crate::harness::{Harness, Run};

/// The cells of tab-separated lines.
fn rows(out: &str) -> Vec<Vec<&str>> {
    out.lines().map(|line| line.split('\t').collect()).collect()
}

#[track_caller]
fn number(uri: &str) -> &str {
    uri.strip_prefix("/videos/").unwrap()
}

#[test]
fn uploads_print_the_page_of_the_sandbox() {
    let harness = Harness::new();
    harness.file("a.mp4", 3000);
    harness.file("b.mp4", 2000);
    let url = harness.sandbox.url();
    let out = harness.run(&["upload", "a.mp4", "b.mp4"]).success();
    let rows = rows(&out);
    assert_eq!(rows.len(), 2, "{out}");
    for row in &rows {
        let [_, uri, page, "uploaded"] = row[..] else { panic!("{out}") };
        assert_eq!(page, format!("{url}#videos/{}", number(uri)));
    }

    harness.file("c.mp4", 1000);
    let done = harness.run(&["upload", "c.mp4", "--json"]).json();
    let file = &done["files"][0];
    let id = number(file["uri"].as_str().unwrap());
    assert_eq!(file["link"], format!("https://vimeo.com/{id}"));
    assert_eq!(file["page"], format!("{url}#videos/{id}"));
}

#[test]
fn resumed_uploads_print_the_page_of_the_sandbox() {
    let harness = Harness::new();
    harness.file("a.mp4", 400_000);
    let broken = Fault::new(Effect::Status(400)).host(Host::Upload).method(http::Method::PATCH);
    harness.sandbox.add_fault(broken.skip(1).times(100));
    assert_ne!(harness.run(&["upload", "a.mp4", "--chunk-size", "100k"]).code, 0);
    harness.sandbox.clear_faults();
    let out = harness.run(&["uploads", "resume"]).success();
    let rows = rows(&out);
    assert_eq!(rows[0][2], format!("{}#videos/{}", harness.sandbox.url(), number(rows[0][1])), "{out}");
}

#[test]
fn pages_name_the_world_of_the_token() {
    let harness = Harness::new();
    harness.file("a.mp4", 10);
    let world = harness.sandbox.add_world(7);
    let mut upload = harness.logged_out(&["upload", "a.mp4", "--json"]);
    let done = Run::of(upload.env("VIMEO_ACCESS_TOKEN", world.token()).output().unwrap()).json();
    let file = &done["files"][0];
    let id = number(file["uri"].as_str().unwrap());
    assert_eq!(file["page"], format!("{}#worlds/2/videos/{id}", harness.sandbox.url()));
}

#[test]
fn every_column_with_pages_has_addresses_that_open() {
    let harness = Harness::new();
    harness.file("a.mp4", 10);
    let uri = harness.run(&["upload", "a.mp4", "--json", "--jq", ".files[0].uri"]).success();
    let (uri, url) = (uri.trim(), harness.sandbox.url().as_str());
    let page = format!("{url}#videos/{}", number(uri));
    let out = harness.run(&["videos", "links", uri]).success();
    assert!(rows(&out).contains(&vec!["page", &page]), "{out}");
    let links = harness.run(&["videos", "links", uri, "--json"]).json();
    let first = json!({"name": "page", "link": format!("https://vimeo.com/{}", number(uri)), "page": page});
    assert_eq!(links[0], first);

    let created = harness.run(&["showcases", "create", "Trailers"]).success();
    let listed = harness.run(&["showcases", "list"]).success();
    for out in [&created, &listed] {
        assert_eq!(rows(out)[0].last(), Some(&url), "{out}");
    }
    let chosen = harness.run(&["showcases", "list", "--json=link"]).json();
    assert!(chosen[0]["link"].as_str().unwrap().starts_with("https://vimeo.com/"), "{chosen}");
}

#[test]
fn locked_sandboxes_have_a_page_that_asks_for_the_token() {
    let harness = Harness::with(Sandbox::builder().control_token("open-sesame"));
    harness.file("a.mp4", 10);
    let url = harness.sandbox.url().as_str();
    let upload = |control_token: &str| {
        let mut upload = harness.vimeo(&["upload", "a.mp4", "--json"]);
        let done = Run::of(upload.env("VIMEO_SANDBOX_CONTROL_TOKEN", control_token).output().unwrap()).json();
        (done["files"][0]["page"].clone(), done["files"][0]["uri"].clone())
    };
    assert_eq!(upload("").0, *url);
    let (page, uri) = upload("open-sesame");
    assert_eq!(page, format!("{url}#videos/{}", number(uri.as_str().unwrap())));
}

/// The sandbox of `--sandbox` ends with the command, so no address of it can be opened.
#[test]
fn ended_sandboxes_have_no_page() {
    let harness = Harness::new();
    harness.file("a.mp4", 10);
    let run = |args: &[&str]| Run::of(harness.logged_out(args).output().unwrap());
    let out = run(&["upload", "a.mp4", "--sandbox"]).success();
    let rows = rows(&out);
    assert_eq!((rows[0].len(), rows[0][2], rows[0][3]), (4, "", "uploaded"), "{out}");
    let done: Value = run(&["upload", "a.mp4", "--sandbox", "--json"]).json();
    let file = &done["files"][0];
    assert!(file["link"].as_str().unwrap().starts_with("https://vimeo.com/"), "{done}");
    assert_eq!(file.get("page"), None, "{done}");
}
