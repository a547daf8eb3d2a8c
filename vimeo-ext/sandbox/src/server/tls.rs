//! https under Vimeo's host names.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::authority::{self, Authority, Signer, invalid, set_validity};
use crate::protocol::names;

/// Returns an authority and an acceptor whose certificate covers all names of the sandbox. The authority is kept in
/// `folder`, or created for this run.
pub(crate) fn create(folder: Option<&Path>) -> io::Result<(Authority, TlsAcceptor)> {
    let (authority, signer) = match folder {
        Some(folder) => authority::open(folder)?,
        None => authority::create()?,
    };
    let (certificate, key) = certificate(&signer).map_err(invalid)?;
    // Explicit, since the process may use another default provider.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(io::Error::other)?;
    Ok((authority, TlsAcceptor::from(Arc::new(config))))
}

fn certificate(signer: &Signer) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut names = vec![names::API.to_owned(), "localhost".to_owned()];
    names.extend(names::UPLOAD.iter().map(|end| format!("*{end}")));
    let mut params = CertificateParams::new(names)?;
    set_validity(&mut params, Utc::now());
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    params.distinguished_name.push(DnType::CommonName, names::API);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let signed = params.signed_by(&key, signer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((signed.der().clone(), key))
}
