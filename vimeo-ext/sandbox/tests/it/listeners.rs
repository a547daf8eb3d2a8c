//! Listeners besides plain HTTP: https under Vimeo's host names, the proxy, and the Unix socket.

#![cfg(feature = "tls")]

use std::net::SocketAddr;

use reqwest::{Certificate, Client, Proxy};
use serde_json::{Value, json};
use vimeo_sandbox::{Effect, Fault, Host, Sandbox, StartError};

fn builder(sandbox: &Sandbox) -> reqwest::ClientBuilder {
    let authority = Certificate::from_pem(sandbox.ca_pem().unwrap().as_bytes()).unwrap();
    crate::http::builder().no_proxy().tls_certs_only([authority])
}

async fn create(client: &Client, sandbox: &Sandbox) -> String {
    let body = json!({"upload": {"approach": "tus", "size": 5}});
    let request = client.post("https://api.vimeo.com/me/videos").bearer_auth(sandbox.token()).json(&body);
    let created: Value = request.send().await.unwrap().json().await.unwrap();
    created["upload"]["upload_link"].as_str().unwrap().to_owned()
}

async fn upload(client: &Client, link: &str) {
    let request = client
        .patch(link)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .body("bytes");
    assert_eq!(request.send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn https_serves_vimeo_host_names() {
    let sandbox = Sandbox::builder().tls_uploads(true).start().await.unwrap();
    let port = sandbox.https_url().unwrap().port().unwrap();
    let here = SocketAddr::from(([127, 0, 0, 1], port));
    let names = ["api.vimeo.com", "asia-files.tus.vimeo.com"];
    let client = names.iter().fold(builder(&sandbox), |client, name| client.resolve(name, here));
    let client = client.build().unwrap();
    let link = create(&client, &sandbox).await;
    assert!(link.starts_with("https://asia-files.tus.vimeo.com/files/"), "{link}");
    upload(&client, &link).await;
    let hosts: Vec<Host> = sandbox.request_log().iter().map(|entry| entry.host).collect();
    assert_eq!(hosts, [Host::Api, Host::Upload]);

    // At its own address, too; a reset fault works over TLS.
    let me = sandbox.https_url().unwrap().join("me").unwrap();
    let get = || client.get(me.clone()).bearer_auth(sandbox.token()).send();
    assert_eq!(get().await.unwrap().status(), 200);
    sandbox.add_fault(Fault::new(Effect::Reset));
    assert!(get().await.is_err());
    // A client that does not trust the CA rejects the certificate.
    assert!(crate::http::builder().no_proxy().build().unwrap().get(me.clone()).send().await.is_err());
    let file = sandbox.ca_file().unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), sandbox.ca_pem().unwrap());
    sandbox.stop().await;
    assert!(!file.exists());
}

#[tokio::test]
async fn proxy_serves_only_vimeo_hosts() {
    let sandbox = Sandbox::builder().proxy(0).start().await.unwrap();
    let proxy = Proxy::all(sandbox.proxy_url().unwrap().as_str()).unwrap();
    let client = builder(&sandbox).proxy(proxy).build().unwrap();
    let link = create(&client, &sandbox).await;
    // The link is plain http and goes through the proxy, too.
    assert!(link.starts_with(sandbox.upload_url().as_str()));
    upload(&client, &link).await;
    let get = || client.get("https://api.vimeo.com/me").bearer_auth(sandbox.token()).send();
    sandbox.add_fault(Fault::new(Effect::Reset));
    assert!(get().await.is_err());
    assert_eq!(get().await.unwrap().status(), 200);
    assert!(client.get("https://example.com/").send().await.is_err());
    assert!(client.get("https://api.vimeo.com:8443/").send().await.is_err());
    assert_eq!(client.get("http://example.com/").send().await.unwrap().status(), 403);
    assert!(sandbox.request_log().iter().all(|entry| entry.path != "/"));
}

#[tokio::test]
async fn kept_authority_is_trusted_after_restart() {
    let folder = crate::test_folder();
    let kept = folder.path().join("ca");
    let first = Sandbox::builder().ca_folder(&kept).start().await.unwrap();
    let installed = Certificate::from_pem(first.ca_pem().unwrap().as_bytes()).unwrap();
    let file = first.ca_file().unwrap().to_owned();
    assert_eq!(file, kept.join("ca.pem"));
    let client = crate::http::builder().no_proxy().tls_certs_only([installed]).build().unwrap();
    first.stop().await;
    assert!(file.exists());

    let second = Sandbox::builder().ca_folder(&kept).start().await.unwrap();
    let me = second.https_url().unwrap().join("me").unwrap();
    assert_eq!(client.get(me).bearer_auth(second.token()).send().await.unwrap().status(), 200);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), second.ca_pem().unwrap());
    let php = std::fs::read_to_string(kept.join("php.ini")).unwrap();
    assert!(php.contains(&format!("curl.cainfo='{}'", file.display())), "{php}");

    std::fs::write(kept.join("ca-key.pem"), "damaged").unwrap();
    let failed = Sandbox::builder().ca_folder(&kept).start().await.unwrap_err();
    assert!(matches!(failed, StartError::AuthorityFolder { .. }));
    assert!(failed.to_string().contains("delete it"), "{failed}");
}

#[cfg(unix)]
#[tokio::test]
async fn unix_socket_serves_both_hosts() {
    let folder = crate::test_folder();
    let path = folder.path().join("vimeo.sock");
    let sandbox = Sandbox::builder().unix(&path).one_host(true).start().await.unwrap();
    let client = crate::http::builder().no_proxy().unix_socket(path.clone()).build().unwrap();
    let me = client.get("http://localhost/me").bearer_auth(sandbox.token()).send().await.unwrap();
    assert_eq!(me.status(), 200);
    let health = client.get("http://localhost/_sandbox/health").send().await.unwrap();
    assert_eq!(health.status(), 200);
    // Links use the API's address.
    assert_eq!(sandbox.url(), sandbox.upload_url());
    let plain = crate::client::Client::new(&sandbox);
    plain.upload("One host", b"bytes").await;
    sandbox.stop().await;
    assert!(!path.exists());
    std::fs::write(&path, "not a socket").unwrap();
    assert!(Sandbox::builder().unix(&path).start().await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a socket");
}
