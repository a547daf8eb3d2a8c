//! The operator's page.

use reqwest::{Client, StatusCode};

use crate::harness::Service;

#[tokio::test]
async fn page_holds_no_data_and_runs_its_own_script() {
    let service = Service::start().await;
    service.connect("a-person").await;
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/page.js", "text/javascript; charset=utf-8"),
    ] {
        let file = Client::new().get(format!("http://{}{path}", service.address)).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::OK, "{path}");
        let headers = file.headers();
        assert_eq!(headers["content-type"], media_type);
        for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
            assert_eq!(headers[name], value, "{path}");
        }
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = file.text().await.unwrap();
        assert!(!text.contains("a-person") && !text.contains(&service.key), "{path}");
    }
}

#[tokio::test]
async fn a_service_without_the_page_has_no_such_route() {
    let service = Service::start_without_page().await;
    for path in ["/", "/page/page.js"] {
        let file = Client::new().get(format!("http://{}{path}", service.address)).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
