//! Runs progenitor.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

use openapiv3::OpenAPI;
use proc_macro2::TokenStream;
use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle, TagStyle, TypeImpl};
use serde_json::{Value, json};

use crate::GenError;
use crate::normalise::ID_TYPES;
use crate::visit::{METHODS, operations};

/// Returns progenitor's output for a normalised document: types, builders, and one module per area.
pub(crate) fn emit(document: &Value) -> Result<TokenStream, GenError> {
    match attempt(document) {
        Ok(tokens) => Ok(tokens),
        Err(reason) => Err(locate_failure(document, reason)),
    }
}

/// Returns progenitor's output without this project's settings.
pub(crate) fn progenitor_baseline(document: &Value) -> Result<TokenStream, GenError> {
    let parsed = serde_path_to_error::deserialize::<_, OpenAPI>(document)
        .map_err(|error| GenError::new(error.path().to_string(), error.inner().to_string()))?;
    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Builder).with_tag(TagStyle::Separate);
    catch_panic(|| Generator::new(&settings).generate_tokens(&parsed).map_err(|error| error.to_string()))
        .map_err(|reason| locate_failure(document, reason))
}

fn attempt(document: &Value) -> Result<TokenStream, String> {
    let document: OpenAPI = serde_path_to_error::deserialize(document)
        .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Builder).with_tag(TagStyle::Separate);
    let ids = ID_TYPES.iter().map(|(name, format)| (*format, *name));
    for (format, name) in [("password", "Secret"), ("signed-uri", "SignedUrl")].into_iter().chain(ids) {
        let schema = serde_json::from_value(json!({"type": "string", "format": format}));
        settings.with_conversion(
            schema.map_err(|error| error.to_string())?,
            format!("crate::{name}"),
            [TypeImpl::Display].into_iter(),
        );
    }
    catch_panic(|| Generator::new(&settings).generate_tokens(&document).map_err(|error| error.to_string()))
}

/// Turns a panic into an error. progenitor panics on unsupported input. The panic hook is replaced so that nothing is printed;
/// because it is global, only one attempt runs at a time.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static HOOK_LOCK: Mutex<()> = Mutex::new(());
    let _guard = HOOK_LOCK.lock();
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let done = catch_unwind(AssertUnwindSafe(work));
    set_hook(hook);
    done.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(message.unwrap_or_else(|| "progenitor panicked without a message".to_owned()))
    })
}

/// Finds the operation or schema that fails, by trying each alone.
fn locate_failure(document: &Value, reason: String) -> GenError {
    let bare = |paths: Value, schemas: Value| {
        json!({
            "openapi": "3.0.3",
            "info": {"title": "One", "version": "1"},
            "paths": paths,
            "components": {"schemas": schemas},
        })
    };
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_else(|| json!({}));
    if attempt(&bare(json!({}), schemas.clone())).is_err() {
        for name in schemas.as_object().into_iter().flat_map(|schemas| schemas.keys()) {
            let needed = crate::normalise::closure(document, name);
            if let Err(reason) = attempt(&bare(json!({}), needed)) {
                return GenError::new(format!("components.schemas.{name}"), reason);
            }
        }
    }
    for (path, method, operation) in operations(document) {
        debug_assert!(METHODS.contains(&method));
        if let Err(reason) = attempt(&bare(json!({path: {method: operation}}), schemas.clone())) {
            return GenError::new(format!("paths.{path}.{method}"), reason);
        }
    }
    GenError::new("the document", reason)
}
