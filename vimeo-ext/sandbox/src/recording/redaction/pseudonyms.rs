//! Replacements: the same original has the same replacement everywhere.

use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::Number;

/// Replacements of IDs are larger. The sandbox's own IDs begin at 900,000,000.
const FIRST_ID: u64 = 100_000_000;

/// The last number of an address that is reserved for documentation, 192.0.2.0/24.
const MAX_EXAMPLE_ADDRESS: u64 = 254;

/// Shorter texts of hexadecimal digits can be words.
const MIN_HEX_DIGITS: usize = 8;

/// The replacements of one recording. Not `Debug`: it holds the originals.
#[derive(Default)]
pub(super) struct Pseudonyms {
    ids: HashMap<String, u64>,
    texts: HashMap<String, String>,
    counts: HashMap<&'static str, u64>,
}

impl Pseudonyms {
    fn next(&mut self, kind: &'static str) -> u64 {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        *count
    }

    /// Replaces an ID in decimal digits. 0 is the ID of nothing.
    pub(super) fn id(&mut self, digits: &str) -> u64 {
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return 0;
        }
        if let Some(known) = self.ids.get(digits) {
            return *known;
        }
        let id = FIRST_ID + self.next("id");
        self.ids.insert(digits.to_owned(), id);
        id
    }

    pub(super) fn id_number(&mut self, id: u64) -> Number {
        self.id(&id.to_string()).into()
    }

    /// Replaces a text by one of its form: digits, an address, hexadecimal digits or, for all else, `kind` and a number.
    /// The replacement consists of characters that need no escaping in paths, queries and JSON.
    pub(super) fn text(&mut self, kind: &'static str, original: &str) -> String {
        if is_digits(original) {
            return self.id(original).to_string();
        }
        if let Some(known) = self.texts.get(original) {
            return known.clone();
        }
        let replacement = self.new_text(kind, original);
        self.texts.insert(original.to_owned(), replacement.clone());
        replacement
    }

    /// Replaces a text by `kind` and a number, whatever its form.
    pub(super) fn opaque(&mut self, kind: &'static str, original: &str) -> String {
        if let Some(known) = self.texts.get(original) {
            return known.clone();
        }
        let replacement = format!("{kind}-{}", self.next(kind));
        self.texts.insert(original.to_owned(), replacement.clone());
        replacement
    }

    fn new_text(&mut self, kind: &'static str, original: &str) -> String {
        if is_email(original) {
            return format!("person-{}@example.com", self.next("email"));
        }
        if original.parse::<IpAddr>().is_ok() {
            let number = self.next("address");
            return format!("192.0.2.{}", number.min(MAX_EXAMPLE_ADDRESS));
        }
        if is_hex(original) {
            let (number, width) = (self.next("hex"), original.len());
            return format!("{number:0width$x}");
        }
        format!("{kind}-{}", self.next(kind))
    }
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hex(text: &str) -> bool {
    text.len() >= MIN_HEX_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_email(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && !part.contains(|sign: char| sign.is_whitespace() || sign == '/');
    text.split_once('@').is_some_and(|(user, host)| is_part(user) && is_part(host) && host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_original_has_the_same_replacement() {
        let mut pseudonyms = Pseudonyms::default();
        for (original, replacement) in [
            ("Jane", "name-1"),
            ("Joe", "name-2"),
            ("Jane", "name-1"),
            ("jane@example.org", "person-1@example.com"),
            ("203.0.113.9", "192.0.2.1"),
            ("2001:db8::9", "192.0.2.2"),
            ("a3e90a211f", "0000000001"),
            ("7a491d0e8cad256a8ac2fd6d207e647c1b034bad", "0000000000000000000000000000000000000002"),
            ("815922745", "100000001"),
            ("0815922745", "100000001"),
            ("two words@example.org", "name-3"),
        ] {
            assert_eq!(pseudonyms.text("name", original), replacement, "{original}");
        }
        assert_eq!(pseudonyms.id_number(815_922_745), 100_000_001.into());
        assert_eq!(pseudonyms.id("0"), 0);
        assert_eq!(pseudonyms.opaque("secret", "a3e90a211f00"), "secret-1");
    }
}
