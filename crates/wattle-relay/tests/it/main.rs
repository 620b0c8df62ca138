//! The relay as its users meet it: real processes and real sockets.

mod client;
mod compaction;
mod crowd;
mod disk;
mod embedded;
mod exchange;
mod http;
mod kill;
mod process;
mod refusals;
mod settings;
mod startup;
mod writer;
