//! Fixed lists that Vimeo offers for choice: languages, content ratings and Creative Commons licences.

use crate::call::{Call, Outcome};
use crate::protocol::fields::Object;
use crate::synth::media;

/// A code and its English name.
type Entry = (&'static str, &'static str);

/// Languages by their ISO 639-1 code. Vimeo's own list is longer.
const LANGUAGES: [Entry; 17] = [
    ("ar", "Arabic"),
    ("de", "German"),
    ("en", "English"),
    ("es", "Spanish"),
    ("fr", "French"),
    ("hi", "Hindi"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ko", "Korean"),
    ("nl", "Dutch"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("ru", "Russian"),
    ("sv", "Swedish"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
    ("zh", "Chinese"),
];

const CONTENT_RATINGS: [Entry; 7] = [
    ("advertisement", "Advertisement"),
    ("drugs", "Drugs"),
    ("language", "Language"),
    ("nudity", "Nudity"),
    ("safe", "Safe"),
    ("unrated", "Unrated"),
    ("violence", "Violence"),
];

const LICENCES: [Entry; 7] = [
    ("by", "Attribution"),
    ("by-nc", "Attribution Non-Commercial"),
    ("by-nc-nd", "Attribution Non-Commercial No Derivatives"),
    ("by-nc-sa", "Attribution Non-Commercial Share Alike"),
    ("by-nd", "Attribution No Derivatives"),
    ("by-sa", "Attribution Share Alike"),
    ("cc0", "Public Domain Dedication"),
];

pub(crate) fn languages(call: &mut Call<'_>) -> Outcome {
    call.page(media("Language"), &LANGUAGES, |_, (code, name), selection| {
        Object::new(selection).put("name", *name).put("code", *code).build()
    })
}

pub(crate) fn content_ratings(call: &mut Call<'_>) -> Outcome {
    page(call, "ContentRating", "/contentrating", &CONTENT_RATINGS)
}

pub(crate) fn licences(call: &mut Call<'_>) -> Outcome {
    page(call, "CreativeCommons", "/creativecommons", &LICENCES)
}

fn page(call: &Call<'_>, schema: &str, base: &str, entries: &[Entry]) -> Outcome {
    call.page(media(schema), entries, |_, (code, name), selection| {
        Object::new(selection)
            .put("uri", format!("{base}/{code}"))
            .put("name", *name)
            .put("code", *code)
            .build()
    })
}
