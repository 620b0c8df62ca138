//! Settling conflicts.

use crate::claim::{self, Record, Said, Verdict};
use crate::conflict::{Candidate, Conflict, ConflictKind, letter};
use crate::context::Context;
use crate::edit::{self, Author, Edit, EditError, Edited, Op};
use crate::plain::hex;
use crate::read::{DELETED, Reading, Rival};
use crate::schema::{Part, Section};
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
    /// Claims cannot be merged.
    #[error("{id} is between claims: keep one of them")]
    KeepOne {
        /// Which conflict.
        id: String,
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
    let edits = match (conflict.kind, settlement) {
        (ConflictKind::Claim, Settlement::Value(_)) => {
            return Err(ResolveError::KeepOne { id: conflict.id });
        }
        (ConflictKind::Claim, Settlement::Keep(wanted)) => {
            verdicts(context, (&conflict, kept(&conflict, &wanted)?), by)
        }
        (kind @ (ConflictKind::Value | ConflictKind::EditDelete), settlement) => {
            let value = match settlement {
                Settlement::Value(value) => value,
                Settlement::Keep(wanted) => kept(&conflict, &wanted)?.value.clone(),
            };
            let mark = format!("{}/{DELETED}", conflict.path);
            let path = if kind == ConflictKind::EditDelete { &mark } else { &conflict.path };
            vec![set(path, value)]
        }
    };
    let mut no_ids = || ItemId([b'0'; 16]);
    Ok(edit::edit(context, &edits, (by, why), &mut no_ids)?)
}

/// For each claim but the one that is kept: that it lost to that one.
fn verdicts(
    context: &Context,
    (conflict, kept): (&Conflict, &Candidate),
    by: &Author,
) -> Vec<Edit> {
    let Some((path, rivals, records)) = claimed(context, &conflict.path) else { return Vec::new() };
    let is_kept = |rival: &&Rival| rival.candidate.change == kept.change;
    let Some(winner) = rivals.iter().find(is_kept) else { return Vec::new() };
    let round = claim::rounds(&records).saturating_add(1);
    let losers = rivals.iter().filter(|rival| !is_kept(rival));
    let edits = losers.map(|Rival { claim: loser, candidate, .. }| {
        let record = Record {
            said: Said::End,
            claim: loser.name.clone(),
            key: loser.key.clone(),
            name: loser.holder.clone(),
            at_ms: by.time_ms,
            ttl_s: 0,
            lease: None,
            verdict: Some(Verdict {
                kept: winner.claim.name.clone(),
                key: winner.claim.key.clone(),
                round,
            }),
        };
        // A name that no other writer uses, nor this one for another round.
        let (claim, writer) = (hex(candidate.change.iter().take(8)), hex(&by.actor));
        let path = format!("{path}/settled.{round}.{claim}.{writer}");
        Some(set(&path, Value::Text(serde_json::to_string(&record).ok()?)))
    });
    edits.flatten().collect()
}

/// The claims at a path that compete, and all records there.
fn claimed(context: &Context, path: &str) -> Option<(String, Vec<Rival>, Vec<Record>)> {
    let path = context.locate(path).ok()?;
    let document = context.document(&Part::Section(Section::Tasks))?;
    let mut reading = Reading::new(context, Section::Tasks, document);
    let task = path.item?;
    let field = reading.field(&task, claim::FIELD, None)?;
    let object = reading.claims(&task)?;
    let rivals = reading.rivals((&task, &object), &field.entries);
    Some((path.to_string(), rivals, claim::records_of(&field.entries)))
}

fn set(path: &str, value: Value) -> Edit {
    let path = path.to_owned();
    Edit { op: Op::Set, path, value, old: None, base: None, if_unchanged: false }
}

fn kept<'a>(conflict: &'a Conflict, wanted: &str) -> Result<&'a Candidate, ResolveError> {
    let mut lettered = conflict.lettered();
    match lettered.find(|(letter, _)| letter == wanted) {
        Some((_, candidate)) => Ok(candidate),
        None => Err(ResolveError::UnknownCandidate {
            id: conflict.id.clone(),
            letter: wanted.to_owned(),
            last: letter(conflict.candidates.len().saturating_sub(1)),
        }),
    }
}
