//! Pagination.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use vimeo_api::Error;
use vimeo_ext::{Conditional, Items, PageToken};

use crate::fake::{Fake, FakeResponse, RecordedRequest, respond};

/// A page of a list of `total` videos, by the parameters of the call.
fn page(seen: &RecordedRequest, total: u64) -> FakeResponse {
    let number = |name: &str, default: u64| seen.query(name).map_or(default, |value| value.parse().unwrap());
    let (page, per_page) = (number("page", 1), number("per_page", 25));
    let first = (page - 1) * per_page;
    if page > 1 && first >= total {
        return respond(400).json(json!({"error": "No such page.", "error_code": 2286}));
    }
    let data: Vec<_> =
        (first..total.min(first + per_page)).map(|id| json!({"uri": format!("/videos/{id}")})).collect();
    let next = (first + per_page < total).then(|| {
        let mut link = format!("{}?page={}&per_page={per_page}", seen.path, page + 1);
        if let Some(fields) = seen.query("fields") {
            link += &format!("&fields={fields}");
        }
        link
    });
    respond(200).json(json!({
        "total": total, "page": page, "per_page": per_page, "data": data,
        "paging": {"next": next, "previous": null, "first": "/x", "last": "/y"},
    }))
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Item {
    uri: String,
}

async fn uris(items: Items<Item>) -> Vec<String> {
    items.collect().await.unwrap().into_iter().map(|item| item.uri).collect()
}

fn expected(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|id| format!("/videos/{id}")).collect()
}

/// BEHAVIOUR.md: D01.
#[tokio::test]
async fn pages_keep_the_parameters_of_the_call() {
    let fake = Fake::new(|seen, _| page(seen, 5));
    let vimeo = fake.vimeo();
    let mut items = vimeo.api().videos().list_my_videos().fields("uri").per_page(2u64).items();
    assert_eq!(items.total(), None);
    let mut seen = Vec::new();
    while let Some(video) = items.next().await {
        seen.push(video.unwrap().uri.unwrap());
        assert_eq!(items.total(), Some(5), "items, not pages");
    }
    assert_eq!(seen, expected(0..5));
    assert_eq!(items.page_token(), None);
    let log = fake.log();
    assert_eq!(log.len(), 3);
    for seen in log {
        assert_eq!((seen.query("fields"), seen.query("per_page")), (Some("uri"), Some("2")));
    }
    let default = vimeo.api().videos().list_my_videos().pages().map_ok(|page| page.items().len());
    assert_eq!(default.try_collect::<Vec<_>>().await.unwrap(), [5]);
    assert_eq!(fake.log()[3].query("per_page"), Some("100"));
}

/// BEHAVIOUR.md: D01.
#[tokio::test]
async fn parameters_missing_from_a_paging_link_are_restored() {
    let fake = Fake::new(|seen, _| match seen.query("page") {
        Some("2") => respond(200).json(json!({"data": [{"uri": "/videos/1"}], "paging": {"next": null}})),
        _ => respond(200)
            .json(json!({"data": [{"uri": "/videos/0"}], "paging": {"next": "/me/videos?page=2"}})),
    });
    let items = fake.vimeo().api().videos().list_my_videos().fields("uri").items_as::<Item>();
    assert_eq!(uris(items).await, expected(0..2));
    assert_eq!(fake.log()[1].query("fields"), Some("uri"));
}

#[tokio::test]
async fn a_list_resumes_from_a_saved_position() {
    let fake = Fake::new(|seen, _| page(seen, 7));
    let vimeo = fake.vimeo();
    let list = || vimeo.api().videos().list_my_videos().per_page(3u64).fields("uri");
    for taken in 0..7 {
        let mut items = list().items_as::<Item>();
        for _ in 0..taken {
            items.next().await.unwrap().unwrap();
        }
        let saved = serde_json::to_string(&items.page_token().unwrap()).unwrap();
        assert!(!saved.contains("t0ken") && !saved.contains("http"), "{saved}");
        let position: PageToken = serde_json::from_str(&saved).unwrap();
        assert_eq!(
            uris(list().items_as().resume(&position)).await,
            expected(taken..7),
            "after {taken}: {saved}"
        );
    }
    // Also from the link of a page.
    let link = list().send().await.unwrap().next().unwrap().to_owned();
    assert_eq!(uris(list().items_as().resume(&PageToken::at(link))).await, expected(3..7));
}

/// A fake with pages by page number.
fn pages(pages: Vec<(u64, Value)>) -> Fake {
    let pages: HashMap<u64, Value> = pages.into_iter().collect();
    Fake::new(move |seen, _| {
        let number = seen.query("page").map_or(1, |page| page.parse().unwrap());
        match pages.get(&number) {
            Some(body) => respond(200).json(body.clone()),
            None => respond(400).json(json!({"error": "No such page.", "error_code": 2286})),
        }
    })
}

