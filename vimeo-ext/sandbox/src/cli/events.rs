//! Events of a sandbox that runs: brought about, listed, told again.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{CliError, print, remote};

/// The sandbox and the world that are meant.
#[derive(Debug, Args)]
pub struct EventTarget {
    /// The sandbox's address, as its first line tells it.
    #[arg(long, env = "VIMEO_BASE_URL")]
    url: Url,
    /// The world's number; without it the first, or the one whose port the address has.
    #[arg(long)]
    world: Option<u64>,
    #[command(flatten)]
    control: remote::ControlCredential,
}

impl EventTarget {
    fn control(&self) -> remote::Control<'_> {
        self.control.at(&self.url)
    }

    /// A path of the control API, about the world that is meant.
    fn path(&self, of: &str) -> String {
        let world = self.world.map(|world| format!("&world={world}")).unwrap_or_default();
        format!("/_sandbox/{of}?wait=true{world}")
    }
}

/// An event to bring about.
#[derive(Debug, Args)]
pub struct Trigger {
    #[command(flatten)]
    target: EventTarget,
    /// The event, such as `video-transcode-complete`.
    event: String,
    /// What it happens to, such as `/videos/123`; the newest video without it.
    #[arg(long)]
    resource: Option<String>,
    /// A JSON object to lay over what is sent.
    #[arg(long, value_parser = object)]
    payload: Option<Value>,
}

/// What to do with events that happened.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Print them, one JSON document a line, the oldest first.
    List(EventTarget),
    /// Tell one again.
    Resend {
        /// Where it happened.
        #[command(flatten)]
        target: EventTarget,
        /// Its number.
        event: u64,
    },
}

fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("must be a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Trigger {
    /// Brings it about; prints its number and to whom it was told.
    ///
    /// # Errors
    ///
    /// When the sandbox does not answer, or the event cannot happen.
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
    /// Does it.
    ///
    /// # Errors
    ///
    /// When the sandbox does not answer, or has no such event.
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
    let answer = remote::ask(target.control(), Method::GET, &path, None).await?;
    let events = answer.get("events").and_then(Value::as_array).into_iter().flatten();
    for event in events.filter(|event| wanted(event)) {
        print(&event.to_string())?;
    }
    Ok(())
}
