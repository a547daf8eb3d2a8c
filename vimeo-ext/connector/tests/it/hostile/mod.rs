//! Hostile input: every route with wrong keys, foreign accounts, invalid identifiers and invalid bodies.
//!
//! `routes.rs` has a sample of every route. A new route needs one, and is then attacked like the others.

mod bodies;
mod client;
mod identifiers;
mod keys;
mod routes;
mod table;
mod tokens_and_streams;
