//! Maintenance commands. `cargo xtask help` lists them.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod artifacts;
mod bench_accounts;
mod bench_build;
mod bench_command;
mod bench_fresh_clone;
mod bench_mcp_start;
mod bench_upload;
mod bundle;
mod check_facts;
mod check_features;
mod check_payloads;
mod diff;
mod fuzz;
mod install;
mod mcp_conformance;
mod measure;
mod package_mcp;
mod process;
mod regen;
mod sandbox_process;
mod screenshot;
mod test_agent_frameworks;
mod test_authorize_page;
mod test_completions;
mod test_connector;
mod test_connector_load;
mod test_connector_page;
mod test_fault_matrix;
mod test_interop;
mod test_kill;
mod test_mcp;
mod test_mcp_packages;
mod test_sandbox_packages;
mod test_sandbox_page;
mod test_schemathesis;
mod test_shared_limits;
mod test_stores;
mod test_tls;
mod test_tus;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Maintenance commands of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Subcommand {
    /// Generate vimeo-api from openapi/, or a separate crate from another description.
    Regen(regen::Arguments),
    /// Print openapi/ as one JSON document.
    Bundle,
    /// Compare two descriptions.
    #[command(alias = "drift")]
    Diff(diff::Arguments),
    /// List the facts of openapi/facts that the description lacks.
    #[command(alias = "facts")]
    CheckFacts(check_facts::Arguments),
    /// Compile vimeo-api with each area's feature alone.
    #[command(alias = "areas")]
    CheckFeatures,
    /// Decode recorded responses and report schema mismatches.
    #[command(alias = "payloads")]
    CheckPayloads(check_payloads::Arguments),
    /// Run the fuzz targets. Needs cargo-fuzz.
    Fuzz(fuzz::Arguments),
    /// Test the sandbox's login page in a browser.
    #[command(alias = "authorize-page")]
    TestAuthorizePage(test_authorize_page::Arguments),
    /// Test tab completion in bash and zsh.
    #[command(alias = "completions")]
    TestCompletions,
    /// Have programs in other languages play the connector's story: accounts, tools, connections, uploads. Needs Node, Python
    /// and Chromium.
    TestConnector(test_connector::Arguments),
    /// Kill one of two processes of `vimeo serve` under load, and look for what was lost or doubled. Needs PostgreSQL.
    TestConnectorLoad(test_connector_load::Arguments),
    /// Inject every fault at every point of an upload and print the outcomes.
    #[command(alias = "fault-matrix")]
    TestFaultMatrix,
    /// Test the sandbox with client libraries of other projects, in Python, Node, PHP, Ruby and Chromium.
    #[command(alias = "interop")]
    TestInterop(test_interop::Arguments),
    /// Kill an upload at random moments until it completes.
    #[command(alias = "kill-test")]
    TestKill(test_kill::Arguments),
    /// Test the MCP server with the official TypeScript and Python clients and the conformance suite. Needs Node and Python.
    #[command(alias = "mcp-clients")]
    TestMcp,
    /// Write the bundle of the MCP server for desktop clients and its entry for the MCP registry. Needs Node.
    PackageMcp(package_mcp::Arguments),
    /// Test the MCP server's bundle, its registry entry and the skill for agents. Needs Node and Python.
    TestMcpPackages,
    /// Test the recipes of docs/agents.md with LangChain, the OpenAI Agents SDK, the Vercel AI SDK and rig. Needs Node and Python.
    TestAgentFrameworks,
    /// Test the sandbox's packages for pytest and npm. Needs Node and Python.
    TestSandboxPackages,
    /// Test the connector's page for the operator in a browser.
    TestConnectorPage(test_connector_page::Arguments),
    /// Test the sandbox's page in a browser.
    TestSandboxPage(test_sandbox_page::Arguments),
    /// Test the sandbox with requests that schemathesis generates from the description. Needs Python.
    TestSchemathesis(test_schemathesis::Arguments),
    /// Have four processes use up the rate limits of many accounts through each durable store.
    #[command(aliases = ["shared-limits", "shared-budgets"])]
    TestSharedLimits(test_shared_limits::Arguments),
    /// Run the tests of the durable stores, or a command, with a temporary PostgreSQL server.
    #[command(alias = "stores")]
    TestStores(test_stores::Arguments),
    /// Build a program with each TLS feature and call a server over https.
    #[command(alias = "tls")]
    TestTls,
    /// Test uploads with a tus server and a tus client of other projects. Needs Node.
    #[command(alias = "tus-servers")]
    TestTus,
    /// Measure a million accounts in SQLite and in a temporary PostgreSQL server.
    #[command(alias = "accounts-bench")]
    BenchAccounts(bench_accounts::Arguments),
    /// Compare the build cost of a first program with that of octocrab, or of the generated crate with progenitor's output.
    #[command(alias = "build-cost")]
    BenchBuild(bench_build::Arguments),
    /// Measure the release command: size, help and memory. Fails if a limit is exceeded.
    #[command(alias = "command-figures")]
    BenchCommand(bench_command::Arguments),
    /// Measure the README's two commands in a new clone with empty caches.
    #[command(alias = "fresh")]
    BenchFreshClone(bench_fresh_clone::Arguments),
    /// Measure how soon `vimeo mcp` sends its first response.
    #[command(alias = "mcp-start")]
    BenchMcpStart(bench_mcp_start::Arguments),
    /// Compare an upload with curl and the official Python library.
    #[command(alias = "upload-bench")]
    BenchUpload(bench_upload::Arguments),
    /// Draw the README's picture of a terminal session: vimeo-ext/cli/terminal.svg.
    #[command(alias = "picture")]
    Screenshot,
}

