//! End-to-end tests against the sandbox.

use std::sync::{Arc, Mutex};
use vimeo_api::types::VideoViewPrivacy;

use secrecy::ExposeSecret;
use vimeo_api::Error;
use vimeo_ext::{Scope, Vimeo};
use vimeo_sandbox::{Effect, Fault, Phase, Sandbox, World};

fn client(sandbox: &Sandbox) -> Vimeo {
    let builder = Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str());
    builder.journal(None).build().unwrap()
}

/// Uploads in a world of its own. Several tests do this at the same time, in one sandbox.
async fn upload_in_own_world(name: &str) {
    let world = World::for_test().await.unwrap();
    let builder = Vimeo::builder().access_token(world.token()).base_url(world.url().as_str());
    let vimeo = builder.journal(None).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, name).unwrap();
    world.add_fault(Fault::new(Effect::Status(503)).operation("get_video"));

    let video = vimeo.upload(path).name(name).await.unwrap();

    assert_eq!(world.upload_bytes(video.id().unwrap().number()).unwrap(), name.as_bytes());
    let videos = vimeo.get("/me/videos").send().await.unwrap();
    assert_eq!((&videos["total"], &videos["data"][0]["name"]), (&1.into(), &name.into()));
    vimeo.get(&video.uri).send().await.unwrap();
    assert_eq!(world.fault_hits().len(), 1);
}

#[tokio::test]
async fn one_of_two_parallel_tests_has_its_own_world() {
    upload_in_own_world("one").await;
}

#[tokio::test]
async fn other_of_two_parallel_tests_has_its_own_world() {
    upload_in_own_world("other").await;
}

