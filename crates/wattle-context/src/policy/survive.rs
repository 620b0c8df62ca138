//! Which candidates no other one beats. Each policy is a (pre)order; what it cannot compare stands beside.

use std::cmp::Reverse;

use crate::conflict::Candidate;
use crate::policy::Policy;
use crate::value::Value;

/// Expects each candidate once, in order.
pub(super) fn unbeaten(policy: &Policy, candidates: Vec<&Candidate>) -> Vec<Candidate> {
    let keep: Vec<&Candidate> = match policy {
        Policy::KeepAll | Policy::Merge | Policy::Counter | Policy::Custom { .. } => candidates,
        Policy::AddWins => highest(candidates, |c| c.value.bool()),
        Policy::RemoveWins => highest(candidates, |c| c.value.bool().map(Reverse)),
        Policy::Smallest => highest(candidates, |c| Some((!c.value.is_null(), Reverse(&c.value)))),
        Policy::Largest => highest(candidates, |c| Some(&c.value)),
        Policy::Strictest { order } => {
            highest(candidates, |c| declared(order, &c.value).map(Reverse))
        }
        Policy::Furthest { states } => highest(candidates, |c| declared(states, &c.value)),
        Policy::FirstWriter => highest(candidates, |c| Some(Reverse(written(c)))),
        // Concurrent writes are not ordered by causality, so time and author decide.
        Policy::LastWriter => highest(candidates, |c| Some(written(c))),
        Policy::Authority => highest(candidates, |c| Some(c.rank)),
    };
    keep.into_iter().cloned().collect()
}

/// Those of the highest measure, and beside them those that have none.
fn highest<'a, M: Ord>(
    candidates: Vec<&'a Candidate>,
    measure: impl Fn(&'a Candidate) -> Option<M>,
) -> Vec<&'a Candidate> {
    let top = candidates.iter().filter_map(|candidate| measure(candidate)).max();
    candidates
        .into_iter()
        .filter(|candidate| {
            let own = measure(candidate);
            own.is_none() || own == top
        })
        .collect()
}

/// The place of a value among those that a policy declares. Booleans and numbers are declared by their text.
fn declared(order: &[String], value: &Value) -> Option<usize> {
    let own = match value {
        Value::Text(text) => text.clone(),
        Value::Bool(_) | Value::Int(_) => value.to_string(),
        Value::Null | Value::List(_) | Value::Map(_) => return None,
    };
    order.iter().position(|declared| *declared == own)
}

/// The change's hash comes last: one author may write twice in one millisecond, on two machines.
fn written(candidate: &Candidate) -> (i64, [u8; 32], [u8; 32], &Value) {
    (candidate.time, candidate.key, candidate.change, &candidate.value)
}
