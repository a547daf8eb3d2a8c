//! Vimeo for agents: tools that a model can use well and cannot misuse easily, from Rust, for model APIs, and as a server
//! of the Model Context Protocol.
//!
//! ```no_run
//! use serde_json::json;
//! use vimeo_agent::tools::Tools;
//! use vimeo_ext::Vimeo;
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let tools = Tools::for_account(Vimeo::from_env()?); // VIMEO_ACCESS_TOKEN
//! let definitions: Vec<_> = tools.available().map(|tool| tool.anthropic()).collect();
//! let answer = tools.call("vimeo_videos_search", json!({"query": "surf"})).await?;
//! let text = answer.to_text();
//! # Ok(())
//! # }
//! ```
//!
//! | module | has |
//! |---|---|
//! | [`tools`] | the tools themselves, each defined once, and how they are called |
//! | `mcp` | the server that gives them out, on standard streams and over HTTP |
//!
//! The client whose account the tools act for is that of the crate [`vimeo_ext`].
//!
//! # Features
//!
//! | feature | does |
//! |---|---|
//! | `rustls` (default) | TLS by rustls with the cryptography of ring; the other choices are features of vimeo-ext |
//! | `mcp` | the tools over the Model Context Protocol: `mcp` |
//! | `accounts` | serving the accounts of a store: those of vimeo-ext's feature `accounts` |
#![forbid(unsafe_code)]

#[cfg(feature = "mcp")]
pub mod mcp;
pub mod tools;
