//! The `wattle-sim` command.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::main(&cli::Args::parse())
}
