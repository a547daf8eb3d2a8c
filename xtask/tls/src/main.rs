//! Calls an API over https in every way that vimeo-ext sets up TLS; `cargo xtask test-tls` builds it once per set of features.
//!
//! The arguments are the base URL, an access token and the file of a certificate authority. Also makes calls that must fail.

use vimeo_ext::{ConfigError, Error, Vimeo, VimeoBuilder};

type AnyError = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token, authority] = arguments.as_slice() else {
        return Err("usage: tls URL TOKEN AUTHORITY".into());
    };
    let builder = || Vimeo::builder().base_url(url.as_str()).access_token(token.as_str());
    with_or_without(builder, authority).await
}

#[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
async fn with_or_without(builder: impl Fn() -> VimeoBuilder, _authority: &str) -> Result<(), AnyError> {
    // The error names the missing feature, before anything is sent.
    match builder().build() {
        Err(Error::Config(ConfigError::NoTls(_))) => Ok(()),
        other => Err(format!("built without TLS, but: {other:?}").into()),
    }
}

#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
async fn with_or_without(builder: impl Fn() -> VimeoBuilder, authority: &str) -> Result<(), AnyError> {
    use vimeo_ext::upload::UploadClient;

    if cfg!(not(any(feature = "rustls", feature = "rustls-aws-lc", feature = "native-tls"))) {
        let missing = |error: &Error| matches!(error, Error::Config(ConfigError::NoCryptoProvider));
        if !builder().build().is_err_and(|error| missing(&error)) {
            return Err("a client without a provider was built".into());
        }
        if !builder().http_builder(reqwest::Client::builder()).build().is_err_and(|error| missing(&error)) {
            return Err("a client of a builder was built without a provider".into());
        }
        if UploadClient::new().is_ok() {
            return Err("a client for upload links was built without a provider".into());
        }
        #[cfg(feature = "own-provider")]
        rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is there already")?;
    }

    // The system's certificates: they come from SSL_CERT_FILE.
    println!("by default: {}", name(&builder().build()?).await?);
    let own = reqwest::Certificate::from_pem(&std::fs::read(authority)?)?;
    let of_builder = reqwest::Client::builder().tls_certs_only([own]);
    println!("with a builder: {}", name(&builder().http_builder(of_builder).build()?).await?);
    UploadClient::new()?;
    UploadClient::from_builder(reqwest::Client::builder())?;

    // A certificate of an unknown authority is rejected.
    let nobody = reqwest::Client::builder().tls_certs_only([]);
    match name(&builder().http_builder(nobody).build()?).await {
        Err(_) => Ok(()),
        Ok(name) => Err(format!("an unknown certificate was accepted for {name}").into()),
    }
}

#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
async fn name(vimeo: &Vimeo) -> Result<String, AnyError> {
    let retry = vimeo_ext::RetryPolicy::never();
    let me = vimeo.get("/me").fields("name").extension(retry).send().await?;
    Ok(me["name"].as_str().ok_or("no name")?.to_owned())
}
