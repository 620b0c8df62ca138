//! The real binary, driven as people and scripts do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

mod agents;
mod alone;
mod busy;
mod carried;
mod client;
mod connect;
mod demo;
mod desk;
mod files;
mod hook;
mod http;
mod import;
mod many;
mod mcp_tools;
mod owners;
mod resources;
mod rights;
mod secrets;
mod shared;
mod tasks;
mod told;
mod web;
