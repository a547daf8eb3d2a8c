//! A keyring that may hang, asked with patience that ends.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use secrecy::SecretString;

use super::{SecretStore, VaultError};

/// A vault whose answers are waited for on another thread, and not for ever: D-Bus can hang.
pub(crate) struct TimeoutStore {
    vault: Arc<dyn SecretStore>,
    patience: Duration,
}

impl TimeoutStore {
    /// Three seconds, as people still sit there.
    pub(crate) fn new(vault: impl SecretStore) -> Self {
        Self { vault: Arc::new(vault), patience: Duration::from_secs(3) }
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SecretStore) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (sender, receiver) = mpsc::channel();
        let vault = Arc::clone(&self.vault);
        // Left behind when it hangs: it ends with the process.
        std::thread::spawn(move || sender.send(question(&*vault)));
        match receiver.recv_timeout(self.patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(VaultError::Hanging(self.patience.as_secs())),
            Err(RecvTimeoutError::Disconnected) => Err(VaultError::Refused("it broke down".to_owned())),
        }
    }
}

impl SecretStore for TimeoutStore {
    fn get(&self, name: &str) -> Result<Option<SecretString>, VaultError> {
        let name = name.to_owned();
        self.ask(move |vault| vault.get(&name))
    }

    fn set(&self, name: &str, secret: &SecretString) -> Result<(), VaultError> {
        let (name, secret) = (name.to_owned(), secret.clone());
        self.ask(move |vault| vault.set(&name, &secret))
    }

    fn delete(&self, name: &str) -> Result<(), VaultError> {
        let name = name.to_owned();
        self.ask(move |vault| vault.delete(&name))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A keyring that does what its one answer says.
    enum Fake {
        Hangs,
        Breaks,
        Locked,
    }

    impl SecretStore for Fake {
        fn get(&self, _: &str) -> Result<Option<SecretString>, VaultError> {
            match self {
                Self::Hangs => loop {
                    std::thread::park();
                },
                Self::Breaks => panic!("the library under it gave up"),
                Self::Locked => Err(VaultError::Refused("locked".to_owned())),
            }
        }

        fn set(&self, name: &str, _: &SecretString) -> Result<(), VaultError> {
            self.get(name).map(|_| ())
        }

        fn delete(&self, name: &str) -> Result<(), VaultError> {
            self.get(name).map(|_| ())
        }
    }

    fn bounded(fake: Fake) -> TimeoutStore {
        // Nobody waits for those that answer.
        let patience =
            if matches!(fake, Fake::Hangs) { Duration::from_millis(50) } else { Duration::from_secs(60) };
        TimeoutStore { vault: Arc::new(fake), patience }
    }

    #[test]
    fn a_keyring_that_hangs_breaks_or_is_locked_is_an_answer() {
        let began = Instant::now();
        let secret = SecretString::from("s3cret");
        assert_eq!(bounded(Fake::Hangs).set("a", &secret), Err(VaultError::Hanging(0)));
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(bounded(Fake::Breaks).delete("a"), Err(VaultError::Refused("it broke down".to_owned())));
        assert_eq!(bounded(Fake::Locked).get("a").map(|_| ()), Err(VaultError::Refused("locked".to_owned())));
    }
}
