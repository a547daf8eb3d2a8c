//! The tools over the Model Context Protocol.

mod both;
mod consent;
mod foreign;
mod http;
mod stdio;
mod wire;
