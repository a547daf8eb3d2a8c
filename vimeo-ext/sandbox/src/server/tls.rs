//! https under Vimeo's host names, with a certificate authority that is created at each start.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::protocol::names;

/// The validity of certificates; some clients reject longer ones.
const CERTIFICATE_LIFETIME: TimeDelta = TimeDelta::days(397);

/// The certificate authority of one run.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) pem: String,
    /// The same as a file, which is deleted with the sandbox.
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Creates an authority and an acceptor whose certificate covers all names of the sandbox.
pub(crate) fn create() -> Result<(Authority, TlsAcceptor), std::io::Error> {
    let failed = |error: rcgen::Error| std::io::Error::other(error.to_string());
    let now = Utc::now();
    let (pem, chain, key) = certificates(now).map_err(failed)?;
    // Explicit, since the process may use another default provider.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(std::io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .map_err(std::io::Error::other)?;
    let mut file = tempfile::Builder::new().prefix("vimeo-sandbox-ca-").suffix(".pem").tempfile()?;
    file.write_all(pem.as_bytes())?;
    file.flush()?;
    Ok((Authority { pem, file }, TlsAcceptor::from(Arc::new(config))))
}

type Certificates =
    (String, tokio_rustls::rustls::pki_types::CertificateDer<'static>, PrivateKeyDer<'static>);

fn certificates(now: DateTime<Utc>) -> Result<Certificates, rcgen::Error> {
    let mut authority = CertificateParams::default();
    set_validity(&mut authority, now);
    authority.distinguished_name.push(DnType::CommonName, "vimeo-sandbox, made for one run");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Limits what a client can be made to trust by accident.
    authority.name_constraints = Some(NameConstraints {
        permitted_subtrees: ["vimeo.com", "localhost"]
            .map(|name| GeneralSubtree::DnsName(name.to_owned()))
            .into(),
        excluded_subtrees: Vec::new(),
    });
    let authority_key = KeyPair::generate()?;
    let root = authority.self_signed(&authority_key)?;

    let mut names = vec![names::API.to_owned(), "localhost".to_owned()];
    names.extend(names::UPLOAD.iter().map(|end| format!("*{end}")));
    let mut leaf = CertificateParams::new(names)?;
    set_validity(&mut leaf, now);
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    leaf.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    leaf.distinguished_name.push(DnType::CommonName, names::API);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, authority_key))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((root.pem(), leaf.der().clone(), key))
}

fn set_validity(params: &mut CertificateParams, now: DateTime<Utc>) {
    let date = |at: DateTime<Utc>| {
        // Months and days fit a `u8`.
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(at.year(), part(at.month()), part(at.day()))
    };
    params.not_before = date(now - TimeDelta::days(1));
    params.not_after = date(now + CERTIFICATE_LIFETIME);
}
