//! A secret store with a timeout, for keyrings that can hang.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use secrecy::SecretString;

use super::{SecretStore, SecretStoreError};

/// Runs the calls to a secret store on another thread with a timeout, because D-Bus can hang.
pub(crate) struct TimeoutStore {
    store: Arc<dyn SecretStore>,
    timeout: Duration,
}

impl TimeoutStore {
    /// Uses a timeout of three seconds: a person is waiting.
    pub(crate) fn new(store: impl SecretStore) -> Self {
        Self { store: Arc::new(store), timeout: Duration::from_secs(3) }
    }

    fn call<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&dyn SecretStore) -> Result<T, SecretStoreError> + Send + 'static,
    ) -> Result<T, SecretStoreError> {
        let (sender, receiver) = mpsc::channel();
        let store = Arc::clone(&self.store);
        // If the call hangs, the thread is abandoned and ends with the process.
        std::thread::spawn(move || sender.send(operation(&*store)));
        match receiver.recv_timeout(self.timeout) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(SecretStoreError::Timeout(self.timeout.as_secs())),
            Err(RecvTimeoutError::Disconnected) => {
                Err(SecretStoreError::Refused("the keyring library panicked".to_owned()))
            }
        }
    }
}

impl SecretStore for TimeoutStore {
    fn get(&self, name: &str) -> Result<Option<SecretString>, SecretStoreError> {
        let name = name.to_owned();
        self.call(move |store| store.get(&name))
    }

    fn set(&self, name: &str, secret: &SecretString) -> Result<(), SecretStoreError> {
        let (name, secret) = (name.to_owned(), secret.clone());
        self.call(move |store| store.set(&name, &secret))
    }

    fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        let name = name.to_owned();
        self.call(move |store| store.delete(&name))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A fake keyring with one behavior.
    enum Fake {
        Hangs,
        Panics,
        Locked,
    }

    impl SecretStore for Fake {
        fn get(&self, _: &str) -> Result<Option<SecretString>, SecretStoreError> {
            match self {
                Self::Hangs => loop {
                    std::thread::park();
                },
                Self::Panics => panic!("fake keyring"),
                Self::Locked => Err(SecretStoreError::Refused("locked".to_owned())),
            }
        }

        fn set(&self, name: &str, _: &SecretString) -> Result<(), SecretStoreError> {
            self.get(name).map(|_| ())
        }

        fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
            self.get(name).map(|_| ())
        }
    }

    fn with_timeout(fake: Fake) -> TimeoutStore {
        // The timeout is only reached by the keyring that hangs.
        let timeout =
            if matches!(fake, Fake::Hangs) { Duration::from_millis(50) } else { Duration::from_secs(60) };
        TimeoutStore { store: Arc::new(fake), timeout }
    }

    #[test]
    fn hanging_panicking_and_locked_keyrings_return_errors() {
        let start = Instant::now();
        let secret = SecretString::from("s3cret");
        assert_eq!(with_timeout(Fake::Hangs).set("a", &secret), Err(SecretStoreError::Timeout(0)));
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(
            with_timeout(Fake::Panics).delete("a"),
            Err(SecretStoreError::Refused("the keyring library panicked".to_owned()))
        );
        assert_eq!(
            with_timeout(Fake::Locked).get("a").map(|_| ()),
            Err(SecretStoreError::Refused("locked".to_owned()))
        );
    }
}
