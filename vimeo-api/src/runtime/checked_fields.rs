//! Remembers which texts of `fields` were found valid, so that a repeated call does not check them again.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

/// The maximum number of texts. The memo is emptied before it would hold more.
const MAX_TEXTS: usize = 256;

/// The maximum length of a text, in bytes. A longer one is checked every time.
const MAX_TEXT_LEN: usize = 1024;

/// The valid texts of each operation. Texts with an unknown name are not in it.
#[derive(Default)]
pub(super) struct CheckedFields(RwLock<Texts>);

#[derive(Default)]
struct Texts {
    by_operation: HashMap<TypeId, HashSet<Box<str>>>,
    count: usize,
}

impl CheckedFields {
    /// Returns the result of `check` for a text of an operation, or `Ok` if the text was found valid before.
    pub(super) fn check(
        &self,
        operation: TypeId,
        text: &str,
        check: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        if self.contains(operation, text) {
            return Ok(());
        }
        check()?;
        self.insert(operation, text);
        Ok(())
    }

    fn contains(&self, operation: TypeId, text: &str) -> bool {
        // The texts stay consistent even if a thread panics while it holds the lock.
        let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        texts.by_operation.get(&operation).is_some_and(|known| known.contains(text))
    }

    fn insert(&self, operation: TypeId, text: &str) {
        if text.len() > MAX_TEXT_LEN {
            return;
        }
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if texts.count >= MAX_TEXTS {
            *texts = Texts::default();
        }
        if texts.by_operation.entry(operation).or_default().insert(text.into()) {
            texts.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATION: fn() -> TypeId = TypeId::of::<u8>;

    /// Checks a text that is valid, or not; returns whether the check ran.
    fn runs(memo: &CheckedFields, operation: TypeId, text: &str, result: Result<(), String>) -> bool {
        let mut ran = false;
        let check = || {
            ran = true;
            result.clone()
        };
        let found = memo.check(operation, text, check);
        if ran {
            assert_eq!(found, result, "{text}");
        } else {
            assert_eq!(found, Ok(()), "{text}");
        }
        ran
    }

    #[test]
    fn valid_text_is_checked_once_per_operation() {
        let memo = CheckedFields::default();
        assert!(runs(&memo, OPERATION(), "uri,name", Ok(())));
        assert!(!runs(&memo, OPERATION(), "uri,name", Ok(())));
        assert!(runs(&memo, OPERATION(), "uri", Ok(())));
        assert!(runs(&memo, TypeId::of::<u16>(), "uri,name", Ok(())));
    }

    #[test]
    fn refused_text_is_refused_every_time() {
        let memo = CheckedFields::default();
        assert!(runs(&memo, OPERATION(), "uri", Ok(())));
        for _ in 0..3 {
            assert!(runs(&memo, OPERATION(), "nmae", Err("no field".to_owned())));
        }
    }

    #[test]
    fn number_and_length_of_texts_are_limited() {
        let memo = CheckedFields::default();
        let long = "n".repeat(MAX_TEXT_LEN + 1);
        for _ in 0..2 {
            assert!(runs(&memo, OPERATION(), &long, Ok(())));
        }
        for number in 0..MAX_TEXTS * 3 {
            let operation = if number % 2 == 0 { OPERATION() } else { TypeId::of::<u16>() };
            assert!(runs(&memo, operation, &number.to_string(), Ok(())));
            let texts = memo.0.read().unwrap();
            let held = texts.by_operation.values().map(HashSet::len).sum::<usize>();
            assert_eq!(held, texts.count);
            assert!(held <= MAX_TEXTS, "{held}");
        }
        let last = (MAX_TEXTS * 3 - 2).to_string();
        assert!(!runs(&memo, OPERATION(), &last, Ok(())));
    }
}
