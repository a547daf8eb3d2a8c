//! A fake keyring: the Secret Service over a private D-Bus, unlocked or locked.

use std::collections::HashMap;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zbus::blocking::connection::Builder;
use zbus::message::Message;
use zbus::object_server::ObjectServer;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Guid, fdo, interface};

use crate::accounts::dump_folder;
use crate::harness::{Harness, Run};

const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/unlock";
const SESSION: &str = "/org/freedesktop/secrets/session/one";
/// The bus name of the service, which signals must come from.
const OWNER: &str = ":1.0";

type Attributes = HashMap<String, String>;
/// Session, parameters, value, content type.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

#[derive(Default)]
struct State {
    is_locked: bool,
    prompts: usize,
    items: Vec<(Attributes, Secret)>,
}

type Shared = Arc<Mutex<State>>;

fn path(text: &str) -> OwnedObjectPath {
    ObjectPath::try_from(text).unwrap().into()
}

fn item_path(number: usize) -> String {
    format!("{COLLECTION}/{number}")
}

/// The methods of the bus itself.
struct Bus;

#[interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &str {
        ":1.1"
    }

    fn add_match(&self, _rule: &str) {}

    fn remove_match(&self, _rule: &str) {}

    fn get_name_owner(&self, _name: &str) -> &str {
        OWNER
    }

    fn name_has_owner(&self, _name: &str) -> bool {
        true
    }
}

struct Service(Shared);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    /// The public key 1 gives all sessions the same key, so that one process can read what another stored.
    fn open_session(&self, _algorithm: &str, _input: Value<'_>) -> (OwnedValue, OwnedObjectPath) {
        (Value::from(vec![1_u8]).try_to_owned().unwrap(), path(SESSION))
    }

    fn search_items(&self, attributes: Attributes) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let state = self.0.lock().unwrap();
        let fits = |item: &Attributes| attributes.iter().all(|(name, value)| item.get(name) == Some(value));
        let found = state.items.iter().enumerate().filter(|(_, (item, _))| fits(item));
        let found: Vec<_> = found.map(|(number, _)| path(&item_path(number))).collect();
        if state.is_locked { (Vec::new(), found) } else { (found, Vec::new()) }
    }

    fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        match self.0.lock().unwrap().is_locked {
            true => (Vec::new(), path(PROMPT)),
            false => (objects, path("/")),
        }
    }

    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        path(COLLECTION)
    }

    #[zbus(property)]
    fn collections(&self) -> Vec<OwnedObjectPath> {
        vec![path(COLLECTION)]
    }
}

struct Collection(Shared);

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    async fn create_item(
        &self,
        properties: HashMap<String, OwnedValue>,
        secret: Secret,
        _replace: bool,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<(OwnedObjectPath, OwnedObjectPath)> {
        let attributes = properties["org.freedesktop.Secret.Item.Attributes"].clone().try_into().unwrap();
        let number = {
            let mut state = self.0.lock().unwrap();
            if state.is_locked {
                return Err(fdo::Error::AccessDenied("locked".to_owned()));
            }
            state.items.push((attributes, secret));
            state.items.len() - 1
        };
        server.at(item_path(number), Item(Arc::clone(&self.0), number)).await?;
        Ok((path(&item_path(number)), path("/")))
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.lock().unwrap().is_locked
    }
}

struct Item(Shared, usize);

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn get_secret(&self, _session: OwnedObjectPath) -> fdo::Result<(Secret,)> {
        let state = self.0.lock().unwrap();
        match state.is_locked {
            true => Err(fdo::Error::AccessDenied("locked".to_owned())),
            false => Ok((state.items[self.1].1.clone(),)),
        }
    }

    fn set_secret(&self, secret: Secret) {
        self.0.lock().unwrap().items[self.1].1 = secret;
    }

    fn delete(&self) -> OwnedObjectPath {
        // Keep the slot, so that the other items keep their numbers.
        self.0.lock().unwrap().items[self.1].0.clear();
        path("/")
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.lock().unwrap().is_locked
    }
}

