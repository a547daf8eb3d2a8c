//! `cargo xtask test-interop`.

mod clients;
mod comparison;
mod play;
mod readme;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use crate::test_authorize_page::in_path;
use crate::workspace::XtaskError;
use clients::CLIENTS;
use play::Place;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The browser to use.
    #[arg(long, env = "CHROMIUM", default_value = "chromium")]
    chromium: PathBuf,
    /// Play only the clients whose name contains this.
    #[arg(long, default_value = "", hide_default_value = true)]
    client: String,
}

/// Runs a scenario with each client against a sandbox: without faults, again with the same seed, and with a fault. Prints a
/// table. Needs Python, Node, npm, PHP with curl, Ruby and Chromium.
pub(crate) fn run(arguments: &Arguments) -> Result<(), XtaskError> {
    let place = Place::prepare(in_path(&arguments.chromium)?)?;
    let begun = Instant::now();
    let mut table = Vec::new();
    for client in CLIENTS.iter().filter(|client| client.name.contains(&arguments.client)) {
        let request_log = place.request_log(client, "first");
        let first = place.play(client, None, &request_log)?;
        table.push((client.name.to_owned(), first));
        if client.is_repeatable {
            let again = place.request_log(client, "second");
            place.play(client, None, &again)?;
            comparison::check_equal(client.name, &request_log, &again)?;
        }
        if let Some(fault) = &client.fault {
            let request_log = place.request_log(client, "fault");
            let disturbed = place.play(client, Some(fault), &request_log)?;
            table.push((format!("{}, {}", client.name, fault.name), disturbed));
        }
    }
    if table.is_empty() {
        return Err(XtaskError::Command(format!("no client is called {}", arguments.client)));
    }
    table::print(&table);
    println!("{} runs in {} s", table.len(), begun.elapsed().as_secs());
    if arguments.client.is_empty() {
        readme::run(&place.sandbox, "python", &place.python, &place.folder.join("app.py"))?;
        readme::run(&place.sandbox, "js", Path::new("node"), &place.node.join("app.cjs"))?;
    }
    if table.iter().any(|(_, steps)| steps.values().any(|failed| failed.is_some())) {
        return Err(XtaskError::Command("a step of a client failed".to_owned()));
    }
    Ok(())
}
