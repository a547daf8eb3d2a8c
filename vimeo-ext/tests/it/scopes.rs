//! Calls whose token may not.

use serde_json::json;
use vimeo_api::{Error, Sent};
use vimeo_ext::{AccessToken, Scope};

use crate::fake::{Fake, answer};

#[tokio::test]
async fn a_call_whose_token_lacks_a_scope_is_not_sent() {
    let fake = Fake::new(|_, _| answer(204));
    let vimeo = fake.builder().scopes([Scope::Private]).build().unwrap();
    let error = vimeo.api().videos().delete_video(1).send().await.unwrap_err();
    let Error::MissingScope(missing) = &error else { panic!("{error:?}") };
    assert_eq!(missing.needed(), ["delete"]);
    assert_eq!(missing.granted.as_deref(), Some("public private"));
    assert_eq!(missing.operation.id, "delete_video");
    assert_eq!(error.sent(), Sent::No);
    assert_eq!(
        error.to_string(),
        "delete_video: needs the scope `delete`, the access token has only `public private`; nothing was sent; make a \
         token with that scope in the app's settings, or ask the user to log in for it again"
    );
    // The untyped call to the same place is the same call.
    assert!(matches!(vimeo.delete("/videos/1").send().await, Err(Error::MissingScope(_))));
    assert_eq!(fake.count(), 0);
    // Where no scope is needed, or the check is off, it goes out.
    vimeo.get("/some/unknown/path").send().await.unwrap();
    let off = fake.builder().scopes([Scope::Private]).check_scopes(false).build().unwrap();
    off.api().videos().delete_video(1).send().await.unwrap();
    vimeo.set_access_token(AccessToken::from("other").with_scopes("delete")).unwrap();
    vimeo.api().videos().delete_video(1).send().await.unwrap();
    assert_eq!(fake.count(), 3);
}

#[tokio::test]
async fn a_refusal_is_explained_as_far_as_it_can_be() {
    let fake = Fake::new(|_, _| answer(403).json(json!({"error": "You may not."})));
    let unknown = fake.vimeo();
    let error = unknown.api().videos().delete_video(1).send().await.unwrap_err();
    let Error::MissingScope(missing) = &error else { panic!("{error:?}") };
    assert_eq!((missing.granted.as_ref(), error.status().unwrap().as_u16()), (None, 403));
    assert!(error.to_string().contains("may lack"), "{error}");
    assert!(error.is_forbidden());

    // With the scope at hand a refusal has another reason, which Vimeo's words have to tell.
    let known = fake.builder().scopes([Scope::Delete]).build().unwrap();
    let error = known.api().videos().delete_video(1).send().await.unwrap_err();
    assert!(matches!(error, Error::Api(_)), "{error:?}");
    assert!(error.is_forbidden());
}

#[tokio::test]
async fn a_refused_upload_names_upload_access() {
    let fake = Fake::new(|_, _| answer(403).json(json!({"error": "You may not."})));
    for (scopes, known) in [(Some("upload"), true), (None, false)] {
        let mut builder = fake.builder();
        if let Some(scopes) = scopes {
            builder = builder.scopes(scopes);
        }
        let error = builder.build().unwrap().upload(vec![1]).send().await.unwrap_err();
        let Some(Error::UploadAccess(refused)) = error.call() else { panic!("{error:?}") };
        assert_eq!(refused.scope_known, known);
        assert!(error.to_string().contains("upload access"), "{error}");
    }
    let lacking = fake.builder().scopes("private").build().unwrap();
    let error = lacking.upload(vec![1]).send().await.unwrap_err();
    assert!(matches!(error.call(), Some(Error::MissingScope(_))));
    assert_eq!(fake.count(), 2);
}
