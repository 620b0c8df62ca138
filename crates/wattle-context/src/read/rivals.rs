//! Claims of one task whose authors did not know of each other: they compete.

use std::collections::BTreeMap;

use automerge::{ObjId, ObjType};

use super::{Reading, scalar};
use crate::claim::{self, Claim, Record, Said};
use crate::conflict::{Candidate, Conflict, ConflictKind};
use crate::json::timestamp;
use crate::limits::RIVALS_MAX;
use crate::path::Path;
use crate::policy::Policy;
use crate::value::{ItemId, Value};
use crate::view::FieldView;

/// A claim that competes, with the change that began it.
#[derive(Clone, Debug)]
pub(crate) struct Rival {
    pub(crate) claim: Claim,
    pub(crate) candidate: Candidate,
    /// The change that says how long it is held.
    latest: [u8; 32],
}

/// A record, and the change that wrote it.
type Told = (Record, [u8; 32]);

impl Reading<'_> {
    /// The claims of a task that compete, in the order of the changes that began them.
    pub(crate) fn rivals(
        &self,
        (task, object): (&ItemId, &ObjId),
        entries: &BTreeMap<String, FieldView>,
    ) -> Vec<Rival> {
        if entries.len() < 2 {
            return Vec::new();
        }
        let is_granted = |record: &Record| self.context.is_granted(task, record);
        let open = claim::contenders(&claim::records_of(entries), &is_granted);
        if open.is_empty() {
            return Vec::new();
        }
        let said = self.said(object);
        let mut rivals: Vec<Rival> =
            open.into_iter().filter_map(|claim| self.rival(task, claim, &said)).collect();
        rivals.sort_by(|one, other| one.candidate.cmp(&other.candidate));
        rivals.truncate(RIVALS_MAX);
        self.apart(rivals)
    }

    /// Where the records of a task lie.
    pub(crate) fn claims(&self, task: &ItemId) -> Option<ObjId> {
        self.reader.object(&self.reader.item(task)?, claim::FIELD, ObjType::Map)
    }

    /// The conflict between claims of a task, while more than one of them is held.
    pub(super) fn competing(
        &self,
        (task, object): (&ItemId, &ObjId),
        path: &Path,
        entries: &BTreeMap<String, FieldView>,
    ) -> Option<Conflict> {
        let rivals = self.rivals((task, object), entries);
        let now_ms = self.context.now_ms();
        let is_held = |rival: &&Rival| now_ms.is_none_or(|now_ms| rival.claim.holds_at(now_ms));
        let held: Vec<&Rival> = rivals.iter().filter(is_held).collect();
        let owner = held.iter().min_by_key(|rival| rival.claim.rank())?;
        if held.len() < 2 {
            return None;
        }
        let in_force = vec![owner.candidate.value.clone()];
        let candidates: Vec<Candidate> = rivals.iter().map(|one| one.candidate.clone()).collect();
        let path = path.to_string();
        let id = Conflict::id(&path, &candidates);
        let (kind, base, policy) = (ConflictKind::Claim, Value::Null, Policy::FirstWriter);
        Some(Conflict { id, kind, path, candidates, base, policy, in_force })
    }

    /// Every record of a task, with the change that wrote it.
    fn said(&self, object: &ObjId) -> Vec<Told> {
        let keys = self.reader.entries(object).map(|entry| entry.key.to_string());
        let stored = keys.flat_map(|key| self.reader.get_all(object, &key));
        let records = stored.filter_map(|(stored, op)| {
            let record = claim::parsed(&scalar(&stored)?)?;
            Some((record, self.document.automerge().hash_for_opid(&op)?.0))
        });
        records.collect()
    }

    fn rival(&self, task: &ItemId, claim: Claim, said: &[Told]) -> Option<Rival> {
        let own = said.iter().filter(|(record, _)| {
            record.said != Said::End && record.claim == claim.name && record.key == claim.key
        });
        let when = |(record, change): &&Told| (record.at_ms, *change);
        let (_, first) =
            own.clone().filter(|(record, _)| record.said == Said::Claim).min_by_key(when)?;
        let (_, latest) = own.max_by_key(when)?;
        let value = BTreeMap::from([
            ("claim".to_owned(), Value::Text(format!("{task}.{}", claim.name))),
            ("holder".to_owned(), Value::from(claim.holder.as_str())),
            ("until".to_owned(), Value::Text(timestamp(claim.until_ms))),
        ]);
        let change = automerge::ChangeHash(*first);
        let candidate = self.document.candidate(&change, Value::Map(value), self.context)?;
        Some(Rival { claim, candidate, latest: *latest })
    }

    /// Those of them that another one was made beside: neither author knew that the other's was held.
    fn apart(&self, rivals: Vec<Rival>) -> Vec<Rival> {
        let begun = rivals.iter().map(|rival| rival.candidate.change);
        let changes: Vec<[u8; 32]> = begun.chain(rivals.iter().map(|rival| rival.latest)).collect();
        let known = self.document.graph().known(&changes);
        let knew = |one: usize, other: usize| {
            let latest = 1_u128 << (rivals.len() + other);
            known.get(one).is_some_and(|known| known & latest != 0)
        };
        let apart: Vec<bool> = (0..rivals.len())
            .map(|one| {
                (0..rivals.len())
                    .any(|other| one != other && !knew(one, other) && !knew(other, one))
            })
            .collect();
        rivals.into_iter().zip(apart).filter_map(|(rival, apart)| apart.then_some(rival)).collect()
    }
}
