//! Why a command did not do it: one sentence each, and the exit code.

use std::io;
use std::path::PathBuf;

use wattle_context::json::JsonError;
use wattle_context::{EditError, PathError, VersionError};
use wattle_relay::StartError;
use wattle_sync::{
    AddressError, EditFailed, IdentityError, NotSettled, OpenError, ReadError, ResolveFailed,
};

use crate::landing::others;

/// Why a command did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing to work on.
    #[error(
        "there is no context in {} or above it: `wattle init` makes one, `wattle join LINK` takes part in one",
        from.display()
    )]
    NoContext {
        /// Where it was looked for.
        from: PathBuf,
    },
    /// `init` or `join` where there is one.
    #[error(
        "{} holds a context already: `wattle show` reads it; use another folder for another one",
        directory.display()
    )]
    Occupied {
        /// The context's folder.
        directory: PathBuf,
    },
    /// Threads and timers.
    #[error("the system gives no threads: {error}")]
    Runtime {
        /// Why.
        error: io::Error,
    },
    /// Ctrl-C and SIGTERM.
    #[error("signals cannot be received: {error}")]
    Signals {
        /// Why.
        error: io::Error,
    },
    /// The present folder is gone or closed.
    #[error("the present folder cannot be used: {error}")]
    Here {
        /// Why.
        error: io::Error,
    },
    /// A file that was named.
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that was to be written.
    #[error("{} cannot be written: {error}", file.display())]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Standard input.
    #[error("standard input cannot be read: {error}")]
    Input {
        /// Why.
        error: io::Error,
    },
    /// Standard output; a reader that has gone is no failure.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// What clap cannot know.
    #[error("{what}; see `wattle help`")]
    Usage {
        /// What is wrong.
        what: String,
    },
    /// Edits as JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A path that names nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path that leads to an item or field that is not there.
    #[error("{path} is not there")]
    Missing {
        /// The path.
        path: String,
    },
    /// A version that is not known here.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Files that an import left out.
    #[error("{files} of the files were not imported; the lines above say why")]
    NotImported {
        /// How many.
        files: usize,
    },
    /// No key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The context cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A document cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An edit was refused.
    #[error(transparent)]
    Edit(EditFailed),
    /// What was to be edited has changed since the version that was given.
    #[error(
        "{path} has changed since that version, by {by}: read it again (wattle show {path}), and edit what is there"
    )]
    Changed {
        /// What.
        path: String,
        /// Who, when and why.
        by: String,
    },
    /// A conflict was not settled.
    #[error(transparent)]
    Resolve(#[from] ResolveFailed),
    /// A link that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The other side was not reached, or not in time.
    #[error(transparent)]
    Settle(#[from] NotSettled),
    /// Nothing came of a context that was to be joined.
    #[error(
        "nothing came from {link}, and nothing was made here: {}",
        late.as_ref().map_or_else(|| "it does not have this context".to_owned(), NotSettled::to_string)
    )]
    NotJoined {
        /// The link.
        link: String,
        /// How far it came.
        late: Option<NotSettled>,
    },
    /// The relay of `up`.
    #[error(transparent)]
    Relay(#[from] StartError),
    /// An agent's program was not served.
    #[error(transparent)]
    Mcp(#[from] wattle_mcp::ServeError),
    /// What the demonstration claims did not come true.
    #[error("the demonstration failed: {claim}")]
    Claim {
        /// What should have been.
        claim: String,
    },
}

impl Failure {
    /// The exit code: 1 refused or not found, 2 usage, 3 changed since the version given.
    pub(crate) fn code(&self) -> u8 {
        if matches!(self, Self::Usage { .. }) {
            return 2;
        }
        if matches!(self, Self::Changed { .. }) { 3 } else { 1 }
    }

    /// Whether it is only that nobody reads on.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<EditFailed> for Failure {
    fn from(failed: EditFailed) -> Self {
        if let EditFailed::Refused(EditError::Changed { path, with, .. }) = failed {
            return Self::Changed { path, by: others(&with) };
        }
        Self::Edit(failed)
    }
}
