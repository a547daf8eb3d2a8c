//! A service that acts for many Vimeo users and hears when their videos can be watched:
//! `cargo run --example webhook_service`.
//!
//! It needs no account: Ann and Bob live in a sandbox in this process, which posts to the service as Vimeo would. How Vimeo
//! signs what it posts is not documented; the sandbox signs as it is told, and the receiver is told the same.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::post;
use tokio::sync::mpsc;
use tokio::time::timeout;
use vimeo_ext::Vimeo;
use vimeo_ext::accounts::{AccountId, AccountStore, Accounts, Key, KeyRing, MemoryStore};
use vimeo_ext::api::types::AppWebhookBody;
use vimeo_ext::upload::Upload;
use vimeo_ext::webhooks::{Encoding, Event, Hash, Receiver, Signature, Verifier, Webhook, WebhookType};
use vimeo_sandbox::{Sandbox, Transcode};

type AnyError = Box<dyn std::error::Error>;

const SECRET: &str = "known to the webhook and to us";
const HEADER: &str = "x-signature";
const PREFIX: &str = "sha256=";

/// What the handlers work with.
#[derive(Clone)]
struct Service {
    accounts: Accounts,
    receiver: Receiver,
    /// Whose video it is. In earnest: a table of yours.
    owners: Arc<Mutex<HashMap<u64, AccountId>>>,
    /// What came of the deliveries, for `main` to see.
    done: mpsc::UnboundedSender<String>,
}

/// Where [`Webhook`] finds what to check requests by.
impl FromRef<Service> for Receiver {
    fn from_ref(service: &Service) -> Self {
        service.receiver.clone()
    }
}

