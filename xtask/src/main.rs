//! The maintainers' commands. `cargo xtask help` lists them.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod accounts_bench;
mod areas;
mod artifacts;
mod authorize_page;
mod build_cost;
mod bundle;
mod command_figures;
mod completions;
mod diff;
mod facts;
mod fault_matrix;
mod fresh;
mod fuzz;
mod install;
mod interop;
mod kill_test;
mod mcp_clients;
mod mcp_conformance;
mod mcp_start;
mod measure;
mod payloads;
mod picture;
mod regen;
mod running;
mod shared_limits;
mod stores;
mod tls;
mod tus_servers;
mod upload_bench;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// What maintainers do with this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Subcommand {
    /// Measure what a million accounts cost, with a PostgreSQL server of its own and in SQLite.
    AccountsBench(accounts_bench::Arguments),
    /// Generate the source of vimeo-api from openapi/, or a crate elsewhere from another description.
    Regen(regen::Arguments),
    /// Compile vimeo-api with each area alone.
    Areas,
    /// Try the local Vimeo's authorize page in a browser.
    AuthorizePage(authorize_page::Arguments),
    /// Compare what a first program costs to build with what one with octocrab costs; or the generated crate with
    /// progenitor's own output.
    BuildCost(build_cost::Arguments),
    /// Print openapi/ as one JSON document.
    Bundle,
    /// Measure the command as it is given to people: its size, its help, its memory; fails when a figure is missed.
    CommandFigures(command_figures::Arguments),
    /// Type into bash and zsh and see what a Tab completes; needs both.
    Completions,
    /// Say what changed between two descriptions.
    Diff(diff::Arguments),
    /// Say which facts of openapi/facts the description lacks.
    Facts(facts::Arguments),
    /// Run the MCP server under the official TypeScript and Python clients and the protocol's conformance suite; needs Node
    /// and Python.
    McpClients,
    /// Measure how soon `vimeo mcp` gives its first answer.
    McpStart(mcp_start::Arguments),
    /// Decode recorded answers and say what of them does not fit.
    Payloads(payloads::Arguments),
    /// Break the line at every place of an upload and show what came of it.
    FaultMatrix,
    /// Measure the README's two commands in a new clone, with nothing downloaded and nothing built.
    Fresh(fresh::Arguments),
    /// Run the fuzz targets; needs cargo-fuzz.
    Fuzz(fuzz::Arguments),
    /// Let clients that others wrote play a scenario against the local Vimeo.
    Interop,
    /// Kill an upload at random moments until it is done.
    KillTest(kill_test::Arguments),
    /// Build a program with each choice of TLS and let it call a server over https.
    Tls,
    /// Upload to a tus server, and with a tus client, that others wrote.
    TusServers,
    /// Draw the front page's picture of a terminal run: vimeo-ext/cli/terminal.svg.
    Picture,
    /// Let four processes use up the limits of many accounts together, through each durable store.
    SharedBudgets(shared_limits::Arguments),
    /// Run the tests of the durable stores, or a command, with a PostgreSQL server of its own.
    Stores(stores::Arguments),
    /// Measure an upload beside curl and the official Python library.
    UploadBench(upload_bench::Arguments),
}

fn main() -> ExitCode {
    let done = match Subcommand::parse() {
        Subcommand::AccountsBench(arguments) => accounts_bench::run(&arguments),
        Subcommand::Regen(arguments) => regen::run(&arguments),
        Subcommand::Areas => areas::run(),
        Subcommand::AuthorizePage(arguments) => authorize_page::run(&arguments),
        Subcommand::BuildCost(arguments) => build_cost::run(&arguments),
        Subcommand::Bundle => bundle::run(),
        Subcommand::CommandFigures(arguments) => command_figures::run(&arguments),
        Subcommand::Completions => completions::run(),
        Subcommand::Diff(arguments) => diff::run(&arguments),
        Subcommand::Facts(arguments) => facts::run(&arguments),
        Subcommand::McpClients => mcp_clients::run(),
        Subcommand::McpStart(arguments) => mcp_start::run(&arguments),
        Subcommand::Payloads(arguments) => payloads::run(&arguments),
        Subcommand::FaultMatrix => fault_matrix::run(),
        Subcommand::Fresh(arguments) => fresh::run(&arguments),
        Subcommand::Fuzz(arguments) => fuzz::run(&arguments),
        Subcommand::Interop => interop::run(),
        Subcommand::KillTest(arguments) => kill_test::run(&arguments),
        Subcommand::Tls => tls::run(),
        Subcommand::TusServers => tus_servers::run(),
        Subcommand::Picture => picture::run(),
        Subcommand::SharedBudgets(arguments) => shared_limits::run(&arguments),
        Subcommand::Stores(arguments) => stores::run(&arguments),
        Subcommand::UploadBench(arguments) => upload_bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}
