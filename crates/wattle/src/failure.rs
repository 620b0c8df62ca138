//! Why a command did not do it: one sentence each, and the exit code.

use std::io;
use std::path::PathBuf;

use wattle_context::json::JsonError;
use wattle_context::{EditError, PathError, VersionError};
use wattle_relay::StartError;
use wattle_sync::pack::{MalformedPack, PackError, UnpackError};
use wattle_sync::task::TaskFailed;
use wattle_sync::{
    AccessFailed, AddressError, Code, EditFailed, IdentityError, NotSettled, OpenError, ReadError,
    Refusal, ResolveFailed, VerifyError,
};

use crate::block::BlockError;
use crate::connect::ConnectError;
use crate::landing::others;

pub(crate) mod told;

/// The exit code of what was typed wrongly.
pub(crate) const USAGE: u8 = 2;

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
    /// A full export that is damaged.
    #[error(transparent)]
    Malformed(#[from] MalformedPack),
    /// A context that cannot be exported in full.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A full export that is not taken in.
    #[error("nothing was made here: {0}")]
    Unpack(#[from] UnpackError),
    /// Files with secrets in them.
    #[error(
        "nothing was imported: {}. A context is kept by everyone for ever: take the secret out of the file, or write where it is found",
        found.join("; ")
    )]
    Secrets {
        /// Where which: `AGENTS.md:12 holds a GitHub token (ghp_…)`.
        found: Vec<String>,
    },
    /// A managed block that cannot be made out.
    #[error("{}, {error}; nothing was changed", file.display())]
    Block {
        /// In which file.
        file: PathBuf,
        /// What is wrong.
        error: BlockError,
    },
    /// A managed block of another context.
    #[error("{}, line {line}: the managed block is of another context ({context}…); nothing was changed", file.display())]
    ForeignBlock {
        /// In which file.
        file: PathBuf,
        /// Where.
        line: usize,
        /// The beginning of that context's id.
        context: String,
    },
    /// A managed block that was edited, and what was written there is not known here.
    #[error(
        "{}, line {line}: the managed block was edited, and the version that it was made from is not here yet: `wattle sync --once` brings it; nothing was changed",
        file.display()
    )]
    UnknownBase {
        /// In which file.
        file: PathBuf,
        /// Where.
        line: usize,
    },
    /// A quotation in a managed block was edited.
    #[error(
        "{}, line {line}: what is quoted there cannot be edited in the file: put a plain line in its place, or use `wattle edit {path}`; nothing was changed",
        file.display()
    )]
    Quoted {
        /// In which file.
        file: PathBuf,
        /// Where.
        line: usize,
        /// Which item.
        path: String,
    },
    /// The managed block of a file that is kept equal is gone.
    #[error(
        "{}: the managed block is gone; nothing is written there until it is back: `wattle export --into` makes it anew",
        file.display()
    )]
    NoBlock {
        /// Which.
        file: PathBuf,
    },
    /// The system does not tell of changes of files.
    #[error("files cannot be watched: {error}")]
    Unwatched {
        /// Why.
        error: notify::Error,
    },
    /// Somebody wrote the file at the same moment.
    #[error("{} was changed just now: run it again", file.display())]
    FileChanged {
        /// Which.
        file: PathBuf,
    },
    /// A file that is no text.
    #[error("{} is not UTF-8 text", file.display())]
    NotText {
        /// Which.
        file: PathBuf,
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
    /// Nothing was made of a claim.
    #[error(transparent)]
    Task(TaskFailed),
    /// A claim that does not hold.
    #[error("{sentence}")]
    NotHeld {
        /// Who holds the task instead.
        sentence: String,
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
    /// An invitation that cannot be taken up.
    #[error("{refused}; nothing was made here")]
    NotInvited {
        /// Why, and what to do.
        refused: String,
    },
    /// The log of rights does not allow it.
    #[error("{reason}{}", advice.map_or_else(String::new, |advice| format!(": {advice}")))]
    NotAllowed {
        /// Why.
        reason: String,
        /// What to do.
        advice: Option<&'static str>,
    },
    /// A wish for the log of rights that was not even judged.
    #[error(transparent)]
    Access(AccessFailed),
    /// A word that names no member and no invitation.
    #[error("nobody here is called {word}, and no key begins with it; members are: {}", known.join(", "))]
    Nobody {
        /// The word.
        word: String,
        /// Names that could have been meant.
        known: Vec<String>,
    },
    /// A word that names several.
    #[error("{word} could be {}: say more of the key", candidates.join(" or "))]
    Ambiguous {
        /// The word.
        word: String,
        /// Whom it could mean.
        candidates: Vec<String>,
    },
    /// A key that is new here, and has no name.
    #[error("{key} is new here: what is it called? Add --name NAME")]
    Nameless {
        /// The key.
        key: String,
    },
    /// What was named is not a member.
    #[error("{word} is no member; `wattle members` lists them")]
    NoMember {
        /// The word.
        word: String,
    },
    /// An agent tried what only its person does.
    #[error("{name} is an agent, and agents give no rights and have no agents: do it without --as")]
    AgentActs {
        /// The agent.
        name: String,
    },
    /// A key that is no owner of the context.
    #[error("that key is no owner of this context: is it the recovery key of another one?")]
    NoRecovery,
    /// Nobody answers at an address, or not as a replica.
    #[error("{address} was not reached, so its key is not known")]
    NotMet {
        /// The address.
        address: String,
    },
    /// A store of which something does not hold.
    #[error("{problems} facts do not hold; the lines above say which")]
    NotVerified {
        /// How many.
        problems: usize,
    },
    /// A store that cannot be checked.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The relay of `up`.
    #[error(transparent)]
    Relay(#[from] StartError),
    /// An agent's program was not served.
    #[error(transparent)]
    Mcp(#[from] wattle_mcp::ServeError),
    /// A client was not connected.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The tokens of agents.
    #[error(transparent)]
    Token(#[from] wattle_mcp::http::TokenError),
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
        if matches!(self, Self::Usage { .. } | Self::Connect(ConnectError::NotAsked)) {
            return USAGE;
        }
        if matches!(self, Self::Changed { .. }) { 3 } else { 1 }
    }

    /// Of a link that was not let in: what is wrong with the invitation, and what to do.
    pub(crate) fn refused_link(error: OpenError) -> Self {
        let OpenError::NotAdmitted { refusal } = &error else { return Self::Open(error) };
        Self::not_admitted(refusal)
    }

    /// Of an invitation that was not honoured.
    pub(crate) fn not_admitted(refusal: &Refusal) -> Self {
        let known = INVITATIONS.iter().find(|(code, _)| *code == refusal.code);
        let refused = known.map_or(refusal.reason.as_str(), |(_, sentence)| sentence);
        Self::NotInvited { refused: refused.to_owned() }
    }

    /// Whether it is only that nobody reads on.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What is wrong with an invitation, and what to do.
const INVITATIONS: &[(Code, &str)] = &[
    (Code::UsedUp, "this invitation has been used up: ask for another link"),
    (Code::Expired, "this invitation has expired: ask for another link"),
    (
        Code::Revoked,
        "this invitation was withdrawn, or your key has lost its rights here: ask who sent it",
    ),
    (
        Code::Unknown,
        "there is no such context or invitation there, or the link was not copied whole",
    ),
    (Code::Replayed, "you are a member already: join with the link up to the `#`"),
];

/// What to do about a refusal of the log of rights.
const ADVICE: &[(Code, &str)] = &[
    (Code::Forbidden, "`wattle whoami` says what you may do; a maintainer or an owner can do more"),
    (
        Code::Excess,
        "give a lower role, or sections one by one, as in `read=tasks,documents;write=tasks`; `wattle whoami` says what you hold",
    ),
    (Code::SelfGrant, "ask another owner or maintainer"),
    (
        Code::Revoked,
        "such a key never comes back; somebody who may invite makes a link for a new one",
    ),
    (Code::Expired, "choose a later end"),
];

impl From<AccessFailed> for Failure {
    fn from(failed: AccessFailed) -> Self {
        let AccessFailed::Refused { refusal } = failed else { return Self::Access(failed) };
        let advice = ADVICE.iter().find(|(code, _)| *code == refusal.code);
        Self::NotAllowed { reason: refusal.reason, advice: advice.map(|(_, advice)| *advice) }
    }
}

impl From<TaskFailed> for Failure {
    fn from(failed: TaskFailed) -> Self {
        match failed {
            TaskFailed::Edit(failed) => failed.into(),
            TaskFailed::Read(failed) => failed.into(),
            failed @ (TaskFailed::Missing { .. }
            | TaskFailed::NoClaim { .. }
            | TaskFailed::NoRandomness
            | TaskFailed::Record(_)) => Self::Task(failed),
        }
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
