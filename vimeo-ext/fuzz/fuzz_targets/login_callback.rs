//! The URL to which a browser returns after a login.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use vimeo_ext::Vimeo;
use vimeo_ext::auth::{AuthError, Authorization};

fn login() -> &'static Authorization {
    static LOGIN: OnceLock<Authorization> = OnceLock::new();
    LOGIN.get_or_init(|| {
        let vimeo = Vimeo::builder().app("client-id", "client-secret").build().expect("a client");
        let request = vimeo.auth().authorization("http://localhost:8080/callback").expect("a redirect URI");
        request.begin().expect("a login")
    })
}

fuzz_target!(|input: &str| {
    let login = login();
    // A callback without the state is rejected.
    assert!(matches!(login.code(input), Err(AuthError::StateMismatch)), "{input:?}");
    let known = format!("http://localhost:8080/callback?state={}&{input}", login.state());
    match login.code(&known) {
        Ok(_) | Err(AuthError::Denied { .. } | AuthError::InvalidCallback(_)) => {}
        Err(error) => panic!("{error}"),
    }
});