fn linked(ids: &[u64], next: Option<&str>) -> Value {
    let data: Vec<_> = ids.iter().map(|id| json!({"uri": format!("/videos/{id}")})).collect();
    json!({"data": data, "paging": {"next": next}})
}

/// BEHAVIOUR.md: D01.
#[tokio::test]
async fn empty_page_in_the_middle_continues_the_list() {
    let fake = pages(vec![
        (1, linked(&[0], Some("/me/videos?page=2"))),
        (2, linked(&[], Some("/me/videos?page=3"))),
        (3, linked(&[1], None)),
    ]);
    let items = fake.vimeo().get("/me/videos").pages().items();
    assert_eq!(uris(items).await, expected(0..2));
}

#[tokio::test]
async fn a_repeated_paging_link_is_an_error() {
    for (name, second) in [("the same page", "/me/videos?page=2"), ("an earlier one", "/me/videos")] {
        let fake = pages(vec![(1, linked(&[0], Some("/me/videos?page=2"))), (2, linked(&[1], Some(second)))]);
        let mut items = fake.vimeo().get("/me/videos").pages::<Item>().items();
        assert_eq!(items.next().await.unwrap().unwrap().uri, "/videos/0");
        assert_eq!(items.next().await.unwrap().unwrap().uri, "/videos/1", "{name}");
        let error = items.next().await.unwrap().unwrap_err();
        assert!(matches!(&error, Error::Paging { reason, .. } if reason.contains("earlier page")), "{error}");
        assert!(items.next().await.is_none());
        assert_eq!(fake.count(), 2);
    }
}

/// BEHAVIOUR.md: E09.
#[tokio::test]
async fn error_2286_ends_a_started_list() {
    let fake = pages(vec![(1, linked(&[0], Some("/me/videos?page=2")))]);
    assert_eq!(uris(fake.vimeo().get("/me/videos").pages().items()).await, expected(0..1));
    let error = fake.vimeo().get("/me/videos?page=9").pages::<Item>().items().collect().await.unwrap_err();
    assert_eq!(error.error_code(), Some(2286));
}

/// BEHAVIOUR.md: D01.
#[tokio::test]
async fn a_paging_link_to_another_host_is_not_followed() {
    for next in [
        "https://evil.example/me/videos?page=2",
        "//evil.example/x",
        "http://api.vimeo.com/me/videos?page=2",
        "/me/../oauth?page=2",
        "/me/.%2E/oauth?page=2",
        "/me\\..\\oauth?page=2",
    ] {
        let fake = pages(vec![(1, linked(&[0], Some(next)))]);
        let mut items = fake.vimeo().get("/me/videos").pages::<Item>().items();
        items.next().await.unwrap().unwrap();
        let error = items.next().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Paging { .. }), "{next}: {error}");
        assert_eq!(fake.count(), 1, "{next}");
    }
    let fake = pages(vec![
        (1, linked(&[0], Some("https://api.vimeo.com/me/videos?page=2"))),
        (2, linked(&[1], None)),
    ]);
    assert_eq!(uris(fake.vimeo().get("/me/videos").pages().items()).await, expected(0..2));
}

#[tokio::test(start_paused = true)]
async fn prefetched_pages_arrive_in_order() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let fake = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        Fake::new(move |seen, number| {
            let _ = (&now, &most);
            // Later pages respond sooner.
            page(seen, 20).after(Duration::from_millis(100 - (number as u64 * 7) % 50))
        })
    };
    struct InFlight(Arc<AtomicUsize>, Arc<AtomicUsize>);
    impl vimeo_ext::Middleware for InFlight {
        fn send<'a>(
            &'a self,
            request: &'a mut vimeo_api::Request,
            next: vimeo_ext::Next<'a>,
        ) -> vimeo_api::TransportFuture<'a> {
            Box::pin(async move {
                self.1.fetch_max(self.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let answer = next.send(request).await;
                self.0.fetch_sub(1, Ordering::SeqCst);
                answer
            })
        }
    }
    let middleware = InFlight(Arc::clone(&now), Arc::clone(&most));
    let vimeo = fake.builder().per_attempt_middleware(middleware).build().unwrap();
    let list = vimeo.api().videos().list_my_videos().per_page(2u64).fields("uri");
    let began = tokio::time::Instant::now();
    assert_eq!(uris(list.items_as().concurrency(3)).await, expected(0..20));
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(fake.count(), 10);
    assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
}

