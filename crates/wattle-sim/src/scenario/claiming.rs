//! What peers do with tasks that one of them holds.

use std::fmt::{Display, Formatter, Result};

/// What somebody wants of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claiming {
    /// The task.
    pub path: String,
    /// What.
    pub verb: Verb,
    /// How the claim must stand then, if that is said.
    pub standing: Option<Standing>,
}

/// The things that can be wanted of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To have it.
    Claim {
        /// For so long.
        seconds: u32,
    },
    /// To go on having it.
    Renew {
        /// For so long.
        seconds: u32,
    },
    /// To give it back.
    Release,
    /// To give it a status.
    Report {
        /// Which.
        status: String,
    },
}

/// How a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The sequencer has granted it.
    Leased,
    /// It holds, as far as the replica knows.
    Optimistic,
    /// Somebody else has the task.
    Lost,
}

/// So long holds what says nothing else.
pub(super) const SECONDS: u32 = 600;

impl Standing {
    pub(super) fn read(word: &str) -> Option<Self> {
        let all = [Self::Leased, Self::Optimistic, Self::Lost];
        all.into_iter().find(|standing| standing.to_string() == word)
    }
}

impl Display for Standing {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Leased => "leased",
            Self::Optimistic => "optimistic",
            Self::Lost => "lost",
        })
    }
}

impl Display for Claiming {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { path, verb, standing } = self;
        match verb {
            Verb::Claim { seconds } => write!(f, "claim {path} for {seconds}")?,
            Verb::Renew { seconds } => write!(f, "renew {path} for {seconds}")?,
            Verb::Release => write!(f, "release {path}")?,
            Verb::Report { status } => write!(f, "report {path} {status}")?,
        }
        standing.map_or(Ok(()), |standing| write!(f, " = {standing}"))
    }
}