fn main() -> ExitCode {
    let done = match Subcommand::parse() {
        Subcommand::BenchAccounts(arguments) => bench_accounts::run(&arguments),
        Subcommand::Regen(arguments) => regen::run(&arguments),
        Subcommand::CheckFeatures => check_features::run(),
        Subcommand::TestAuthorizePage(arguments) => test_authorize_page::run(&arguments),
        Subcommand::BenchBuild(arguments) => bench_build::run(&arguments),
        Subcommand::Bundle => bundle::run(),
        Subcommand::BenchCommand(arguments) => bench_command::run(&arguments),
        Subcommand::TestConnectorLoad(arguments) => test_connector_load::run(&arguments),
        Subcommand::TestCompletions => test_completions::run(),
        Subcommand::TestConnector(arguments) => test_connector::run(&arguments),
        Subcommand::Diff(arguments) => diff::run(&arguments),
        Subcommand::CheckFacts(arguments) => check_facts::run(&arguments),
        Subcommand::TestMcp => test_mcp::run(),
        Subcommand::TestMcpPackages => test_mcp_packages::run(),
        Subcommand::PackageMcp(arguments) => package_mcp::run(&arguments),
        Subcommand::TestAgentFrameworks => test_agent_frameworks::run(),
        Subcommand::BenchMcpStart(arguments) => bench_mcp_start::run(&arguments),
        Subcommand::CheckPayloads(arguments) => check_payloads::run(&arguments),
        Subcommand::TestFaultMatrix => test_fault_matrix::run(),
        Subcommand::BenchFreshClone(arguments) => bench_fresh_clone::run(&arguments),
        Subcommand::Fuzz(arguments) => fuzz::run(&arguments),
        Subcommand::TestInterop(arguments) => test_interop::run(&arguments),
        Subcommand::TestKill(arguments) => test_kill::run(&arguments),
        Subcommand::TestTls => test_tls::run(),
        Subcommand::TestTus => test_tus::run(),
        Subcommand::Screenshot => screenshot::run(),
        Subcommand::TestSandboxPackages => test_sandbox_packages::run(),
        Subcommand::TestConnectorPage(arguments) => test_connector_page::run(&arguments),
        Subcommand::TestSandboxPage(arguments) => test_sandbox_page::run(&arguments),
        Subcommand::TestSchemathesis(arguments) => test_schemathesis::run(&arguments),
        Subcommand::TestSharedLimits(arguments) => test_shared_limits::run(&arguments),
        Subcommand::TestStores(arguments) => test_stores::run(&arguments),
        Subcommand::BenchUpload(arguments) => bench_upload::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.code())
        }
    }
}
