//! Paths in JSON: as text if they are valid Unicode, otherwise as bytes, so that no two paths become the same.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The JSON form of a path.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    /// In hexadecimal: two digits per byte on Unix, four per UTF-16 unit on Windows.
    Encoded {
        hex: String,
    },
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let text = match path.to_str() {
        Some(text) => Text::Plain(text.to_owned()),
        None => Text::Encoded { hex: encode(path) },
    };
    text.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match Text::deserialize(deserializer)? {
        Text::Plain(text) => Ok(PathBuf::from(text)),
        Text::Encoded { hex } => {
            decode(&hex).map(PathBuf::from).ok_or_else(|| D::Error::custom("invalid bytes of a path"))
        }
    }
}

#[cfg(unix)]
fn encode(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    crate::hex::hex(path.as_os_str().as_bytes())
}

#[cfg(unix)]
fn decode(hex: &str) -> Option<OsString> {
    let bytes = units(hex, 2)?.into_iter().map(u8::try_from).collect::<Result<_, _>>().ok()?;
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(windows)]
fn encode(path: &Path) -> String {
    use std::os::windows::ffi::OsStrExt;
    path.as_os_str().encode_wide().map(|unit| format!("{unit:04x}")).collect()
}

#[cfg(windows)]
fn decode(hex: &str) -> Option<OsString> {
    let wide: Vec<u16> = units(hex, 4)?.into_iter().map(u16::try_from).collect::<Result<_, _>>().ok()?;
    Some(std::os::windows::ffi::OsStringExt::from_wide(&wide))
}

/// Parses `digits` hexadecimal digits per number.
fn units(hex: &str, digits: usize) -> Option<Vec<u32>> {
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let parts = hex.as_bytes().chunks(digits);
    parts
        .map(|part| {
            let text = std::str::from_utf8(part).ok().filter(|text| text.len() == digits)?;
            u32::from_str_radix(text, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        path: PathBuf,
    }

    fn round_trip(path: PathBuf) -> (String, PathBuf) {
        let json = serde_json::to_string(&Holder { path }).unwrap();
        let back: Holder = serde_json::from_str(&json).unwrap();
        (json, back.path)
    }

    #[test]
    fn unicode_paths_are_stored_as_text() {
        let (json, back) = round_trip(PathBuf::from("/films/größe 1.mp4"));
        assert_eq!(json, r#"{"path":"/films/größe 1.mp4"}"#);
        assert_eq!(back, Path::new("/films/größe 1.mp4"));
    }

    #[cfg(unix)]
    #[test]
    fn other_paths_round_trip_byte_for_byte() {
        use std::os::unix::ffi::OsStringExt;
        for bytes in [&b"/films/\xff.mp4"[..], b"/films/\xfe.mp4", b"\xed\xa0\x80"] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            assert_eq!(round_trip(path.clone()).1, path);
        }
        for hex in ["f", "zz", "+f"] {
            let json = format!(r#"{{"path":{{"hex":"{hex}"}}}}"#);
            assert!(serde_json::from_str::<Holder>(&json).is_err(), "{hex}");
        }
    }
}
