//! The `wattle-relay` command: settings, contexts for agents, logs and signals around [`Relay::start`].

mod agents;
mod settings;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use wattle_relay::{Config, Relay, StartError};

use agents::AgentsError;
use settings::{Agents, Flags, LogFormat, SettingsError};

/// What an operator needs; rmcp takes every client that leaves for an error, and tells sessions' ids.
const LOG: &str = "info,rmcp=off";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even this cannot be written.
            writeln!(io::stderr(), "wattle-relay: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

/// Why the command ends with 1.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Agents(#[from] AgentsError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot {what}: {error}")]
    System { what: &'static str, error: io::Error },
}

fn run() -> Result<(), RunError> {
    let settings = Flags::parse().settle()?;
    log_to_stderr(settings.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| RunError::System { what: "start threads", error })?;
    runtime.block_on(serve(settings.config, settings.agents))
}

async fn serve(config: Config, agents: Option<Agents>) -> Result<(), RunError> {
    let agents = agents.map(|agents| agents::endpoint(&agents, &config.origins)).transpose()?;
    let mut terminate = listen_for(SignalKind::terminate())?;
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    let relay = Relay::start_with(config, agents).await?;
    writeln!(io::stdout(), "ready http://{}", relay.address())
        .map_err(|error| RunError::System { what: "write to standard output", error })?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    relay.stop().await;
    Ok(())
}

fn listen_for(kind: SignalKind) -> Result<Signal, RunError> {
    signal(kind).map_err(|error| RunError::System { what: "listen for signals", error })
}

/// `RUST_LOG` chooses what is logged; without it, what an operator needs.
fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(LOG));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}
