//! Hostile values in the path and the query: every answer is a client error with a code, or harmless.

use super::client::Target;
use super::routes::ROUTES;

/// Values for the parameters of a path, percent-encoded.
fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "%2e%2e",
        "..",
        ".",
        "%2F",
        "a%2Fb",
        "a%2F..%2F..%2Fmetrics",
        "%5C",
        "%00",
        "a%00b",
        "%0D%0Aset-cookie:a",
        "%FF",
        "%C0%AF",
        "%ED%A0%80",
        "%E2%80%AE",
        "%",
        "%zz",
        "%25",
        "%3Cscript%3E",
        "*",
        "{identifier}",
        "%20",
        "-1",
        "18446744073709551616",
        "'%20or%20'1'='1",
        "\u{e9}",
    ]
    .map(str::to_owned)
    .into();
    values.push("a".repeat(10 * 1024));
    values.push("%41".repeat(10 * 1024));
    values
}

#[tokio::test]
async fn hostile_identifiers_are_client_errors_or_harmless() {
    let target = Target::start().await;
    let authorization = target.authorization();
    for route in ROUTES.iter().filter(|route| route.template.contains('{')) {
        let (query, path) = match route.path.split_once('?') {
            Some((path, query)) => (format!("?{query}"), path),
            None => (String::new(), route.path),
        };
        let parts: Vec<&str> = path.split('/').collect();
        let parameters: Vec<usize> = route
            .template
            .split('/')
            .enumerate()
            .filter(|(_, part)| part.starts_with('{'))
            .map(|(index, _)| index)
            .collect();
        for parameter in parameters {
            for value in hostile() {
                let mut attacked = parts.clone();
                attacked[parameter] = &value;
                let path = target.samples.fill(&attacked.join("/")) + &query;
                let mut headers = route.headers.to_vec();
                headers.push(&authorization);
                let body = target.samples.fill(route.body);
                let answer = target.request(route.method, &path, &headers, body.as_bytes()).await;
                assert!(
                    answer.status < 500 || answer.outcome() == route.outcome,
                    "{} {path}: {answer:?}",
                    route.method
                );
                if answer.status >= 400 && !answer.body.is_empty() && route.described {
                    answer.assert_problem();
                }
                assert!(answer.header("set-cookie").is_none());
            }
        }
    }
}

#[tokio::test]
async fn hostile_queries_are_client_errors_or_harmless() {
    let target = Target::start().await;
    let authorization = target.authorization();
    let long = "x".repeat(10 * 1024);
    let values = [
        "",
        "-1",
        "0",
        "1e3",
        "18446744073709551616",
        "9223372036854775808",
        "%00",
        "%FF",
        "a%0Ab",
        "%",
        "..",
        "null",
        &long,
    ];
    let names = [
        "limit",
        "cursor",
        "after",
        "version",
        "user",
        "status",
        "expires_before",
        "identifier",
        "format",
        "token",
        "zz",
    ];
    for route in ROUTES.iter().filter(|route| matches!(route.method, "GET" | "DELETE")) {
        let path = target.samples.fill(route.path.split('?').next().unwrap());
        for name in names {
            for value in values {
                let query = format!("{path}?{name}={value}");
                let answer = target.request(route.method, &query, &[&authorization], b"").await;
                assert!(answer.status < 500, "{query}: {answer:?}");
                if answer.status >= 400 && route.template != "/v1/callback" {
                    answer.assert_problem();
                }
                let twice = format!("{path}?{name}=1&{name}=2");
                let answer = target.request(route.method, &twice, &[&authorization], b"").await;
                assert!(answer.status < 500, "{twice}: {answer:?}");
            }
        }
    }
}
