//! Finds operations by words: weighted terms, with rare words counting more, and the field's synonyms.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use http::Method;

use super::catalogue::{self, KnownOperation, Schema, members};

/// Words that say nothing about an operation.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "can", "did", "do", "does", "for", "from",
    "get", "has", "have", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our",
    "out", "please", "so", "that", "the", "their", "them", "there", "this", "to", "us", "vimeo", "want",
    "was", "what", "when", "which", "with", "you", "your", "where", "who", "whom", "how", "may", "some",
    "should", "would", "these", "those", "each", "many", "much", "s",
];

/// Words that people say, and what the API calls it.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("album", &["showcase"]),
    ("allow", &["privacy", "whitelist"]),
    ("avatar", &["portrait", "picture"]),
    ("bookmark", &["watchlater"]),
    ("broadcast", &["live"]),
    ("buy", &["purchase", "payment"]),
    ("caption", &["texttrack", "text", "subtitle"]),
    ("clip", &["video"]),
    ("collection", &["showcase"]),
    ("colour", &["color"]),
    ("cover", &["picture", "thumbnail"]),
    ("directory", &["folder"]),
    ("dub", &["dubbing", "audio"]),
    ("erase", &["delete"]),
    ("everybody", &["anybody", "privacy", "public"]),
    ("everyone", &["anybody", "privacy", "public"]),
    ("film", &["video"]),
    ("find", &["search", "query"]),
    ("history", &["watched"]),
    ("image", &["picture", "thumbnail"]),
    ("invite", &["permitted", "member"]),
    ("later", &["watchlater"]),
    ("lock", &["privacy", "password"]),
    ("member", &["team", "user"]),
    ("money", &["payment"]),
    ("move", &["folder", "add"]),
    ("movie", &["video"]),
    ("permission", &["privacy"]),
    ("play", &["stats", "analytics", "plays"]),
    ("playlist", &["showcase"]),
    ("poster", &["picture", "thumbnail"]),
    ("profile", &["user", "portrait"]),
    ("project", &["folder"]),
    ("quota", &["upload_quota"]),
    ("rename", &["edit", "name"]),
    ("see", &["view", "privacy"]),
    ("share", &["privacy"]),
    ("site", &["domain"]),
    ("space", &["upload_quota", "quota"]),
    ("statistic", &["stats", "analytics"]),
    ("storage", &["upload_quota", "quota"]),
    ("stream", &["live"]),
    ("subscribe", &["follow", "add"]),
    ("subtitle", &["texttrack", "text", "caption"]),
    ("thumbnail", &["picture", "thumbnail"]),
    ("transcript", &["texttrack", "segment"]),
    ("unfollow", &["delete", "following"]),
    ("unlike", &["delete", "like"]),
    ("view", &["stats", "privacy"]),
    ("watch", &["watched", "view"]),
    ("website", &["domain"]),
];

/// Words that say what a call does, and the methods that do it.
const VERBS: &[(&[&str], &[Method])] = &[
    (
        &[
            "list", "which", "who", "show", "what", "how", "get", "find", "search", "see", "check", "count",
            "read",
        ],
        &[Method::GET],
    ),
    (
        &[
            "add", "put", "create", "make", "new", "upload", "set", "start", "post", "write", "save", "like",
            "follow", "join",
        ],
        &[Method::POST, Method::PUT],
    ),
    (
        &["change", "edit", "rename", "update", "modify", "set", "turn", "replace"],
        &[Method::PATCH, Method::PUT],
    ),
    (
        &["delete", "remove", "erase", "unlike", "unfollow", "leave", "take", "clear", "cancel"],
        &[Method::DELETE],
    ),
];

/// How much a word counts, by where it is.
mod weight {
    pub(super) const NAME: f64 = 3.0;
    pub(super) const SUMMARY: f64 = 3.0;
    pub(super) const PATH: f64 = 1.6;
    pub(super) const BODY: f64 = 1.4;
    pub(super) const AREA: f64 = 1.0;
    pub(super) const PARAMETER: f64 = 0.9;
    pub(super) const DESCRIPTION: f64 = 0.8;
    pub(super) const RESPONSE: f64 = 0.7;
    /// What a synonym counts of the word itself.
    pub(super) const SYNONYM: f64 = 0.75;
    /// A method that fits the verb.
    pub(super) const VERB: f64 = 2.5;
}

