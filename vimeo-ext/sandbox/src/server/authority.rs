//! The certificate authority of https: one per start, or one that is kept in a folder.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints,
};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::{NamedTempFile, TempDir};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::certificate::CertificateParts;
use crate::persistence::private_files;
use crate::protocol::names;

/// The validity of certificates; some clients reject longer ones.
const CERTIFICATE_LIFETIME: TimeDelta = TimeDelta::days(397);
/// A kept authority is replaced when less than this is left.
const MIN_REMAINING_LIFETIME: TimeDelta = TimeDelta::days(1);

/// The certificate, for clients.
const CERTIFICATE_FILE: &str = "ca.pem";
/// The private key, followed by its certificate: one file, so that both always belong together.
const KEY_FILE: &str = "ca-key.pem";
/// PHP settings that name the certificate, for `PHP_INI_SCAN_DIR`.
const PHP_FILE: &str = "php.ini";

const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// A certificate authority, in files.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) pem: String,
    /// The path of the certificate.
    path: PathBuf,
    /// Deleted with the sandbox, unless the authority is kept.
    _temporary: Option<TempDir>,
}

impl Authority {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Signs the certificates of listeners.
pub(super) type Signer = Issuer<'static, KeyPair>;

/// A certificate with its key.
struct KeyAndCertificate {
    key: KeyPair,
    pem: String,
}

/// Creates an authority for one run. Its key is never written.
pub(super) fn create() -> io::Result<(Authority, Signer)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("vimeo-sandbox-ca-");
    // Whatever the umask: others may read the files but not replace them. PHP reads all settings in the folder.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let folder = builder.tempdir()?;
    let created = generate(Utc::now()).map_err(invalid)?;
    let path = folder.path().join(CERTIFICATE_FILE);
    write_public_files(folder.path(), &path, &created.pem)?;
    let authority = Authority { pem: created.pem, path, _temporary: Some(folder) };
    Ok((authority, Issuer::new(params(Utc::now()), created.key)))
}

/// Uses the authority in a folder, or creates it there if there is none or it has expired.
///
/// Fails if another user could write to the folder or a file, or read the key.
pub(super) fn open(folder: &Path) -> io::Result<(Authority, Signer)> {
    open_at(folder, Utc::now())
}

fn open_at(folder: &Path, now: DateTime<Utc>) -> io::Result<(Authority, Signer)> {
    private_files::create_folder(folder)?;
    let key_file = folder.join(KEY_FILE);
    let used = match read(&key_file, now)? {
        KeyFile::Valid(stored) => *stored,
        missing_or_expired => {
            let created = generate(now).map_err(invalid)?;
            let text = SecretString::from(format!("{}{}", created.key.serialize_pem(), created.pem));
            let file = unfinished(folder, text.expose_secret().as_bytes())?;
            refuse_folder_of_other_user(folder, &file)?;
            let replaced = match missing_or_expired {
                KeyFile::Missing => file.persist_noclobber(&key_file),
                _ => file.persist(&key_file),
            };
            match replaced {
                Ok(_) => created,
                // Another sandbox created one at the same time.
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    match read(&key_file, now)? {
                        KeyFile::Valid(stored) => *stored,
                        _ => return Err(error.error),
                    }
                }
                Err(error) => return Err(error.error),
            }
        }
    };
    let path = std::path::absolute(folder.join(CERTIFICATE_FILE))?;
    write_public_files(folder, &path, &used.pem)?;
    let authority = Authority { pem: used.pem, path, _temporary: None };
    Ok((authority, Issuer::new(params(now), used.key)))
}

enum KeyFile {
    Missing,
    Expired,
    Valid(Box<KeyAndCertificate>),
}

