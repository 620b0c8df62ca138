//! Why nothing was written.

use wattle_context::{EditError, Section};
use wattle_protocol::PublicKey;
use wattle_protocol::access::End;
use wattle_store::StoreError;

use super::ReadError;
use crate::role::Role;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EditFailed {
    /// The edits do not fit the context.
    #[error(transparent)]
    Refused(#[from] EditError),
    /// What they build on could not be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Together they make a change that no replica would take.
    #[error("the edits make a change that no replica takes: {source}")]
    TooMuch {
        /// What is wrong with it.
        source: wattle_protocol::change::HeaderError,
    },
    /// The role does not allow it. Every replica would refuse it, so it is not made.
    #[error("the role {role} may not write {section}: {}", who_may(section, may))]
    NotAllowed {
        /// What the key may do.
        role: Role,
        /// What it may not write.
        section: Section,
        /// Members that may, by name, where they have one.
        may: Vec<String>,
    },
    /// The invitation has not been taken up yet.
    #[error(
        "not a member yet: the invitation has not been taken up, because nobody who can do that was reached"
    )]
    NotYetMember,
    /// The key is no member's.
    #[error(
        "the key {key} has no role in this context: ask for an invitation, or for a grant to it"
    )]
    NoMember {
        /// The key that would edit.
        key: PublicKey,
    },
    /// The key's rights have ended, for ever.
    #[error("the rights of this key have ended ({}): who comes back comes with another key", how_ended(*how, *entry))]
    Ended {
        /// How; none when those of its sponsor have.
        how: Option<End>,
        /// By which entry of the access log; that of the sponsor's end is not known here.
        entry: Option<u64>,
    },
    /// The end date is past; the entry that says so is on its way.
    #[error("the rights of this key ended {} s ago, at their date", now.saturating_sub(*until))]
    Past {
        /// The end: seconds since 1970.
        until: u64,
        /// Now: seconds since 1970.
        now: u64,
    },
    /// More edits than the key may make in a minute.
    #[error(
        "the budget of {per_minute} edits per minute is used up: the next one is possible in {wait_ms} ms"
    )]
    OverBudget {
        /// The budget.
        per_minute: u32,
        /// How long until there is some again.
        wait_ms: u64,
    },
    /// The system gives no randomness for the id of an item.
    #[error("the system gives no randomness for the id of an item")]
    NoRandomness,
    /// Automerge gave up.
    #[error("the edits bring Automerge to panic")]
    Panicked,
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
}

fn who_may(section: &Section, may: &[String]) -> String {
    let roles: Vec<String> = Role::writers(*section).map(|role| role.to_string()).collect();
    let roles = roles.join(", ");
    match may {
        [] => format!("that takes one of {roles}"),
        names => format!("that takes one of {roles}; here {} may", names.join(", ")),
    }
}

fn how_ended(how: Option<End>, entry: Option<u64>) -> String {
    let how = match how {
        Some(End::Revoked) => "revoked",
        Some(End::Rotated) => "replaced by another key",
        Some(End::Expired) => "their end date came",
        Some(End::Frozen) => "it signed two changes in one place",
        None => "those of its sponsor have",
    };
    match entry {
        Some(entry) => format!("{how}, entry {entry} of the access log"),
        None => how.to_owned(),
    }
}

/// Why a conflict was not settled.
#[derive(Debug, thiserror::Error)]
pub enum ResolveFailed {
    /// The conflict or the settlement is not there.
    #[error(transparent)]
    Refused(#[from] wattle_context::ResolveError),
    /// It could not be written.
    #[error(transparent)]
    Failed(#[from] EditFailed),
}
