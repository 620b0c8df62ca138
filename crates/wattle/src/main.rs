//! The `wattle` command: a context for people and scripts.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

mod agent;
mod args;
mod audit;
mod block;
mod conflicts;
mod demo;
mod edit;
mod export;
mod failure;
mod files;
mod grant;
mod history;
mod import;
mod init;
mod invite;
mod landing;
mod mcp;
mod members;
mod outcome;
mod place;
mod recover;
mod render;
mod rotate;
mod run;
mod screen;
mod sequencer;
mod session;
mod show;
mod signal;
mod status;
mod sync;
mod time;
mod typed;
mod up;
mod version;
mod watch;
mod who;
mod write;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let filter = EnvFilter::try_from_env("WATTLE_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    run::run(cli)
}