#[tokio::test]
async fn prefetch_reads_a_changing_list_to_its_end() {
    // The list shrinks, so that expected pages are missing, or grows, so that there is one page more.
    for (first, then, ids) in [(6, 4, 0..4), (4, 6, 0..6)] {
        let fake = Fake::new(move |seen, number| page(seen, if number == 0 { first } else { then }));
        let list = fake.vimeo().api().videos().list_my_videos().per_page(2u64).fields("uri");
        assert_eq!(uris(list.items_as().concurrency(4)).await, expected(ids));
    }
}

#[tokio::test]
async fn duplicate_items_can_be_dropped() {
    let fake = pages(vec![(1, linked(&[0, 1], Some("/me/videos?page=2"))), (2, linked(&[1, 2], None))]);
    let all = fake.vimeo().get("/me/videos").pages::<Value>().items().collect().await.unwrap();
    assert_eq!(all.len(), 4);
    let items = fake.vimeo().get("/me/videos").pages().items().dedup_by_uri();
    assert_eq!(uris(items).await, expected(0..3));
    let items = fake.vimeo().get("/me/videos").pages().items().limit(1);
    assert_eq!(uris(items).await, expected(0..1));
}

/// BEHAVIOUR.md: L08.
#[tokio::test]
async fn an_unmodified_list_is_not_an_error() {
    let fake = Fake::new(|seen, _| match seen.header("if-modified-since") {
        Some("Sun, 01 Mar 2026 12:00:00 GMT") => respond(304).limit(10, 9, "1"),
        _ => page(seen, 1),
    });
    let vimeo = fake.vimeo();
    let list = || vimeo.api().videos().list_my_videos();
    let Conditional::NotModified(headers) = list().if_modified_since(crate::fake::start()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(headers["x-ratelimit-remaining"], "9");
    let older = crate::fake::start() - Duration::from_secs(1);
    assert_eq!(list().if_modified_since(older).await.unwrap().into_option().unwrap().total, Some(1));
}

#[tokio::test]
async fn an_error_ends_a_list_after_earlier_items() {
    let fake = Fake::new(|seen, number| if number == 1 { respond(404) } else { page(seen, 4) });
    let list = fake.vimeo().api().videos().list_my_videos().per_page(2u64);
    let results: Vec<_> = list.items_as::<Item>().collect().await.into_iter().collect();
    assert!(results.is_empty());
    let fake = Fake::new(|seen, number| if number == 1 { respond(404) } else { page(seen, 4) });
    let list = fake.vimeo().api().videos().list_my_videos().per_page(2u64);
    let results: Vec<_> = StreamExt::collect(list.items_as::<Item>()).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
}

#[tokio::test]
async fn a_failed_list_resumes_at_the_page_that_failed() {
    for concurrent in [1, 3] {
        let fake = Fake::new(|seen, number| if number == 1 { respond(404) } else { page(seen, 7) });
        let vimeo = fake.vimeo();
        let list = || vimeo.api().videos().list_my_videos().per_page(2u64).fields("uri");
        let mut items = list().items_as::<Item>().concurrency(concurrent);
        let mut seen = Vec::new();
        let error = loop {
            match items.next().await.unwrap() {
                Ok(item) => seen.push(item.uri),
                Err(error) => break error,
            }
        };
        assert!(error.is_not_found());
        let position = items.page_token().expect("the list has not ended");
        assert!(items.next().await.is_none(), "an error ends it");
        seen.extend(uris(list().items_as().resume(&position)).await);
        assert_eq!(seen, expected(0..7), "{concurrent} at a time");
    }
}

#[tokio::test]
async fn a_list_with_a_repeated_link_has_no_position() {
    let fake = pages(vec![(1, linked(&[0], Some("/me/videos")))]);
    let mut items = fake.vimeo().get("/me/videos").pages::<Item>().items();
    items.next().await.unwrap().unwrap();
    assert_eq!(items.page_token(), None, "page 1 was read, and the next page is unknown");
    assert!(matches!(items.next().await, Some(Err(Error::Paging { .. }))));
    assert_eq!(items.page_token(), None);
}

#[tokio::test]
async fn endless_empty_pages_are_an_error() {
    let fake = Fake::new(|seen, _| {
        let number = seen.query("page").map_or(1, |page| page.parse::<u64>().unwrap());
        respond(200).json(linked(&[], Some(&format!("/me/videos?page={}", number + 1))))
    });
    let mut items = fake.vimeo().get("/me/videos").pages::<Item>().items();
    let error = items.next().await.unwrap().unwrap_err();
    assert!(
        matches!(&error, Error::Paging { reason, .. } if reason.contains("100 consecutive pages")),
        "{error}"
    );
    assert_eq!(fake.count(), 100);
}
