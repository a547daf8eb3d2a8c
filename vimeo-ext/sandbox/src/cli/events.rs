//! Events of a running sandbox: triggering, listing and delivering again.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{CliError, print, remote};

/// The sandbox and the world of an event.
#[derive(Debug, Args)]
pub struct EventTarget {
    /// URL of the sandbox
    #[arg(long, env = "VIMEO_BASE_URL")]
    url: Url,
    /// Number of the world [default: the first world, or the world whose port the URL has]
    #[arg(long)]
    world: Option<u64>,
    #[command(flatten)]
    control: remote::ControlCredential,
}

impl EventTarget {
    fn control(&self) -> remote::Control<'_> {
        self.control.at(&self.url)
    }

    /// Returns a path of the control API for the selected world.
    fn path(&self, of: &str) -> String {
        let world = self.world.map(|world| format!("&world={world}")).unwrap_or_default();
        format!("/_sandbox/{of}?wait=true{world}")
    }
}

/// An event to trigger.
#[derive(Debug, Args)]
pub struct Trigger {
    #[command(flatten)]
    target: EventTarget,
    /// Event type, such as `video-transcode-complete`
    event: String,
    /// URI of the resource, such as `/videos/123` [default: the newest video]
    #[arg(long)]
    resource: Option<String>,
    /// JSON object to merge into the webhook body
    #[arg(long, value_parser = object)]
    payload: Option<Value>,
}

/// What to do with events.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Print the events as JSON lines, oldest first
    List(EventTarget),
    /// Deliver an event again
    Resend {
        /// The world of the event.
        #[command(flatten)]
        target: EventTarget,
        /// Number of the event
        event: u64,
    },
}

fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Trigger {
    /// Triggers the event, and prints it with its deliveries.
    ///
    /// # Errors
    ///
    /// If the sandbox does not respond, or the event cannot be triggered.
    pub async fn run(&self) -> Result<(), CliError> {
        let mut body =
            json!({"event": self.event, "payload": self.payload.clone().unwrap_or_else(|| json!({}))});
        if let (Some(resource), Some(members)) = (&self.resource, body.as_object_mut()) {
            members.insert("resource".to_owned(), resource.as_str().into());
        }
        let path = self.target.path("trigger");
        let triggered = remote::ask(self.target.control(), Method::POST, &path, Some(&body)).await?;
        let id = triggered.get("event").and_then(Value::as_u64);
        list(&self.target, |event| event.get("id").and_then(Value::as_u64) == id).await
    }
}

impl Events {
    /// Runs the subcommand.
    ///
    /// # Errors
    ///
    /// If the sandbox does not respond, or has no such event.
    pub async fn run(&self) -> Result<(), CliError> {
        match self {
            Self::List(target) => list(target, |_| true).await,
            Self::Resend { target, event } => {
                let path = target.path(&format!("events/{event}/resend"));
                remote::ask(target.control(), Method::POST, &path, None).await?;
                list(target, |one| one.get("id").and_then(Value::as_u64) == Some(*event)).await
            }
        }
    }
}

async fn list(target: &EventTarget, wanted: impl Fn(&Value) -> bool) -> Result<(), CliError> {
    let path = target.path("events");
    let response = remote::ask(target.control(), Method::GET, &path, None).await?;
    let events = response.get("events").and_then(Value::as_array).into_iter().flatten();
    for event in events.filter(|event| wanted(event)) {
        print(&event.to_string())?;
    }
    Ok(())
}