#[tokio::test]
async fn uploads_lists_reads_edits_and_deletes_a_video() {
    let sandbox = Sandbox::builder().keep_bytes(true).start().await.unwrap();
    let vimeo = client(&sandbox);
    let film: Vec<u8> = (0..500_000u32).map(|at| (at ^ (at >> 7)) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, &film).unwrap();

    let (progress, tickets) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (reported, received) = (Arc::clone(&progress), Arc::clone(&tickets));
    let video = vimeo
        .upload(path)
        .name("Surf")
        .description("At sea")
        .privacy(VideoViewPrivacy::Nobody)
        .on_progress(move |progress| *reported.lock().unwrap() = progress.acknowledged)
        .on_ticket(move |ticket| received.lock().unwrap().push(ticket.video_uri().to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(*progress.lock().unwrap(), film.len() as u64);
    assert_eq!(tickets.lock().unwrap().as_slice(), std::slice::from_ref(&video.uri));
    let id = video.id().unwrap();
    assert_eq!(sandbox.upload_bytes(id.number()).unwrap(), film);

    let read =
        vimeo.api().videos().get_video(&id).fields("name,description,privacy.view").send().await.unwrap();
    assert_eq!((read.name.as_deref(), read.description.as_deref()), (Some("Surf"), Some("At sea")));
    assert_eq!(read.uri, None);
    sandbox.add_videos(4);
    let mut names = Vec::new();
    let mut videos = vimeo.api().videos().list_my_videos().fields("name").per_page(2u64).items();
    while let Some(video) = videos.next().await {
        names.push(video.unwrap().name.unwrap());
    }
    assert_eq!(names.len(), 5);
    assert!(names.contains(&"Surf".to_owned()));

    let untyped = vimeo.patch(&video.uri).json(&serde_json::json!({"name": "Swell"})).send().await.unwrap();
    assert_eq!(untyped["name"], "Swell");
    vimeo.delete(&video.uri).send().await.unwrap();
    let gone = vimeo.api().videos().get_video(id).send().await.unwrap_err();
    assert!(gone.is_not_found(), "{gone}");
}

#[tokio::test]
async fn missing_file_creates_no_video() {
    let sandbox = Sandbox::start().await.unwrap();
    let vimeo = client(&sandbox);
    let error = vimeo.upload("no/such/film.mp4").send().await.unwrap_err();
    assert!(matches!(error, vimeo_ext::Error::Upload { ticket: None, .. }), "{error}");
    assert!(sandbox.request_log().is_empty());

    sandbox.add_fault(Fault::new(Effect::LoseUpload).phase(Phase::Before).host(vimeo_sandbox::Host::Upload));
    let error = vimeo.upload(vec![1; 1000]).send().await.unwrap_err();
    let vimeo_ext::Error::Upload { ticket: Some(ticket), source } = error else { panic!("{error:?}") };
    assert!(ticket.video_uri().starts_with("/videos/"), "{source}");
}

#[tokio::test]
async fn a_user_logs_in_and_out() {
    let sandbox = Sandbox::start().await.unwrap();
    let app = Vimeo::builder()
        .app(sandbox.client_id(), sandbox.client_secret())
        .base_url(sandbox.url().as_str())
        .build()
        .unwrap();
    let login =
        app.auth().authorization("http://127.0.0.1/back").unwrap().scopes([Scope::Private]).begin().unwrap();
    let callback = accept(login.url()).await;
    let grant = app.auth().exchange_code(&login, &callback).await.unwrap();
    assert!(grant.scopes().unwrap().contains(&Scope::Private));
    assert!(grant.user.is_some());
    let again = app.auth().exchange_code(&login, &callback).await.unwrap_err();
    assert_eq!(again.call().unwrap().status().unwrap(), 400, "a code is valid once: {again}");

    let vimeo = app.for_account("user", grant.token).unwrap();
    vimeo.get("/me").fields("name").send().await.unwrap();
    let verified = vimeo.auth().verify().await.unwrap();
    assert!(verified.user.is_some());
    vimeo.auth().revoke_token(&verified.token).await.unwrap();
    let error = vimeo.get("/me").send().await.unwrap_err();
    assert!(
        matches!(&error, Error::LoginRequired(login) if login.account.as_deref() == Some("user")),
        "{error:?}"
    );
}

/// Confirms the login as the user.
async fn accept(url: &url::Url) -> String {
    let browser = crate::http::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(url.query_pairs()).append_pair("decision", "accept");
    let mut page = url.clone();
    page.set_query(None);
    let answer = browser
        .post(page)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.finish())
        .send()
        .await
        .unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_app_alone_reads_public_content() {
    let sandbox = Sandbox::start().await.unwrap();
    let vimeo = Vimeo::builder()
        .app(sandbox.client_id(), sandbox.client_secret())
        .base_url(sandbox.url().as_str())
        .build()
        .unwrap();
    vimeo.get("/categories").send().await.unwrap();
    let token = vimeo.auth().client_credentials("public").await.unwrap();
    assert!(!token.secret().expose_secret().is_empty());
    let request_log = sandbox.request_log();
    assert_eq!(request_log.iter().filter(|entry| entry.path == "/oauth/authorize/client").count(), 1);

    let wrong =
        Vimeo::builder().app(sandbox.client_id(), "wrong").base_url(sandbox.url().as_str()).build().unwrap();
    let error = wrong.auth().client_credentials("public").await.unwrap_err();
    assert!(error.call().is_some_and(Error::is_unauthorized), "{error}");
    assert!(matches!(error.call(), Some(Error::Api(refused)) if refused.status() == 401), "{error}");
}

#[tokio::test]
async fn network_faults_are_retried() {
    let sandbox = Sandbox::start().await.unwrap();
    let fast = vimeo_ext::RetryPolicy::default().jitter(|| 0.0);
    let vimeo = Vimeo::builder()
        .access_token(sandbox.token())
        .base_url(sandbox.url().as_str())
        .retry(fast)
        .build()
        .unwrap();
    sandbox.add_fault(Fault::new(Effect::Reset));
    sandbox.add_fault(Fault::new(Effect::Html(502)));
    sandbox.add_fault(Fault::new(Effect::Truncate(5)));
    vimeo.get("/me").send().await.unwrap();
    assert_eq!(sandbox.request_log().len(), 4);
}

#[tokio::test]
async fn an_invalid_source_creates_no_video() {
    let sandbox = Sandbox::start().await.unwrap();
    let vimeo = client(&sandbox);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.mp4");
    std::fs::write(&empty, b"").unwrap();
    let cases = [
        (empty, "there is nothing to upload: the file is empty"),
        (folder.path().to_owned(), "is a folder, not a file"),
        (folder.path().join("missing.mp4"), "cannot open"),
    ];
    for (path, complaint) in cases {
        let error = vimeo.upload(&path).send().await.unwrap_err();
        assert!(matches!(error, vimeo_ext::Error::Upload { ticket: None, .. }), "{error:?}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
    assert!(sandbox.request_log().is_empty());
}
