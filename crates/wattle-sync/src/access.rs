//! What is asked of the access log of a context, and what it says.

use wattle_protocol::access::{End, Kind};
use wattle_protocol::{ChangeHash, PublicKey};

use crate::role::Role;

/// What an invitation gives, to whom knows its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteTerms {
    /// What it gives.
    pub role: Role,
    /// How often it can be taken up.
    pub uses: u32,
    /// The end: seconds since 1970, by the sequencer's clock.
    pub until: Option<u64>,
}

/// Rights for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    /// Whose.
    pub key: PublicKey,
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it may do.
    pub role: Role,
    /// The end: seconds since 1970, by the sequencer's clock.
    pub until: Option<u64>,
    /// Its budget.
    pub edits_per_minute: Option<u32>,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the access log.
    Done {
        /// The number of its entry.
        entry: u64,
    },
    /// It is stored here and will be sent: the sequencer is out of reach for now.
    Waiting {
        /// Names it.
        proposal: ChangeHash,
    },
}

/// How a sequencer is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// The present one orders it.
    HandOver,
    /// It is lost, or lies: nothing is asked of it, and what it orders from now on is void.
    PassBy,
}

/// What the access log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// How many entries there are; none before the log has arrived.
    pub entries: u64,
    /// The hash of the newest entry.
    pub head: ChangeHash,
    /// Grows when a sequencer is passed by.
    pub term: u32,
    /// Who orders the log; unknown before it has arrived.
    pub sequencer: Option<PublicKey>,
    /// Everybody who is or was a member, in the order of their keys.
    pub members: Vec<Member>,
    /// All invitations, in the order of their keys.
    pub invitations: Vec<Invitation>,
    /// What was wished here and is not in the log yet.
    pub waiting: Vec<Waiting>,
}

/// Somebody who is or was a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: PublicKey,
    /// For people to read; the name of one who owned the context from its beginning may be unknown.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What was granted.
    pub role: Role,
    /// What it may do now: less than granted where its sponsor may do less, and nothing at its end.
    pub now: Option<Role>,
    /// For whom an agent works.
    pub sponsor: Option<PublicKey>,
    /// When the grant ends: seconds since 1970.
    pub until: Option<u64>,
    /// Its budget.
    pub edits_per_minute: Option<u32>,
    /// The number of the entry that made it a member.
    pub since: u64,
    /// Who granted it.
    pub by: PublicKey,
    /// Why and by which entry its rights ended.
    pub ended: Option<(End, u64)>,
}

/// An invitation and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Names it; with this it is withdrawn.
    pub key: PublicKey,
    /// What it gives.
    pub role: Role,
    /// How often it can be taken up.
    pub uses: u32,
    /// How often it has been.
    pub used: u32,
    /// The end: seconds since 1970.
    pub until: Option<u64>,
    /// Who made it.
    pub by: PublicKey,
    /// It was withdrawn.
    pub withdrawn: bool,
}

/// A wish that is stored here and not in the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Names it.
    pub proposal: ChangeHash,
    /// Whose.
    pub author: PublicKey,
    /// What, in a few words.
    pub what: String,
}

/// Who edits here, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whoami {
    /// The key.
    pub key: PublicKey,
    /// The name that others see.
    pub name: String,
    /// What the access log says of the key; none when it does not know it.
    pub member: Option<Member>,
    /// The same as one sentence.
    pub sentence: String,
}
