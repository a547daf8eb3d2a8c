//! A keyring that this process plays: the Secret Service over a D-Bus of its own, open or locked.

use std::collections::HashMap;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zbus::blocking::connection::Builder;
use zbus::message::Message;
use zbus::object_server::ObjectServer;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Guid, fdo, interface};

use crate::accounts::everything_in;
use crate::harness::{Harness, Run};

const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/unlock";
const SESSION: &str = "/org/freedesktop/secrets/session/one";
/// The name of whoever answers, which signals have to come from.
const OWNER: &str = ":1.0";

type Attributes = HashMap<String, String>;
/// Session, parameters, value, kind of content.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

#[derive(Default)]
struct State {
    is_locked: bool,
    asked: usize,
    items: Vec<(Attributes, Secret)>,
}

type Shared = Arc<Mutex<State>>;

fn path(text: &str) -> OwnedObjectPath {
    ObjectPath::try_from(text).unwrap().into()
}

fn item_path(number: usize) -> String {
    format!("{COLLECTION}/{number}")
}

/// What a client asks of the bus itself.
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
    /// The public key 1 makes the same key for every session, so that what one process stores another can read.
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
        // Its place stays, so that the others keep their numbers.
        self.0.lock().unwrap().items[self.1].0.clear();
        path("/")
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.lock().unwrap().is_locked
    }
}

/// Asks the person for a password, who does not give it.
struct Prompt(Shared);

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(&self, _window: &str, #[zbus(connection)] connection: &Connection) -> fdo::Result<()> {
        self.0.lock().unwrap().asked += 1;
        let completed = Message::signal(PROMPT, "org.freedesktop.Secret.Prompt", "Completed")?
            .sender(OWNER)?
            .build(&(true, Value::from("")))?;
        Ok(connection.send(&completed).await?)
    }
}

/// Plays the keyring for all commands of a harness.
fn play(harness: &Harness) -> Shared {
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
fn a_locked_keyring_keeps_nothing_and_gives_nothing() {
    let harness = Harness::new();
    let keyring = play(&harness);
    let token = harness.sandbox.token();
    let log_in =
        || Harness::feed(harness.stranger(&["auth", "login", "--with-token", "--account", "anna"]), token);
    let run = |args: &[&str]| Run::of(harness.stranger(args).output().unwrap());
    let patient = |what: &dyn Fn() -> Run| {
        let began = Instant::now();
        let run = what();
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert!(!run.err.contains(token) && !run.out.contains(token), "{run:?}");
        run
    };

    // Locked from the start: that is found before Vimeo is asked anything, and nothing is left behind.
    keyring.lock().unwrap().is_locked = true;
    patient(&log_in).fails(4, &["the keyring is locked", "nothing was written", "--insecure-storage"]);
    assert!(keyring.lock().unwrap().asked > 0, "the person was not asked");
    assert_eq!(everything_in(&harness.path("config")), "");
    assert_eq!(harness.requests(), [""; 0]);

    // Open, it keeps the token, and the configuration does not.
    keyring.lock().unwrap().is_locked = false;
    patient(&log_in).good();
    let status = run(&["auth", "status"]).good();
    assert!(status.contains("in the system's keyring"), "{status}");
    assert!(!everything_in(&harness.path("config")).contains(token));
    assert_eq!(run(&["api", "/me", "--jq", ".name"]).good(), "Sandbox User\n");

    // Locked again, it gives it to nobody, and Vimeo is not asked without it.
    keyring.lock().unwrap().is_locked = true;
    let asked = harness.requests().len();
    patient(&|| run(&["api", "/me"]))
        .fails(4, &["account anna", "the keyring is locked", "unlock the keyring"]);
    patient(&|| run(&["auth", "status"])).fails(4, &["no account works"]);
    patient(&|| run(&["auth", "logout"])).fails(4, &["keyring"]);
    assert_eq!(harness.requests().len(), asked);
    keyring.lock().unwrap().is_locked = false;
    run(&["api", "/me"]).good();
    run(&["auth", "logout"]).good();
    run(&["auth", "status"]).fails(4, &["nobody is logged in"]);
}