/// Is called for what is genuine and new. What comes a second time is answered for us.
async fn hook(State(service): State<Service>, Webhook(event): Webhook) -> StatusCode {
    let handled = match service.react(&event).await {
        Ok(()) => event.done().await.map_err(AnyError::from),
        Err(error) => Err(error.into()),
    };
    match handled {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(error) => {
            // The event is dropped without done(), so it is handled when it comes again.
            eprintln!("delivery {}: {error}", event.delivery_id);
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

impl Service {
    async fn react(&self, event: &Event) -> Result<(), vimeo_ext::Error> {
        let (WebhookType::VideoTranscodeComplete, Some(id)) = (&event.kind, event.video_id()) else {
            return Ok(()); // An event of another kind is no failure.
        };
        let owner = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let Some(owner) = owner else { return Ok(()) };
        // With that user's token and rate limit, and nobody else's.
        let vimeo = self.accounts.client(&owner).await?;
        let video = vimeo.api().videos().get_video(id).fields("link,name").send().await?;
        let (name, link) = (video.name.clone().unwrap_or_default(), video.link.clone().unwrap_or_default());
        // Nobody listens any more once the demonstration has ended.
        let _ = self.done.send(format!("{owner}: {name} can be watched at {link}"));
        Ok(())
    }

    /// Uploads for one of the users. Whose video it is is noted before its bytes are sent, so before any event of it.
    async fn upload(&self, owner: &AccountId, name: &str) -> Result<u64, AnyError> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/sample.mp4");
        let vimeo = self.accounts.client(owner).await?;
        let size = std::fs::metadata(file)?.len();
        let ticket = vimeo.upload_ticket(size).name(name).send().await?;
        let id = number(ticket.video_uri())?;
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(id, owner.clone());
        Upload::new(ticket, file).run().await?;
        Ok(id)
    }
}

/// The number at the end of a URI.
fn number(uri: &str) -> Result<u64, AnyError> {
    Ok(uri.rsplit('/').next().unwrap_or_default().parse()?)
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), AnyError> {
    let signs = vimeo_sandbox::WebhookSignature::new(HEADER).prefix(PREFIX);
    let sandbox = Sandbox::builder()
        .webhook_signature(signs)
        .transcode(Transcode::After(Duration::from_millis(50)))
        .start()
        .await?;

    // The accounts, and where they are kept. In earnest: SqliteStore or PostgresStore.
    let app = Vimeo::builder()
        .app(sandbox.client_id(), sandbox.client_secret())
        .base_url(sandbox.url().as_str())
        .build()?;
    let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
    let accounts = Accounts::builder(app, Arc::clone(&store), KeyRing::new(Key::generate())).build().await?;
    let (ann, bob) = (AccountId::new("ann")?, AccountId::new("bob")?);
    for id in [&ann, &bob] {
        // In earnest: authorization_link and complete_for.
        accounts.connect_with_token(id, sandbox.add_user(id.as_str()).token.as_str()).await?;
    }

    // The service. Deliveries are remembered in the store, so that of many processes one reacts.
    let receiver = Receiver::builder()
        .verifier(Verifier::signature(
            Signature::new(HEADER, Hash::Sha256, Encoding::Hex).prefix(PREFIX),
            SECRET,
        ))
        .kind_at("/webhook_type")
        .delivery_id_at("/event_id")
        .sent_at("/created_on")
        .dedup(store, Duration::from_secs(24 * 60 * 60))
        .build()?;
    let (done, mut outcomes) = mpsc::unbounded_channel();
    let service = Service { accounts: accounts.clone(), receiver, owners: Arc::default(), done };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/vimeo/hook", listener.local_addr()?);
    let router = Router::new().route("/vimeo/hook", post(hook)).with_state(service.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    // One webhook for the app: it hears of the videos of all its users.
    let vimeo = accounts.client(&ann).await?;
    let grant = vimeo.auth().verify().await?;
    let app_id = number(&grant.app.and_then(|app| app.uri).unwrap_or_default())?;
    let body = AppWebhookBody::default()
        .webhook_type(WebhookType::VideoTranscodeComplete)
        .webhook_url(address.as_str())
        .secret(SECRET)
        .is_enabled(true);
    let webhook = vimeo.api().api_apps().create_app_webhook(app_id).body(body).send().await?;
    println!("registered for {}", WebhookType::VideoTranscodeComplete);

    service.upload(&ann, "Surf").await?;
    service.upload(&bob, "Snow").await?;
    for _ in [&ann, &bob] {
        let outcome = timeout(Duration::from_secs(10), outcomes.recv()).await?;
        println!("{}", outcome.ok_or("the service has ended")?);
    }

    // Vimeo may send a thing twice. Here it surely does.
    let completed = WebhookType::VideoTranscodeComplete.to_string();
    sandbox.flush_webhooks().await;
    for event in sandbox.world().events().into_iter().filter(|event| event.kind == completed) {
        sandbox.world().resend(event.id);
    }
    sandbox.flush_webhooks().await;
    let again = sandbox.world().events();
    let again: Vec<_> = again.iter().filter(|event| event.kind == completed).collect();
    let taken = again.iter().all(|event| event.deliveries.iter().all(|delivery| delivery.is_accepted()));
    let sent: usize = again.iter().map(|event| event.deliveries.len()).sum();
    // Somebody who does not know the secret.
    // reqwest is built here without cryptography of its own, so a client of ours takes the process's.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forged = reqwest::Client::new()
        .post(&address)
        .header(HEADER, "sha256=00")
        .body(r#"{"event_id": 9, "webhook_type": "video-transcode-complete", "resource_uri": "/videos/1"}"#)
        .send()
        .await?;
    println!("{sent} deliveries of 2 events, all answered well: {taken}; a forged one: {}", forged.status());

    vimeo
        .api()
        .api_apps()
        .delete_app_webhook(app_id, number(&webhook.uri.clone().unwrap_or_default())?)
        .send()
        .await?;
    server.abort();
    match (outcomes.try_recv().is_err(), taken, sent, forged.status().as_u16()) {
        (true, true, 4, 401) => Ok(()),
        _ => Err("a delivery was acted upon twice, or not answered as it should be".into()),
    }
}
