//! Lets a browser send the file with an HTML form. Against the sandbox this plays the browser too.

use crate::stage::{AnyError, Stage};

pub(crate) async fn play(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, live, .. } = stage;
    let form = vimeo.upload_form("https://example.com/uploaded").name("Surf").send().await?;
    println!("created {}; whoever has the form can fill it", form.uri);
    let Some(link) = form.upload_link.filter(|_| !live) else { return Ok(()) };

    let mut body =
        b"--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"film.mp4\"\r\n\r\n".to_vec();
    body.extend(tokio::fs::read(&file).await?);
    body.extend(b"\r\n--cut--\r\n");
    // reqwest is built here without cryptography of its own, so a client of ours takes the process's.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let request = browser.post(link.expose()).header("content-type", "multipart/form-data; boundary=cut");
    let answer = request.body(body).send().await?;
    println!("the browser is sent on to {:?}", answer.headers().get("location"));
    Ok(())
}
