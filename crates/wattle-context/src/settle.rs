//! Settling conflicts.

use crate::conflict::{Conflict, ConflictKind, letter};
use crate::context::Context;
use crate::edit::{self, Author, Edit, EditError, Edited, Op};
use crate::read::DELETED;
use crate::value::{ItemId, Value};

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

/// Settles a conflict by an ordinary edit at the present version, which supersedes the values that are seen.
pub(crate) fn resolve(
    context: &mut Context,
    (id, settlement): (&str, Settlement),
    (by, why): (&Author, &str),
) -> Result<Edited, ResolveError> {
    let open = context.conflicts().into_iter().find(|conflict| conflict.id == id);
    let conflict = open.ok_or_else(|| ResolveError::Unknown { id: id.to_owned() })?;
    let value = match settlement {
        Settlement::Value(value) => value,
        Settlement::Keep(wanted) => kept(&conflict, &wanted)?,
    };
    let path = match conflict.kind {
        ConflictKind::Value => conflict.path,
        ConflictKind::EditDelete => format!("{}/{DELETED}", conflict.path),
    };
    let edit = Edit { op: Op::Set, path, value, old: None, base: None, if_unchanged: false };
    let mut no_ids = || ItemId([b'0'; 16]);
    Ok(edit::edit(context, &[edit], (by, why), &mut no_ids)?)
}

fn kept(conflict: &Conflict, wanted: &str) -> Result<Value, ResolveError> {
    let mut lettered = conflict.lettered();
    match lettered.find(|(letter, _)| letter == wanted) {
        Some((_, candidate)) => Ok(candidate.value.clone()),
        None => Err(ResolveError::UnknownCandidate {
            id: conflict.id.clone(),
            letter: wanted.to_owned(),
            last: letter(conflict.candidates.len().saturating_sub(1)),
        }),
    }
}