/// A password prompt that the user dismisses.
struct Prompt(Shared);

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, _window: &str, #[zbus(connection)] connection: &Connection) -> fdo::Result<()> {
        self.0.lock().unwrap().prompts += 1;
        let completed = Message::signal(PROMPT, "org.freedesktop.Secret.Prompt", "Completed")?
            .sender(OWNER)?
            .build(&(true, Value::from("")))?;
        Ok(connection.send(&completed).await?)
    }
}

/// Serves the fake keyring to all commands of a harness.
fn serve_keyring(harness: &Harness) -> Shared {
    let state = Shared::default();
    let listener = UnixListener::bind(harness.path("no-bus")).unwrap();
    let shared = Arc::clone(&state);
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        for stream in listener.incoming() {
            let mut builder = Builder::async_io_unix_stream(stream.unwrap())
                .server(Guid::generate())
                .unwrap()
                .p2p()
                .serve_at("/org/freedesktop/DBus", Bus)
                .unwrap()
                .serve_at(SERVICE, Service(Arc::clone(&shared)))
                .unwrap()
                .serve_at(COLLECTION, Collection(Arc::clone(&shared)))
                .unwrap()
                .serve_at(PROMPT, Prompt(Arc::clone(&shared)))
                .unwrap();
            let items = shared.lock().unwrap().items.len();
            for number in 0..items {
                builder = builder.serve_at(item_path(number), Item(Arc::clone(&shared), number)).unwrap();
            }
            connections.push(builder.build());
        }
    });
    state
}

#[test]
fn locked_keyring_fails_login_and_calls() {
    let harness = Harness::new();
    let keyring = serve_keyring(&harness);
    let token = harness.sandbox.token();
    let log_in =
        || Harness::feed(harness.logged_out(&["auth", "login", "--with-token", "--account", "anna"]), token);
    let run = |args: &[&str]| Run::of(harness.logged_out(args).output().unwrap());
    let within_timeout = |command: &dyn Fn() -> Run| {
        let start = Instant::now();
        let run = command();
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        assert!(!run.err.contains(token) && !run.out.contains(token), "{run:?}");
        run
    };

    // Locked from the start: the login fails before any request, and leaves nothing behind.
    keyring.lock().unwrap().is_locked = true;
    within_timeout(&log_in).fails(4, &["the keyring is locked", "nothing was written", "--insecure-storage"]);
    assert!(keyring.lock().unwrap().prompts > 0, "there was no prompt");
    assert_eq!(dump_folder(&harness.path("config")), "");
    assert_eq!(harness.requests(), [""; 0]);

    // Unlocked: the token is in the keyring, not in the configuration.
    keyring.lock().unwrap().is_locked = false;
    within_timeout(&log_in).success();
    let status = run(&["auth", "status"]).success();
    assert!(status.contains("in the system keyring"), "{status}");
    assert!(!dump_folder(&harness.path("config")).contains(token));
    assert_eq!(run(&["api", "/me", "--jq", ".name"]).success(), "Sandbox User\n");

    // Locked again: the token is unavailable, and no request is sent without it.
    keyring.lock().unwrap().is_locked = true;
    let requests = harness.requests().len();
    within_timeout(&|| run(&["api", "/me"]))
        .fails(4, &["account anna", "the keyring is locked", "unlock the keyring"]);
    within_timeout(&|| run(&["auth", "status"])).fails(4, &["no account has a valid token"]);
    within_timeout(&|| run(&["auth", "logout"])).fails(4, &["keyring"]);
    assert_eq!(harness.requests().len(), requests);
    keyring.lock().unwrap().is_locked = false;
    run(&["api", "/me"]).success();
    run(&["auth", "logout"]).success();
    run(&["auth", "status"]).fails(4, &["not logged in"]);
}
