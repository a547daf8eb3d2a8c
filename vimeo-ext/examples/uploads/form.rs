//! Uploads a file with an HTML form. With the sandbox, the example also plays the browser.

use crate::stage::{AnyError, Stage};

pub(crate) async fn run(stage: Stage) -> Result<(), AnyError> {
    let Stage { vimeo, file, live, .. } = stage;
    let form = vimeo.upload_form("https://example.com/uploaded").name("Surf").send().await?;
    println!("created {}; the link in the form is a secret: anyone who has it can upload the file", form.uri);
    let Some(link) = form.upload_link.filter(|_| !live) else { return Ok(()) };

    let mut body =
        b"--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"film.mp4\"\r\n\r\n".to_vec();
    body.extend(tokio::fs::read(&file).await?);
    body.extend(b"\r\n--cut--\r\n");
    // reqwest is built here without a TLS provider of its own, so a client built directly uses the process default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let request = browser.post(link.expose()).header("content-type", "multipart/form-data; boundary=cut");
    let response = request.body(body).send().await?;
    println!("the browser is redirected to {:?}", response.headers().get("location"));
    Ok(())
}
