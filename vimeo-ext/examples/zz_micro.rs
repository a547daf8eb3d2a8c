#![allow(clippy::all, clippy::print_stdout, missing_docs)]
use std::time::{Duration, Instant};
use vimeo_ext::Vimeo;
use vimeo_ext::api::*;
use vimeo_sandbox::Sandbox;
#[derive(serde::Deserialize)]
struct Me {
    #[allow(dead_code)]
    name: String,
}
async fn bare(c: &reqwest::Client, url: &url::Url, bearer: &str, ua: bool) -> Me {
    let mut r = c.get(url.clone()).header("authorization", bearer).header("accept", ACCEPT);
    if ua {
        r = r.header("user-agent", "x");
    }
    let a = r.send().await.unwrap();
    serde_json::from_slice(&a.bytes().await.unwrap()).unwrap()
}
#[tokio::main]
async fn main() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.url().join("/me?fields=name").unwrap();
    let bearer = format!("Bearer {}", sandbox.token());
    let c = reqwest::Client::new();
    let c2 = reqwest::Client::builder()
        .referer(false)
        .connect_timeout(Duration::from_secs(10))
        .user_agent("vimeo")
        .redirect(reqwest::redirect::Policy::custom(|a| a.stop()))
        .build()
        .unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", bearer.parse().unwrap());
    let c3 = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let plain =
        Client::builder().base_url(sandbox.url().as_str()).transport(Reqwest::new(c3)).build().unwrap();
    let v = Vimeo::builder().access_token(sandbox.token()).base_url(sandbox.url().as_str()).build().unwrap();
    let v2 = Vimeo::builder()
        .access_token(sandbox.token())
        .base_url(sandbox.url().as_str())
        .http_client(reqwest::Client::new())
        .build()
        .unwrap();
    let n = 4000u32;
    let which = std::env::args().nth(1).unwrap_or_default();
    let n = 40000u32;
    let t = Instant::now();
    match which.as_str() {
        "bare" => {
            for _ in 0..n {
                bare(&c, &url, &bearer, false).await;
            }
        }
        "plain" => {
            for _ in 0..n {
                plain.users().get_me().fields("name").send_as::<Me>().await.unwrap();
            }
        }
        "stream" => {
            for _ in 0..n {
                use futures_util::StreamExt;
                let a = c
                    .get(url.clone())
                    .header("authorization", &bearer)
                    .header("accept", ACCEPT)
                    .send()
                    .await
                    .unwrap();
                let mut s = a.bytes_stream();
                let mut b = Vec::new();
                while let Some(x) = s.next().await {
                    b.extend_from_slice(&x.unwrap());
                }
                let _: Me = serde_json::from_slice(&b).unwrap();
            }
        }
        _ => {
            for _ in 0..n {
                v.api().users().get_me().fields("name").send_as::<Me>().await.unwrap();
            }
        }
    }
    println!("{which} {:?}", t.elapsed() / n);
    let _ = (&c2, &v2);
}
