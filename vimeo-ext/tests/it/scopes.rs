//! Scopes: calls that the token does not permit.

use serde_json::json;
use vimeo_api::{Delivery, Error};
use vimeo_ext::{AccessToken, Scope, ScopeSet};

use crate::fake::{Fake, respond};

#[tokio::test]
async fn a_call_without_its_scope_is_not_sent() {
    let fake = Fake::new(|_, _| respond(204));
    let vimeo = fake.builder().scopes([Scope::Private]).build().unwrap();
    let error = vimeo.api().videos().delete_video(1).send().await.unwrap_err();
    let Error::MissingScope(missing) = &error else { panic!("{error:?}") };
    assert_eq!(missing.needed(), [Scope::Delete]);
    assert_eq!(missing.granted, Some(ScopeSet::from("private")));
    assert_eq!(missing.operation.id, "delete_video");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert_eq!(
        error.to_string(),
        "delete_video: requires the `delete` scope; the access token has only `public private`; nothing was sent; create a \
         token with that scope in the app's settings, or send the user to an authorization link that requests it"
    );
    // The untyped call to the same path is the same operation.
    assert!(matches!(vimeo.delete("/videos/1").send().await, Err(Error::MissingScope(_))));
    assert_eq!(fake.count(), 0);
    // Without a required scope, or with the check disabled, the call is sent.
    vimeo.get("/some/unknown/path").send().await.unwrap();
    let off = fake.builder().scopes([Scope::Private]).check_scopes(false).build().unwrap();
    off.api().videos().delete_video(1).send().await.unwrap();
    vimeo.set_access_token(AccessToken::from("other").with_scopes("delete")).unwrap();
    vimeo.api().videos().delete_video(1).send().await.unwrap();
    assert_eq!(fake.count(), 3);
}

/// BEHAVIOUR.md: E05.
#[tokio::test]
async fn a_403_is_a_missing_scope_only_if_known() {
    let named =
        |scope: &str| json!({"error": format!("Your access token does not have the \"{scope}\" scope")});
    // (response body, the token's scopes, whether a scope is missing, expected text)
    let table = [
        (json!({"error": "The user isn't allowed to perform that action."}), None, false, "isn't allowed"),
        (json!({"error": "No.", "error_code": 3200}), None, false, "error 3200: No."),
        (named("delete"), None, true, "requires the `delete` scope; the access token does not have it"),
        // The response takes precedence over the known scopes of the token and the operation.
        (
            named("delete"),
            Some(Scope::Delete),
            true,
            "requires the `delete` scope; the access token does not have it",
        ),
        (named("video_files"), None, true, "requires the `video_files` scope"),
        // If the token has the scope, the 403 has another reason, which Vimeo's message states.
        (json!({"error": "You may not."}), Some(Scope::Delete), false, "You may not."),
    ];
    for (body, scope, missing, text) in table {
        let sent = body.clone();
        let fake = Fake::new(move |_, _| respond(403).json(sent.clone()));
        let mut builder = fake.builder();
        if let Some(scope) = scope {
            builder = builder.scopes([scope]);
        }
        let error = builder.build().unwrap().api().videos().delete_video(1).send().await.unwrap_err();
        assert_eq!(matches!(error, Error::MissingScope(_)), missing, "{body}: {error:?}");
        assert_eq!(error.status().unwrap(), 403);
        assert!(error.is_forbidden() && error.to_string().contains(text), "{body}: {error}");
    }
    // If the token is known to lack the scope, the message does not matter.
    let fake = Fake::new(|_, _| respond(403).json(json!({"error": "You may not."})));
    let lacking = fake.builder().scopes([Scope::Private]).check_scopes(false).build().unwrap();
    let error = lacking.api().videos().delete_video(1).send().await.unwrap_err();
    assert!(matches!(error, Error::MissingScope(_)), "{error:?}");
    // An operation without a known scope.
    let fake = Fake::new(move |_, _| respond(403).json(named("stats")));
    let error = fake.vimeo().get("/categories").send().await.unwrap_err();
    let Error::MissingScope(missing) = &error else { panic!("{error:?}") };
    assert_eq!((missing.scopes(), &missing.reported_scope), (vec![&Scope::Stats], &Some(Scope::Stats)));
}

