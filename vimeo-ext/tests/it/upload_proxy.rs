//! Loopback links bypass the proxy from the environment.

use std::process::Command;

use vimeo_ext::Vimeo;
use vimeo_ext::upload::{Upload, UploadQueue, UploadTicket};
use vimeo_sandbox::Sandbox;

#[test]
fn loopback_uploads_bypass_the_proxy() {
    // An address where nothing listens.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "upload_proxy::in_a_process_with_a_proxy", "--ignored", "--test-threads=1"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, format!("http://{nobody}"));
    }
    let output = child.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "the test above runs it in a process of its own"]
async fn in_a_process_with_a_proxy() {
    let sandbox = Sandbox::start().await.unwrap();
    let builder = Vimeo::builder().base_url(sandbox.url().as_str()).access_token(sandbox.token());
    let vimeo = builder.journal(None).build().unwrap();
    let bytes = vec![7_u8; 1_000];
    let ticket = async || -> UploadTicket { vimeo.upload_ticket(1_000).send().await.unwrap() };
    Upload::new(ticket().await, bytes.clone()).run().await.unwrap();
    let mut queue: UploadQueue = UploadQueue::new(1);
    let upload = Upload::new(ticket().await, bytes);
    queue.add("one", 1_000, async move { Ok(upload) });
    for result in queue.run().await.unwrap() {
        result.outcome.unwrap();
    }
}
