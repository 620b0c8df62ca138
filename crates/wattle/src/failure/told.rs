//! A failure as programs read it: `--json` puts one line of JSON on standard error.

use clap::error::ErrorKind;
use serde_json::{Value as Json, json};
use wattle_context::{EditError, ResolveError};
use wattle_mcp::http::TokenError;
use wattle_sync::task::TaskFailed;
use wattle_sync::{EditFailed, OpenError, ResolveFailed};

use super::{Failure, USAGE};
use crate::connect::ConnectError;

impl Failure {
    /// The kind, the sentence and the exit code.
    pub(crate) fn told(&self) -> Json {
        told(self.kind(), &self.to_string(), self.code())
    }

    /// What a program can act on. The list is in `docs/scripts.md`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Usage { .. } | Self::Connect(ConnectError::NotAsked) => "usage",
            Self::NoContext { .. } | Self::Open(OpenError::NotFound { .. }) => "no_context",
            Self::Occupied { .. } | Self::Open(OpenError::Exists { .. }) => "occupied",
            Self::Changed { .. } | Self::FileChanged { .. } => "changed",
            Self::Missing { .. }
            | Self::Path(_)
            | Self::Version(_)
            | Self::Nobody { .. }
            | Self::NoMember { .. }
            | Self::Token(TokenError::Unknown { .. }) => "not_found",
            Self::Secrets { .. } => "secret",
            Self::Edit(failed) | Self::Resolve(ResolveFailed::Failed(failed)) => of_edit(failed),
            Self::Resolve(ResolveFailed::Refused(error)) => of_settlement(error),
            Self::Task(failed) => of_task(failed),
            Self::NotAllowed { .. }
            | Self::NotInvited { .. }
            | Self::Access(_)
            | Self::AgentActs { .. }
            | Self::NoRecovery
            | Self::Open(OpenError::NotAdmitted { .. }) => "not_allowed",
            Self::NotHeld { .. } => "not_held",
            Self::Settle(_) | Self::NotJoined { .. } | Self::NotMet { .. } => "unreached",
            Self::Json(_)
            | Self::Address(_)
            | Self::Malformed(_)
            | Self::Ambiguous { .. }
            | Self::Nameless { .. }
            | Self::NotImported { .. }
            | Self::Connect(
                ConnectError::NoUrl { .. }
                | ConnectError::NoVariable { .. }
                | ConnectError::NoRemote,
            ) => "invalid",
            Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::NotText { .. }
            | Self::Block { .. }
            | Self::ForeignBlock { .. }
            | Self::UnknownBase { .. }
            | Self::Quoted { .. }
            | Self::NoBlock { .. }
            | Self::Connect(_)
            | Self::Token(_) => "file",
            Self::Identity(_) => "identity",
            Self::Open(_)
            | Self::Read(_)
            | Self::Pack(_)
            | Self::Unpack(_)
            | Self::Verify(_)
            | Self::NotVerified { .. } => "store",
            Self::Runtime { .. }
            | Self::Signals { .. }
            | Self::Here { .. }
            | Self::Input { .. }
            | Self::Output(_)
            | Self::Unwatched { .. }
            | Self::Relay(_)
            | Self::Mcp(_)
            | Self::Claim { .. } => "system",
        }
    }
}

/// What was typed and means nothing; none if it asks for help.
pub(crate) fn mistyped(error: &clap::Error) -> Option<Json> {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return None;
    }
    let text = error.to_string();
    // What follows the first blank line is for people.
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let sentence = first.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(told("usage", &sentence, USAGE))
}

fn told(kind: &str, sentence: &str, exit: u8) -> Json {
    json!({ "error": { "kind": kind, "message": sentence, "exit": exit } })
}

fn of_edit(failed: &EditFailed) -> &'static str {
    match failed {
        EditFailed::Refused(error) => of_edits(error),
        EditFailed::NotAllowed { .. }
        | EditFailed::NotYetMember
        | EditFailed::NoMember { .. }
        | EditFailed::Ended { .. }
        | EditFailed::Past { .. }
        | EditFailed::OverBudget { .. } => "not_allowed",
        EditFailed::TooMuch { .. } | EditFailed::Panicked => "invalid",
        EditFailed::Unreadable(_) | EditFailed::Store(_) => "store",
        EditFailed::NoRandomness | EditFailed::Closed => "system",
    }
}

fn of_edits(error: &EditError) -> &'static str {
    match error {
        EditError::Path(_) | EditError::UnknownVersion { .. } | EditError::Deleted { .. } => {
            "not_found"
        }
        EditError::Secret { .. } => "secret",
        EditError::Changed { .. } => "changed",
        EditError::NotLoaded { .. } | EditError::Damaged { .. } => "store",
        EditError::TooManyEdits { .. }
        | EditError::TooLong { .. }
        | EditError::WrongValue { .. }
        | EditError::Unfit { .. }
        | EditError::Passage { .. }
        | EditError::OutOfText { .. }
        | EditError::NoBase { .. } => "invalid",
    }
}

fn of_settlement(error: &ResolveError) -> &'static str {
    match error {
        ResolveError::Unknown { .. } | ResolveError::UnknownCandidate { .. } => "not_found",
        ResolveError::KeepOne { .. } => "invalid",
        ResolveError::Edit(error) => of_edits(error),
    }
}

fn of_task(failed: &TaskFailed) -> &'static str {
    match failed {
        TaskFailed::Missing { .. } | TaskFailed::NoClaim { .. } => "not_found",
        TaskFailed::Edit(failed) => of_edit(failed),
        TaskFailed::Read(_) => "store",
        TaskFailed::NoRandomness | TaskFailed::Record(_) => "system",
    }
}