#[tokio::test]
async fn upload_access_is_blamed_only_without_another_reason() {
    // (response body, whether upload access is named)
    let table = [
        (r#"{"error": "You may not."}"#, true),
        (r#"{"error": "Your access token does not have the \"delete\" scope"}"#, false),
        (r#"{"error": "No.", "error_code": 3200}"#, false),
        (r#"{"error": "Full for today.", "error_code": 4104}"#, false),
        ("<title>Blocked</title>", false),
    ];
    for (body, named) in table {
        let fake = Fake::new(move |_, _| respond(403).body(body));
        let error = fake.vimeo().post("/me/videos").send().await.unwrap_err();
        assert_eq!(matches!(error, Error::UploadAccessDenied(_)), named, "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_403_for_an_upload_names_upload_access() {
    let fake = Fake::new(|_, _| respond(403).json(json!({"error": "You may not."})));
    for (scopes, known) in [(Some("upload"), true), (None, false)] {
        let mut builder = fake.builder();
        if let Some(scopes) = scopes {
            builder = builder.scopes(scopes);
        }
        let error = builder.build().unwrap().upload(vec![1]).send().await.unwrap_err();
        let Some(Error::UploadAccessDenied(refused)) = error.call() else { panic!("{error:?}") };
        assert_eq!(refused.scope_known, known);
        assert!(error.to_string().contains("upload access"), "{error}");
    }
    let lacking = fake.builder().scopes("private").build().unwrap();
    let error = lacking.upload(vec![1]).send().await.unwrap_err();
    assert!(matches!(error.call(), Some(Error::MissingScope(_))));
    assert_eq!(fake.count(), 2);
}

#[tokio::test]
async fn a_limited_client_uses_only_its_scopes() {
    let video = |id: u64, view: &str| json!({"uri": format!("/videos/{id}"), "name": view, "privacy": {"view": view}});
    let fake = Fake::new(move |seen, _| match seen.path.as_str() {
        "/videos/1" => respond(200).json(video(1, "anybody")),
        "/videos/2" => respond(200).json(video(2, "nobody")),
        "/videos/3" => respond(404).json(json!({"error": "No."})),
        "/users/7/videos" => respond(200).json(json!({
            "total": 2, "data": [video(1, "anybody"), video(2, "nobody")], "paging": {"next": null},
        })),
        _ => respond(200).json(json!({"data": [{"text": "hello"}]})),
    });
    let all = fake.builder().scopes("private edit delete").build().unwrap();
    let limited = all.limited_to("public edit");
    assert_eq!(limited.scopes().unwrap().to_string(), "public edit");
    assert_eq!(limited.limited_to("public private").scopes().unwrap().to_string(), "public");

    // A scope that was not granted.
    for call in [
        limited.delete("/videos/1"),
        limited.get("/me/projects"),
        limited.limited_to("public").patch("/videos/1"),
    ] {
        assert!(matches!(call.send().await, Err(Error::MissingScope(_))));
    }
    assert!(matches!(limited.get("/no/such/call").send().await, Err(Error::Invalid { .. })));
    assert_eq!(fake.count(), 0, "nothing is sent");
    limited.patch("/videos/2").json(&json!({})).send().await.unwrap();

    // Content that Vimeo shows the token, but that is not public.
    let videos = limited.api().videos();
    assert_eq!(videos.get_video(1).send().await.unwrap().name.as_deref(), Some("anybody"));
    let error = videos.get_video(2).send().await.unwrap_err();
    let Error::MissingScope(missing) = &error else { panic!("{error:?}") };
    assert_eq!(missing.reported_scope, Some(Scope::Private));
    assert!(videos.get_video(3).send().await.unwrap_err().is_not_found());
    let listed = limited.get("/users/7/videos").fields("name").send().await.unwrap();
    assert_eq!(
        (listed["data"].as_array().unwrap().len(), &listed["data"][0]["name"]),
        (1, &json!("anybody"))
    );
    assert_eq!(fake.log().pop().unwrap().query("fields"), Some("name,uri,privacy.view"));
    for (id, shown) in [(1, true), (2, false), (3, false)] {
        let comments = limited.get(&format!("/videos/{id}/comments")).send().await;
        assert_eq!(comments.is_ok(), shown, "{id}: {comments:?}");
    }
    let asked = fake.log().iter().filter(|seen| seen.path.ends_with("/comments")).count();
    assert_eq!(asked, 1, "only of the public video");

    // Also with a path in the base URL.
    let proxied =
        fake.builder().base_url("https://proxy.example/vimeo").build().unwrap().limited_to("public");
    let error = proxied.get("/videos/1/comments").send().await.unwrap_err();
    assert!(matches!(error, Error::MissingScope(_)), "the fake has no such path: {error:?}");
    assert_eq!(fake.log().pop().unwrap().path, "/vimeo/videos/1");

    // The account's own client is unchanged.
    assert_eq!(all.get("/videos/2").send().await.unwrap()["name"], "nobody");
    assert_eq!(all.limited_to("private").get("/videos/2").send().await.unwrap()["name"], "nobody");
}
