//! The relay as its users meet it: real processes and real sockets.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod agents;
mod audit;
mod client;
mod compaction;
mod crowd;
mod disk;
mod embedded;
mod exchange;
mod fanout;
mod http;
mod jwt;
mod kill;
mod modes;
mod process;
mod refusals;
mod rights;
mod settings;
mod startup;
mod tokens;
mod writer;
