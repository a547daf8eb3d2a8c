//! Vimeo for agents: tools that a model can use well and cannot easily misuse, from Rust, for model APIs, and as a server of
//! the Model Context Protocol.
//!
//! ```no_run
//! use serde_json::json;
//! use vimeo_agent::tools::Tools;
//! use vimeo_ext::Vimeo;
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let tools = Tools::for_account(Vimeo::from_env()?); // VIMEO_ACCESS_TOKEN
//! let definitions: Vec<_> = tools.available().map(|tool| tool.anthropic()).collect();
//! let result = tools.call("vimeo_videos_search", json!({"query": "surf"})).await?;
//! let text = result.to_text();
//! # Ok(())
//! # }
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`tools`] | the tools, each defined once, and how to call them |
//! | `mcp` | an MCP server for the tools, on standard input and output and over HTTP |
//!
//! The tools act for the account of a client of the crate [`vimeo_ext`].
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `rustls` (default) | TLS with rustls and ring; vimeo-ext has features for other choices |
//! | `mcp` | the module `mcp`: the tools over the Model Context Protocol |
//! | `api` | the toolset `api`: all operations of the API through three tools; compiles all areas of vimeo-api |
//! | `accounts` | serving the accounts of an accounts store, with vimeo-ext's feature `accounts` |
#![forbid(unsafe_code)]

#[cfg(feature = "mcp")]
pub mod mcp;
pub mod tools;
