//! From what was typed to the command, and from its end to the exit code.

use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use crate::args::mcp::{Mcp, McpCommand};
use crate::args::{self, Cli, Command};
use crate::failure::Failure;
use crate::screen::{Form, Screen};
use crate::session::{Acting, Session};
use crate::{agent, audit, grant, invite, members, recover, rotate, sequencer};
use crate::{
    conflicts, connect, demo, edit, export, history, hook, import, init, mcp, show, status, sync,
    task, token, up, watch,
};

/// What stands in the history as the program.
pub(crate) const CLIENT: &str = "wattle";

/// Runs the command; a failure is one sentence on standard error, or one line of JSON.
#[expect(clippy::print_stderr, reason = "the one place where a failure is told")]
pub(crate) fn run(cli: Cli) -> ExitCode {
    let form = cli.everywhere.form();
    let done = runtime().and_then(|runtime| runtime.block_on(command(cli)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            match form {
                Form::Text => eprintln!("wattle: {failure}"),
                Form::Json => eprintln!("{}", failure.told()),
            }
            ExitCode::from(failure.code())
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime { error })
}

#[expect(clippy::cognitive_complexity, reason = "flat: one line per command")]
async fn command(cli: Cli) -> Result<(), Failure> {
    let screen = &mut Screen::new(cli.everywhere.form());
    let dir = cli.everywhere.dir.as_deref();
    let acting = Acting(cli.everywhere.whose);
    let session = |client| Session::find(dir, acting.clone(), client);
    match cli.command {
        Command::Init(args) => init::init((dir, &acting), args, screen).await,
        Command::Join(args) => init::join((dir, &acting), args, screen).await,
        Command::Recover(args) => recover::run((dir, &acting), args, screen).await,
        Command::Invite(args) => invite::run(&session(CLIENT)?, args, screen).await,
        Command::Members => members::run(&session(CLIENT)?, screen).await,
        Command::Grant(args) => grant::grant(&session(CLIENT)?, args, screen).await,
        Command::Revoke(args) => grant::revoke(&session(CLIENT)?, args, screen).await,
        Command::Rotate => rotate::run(&session(CLIENT)?, screen).await,
        Command::Whoami => members::whoami(&session(CLIENT)?, screen).await,
        Command::Agent(args) => agent::run(&session(CLIENT)?, args, screen).await,
        Command::Sequencer(args) => sequencer::run(&session(CLIENT)?, args, screen).await,
        Command::Audit(args) => audit::run((|| session(CLIENT), dir), args, screen).await,
        Command::Up(args) => up::run(&session(CLIENT)?, args, screen).await,
        Command::Sync(args) => sync::run(&session(CLIENT)?, args, screen).await,
        Command::Status => status::run(&session(CLIENT)?, screen).await,
        Command::Show(args) => show::run(&session(CLIENT)?, args, screen).await,
        Command::Edit(args) => edit::run(&session(CLIENT)?, args, screen).await,
        Command::Watch(args::Watch { files: Some(files) }) => {
            watch::files::run(&session(import::CLIENT)?, files, screen).await
        }
        Command::Watch(args::Watch { files: None }) => watch::run(&session(CLIENT)?, screen).await,
        Command::Conflicts => conflicts::list(&session(CLIENT)?, screen).await,
        Command::Resolve(args) => conflicts::settle(&session(CLIENT)?, args, screen).await,
        Command::Log(args) => history::log(&session(CLIENT)?, args, screen).await,
        Command::Diff(args) => history::diff(&session(CLIENT)?, args, screen).await,
        Command::Task(args) => task::run(&session(CLIENT)?, args, screen).await,
        Command::Fence(args) => task::fence(&session(CLIENT)?, args, screen).await,
        Command::Import(args) => match import::full::given(&args)? {
            Some(packed) => import::full::run(dir, &packed, (&args, screen)),
            None => import::run(&session(import::CLIENT)?, args, screen).await,
        },
        Command::Export(args) => export::run(&session(CLIENT)?, args, screen).await,
        Command::Mcp(Mcp { command: None }) => mcp::run(dir, acting).await,
        Command::Mcp(Mcp { command: Some(McpCommand::Token(args)) }) => {
            token::run(&session(CLIENT)?, args, screen)
        }
        Command::Connect(args) => connect::connect((dir, &acting), args, screen),
        Command::Disconnect(args) => connect::disconnect(dir, args, screen),
        Command::Hook(which) => hook::run(which, dir, acting),
        Command::Demo(args) => demo::run(args, screen).await,
    }
}
