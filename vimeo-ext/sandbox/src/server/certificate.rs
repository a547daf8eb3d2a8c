//! Reads the parts of an X.509 certificate that decide whether an authority can be used again.

use chrono::{DateTime, NaiveDateTime, Utc};

/// Parts of a DER-encoded certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CertificateParts<'a> {
    /// The encoded name of its subject.
    pub(super) subject: &'a [u8],
    /// The encoded public key.
    pub(super) public_key: &'a [u8],
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The optional version.
const VERSION: u8 = 0xa0;

impl<'a> CertificateParts<'a> {
    /// Returns `None` if `der` is not a certificate.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(der);
        let mut signed = Reader(Reader(outer.next(SEQUENCE)?.content).next(SEQUENCE)?.content);
        if signed.0.first() == Some(&VERSION) {
            signed.next(VERSION)?;
        }
        signed.next(INTEGER)?;
        let (_algorithm, _issuer) = (signed.next(SEQUENCE)?, signed.next(SEQUENCE)?);
        let mut validity = Reader(signed.next(SEQUENCE)?.content);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let (subject, public_key) = (signed.next(SEQUENCE)?.whole, signed.next(SEQUENCE)?.whole);
        Some(Self { subject, public_key, not_before, not_after })
    }
}

/// One value with its tag and length.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

/// The rest of a DER encoding.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads the next element, which must have this tag.
    fn next(&mut self, tag: u8) -> Option<Element<'a>> {
        self.any().filter(|element| element.tag == tag)
    }

    fn any(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // The length takes so many bytes.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
                (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len().checked_sub(after.len())?)?;
        self.0 = after;
        Some(Element { tag, content, whole })
    }

    fn time(&mut self) -> Option<DateTime<Utc>> {
        let element = self.any()?;
        let format = match element.tag {
            UTC_TIME => "%y%m%d%H%M%SZ",
            GENERALIZED_TIME => "%Y%m%d%H%M%SZ",
            _ => return None,
        };
        let text = std::str::from_utf8(element.content).ok()?;
        NaiveDateTime::parse_from_str(text, format).ok().map(|time| time.and_utc())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, date_time_ymd};

    use super::*;

    #[test]
    fn reads_validity_and_key_of_certificate() {
        // Years from 2050 have another encoding.
        for last_year in [2027, 2051] {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, "x".repeat(200));
            (params.not_before, params.not_after) =
                (date_time_ymd(2026, 2, 1), date_time_ymd(last_year, 11, 30));
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            let parts = CertificateParts::parse(certificate.der()).unwrap();
            assert_eq!(parts.public_key, key.subject_public_key_info());
            assert_eq!(parts.not_before.to_rfc3339(), "2026-02-01T00:00:00+00:00");
            assert_eq!(parts.not_after.to_rfc3339(), format!("{last_year}-11-30T00:00:00+00:00"));
            assert!(parts.subject.windows(200).any(|window| window == "x".repeat(200).as_bytes()));
        }
    }

    #[test]
    fn rejects_everything_but_a_whole_certificate() {
        let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = certificate.der();
        for length in 0..der.len() {
            assert_eq!(CertificateParts::parse(&der[..length]), None, "{length}");
        }
        for other in [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x30, 0x80, 0, 0], &[0xff; 40]] {
            assert_eq!(CertificateParts::parse(other), None);
        }
    }
}
