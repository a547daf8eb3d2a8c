//! Shortens paths: `::std::option::Option` becomes `Option`.

use syn::visit_mut::{VisitMut, visit_path_mut};

use crate::normalise::ID_TYPES;

/// Shortens the paths of types that are in scope in generated modules.
pub(super) fn shorten_paths(tree: &mut syn::File) {
    Shorten.visit_file_mut(tree);
}

/// Whether the name is that of an ID type.
pub(crate) fn is_id(name: &str) -> bool {
    ID_TYPES.iter().any(|(known, _)| *known == name)
}

struct Shorten;

impl VisitMut for Shorten {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_path_mut(self, path);
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let kept = match segments.as_slice() {
            ["std", "option", "Option"]
            | ["std", "string", "String"]
            | ["std", "vec", "Vec"]
            | ["std", "boxed", "Box"]
            | ["std", "collections", "HashMap"]
            | ["std", "result", "Result"]
            | ["serde_json", "Value" | "Map"]
            | ["crate", "Secret" | "SignedUrl"]
            | ["chrono", "DateTime" | "NaiveDate"]
            | ["chrono", "offset", "Utc"]
            | ["chrono", "naive", "NaiveDate"] => 1,
            ["crate", id] if is_id(id) => 1,
            ["super" | "types" | "self", _] => 1,
            ["super", "types", _] => 1,
            _ => return,
        };
        path.leading_colon = None;
        let skip = path.segments.len() - kept;
        path.segments = std::mem::take(&mut path.segments).into_iter().skip(skip).collect();
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    #[test]
    fn paths_lose_what_is_in_scope() {
        let cases = [
            ("::std::option::Option<::std::vec::Vec<::std::string::String>>", "Option < Vec < String > >"),
            ("::chrono::DateTime<::chrono::offset::Utc>", "DateTime < Utc >"),
            ("super::Video", "Video"),
            ("crate::VideoId", "VideoId"),
            ("::other::Thing", ":: other :: Thing"),
        ];
        for (long, short) in cases {
            let mut path: syn::Path = syn::parse_str(long).unwrap();
            Shorten.visit_path_mut(&mut path);
            assert_eq!(path.to_token_stream().to_string(), short);
        }
    }
}
