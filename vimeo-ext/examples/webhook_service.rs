//! A service for many Vimeo users that receives a webhook when a video is playable:
//! `cargo run --example webhook_service`.
//!
//! It needs no account: Ann and Bob are users of a sandbox in this process, which sends webhooks as Vimeo would. Vimeo does not
//! document how it signs webhooks, so the sandbox and the receiver are configured with the same signature.
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

/// The state of the handlers.
#[derive(Clone)]
struct Service {
    accounts: Accounts,
    receiver: Receiver,
    /// The account of each video. In production: a database table.
    owners: Arc<Mutex<HashMap<u64, AccountId>>>,
    /// Reports the results of deliveries to `main`.
    done: mpsc::UnboundedSender<String>,
}

/// Provides the receiver that [`Webhook`] verifies requests with.
impl FromRef<Service> for Receiver {
    fn from_ref(service: &Service) -> Self {
        service.receiver.clone()
    }
}

/// Handles each verified, new delivery. The receiver responds to repeated deliveries itself.
async fn hook(State(service): State<Service>, Webhook(event): Webhook) -> StatusCode {
    let handled = match service.react(&event).await {
        Ok(()) => event.done().await.map_err(AnyError::from),
        Err(error) => Err(error.into()),
    };
    match handled {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(error) => {
            // The event is dropped without done(), so it is handled when it is delivered again.
            eprintln!("delivery {}: {error}", event.delivery_id);
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

impl Service {
    async fn react(&self, event: &Event) -> Result<(), vimeo_ext::Error> {
        let (WebhookType::VideoTranscodeComplete, Some(id)) = (&event.kind, event.video_id()) else {
            return Ok(()); // Other events are ignored.
        };
        let owner = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let Some(owner) = owner else { return Ok(()) };
        // Uses the token and the rate limit of that user only.
        let vimeo = self.accounts.client(&owner).await?;
        let video = vimeo.api().videos().get_video(id).fields("link,name").send().await?;
        let (name, link) = (video.name.clone().unwrap_or_default(), video.link.clone().unwrap_or_default());
        // The receiver is gone once the demonstration has ended.
        let _ = self.done.send(format!("{owner}: {name} is playable at {link}"));
        Ok(())
    }

    /// Uploads a video for a user. The owner is recorded before the bytes are sent, and so before any event of the video.
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

/// Returns the number at the end of a URI.
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
    let signature = vimeo_sandbox::WebhookSignature::new(HEADER).prefix(PREFIX);
    let sandbox = Sandbox::builder()
        .webhook_signature(signature)
        .transcode(Transcode::After(Duration::from_millis(50)))
        .start()
        .await?;

    // The accounts and their store. In production: SqliteStore or PostgresStore.
    let app = Vimeo::builder()
        .app(sandbox.client_id(), sandbox.client_secret())
        .base_url(sandbox.url().as_str())
        .build()?;
    let store: Arc<dyn AccountStore> = Arc::new(MemoryStore::default());
    let accounts = Accounts::builder(app, Arc::clone(&store), KeyRing::new(Key::generate())).build().await?;
    let (ann, bob) = (AccountId::new("ann")?, AccountId::new("bob")?);
    for id in [&ann, &bob] {
        // In production: authorization_link and complete_for.
        accounts.connect_with_token(id, sandbox.add_user(id.as_str()).token.as_str()).await?;
    }

    // The service. Deliveries are deduplicated in the store, so that only one of many processes handles each.
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

    // One webhook for the app covers the videos of all its users.
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
        println!("{}", outcome.ok_or("the service has stopped")?);
    }

    // Vimeo may deliver an event twice. The sandbox does so here.
    let completed = WebhookType::VideoTranscodeComplete.to_string();
    sandbox.flush_webhooks().await;
    for event in sandbox.world().events().into_iter().filter(|event| event.kind == completed) {
        sandbox.world().resend(event.id);
    }
    sandbox.flush_webhooks().await;
    let again = sandbox.world().events();
    let again: Vec<_> = again.iter().filter(|event| event.kind == completed).collect();
    let accepted = again.iter().all(|event| event.deliveries.iter().all(|delivery| delivery.is_accepted()));
    let sent: usize = again.iter().map(|event| event.deliveries.len()).sum();
    // A sender that does not know the secret.
    // reqwest is built without a crypto provider here, so its clients use the process's default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forged = reqwest::Client::new()
        .post(&address)
        .header(HEADER, "sha256=00")
        .body(r#"{"event_id": 9, "webhook_type": "video-transcode-complete", "resource_uri": "/videos/1"}"#)
        .send()
        .await?;
    println!("{sent} deliveries of 2 events, all accepted: {accepted}; a forged one: {}", forged.status());

    vimeo
        .api()
        .api_apps()
        .delete_app_webhook(app_id, number(&webhook.uri.clone().unwrap_or_default())?)
        .send()
        .await?;
    server.abort();
    match (outcomes.try_recv().is_err(), accepted, sent, forged.status().as_u16()) {
        (true, true, 4, 401) => Ok(()),
        _ => Err("a delivery was handled twice, or got an unexpected response".into()),
    }
}
