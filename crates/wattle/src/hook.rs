//! `wattle hook`: what an agent's program puts into a session.
//!
//! A hook must never stand in the way: whatever happens, it ends in time, with exit code 0, and what it
//! cannot do is one line on standard error. Exit code 2 would keep a prompt from the agent.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::runtime::Builder;
use wattle_mcp::{HookError, Told};
use wattle_sync::Peer;

use crate::args::clients::Hook;
use crate::failure::Failure;
use crate::session::{Acting, Session};

mod memory;

use memory::{Memory, MemoryError};

/// What stands in the history as the program; a hook writes nothing.
const CLIENT: &str = "wattle hook";
/// What Claude Code calls itself to the servers that it starts.
const PROGRAM: &str = "claude-code";
/// After this a hook gives up.
const DEADLINE: Duration = Duration::from_secs(2);
/// The longest input that is read: a prompt is in it.
const INPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Who looks at it by hand has no session.
const BY_HAND: &str = "by hand";

/// Why a hook has nothing to say.
#[derive(Debug, thiserror::Error)]
enum Silent {
    /// No context, no key, no store.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The context.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// What the session was told cannot be read or kept.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Standard input.
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
    /// Not what a client sends.
    #[error("standard input is not the JSON that a hook is given, with a session_id")]
    NoSession,
    /// Threads and timers.
    #[error("the system gives no threads: {0}")]
    Threads(io::Error),
}

/// What is printed, and what the session counts as told afterwards.
struct Said {
    text: Option<String>,
    then: Option<(Memory, Told)>,
}

/// What a client sends.
struct Input {
    session: String,
    /// Where the session works now.
    folder: Option<PathBuf>,
}

/// Runs a hook, and ends the process.
pub(crate) fn run(which: Hook, dir: Option<&Path>, acting: Acting) -> Result<(), Failure> {
    // A panic would be more than a line.
    std::panic::set_hook(Box::new(|_| {}));
    let (send, said) = channel();
    let dir = dir.map(Path::to_owned);
    thread::spawn(move || {
        // Nobody listens any more after the deadline.
        send.send(work(which, dir, acting)).ok();
    });
    match said.recv_timeout(DEADLINE) {
        Ok(Ok(said)) => print(said),
        Ok(Err(silent)) => tell(&silent.to_string()),
        Err(RecvTimeoutError::Timeout) => {
            tell(&format!("nothing is told: it takes longer than {} s", DEADLINE.as_secs()));
        }
        Err(RecvTimeoutError::Disconnected) => tell("nothing is told: it broke off"),
    }
    // Threads may still wait for the store or for standard input.
    process::exit(0)
}

fn print(said: Said) {
    if let Some(text) = said.text {
        let mut out = io::stdout().lock();
        if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
    // What was not printed does not count as told, so this comes last.
    if let Some((memory, told)) = said.then
        && let Err(error) = memory.keep(&told)
    {
        tell(&error.to_string());
    }
}

fn work(which: Hook, dir: Option<PathBuf>, acting: Acting) -> Result<Said, Silent> {
    let input = input()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Silent::Threads)?;
    let said = runtime.block_on(read(which, (dir, acting), input));
    // The process ends soon; closing the store takes longer than that.
    runtime.shutdown_background();
    said
}

async fn read(
    which: Hook,
    (dir, acting): (Option<PathBuf>, Acting),
    input: Option<Input>,
) -> Result<Said, Silent> {
    let (id, folder) = match &input {
        Some(input) => (input.session.as_str(), input.folder.as_deref()),
        None => (BY_HAND, None),
    };
    let found = match (&dir, folder) {
        (None, Some(folder)) => Session::below(folder, acting, CLIENT)?,
        (dir, _) => Session::find(dir.as_deref(), acting, CLIENT)?,
    };
    let peer = found.open().await?;
    let session = wattle_mcp::Session { program: PROGRAM.to_owned(), id: id.to_owned() };
    let memory = Memory::of(found.directory(), id);
    let (text, told) = match which {
        Hook::Brief => {
            let (text, told) = wattle_mcp::brief(peer, &session).await?;
            (Some(text), told)
        }
        Hook::Changes => changes(peer, &session, &memory).await?,
    };
    let keep = input.is_some();
    Ok(Said { text, then: keep.then_some((memory, told)) })
}

async fn changes(
    peer: Peer,
    session: &wattle_mcp::Session,
    memory: &Memory,
) -> Result<(Option<String>, Told), Silent> {
    // A session that was told nothing yet begins here.
    let Some(before) = memory.told()? else {
        return Ok((None, wattle_mcp::now(peer, session).await?));
    };
    match wattle_mcp::changes(peer.clone(), session, &before).await {
        Err(error @ HookError::Forgotten) => {
            memory.keep(&wattle_mcp::now(peer, session).await?)?;
            Err(error.into())
        }
        said => Ok(said?),
    }
}

/// What the client sends; none at a terminal, where a person looks.
fn input() -> Result<Option<Input>, Silent> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    stdin.lock().take(INPUT_BYTES_MAX).read_to_end(&mut bytes).map_err(Silent::Input)?;
    let json: Json = serde_json::from_slice(&bytes).map_err(|_| Silent::NoSession)?;
    let text = |name: &str| json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let session = text("session_id").ok_or(Silent::NoSession)?.to_owned();
    // The folder in which the client started its servers; the session may have gone elsewhere since.
    let project = env::var_os("CLAUDE_PROJECT_DIR").filter(|folder| !folder.is_empty());
    let folder = project.map(PathBuf::from).or_else(|| text("cwd").map(PathBuf::from));
    Ok(Some(Input { session, folder }))
}

/// Whether a hook is meant by arguments that are not understood.
pub(crate) fn is_meant() -> bool {
    let mut args = env::args_os().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--as" || arg == "--dir" {
            args.next();
        } else if !is_option(&arg) {
            return arg == "hook";
        }
    }
    false
}

fn is_option(arg: &OsString) -> bool {
    arg.to_string_lossy().starts_with('-')
}

/// Ends a hook whose arguments are not understood, as those of a newer version are.
pub(crate) fn misunderstood() -> ExitCode {
    tell("these arguments of a hook are not understood; see `wattle hook --help`");
    ExitCode::SUCCESS
}

fn tell(line: &str) {
    let line: Vec<&str> = line.split_whitespace().collect();
    // Without a standard error there is nobody to tell.
    writeln!(io::stderr(), "wattle hook: {}", line.join(" ")).ok();
}
