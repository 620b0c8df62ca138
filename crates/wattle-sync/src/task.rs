//! Tasks, as those who work on them see them: claimed, renewed, reported on, given back.
//!
//! A claim is a record in the task ([`wattle_context::claim`]). With the context's sequencer in reach it
//! holds a lease: then nobody else has one. Without, it is optimistic: a replica that is apart may have
//! claimed the task as well, and when the two meet both compute the same owner.

use std::fmt;
use std::str::FromStr;

use wattle_context::claim::{self, Claim, Record};
use wattle_context::{ItemId, ItemView, Section};
use wattle_protocol::identity::Signature;
use wattle_protocol::lease::{ClaimName, Fence, Grant, Lease, Subject};
use wattle_protocol::message::Refusal;

use crate::clock::now_ms;
use crate::error::{EditFailed, ReadError};
use crate::hex::{hex, unhex};
use crate::lease::Sequencers;

/// How long a claim holds or goes on, in seconds, unless somebody says otherwise.
pub const TTL_S: i64 = 1_800;

/// Names a claim: the task's id, a dot, eight hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The task.
    pub task: ItemId,
    /// The claim's name in it.
    pub claim: String,
}

/// A text that names no claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no claim: it looks like <task id>.<8 digits>")]
pub struct NoHandle {
    /// What was given.
    pub found: String,
}

/// How a claim stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The sequencer has granted it: nobody else has it.
    Leased {
        /// A later lease on the task has a greater one.
        fence: Fence,
        /// In milliseconds since 1970.
        until_ms: i64,
    },
    /// It holds as far as this replica knows.
    Optimistic {
        /// In milliseconds since 1970.
        until_ms: i64,
        /// Why the sequencer, which is in reach, grants no lease; none when it is out of reach.
        refused: Option<Refusal>,
    },
    /// It does not hold.
    Lost {
        /// Who holds the task; nobody when the claim has just ended or expired.
        by: Option<Holder>,
    },
}

/// Who holds a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// For people to read.
    pub name: String,
    /// In milliseconds since 1970.
    pub until_ms: i64,
}

/// What was made of a wish to have a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The claim; none when it is lost at once.
    pub handle: Option<Handle>,
    /// How it stands.
    pub standing: Standing,
}

/// What the holder of a claim reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The status that the task is to have.
    pub status: String,
    /// Whether the claim goes on.
    pub after: After,
    /// What is noted while the claim holds, and what when it does not.
    pub notes: [Option<String>; 2],
    /// The reason, for the history.
    pub why: String,
}

/// What becomes of a claim after a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It goes on, for so long.
    GoesOn {
        /// In seconds.
        ttl_s: i64,
    },
    /// It ends.
    Ends,
    /// It ends, and for a while nobody else gets a lease than this member.
    PassedTo(wattle_protocol::PublicKey),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum TaskFailed {
    /// No such task.
    #[error("tasks/{task} is not there")]
    Missing {
        /// Its id.
        task: ItemId,
    },
    /// No such claim of the one who edits here.
    #[error("there is no claim {handle} of this key")]
    NoClaim {
        /// Its name.
        handle: Handle,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness for a claim")]
    NoRandomness,
    /// A record could not be made.
    #[error("a claim cannot be written down: {0}")]
    Record(#[from] serde_json::Error),
    /// The context cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be edited.
    #[error(transparent)]
    Edit(#[from] EditFailed),
}

/// A task with its claims, at one moment.
pub(crate) struct Found {
    pub(crate) owner: Option<Claim>,
    pub(crate) own: Option<Claim>,
}

/// What a lease on a task is on.
pub(crate) fn subject(task: &ItemId) -> Subject {
    Subject { scope: Section::Tasks.number(), item: task.0 }
}

/// A claim's name as the sequencer knows it.
pub(crate) fn claim_name(name: &str) -> Option<ClaimName> {
    let mut bytes = ClaimName::default();
    bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    Some(bytes)
}

/// Whether the lease of a record was granted by whoever was the sequencer then.
pub fn is_granted(sequencers: &Sequencers, task: &ItemId, record: &Record) -> bool {
    let grant = || {
        let said = record.lease.as_ref()?;
        let fence = Fence { term: said.term, entry: said.entry, number: said.number };
        let signature = Signature(unhex(&said.signature)?.try_into().ok()?);
        let holder = record.key.parse().ok()?;
        let (subject, claim) = (subject(task), claim_name(&record.claim)?);
        let lease = Lease { subject, claim, holder, fence, until: said.until_s };
        Some(Grant { lease, sequencer: sequencers.of(&fence)?, signature })
    };
    grant().is_some_and(|grant| sequencers.granted(&grant))
}

/// How many seconds are left until a time in milliseconds since 1970; none when it has come.
pub fn seconds_left(until_ms: i64) -> i64 {
    (until_ms - now_ms()).max(0) / 1_000
}

/// Who holds a task.
pub fn owner(sequencers: &Sequencers, item: &ItemView, now_ms: i64) -> Option<Claim> {
    let is_granted = |record: &Record| is_granted(sequencers, &item.id, record);
    claim::owner(&claim::records(item), now_ms, &is_granted)
}

/// A lease as it is recorded with a claim.
pub(crate) fn recorded(grant: &Grant) -> claim::Lease {
    let Fence { term, entry, number } = grant.lease.fence;
    let signature = hex(&grant.signature.0);
    claim::Lease { term, entry, number, until_s: grant.lease.until, signature }
}

impl Standing {
    /// Whether the claim holds, by what is known.
    pub const fn holds(&self) -> bool {
        match self {
            Self::Leased { .. } | Self::Optimistic { .. } => true,
            Self::Lost { .. } => false,
        }
    }
}

impl From<&Claim> for Holder {
    fn from(claim: &Claim) -> Self {
        Self { name: claim.holder.clone(), until_ms: claim.until_ms }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.task, self.claim)
    }
}

impl FromStr for Handle {
    type Err = NoHandle;

    fn from_str(text: &str) -> Result<Self, NoHandle> {
        let parsed = text.trim().split_once('.').and_then(|(task, claim)| {
            let hex = claim.len() == 8 && claim.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some(Self { task: task.parse().ok().filter(|_| hex)?, claim: claim.to_owned() })
        });
        parsed.ok_or_else(|| NoHandle { found: text.to_owned() })
    }
}