struct Index {
    /// The operations that have a word, with its weight.
    words: HashMap<String, Vec<(usize, f64)>>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut words: HashMap<String, HashMap<usize, f64>> = HashMap::new();
    for (number, known) in catalogue::all().iter().enumerate() {
        let mut add = |text: &str, weight: f64| {
            for word in terms(text) {
                let found = words.entry(word).or_default().entry(number).or_default();
                *found = found.max(weight);
            }
        };
        let operation = known.operation;
        add(operation.id, weight::NAME);
        add(operation.vimeo_name, weight::PATH);
        add(operation.summary, weight::SUMMARY);
        add(operation.path, weight::PATH);
        add(operation.area, weight::AREA);
        add(known.description, weight::DESCRIPTION);
        for parameter in known.path.iter().chain(&known.query).filter(|parameter| parameter.name != "fields")
        {
            add(parameter.name, weight::PARAMETER);
            add(parameter.description, weight::PARAMETER / 2.0);
        }
        for member in known.body.map(members).unwrap_or_default() {
            add(member.name, weight::BODY);
            add(member.description, weight::BODY / 2.0);
            members(member.ty).iter().for_each(|inner| add(inner.name, weight::BODY / 2.0));
            if let Some(Schema::Words(values)) = catalogue::schema(member.ty) {
                values.iter().for_each(|value| add(value, weight::BODY / 2.0));
            }
        }
        // What can be read without an ID is often the object that the question is about: the account.
        let is_account = !operation.paged && known.path.is_empty();
        let response = if is_account { weight::RESPONSE * 2.0 } else { weight::RESPONSE };
        for member in members(known.item()) {
            add(member.name, response);
            members(member.ty).iter().for_each(|inner| add(inner.name, weight::RESPONSE / 2.0));
        }
    }
    let words = words.into_iter().map(|(word, found)| (word, found.into_iter().collect()));
    Index { words: words.collect() }
});

/// Returns the operations that fit, the best first. Without words, returns all that are accepted, in order.
pub(super) fn search(query: &str, accepts: impl Fn(&KnownOperation) -> bool) -> Vec<&'static KnownOperation> {
    let all = catalogue::all();
    let accepted = |known: &&KnownOperation| accepts(known);
    let asked = asked_words(query);
    if asked.is_empty() {
        return all.iter().filter(accepted).collect();
    }
    let mut scores = vec![0.0_f64; all.len()];
    for word in &asked {
        let mut best: HashMap<usize, f64> = HashMap::new();
        for (term, share) in alternatives(word) {
            let Some(found) = INDEX.words.get(&term) else { continue };
            let rarity = (1.0 + all.len() as f64 / found.len() as f64).ln();
            for (number, weight) in found {
                let score = best.entry(*number).or_default();
                *score = score.max(weight * rarity * share);
            }
        }
        for (number, score) in best {
            if let Some(sum) = scores.get_mut(number) {
                *sum += score;
            }
        }
    }
    let methods = methods(query);
    let others = wants_other_users(query);
    let mut found: Vec<(usize, f64, &KnownOperation)> = all
        .iter()
        .enumerate()
        .filter_map(|(number, known)| {
            let score = scores.get(number).copied().filter(|score| *score > 0.0)?;
            let verb = if methods.contains(&known.operation.method) { weight::VERB } else { 0.0 };
            // Each placeholder is an ID that has to be known first.
            let ids = known.path.len() as f64 * 0.2;
            Some((number, score + verb - ids, known))
        })
        .filter(|(_, _, known)| accepts(known) && (others || !has_own_variant(known)))
        .collect();
    found.sort_by(|(a_number, a, _), (b_number, b, _)| b.total_cmp(a).then(a_number.cmp(b_number)));
    let best = found.first().map(|(_, score, _)| *score).unwrap_or_default();
    found.into_iter().filter(|(_, score, _)| *score >= best * 0.3).map(|(_, _, known)| known).collect()
}

