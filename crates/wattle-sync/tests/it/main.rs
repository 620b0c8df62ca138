//! Peers over real sockets, disks and processes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod access;
mod cable;
mod direct;
mod directory;
mod failures;
mod packs;
mod processes;
mod purge;
mod removed;
mod strangers;
mod support;
mod tls;
mod verify;
