//! Settling conflicts.

use crate::edit::EditError;
use crate::value::Value;

/// How a conflict is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// One of the candidates: `a` is the first.
    Keep(String),
    /// Another value.
    Value(Value),
}

/// Why a conflict was not settled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No such conflict is open.
    #[error(
        "there is no open conflict {id}; it may have been settled, or have changed its candidates"
    )]
    Unknown {
        /// What was given.
        id: String,
    },
    /// No such candidate.
    #[error("{id} has no candidate {letter:?}; it has a to {last}")]
    UnknownCandidate {
        /// Which conflict.
        id: String,
        /// What was given.
        letter: String,
        /// The last letter there is.
        last: String,
    },
    /// The value cannot be written.
    #[error(transparent)]
    Edit(#[from] EditError),
}