/// Reads the key and the certificate of an authority.
fn read(path: &Path, now: DateTime<Utc>) -> io::Result<KeyFile> {
    let text = match private_files::read_secret(path, MAX_KEY_FILE_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeyFile::Missing),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    };
    parse(&text, now).ok_or_else(|| {
        let message = format!(
            "{}: it does not contain a key and a certificate of this sandbox; delete it to create a new authority",
            path.display()
        );
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Returns `None` if the text is not a key and its certificate as [`open_at`] writes them.
fn parse(text: &SecretString, now: DateTime<Utc>) -> Option<KeyFile> {
    let text = text.expose_secret();
    let key = KeyPair::from_pem(text).ok()?;
    let der = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
    let stored = CertificateParts::parse(&der)?;
    // Clients find the authority of a certificate by its name and key.
    let expected = params(now).self_signed(&key).ok()?;
    let expected = CertificateParts::parse(expected.der())?;
    if (stored.subject, stored.public_key) != (expected.subject, expected.public_key) {
        return None;
    }
    if now < stored.not_before || stored.not_after - now < MIN_REMAINING_LIFETIME {
        return Some(KeyFile::Expired);
    }
    let pem = text.get(text.find("-----BEGIN CERTIFICATE-----")?..)?;
    // Everyone can read what follows, so the key must not be in it.
    if pem.matches("-----BEGIN ").count() != 1 {
        return None;
    }
    Some(KeyFile::Valid(Box::new(KeyAndCertificate { key, pem: pem.to_owned() })))
}

fn generate(now: DateTime<Utc>) -> Result<KeyAndCertificate, rcgen::Error> {
    let key = KeyPair::generate()?;
    let pem = params(now).self_signed(&key)?.pem();
    Ok(KeyAndCertificate { key, pem })
}

fn params(now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    set_validity(&mut params, now);
    params.distinguished_name.push(DnType::CommonName, "vimeo-sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Limits what a client can be made to trust by accident, or with a stolen key: vimeo.com itself has people's logins.
    // Each name includes those below it.
    let upload = names::UPLOAD.iter().map(|end| end.trim_start_matches('.'));
    let names = [names::API, "localhost"].into_iter().chain(upload);
    let names = names.map(|name| GeneralSubtree::DnsName(name.to_owned()));
    let addresses = [(IpAddr::V4(Ipv4Addr::LOCALHOST), 32), (IpAddr::V6(Ipv6Addr::LOCALHOST), 128)]
        .map(|(address, prefix)| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix)));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.chain(addresses).collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

pub(super) fn set_validity(params: &mut CertificateParams, now: DateTime<Utc>) {
    let date = |at: DateTime<Utc>| {
        // Months and days fit a `u8`.
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(at.year(), part(at.month()), part(at.day()))
    };
    params.not_before = date(now - TimeDelta::days(1));
    params.not_after = date(now + CERTIFICATE_LIFETIME);
}

/// Writes what clients read, unless it is there. Replaces other files of these names, and links rather than their targets.
fn write_public_files(folder: &Path, certificate: &Path, pem: &str) -> io::Result<()> {
    let write = |path: &Path, text: &str| {
        if is_current(path, text) {
            return Ok(());
        }
        let file = unfinished(folder, text.as_bytes())?;
        // Clients of other users need them, too: a sandbox on port 443 often runs as root.
        #[cfg(unix)]
        file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write(certificate, pem)?;
    // A quoted path may contain everything but the quote.
    let quoted = certificate.to_str().filter(|path| !path.contains(['\'', '\n', '\r']));
    if let Some(path) = quoted {
        write(&folder.join(PHP_FILE), &format!("curl.cainfo='{path}'\nopenssl.cafile='{path}'\n"))?;
    }
    Ok(())
}

/// Returns whether a file has this text and nobody else can change it.
fn is_current(path: &Path, text: &str) -> bool {
    let Ok(file) = std::fs::symlink_metadata(path) else { return false };
    #[cfg(unix)]
    let is_safe = std::os::unix::fs::MetadataExt::mode(&file) & 0o022 == 0;
    #[cfg(not(unix))]
    let is_safe = true;
    file.is_file()
        && is_safe
        && usize::try_from(file.len()) == Ok(text.len())
        && std::fs::read(path).is_ok_and(|found| found == text.as_bytes())
}

/// A private file that gets its name once it is complete.
fn unfinished(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}

/// Rejects a folder whose owner, another user than the owner of `own`, could replace the files in it.
#[cfg(unix)]
fn refuse_folder_of_other_user(folder: &Path, own: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let owner = std::fs::metadata(folder)?.uid();
    match owner == own.as_file().metadata()?.uid() || owner == 0 {
        true => Ok(()),
        false => {
            let message = "it belongs to another user; use a folder of your own";
            Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
        }
    }
}

#[cfg(not(unix))]
fn refuse_folder_of_other_user(_: &Path, _: &NamedTempFile) -> io::Result<()> {
    Ok(())
}

pub(super) fn invalid(error: rcgen::Error) -> io::Error {
    io::Error::other(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates a folder that nobody else can write, whatever the umask.
    fn folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        folder
    }

    #[test]
    fn kept_authority_stays_the_same_until_it_expires() {
        let folder = folder();
        let now = Utc::now();
        let pem = |at| open_at(folder.path(), at).unwrap().0.pem;
        let first = pem(now);
        assert_eq!(pem(now + TimeDelta::days(390)), first);
        assert_eq!(std::fs::read_to_string(folder.path().join(CERTIFICATE_FILE)).unwrap(), first);
        let later = now + TimeDelta::days(396);
        let renewed = pem(later);
        assert_ne!(renewed, first);
        assert_eq!(pem(later), renewed);
        assert_eq!(std::fs::read_to_string(folder.path().join(CERTIFICATE_FILE)).unwrap(), renewed);
        // A clock before the start of the validity.
        assert_ne!(pem(now - TimeDelta::days(30)), renewed);
    }

    #[test]
    fn authority_signs_for_no_other_names_of_vimeo() {
        let created = generate(Utc::now()).unwrap();
        let der = CertificateDer::from_pem_slice(created.pem.as_bytes()).unwrap();
        // A name in DER: its tag, its length and its text.
        let permits = |name: &str| {
            let encoded = [&[0x82, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
            der.windows(encoded.len()).any(|window| window == encoded)
        };
        for (name, permitted) in [
            ("api.vimeo.com", true),
            ("tus.vimeo.com", true),
            ("cloud.vimeo.com", true),
            ("localhost", true),
            ("vimeo.com", false),
        ] {
            assert_eq!(permits(name), permitted, "{name}");
        }
    }

    #[test]
    fn refuses_a_key_of_another_certificate() {
        let (folder, other) = (folder(), folder());
        let key = |folder: &TempDir| {
            open(folder.path()).unwrap();
            std::fs::read_to_string(folder.path().join(KEY_FILE)).unwrap()
        };
        let (own, foreign) = (key(&folder), key(&other));
        let end = "-----END PRIVATE KEY-----";
        let mixed = format!("{}{end}{}", own.split(end).next().unwrap(), foreign.split(end).nth(1).unwrap());
        let too_large = format!("{own}{}", " ".repeat(70_000));
        // The key after the certificate, which everyone can read.
        let (before, after) = own.split_once(end).unwrap();
        let reversed = format!("{}\n{before}{end}\n", after.trim());
        for text in [mixed.as_str(), "", "text", own.split(end).next().unwrap(), &too_large, &reversed] {
            std::fs::write(folder.path().join(KEY_FILE), text).unwrap();
            let error = open(folder.path()).map(drop).unwrap_err().to_string();
            assert!(error.contains("ca-key.pem: "), "{error}");
            // Nothing was replaced.
            assert_eq!(std::fs::read_to_string(folder.path().join(KEY_FILE)).unwrap(), text);
            let public = std::fs::read_to_string(folder.path().join(CERTIFICATE_FILE)).unwrap();
            assert!(!public.contains("PRIVATE"), "{public}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn key_is_private_and_shared_files_are_refused() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

        let folder = folder();
        open(folder.path()).unwrap();
        let key = folder.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&key).unwrap().mode() & 0o777, 0o600);
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (path, mode, private) in
            [(key.as_path(), 0o640, 0o600), (&key, 0o602, 0o600), (folder.path(), 0o777, 0o700)]
        {
            set(path, mode);
            let error = open(folder.path()).map(drop).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{mode:o}: {error}");
            set(path, private);
            open(folder.path()).unwrap();
        }
        // Everyone can read the certificate, and a start does not change its owner.
        let certificate = folder.path().join(CERTIFICATE_FILE);
        let identity = || {
            let file = std::fs::metadata(&certificate).unwrap();
            (file.ino(), file.mode() & 0o777)
        };
        let before = identity();
        open(folder.path()).unwrap();
        assert_eq!((identity(), before.1), (before, 0o644));
        set(&certificate, 0o666);
        open(folder.path()).unwrap();
        assert_eq!(identity().1, 0o644);
        // A link is refused in place of the key, and replaced in place of the certificate.
        let victim = folder.path().join("victim");
        std::fs::rename(&key, &victim).unwrap();
        symlink(&victim, &key).unwrap();
        assert!(open(folder.path()).is_err());
        std::fs::rename(&victim, &key).unwrap();
        std::fs::write(&victim, "precious").unwrap();
        std::fs::remove_file(&certificate).unwrap();
        symlink(&victim, &certificate).unwrap();
        open(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    }
}
