//! The `wattle` command: a context for people and scripts.

use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

mod agent;
mod args;
mod audit;
mod block;
mod conflicts;
mod connect;
mod demo;
mod edit;
mod export;
mod failure;
mod files;
mod grant;
mod history;
mod hook;
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
mod task;
mod time;
mod token;
mod typed;
mod up;
mod version;
mod watch;
mod who;
mod write;

/// What is logged unless somebody asks for more; rmcp takes every client that leaves for an error.
const LOG: &str = "error,rmcp=off";

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && hook::is_meant() => return hook::misunderstood(),
        Err(error) => return mistyped(&error),
    };
    let filter = EnvFilter::try_from_env("WATTLE_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    run::run(cli)
}

/// Says what was typed wrongly, or helps.
#[expect(clippy::print_stderr, reason = "nobody else could say it")]
fn mistyped(error: &clap::Error) -> ExitCode {
    let mut typed = env::args_os().take_while(|word| word != "--");
    match failure::told::mistyped(error).filter(|_| typed.any(|word| word == "--json")) {
        Some(told) => {
            eprintln!("{told}");
            ExitCode::from(failure::USAGE)
        }
        None => error.exit(),
    }
}
