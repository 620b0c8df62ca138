//! Concurrent values of one key: who wrote them, what they replaced, and what is in force.

use automerge::{ObjId, Value as Stored};

use super::{Reader, Reading, scalar};
use crate::conflict::{Candidate, Conflict, ConflictKind};
use crate::limits::CONTESTED_BASES_MAX;
use crate::policy::Policy;
use crate::value::Value;
use crate::view::FieldView;

/// What is contested: the key, where it is in paths, and how it is read.
pub(crate) struct Contest<'a> {
    pub(crate) object: &'a ObjId,
    pub(crate) key: &'a str,
    pub(crate) path: String,
    pub(crate) policy: &'a Policy,
}

impl Reading<'_> {
    /// The candidates of a key, in the order of their changes; what `fits` does not take is a defect.
    pub(crate) fn candidates(
        &mut self,
        contest: &Contest<'_>,
        fits: impl Fn(&Value) -> bool,
    ) -> Vec<Candidate> {
        let stored = self.reader.get_all(contest.object, contest.key);
        let mut candidates = Vec::with_capacity(stored.len());
        for (stored, op) in &stored {
            match scalar(stored).filter(|value| fits(value)) {
                Some(value) => candidates.extend(self.candidate(value, op)),
                None => self.defect(&contest.path, &unfit(stored)),
            }
        }
        candidates.sort();
        candidates
    }

    fn candidate(&self, value: Value, op: &ObjId) -> Option<Candidate> {
        let change = self.document.automerge().hash_for_opid(op)?;
        self.document.candidate(&change, value, self.context)
    }

    /// The field that candidates make.
    pub(crate) fn contested(&self, contest: &Contest<'_>, candidates: Vec<Candidate>) -> FieldView {
        let base = if candidates.len() > 1 { self.base(contest, &candidates) } else { Value::Null };
        let in_force = contest.policy.in_force(&candidates, &base, self.context.customs());
        let agreed = candidates.windows(2).all(|pair| match pair {
            [one, other] => one.value == other.value,
            _ => true,
        });
        let conflict = (in_force.len() > 1).then(|| Conflict {
            id: Conflict::id(&contest.path, &candidates),
            kind: ConflictKind::Value,
            path: contest.path.clone(),
            candidates: candidates.clone(),
            base,
            policy: contest.policy.clone(),
            in_force: in_force.clone(),
        });
        let candidates = if agreed { Vec::new() } else { candidates };
        FieldView { candidates, conflict, ..self.plain(in_force) }
    }

    /// The value that all candidates replaced: that of the version which all their authors had.
    ///
    /// For a policy that computes with it, a base that was contested itself is read as it was then.
    fn base(&self, contest: &Contest<'_>, candidates: &[Candidate]) -> Value {
        let computes = matches!(contest.policy, Policy::Counter | Policy::Custom { .. });
        let mut contested: Vec<Vec<Candidate>> = Vec::new();
        let mut heads = self.document.graph().merge_base(&hashes(candidates));
        let mut base = loop {
            let before = Reader::as_of(self.document.automerge(), &heads);
            let stored = before.get_all(contest.object, contest.key);
            let mut values = stored.iter().filter_map(|(stored, op)| Some((scalar(stored)?, op)));
            if !computes || stored.len() < 2 || contested.len() == CONTESTED_BASES_MAX {
                // The last one is the one that Automerge shows.
                break values.next_back().map_or(Value::Null, |(value, _)| value);
            }
            let mut then: Vec<Candidate> =
                values.filter_map(|(value, op)| self.candidate(value, op)).collect();
            then.sort();
            heads = self.document.graph().merge_base(&hashes(&then));
            contested.push(then);
        };
        while let Some(candidates) = contested.pop() {
            let in_force = contest.policy.in_force(&candidates, &base, self.context.customs());
            base = in_force.into_iter().next().unwrap_or(Value::Null);
        }
        base
    }
}

fn hashes(candidates: &[Candidate]) -> Vec<[u8; 32]> {
    candidates.iter().map(|candidate| candidate.change).collect()
}

fn unfit(stored: &Stored<'_>) -> String {
    match scalar(stored) {
        Some(value) => format!("{} that the field cannot hold", value.kind()),
        None => "a value of a kind that no field has".to_owned(),
    }
}