/// Returns whether the account has the same operation below `/me`.
fn has_own_variant(known: &KnownOperation) -> bool {
    static OWN: LazyLock<HashSet<(&'static str, &'static str)>> = LazyLock::new(|| {
        let own = catalogue::all().iter().filter_map(|known| {
            Some((known.operation.method.as_str(), known.operation.path.strip_prefix("/me")?))
        });
        own.collect()
    });
    let rest = known.operation.path.strip_prefix("/users/{user_id}");
    rest.is_some_and(|rest| OWN.contains(&(known.operation.method.as_str(), rest)))
}

fn wants_other_users(query: &str) -> bool {
    let words: Vec<String> = words(query).collect();
    words.iter().any(|word| matches!(word.as_str(), "user" | "users" | "another" | "other" | "user_id"))
}

/// Returns the methods that the verbs of a query stand for.
fn methods(query: &str) -> Vec<Method> {
    let words: HashSet<String> = words(query).collect();
    let fits = |verbs: &&(&[&str], &[Method])| verbs.0.iter().any(|verb| words.contains(*verb));
    VERBS.iter().filter(fits).flat_map(|(_, methods)| methods.iter().cloned()).collect()
}

/// Returns the words of a query that count, without duplicates.
fn asked_words(query: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    words(query)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .filter(|word| seen.insert(stem(word)))
        .collect()
}

/// Returns the terms that a word stands for, with what each counts.
fn alternatives(word: &str) -> Vec<(String, f64)> {
    let own = stem(word);
    let others = SYNONYMS.iter().filter(|(name, _)| stem(name) == own).flat_map(|(_, others)| others.iter());
    let others = others.map(|other| (stem(other), weight::SYNONYM)).collect::<Vec<_>>();
    std::iter::once((own, 1.0)).chain(others).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .take(60)
}

/// Returns the terms of a text of the description.
fn terms(text: &str) -> Vec<String> {
    let whole = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let parts = text.split(|c: char| !c.is_alphanumeric());
    let terms = whole.chain(parts).filter(|word| !word.is_empty());
    terms.map(|word| stem(&word.to_lowercase())).collect()
}

/// Reduces a word to what its forms have in common.
fn stem(word: &str) -> String {
    let mut stem = word.to_owned();
    if let Some(start) = stem.strip_suffix("ies").filter(|start| start.len() > 2) {
        stem = format!("{start}y");
    } else if stem.len() > 3 && stem.ends_with('s') && !stem.ends_with("ss") {
        stem.pop();
    }
    for ending in ["ing", "ed"] {
        if let Some(start) = stem.strip_suffix(ending).filter(|start| start.chars().count() > 3) {
            stem = start.to_owned();
            break;
        }
    }
    let mut last = stem.chars().rev();
    if let (Some(a), Some(b)) = (last.next(), last.next())
        && a == b
        && !matches!(a, 's' | 'l' | 'o' | 'e')
        && stem.chars().count() > 3
    {
        stem.pop();
    }
    if stem.len() > 3 && stem.ends_with('e') {
        stem.pop();
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for forms in [
            &["category", "categories"][..],
            &["delete", "deleted", "deletes", "deleting"],
            &["embed", "embedded", "embedding", "embeds"],
            &["upload", "uploads", "uploading", "uploaded"],
            &["like", "likes"],
            &["chapter", "chapters"],
        ] {
            let stems: HashSet<String> = forms.iter().map(|form| stem(form)).collect();
            assert_eq!(stems.len(), 1, "{forms:?}: {stems:?}");
        }
    }

    #[test]
    fn any_text_is_a_query() {
        for query in [
            "日本語のタイトル",
            "ß İ ǅ",
            "\u{0}\u{202e}",
            "___",
            "%%% ' \" \\",
            "s",
            "x".repeat(300).as_str(),
        ] {
            let once: Vec<&str> = search(query, |_| true).iter().map(|known| known.operation.id).collect();
            let again: Vec<&str> = search(query, |_| true).iter().map(|known| known.operation.id).collect();
            assert_eq!(once, again, "{query}");
        }
    }
}
