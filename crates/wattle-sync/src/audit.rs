//! What happened to rights and to what was written, and whether a store can prove it.
//!
//! [`Peer::audit`](crate::Peer::audit) tells it of an open context; [`verify`] checks a file, offline.

mod document;
pub(crate) mod told;
mod verify;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use wattle_protocol::PublicKey;
use wattle_protocol::access::{Kind, Log};

pub use verify::verify;

/// Something that the audit tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// When: seconds since 1970. Of an entry by the sequencer's clock, of an edit its author's word.
    pub time: u64,
    /// The number of the entry of the access log that it is, or follows from.
    pub entry: Option<u64>,
    /// Whose doing; none where it is not known.
    pub by: Option<Principal>,
    /// What.
    #[serde(flatten)]
    pub what: Audited,
}

/// What the audit tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Audited {
    /// Something was done to the access log.
    Access {
        /// What, in words.
        action: String,
        /// Whom it is about.
        subject: Option<Principal>,
        /// How many keys lost a right to write by it.
        cutoffs: usize,
    },
    /// An entry does not count any more: its sequencer was passed by.
    Void {
        /// What it would have done, in words.
        action: String,
    },
    /// This machine, or another one, has refused something.
    Refused {
        /// Which document; none where it was not about one.
        document: Option<String>,
        /// Which change or proposal; none where it was not about one.
        about: Option<String>,
        /// The code, as on the wire.
        code: u16,
        /// Why.
        reason: String,
    },
    /// A conflict was settled.
    Settled {
        /// Where.
        paths: Vec<String>,
        /// By which change.
        change: String,
        /// Why.
        why: String,
    },
    /// A change was taken out of a document, and is kept apart.
    Removed {
        /// Which document.
        document: String,
        /// Which change.
        change: String,
        /// Why.
        reason: String,
        /// Whether it was written again.
        again: Again,
    },
    /// The sequencer has signed two entries with one number.
    Forked {
        /// The hash of the entry here.
        here: String,
        /// The hash of the other one.
        other: String,
    },
}

/// What became of a change that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// Its author had no right to it.
    Refused,
    /// Its author's machine has not written it again, or not yet.
    No,
    /// It had no effect that was left to be written.
    Nothing,
    /// This change has taken its place.
    As(String),
    /// What it was about is gone.
    Lost {
        /// What.
        places: Vec<String>,
    },
}

/// Somebody who may be behind a change: a person or an agent, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// The key, in hexadecimal.
    pub key: String,
    /// For people to read; empty where no name is known.
    pub name: String,
    /// `person`, `agent` or `service`; none for a key that the access log does not know.
    pub what: Option<&'static str>,
    /// For whom an agent works.
    pub sponsor: Option<String>,
}

/// What is known of keys: by the access log, and, where that has no name, by the history.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The access log.
    pub log: Option<&'a Log>,
    /// What the principals call themselves: an owner of the beginning has no name in the log.
    pub names: &'a BTreeMap<PublicKey, String>,
}

impl Known<'_> {
    /// Who is behind a key.
    pub fn of(&self, key: &PublicKey) -> Principal {
        let member = self.log.and_then(|log| log.member(key));
        let what = member.map(|member| match member.kind {
            Kind::Person => "person",
            Kind::Agent => "agent",
            Kind::Service => "service",
        });
        let sponsor = member.and_then(|member| member.sponsor).map(|sponsor| {
            let name = self.name(&sponsor);
            if name.is_empty() { sponsor.short() } else { name }
        });
        Principal { key: key.to_string(), name: self.name(key), what, sponsor }
    }

    fn name(&self, key: &PublicKey) -> String {
        let granted = self.log.and_then(|log| log.member(key)).map(|member| &member.name);
        let granted = granted.filter(|name| !name.is_empty());
        granted.or_else(|| self.names.get(key)).cloned().unwrap_or_default()
    }
}

/// The name, or the first digits of the key; for an agent also for whom it works.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(self.key.get(..8).unwrap_or(&self.key))?,
            name => f.write_str(name)?,
        }
        match (self.what, &self.sponsor) {
            (Some("agent"), Some(sponsor)) => write!(f, " (agent of {sponsor})"),
            (Some("service"), _) => f.write_str(" (service)"),
            _ => Ok(()),
        }
    }
}

/// What was found in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Contexts.
    pub contexts: u64,
    /// Entries of the access logs that hold, entries 0 among them.
    pub entries: u64,
    /// Proposals in them.
    pub proposals: u64,
    /// Entries that do not count any more.
    pub void: u64,
    /// Documents.
    pub documents: u64,
    /// Changes in them.
    pub changes: u64,
    /// Those of which the store has only the header, and the operations in a snapshot.
    pub pruned: u64,
    /// Seals that hold.
    pub seals: u64,
    /// Changes that no seal of their author covers.
    pub unsigned: u64,
    /// Changes that by the access log must not be there.
    pub refused: u64,
    /// Changes that were taken out and are kept apart.
    pub removed: u64,
    /// Snapshots that hold what they should.
    pub snapshots: u64,
    /// Receipts of other stores whose signature holds.
    pub receipts: u64,
    /// What does not hold, up to a limit.
    pub problems: Vec<Problem>,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// In which context.
    pub context: String,
    /// In which document; none in the access log.
    pub document: Option<String>,
    /// Which entry of the access log.
    pub entry: Option<u64>,
    /// Which change.
    pub change: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = &self.document {
            write!(f, "{document}: ")?;
        }
        if let Some(entry) = self.entry {
            write!(f, "entry {entry}: ")?;
        }
        if let Some(change) = &self.change {
            write!(f, "change {change}: ")?;
        }
        f.write_str(&self.what)
    }
}
