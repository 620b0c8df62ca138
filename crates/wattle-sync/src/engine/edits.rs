//! Edits: made in memory, stored in one commit, and only then answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use wattle_context::{
    Author, Document, Edit, Edited, ItemId, Part, ResolveError, Settlement, Typed, secrets,
};
use wattle_protocol::{Blob, Change, ChangeHash, Input, Position};
use wattle_store::{Append, Store, StoreError};

use super::Engine;
use super::command::Order;
use crate::error::{EditFailed, ReadError, ResolveFailed};
use crate::limits::CHANGES_PER_SEAL_MAX;
use crate::part::key_of;
use crate::peer::{Parts, Typing};
use crate::watch::Origin;

/// Loads that one edit may ask for before it is given up: a section, then bodies in it.
const LOADS_MAX: usize = 4;

/// Edits that were made in memory and are not stored yet.
#[derive(Default)]
struct Made {
    changes: BTreeMap<Part, Vec<Change>>,
    answers: Vec<(Order, Edited)>,
}

impl Made {
    fn add(&mut self, order: Order, edited: Edited, changes: Vec<(Part, Change)>) {
        for (part, change) in changes {
            self.changes.entry(part).or_default().push(change);
        }
        self.answers.push((order, edited));
    }
}

impl Order {
    fn refuse(self, error: EditFailed) {
        // Who asked may have gone.
        match self {
            Self::Edit { reply, .. } | Self::Splice { reply, .. } => reply.send(Err(error)).ok(),
            Self::Resolve { reply, .. } => reply.send(Err(ResolveFailed::Failed(error))).ok(),
        };
    }

    fn refuse_resolving(self, error: ResolveError) {
        if let Self::Resolve { reply, .. } = self {
            reply.send(Err(ResolveFailed::Refused(error))).ok();
        }
    }

    fn answer(self, edited: Edited) {
        match self {
            Self::Edit { reply, .. } | Self::Splice { reply, .. } => reply.send(Ok(edited)).ok(),
            Self::Resolve { reply, .. } => reply.send(Ok(edited)).ok(),
        };
    }
}

impl Engine {
    /// Makes all edits that wait, stores them in one commit, and answers.
    pub(super) fn write(&mut self, orders: Vec<Order>) {
        if orders.is_empty() {
            return;
        }
        if let Err(error) = self.refresh() {
            for order in orders {
                order.refuse(EditFailed::Store(error.clone()));
            }
            return;
        }
        let mut made = Made::default();
        for order in orders {
            match self.make(&order) {
                Ok((edited, changes)) => made.add(order, edited, changes),
                Err(Refusal::Edit(error)) => order.refuse(error),
                Err(Refusal::Resolve(error)) => order.refuse_resolving(error),
                Err(Refusal::Spoiled(error)) => {
                    // What was made before is sound, but memory is not any more.
                    self.conclude(std::mem::take(&mut made));
                    self.forget_loaded();
                    order.refuse(error);
                }
            }
        }
        self.conclude(made);
    }

    /// Stores what was made, and answers.
    fn conclude(&mut self, made: Made) {
        let Made { changes, answers } = made;
        match self.commit(changes) {
            Ok(()) => answers.into_iter().for_each(|(order, edited)| order.answer(edited)),
            Err(error) => {
                for (order, _) in answers {
                    order.refuse(EditFailed::Store(error.clone()));
                }
            }
        }
    }

    /// Makes one list of edits in memory.
    fn make(&mut self, order: &Order) -> Result<(Edited, Vec<(Part, Change)>), Refusal> {
        let by = self.author();
        let budget = self.budget()?;
        let edited = match order {
            Order::Edit { edits, ids: given, why, .. } => {
                secrets::refuse(edits).map_err(EditFailed::Refused)?;
                self.permit_edits(edits)?;
                self.load_needed(edits)?;
                let mut ids = Items { given: given.clone(), are_missing: false };
                let mut next = || ids.next();
                let edited = self
                    .guarded(|context| context.edit(edits, why, &by, &mut next))?
                    .map_err(EditFailed::Refused)?;
                if ids.are_missing {
                    return Err(Refusal::Spoiled(EditFailed::NoRandomness));
                }
                edited
            }
            Order::Splice { typing, why, .. } => {
                self.permit_edits(&[typing.as_edit()])?;
                self.load_needed(&[typing.as_edit()])?;
                let Typing { path, splices, base } = typing;
                let typed = Typed { path, splices, base: base.as_deref() };
                self.guarded(|context| context.splice(&typed, why, &by))?
                    .map_err(EditFailed::Refused)?
            }
            Order::Resolve { conflict, settlement, why, .. } => {
                if let Settlement::Value(value) = settlement {
                    secrets::refuse_value(conflict, value).map_err(EditFailed::Refused)?;
                }
                self.load_all(&Parts::Sections).map_err(EditFailed::Unreadable)?;
                self.documents.context.moment(crate::clock::now_ms());
                let (conflict, settlement) = (conflict.as_str(), settlement.clone());
                self.guarded(|context| context.resolve(conflict, settlement, why, &by))?
                    .map_err(Refusal::Resolve)?
            }
        };
        let changes = parse(&edited).map_err(Refusal::Spoiled)?;
        // What a settlement writes is known only now.
        let allowed = self.permit_parts(changes.iter().map(|(part, _)| part));
        allowed.and_then(|()| self.spend(&budget)).map_err(Refusal::Spoiled)?;
        Ok((edited, changes))
    }

    /// Runs what Automerge may panic in; after a panic, no document of it is used any more.
    fn guarded<T>(
        &mut self,
        run: impl FnOnce(&mut wattle_context::Context) -> T,
    ) -> Result<T, Refusal> {
        let context = &mut self.documents.context;
        catch_unwind(AssertUnwindSafe(|| run(context)))
            .map_err(|_| Refusal::Spoiled(EditFailed::Panicked))
    }

    pub(super) fn forget_loaded(&mut self) {
        let parts: Vec<Part> = self.documents.context.parts().copied().collect();
        parts.iter().for_each(|part| self.documents.forget(part));
    }

    pub(super) fn load_needed(&mut self, edits: &[Edit]) -> Result<(), EditFailed> {
        for _ in 0..LOADS_MAX {
            let needed = self.documents.context.needs(edits)?;
            if needed.is_empty() {
                return Ok(());
            }
            self.load_each(&needed)?;
        }
        Ok(())
    }

    pub(super) fn author(&self) -> Author {
        Author {
            actor: self.actor,
            key: self.identity.key().0,
            name: self.identity.name.clone(),
            client: self.client.clone(),
            time_ms: self.now_ms(),
        }
    }

    /// Stores the changes of all documents in one commit. When that fails, memory is as before.
    pub(super) fn commit(
        &mut self,
        changes: BTreeMap<Part, Vec<Change>>,
    ) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let parts: BTreeSet<Part> = changes.keys().copied().collect();
        let batch: Vec<Append> =
            changes.into_iter().map(|(part, changes)| self.sealed(part, changes)).collect();
        let positions = match self.store.append(&batch) {
            Ok(positions) => positions,
            Err(error) => {
                self.take_back(&parts);
                return Err(error);
            }
        };
        let all: Vec<Position> = positions.iter().flatten().copied().collect();
        self.note_own(&all);
        for ((append, positions), part) in batch.into_iter().zip(positions).zip(parts) {
            self.stored(part, append, positions);
        }
        Ok(())
    }

    /// Signs the newest change; in front of a new document's changes comes its genesis.
    fn sealed(&self, part: Part, mut changes: Vec<Change>) -> Append {
        let document = key_of(part);
        let (context, entries) = (self.context, self.access.entries());
        let mut covered = BTreeSet::new();
        for (behind, change) in changes.iter_mut().rev().enumerate() {
            // The newest of an actor covers those before it; some between let readers begin sooner.
            if covered.insert(change.header.actor) || behind % CHANGES_PER_SEAL_MAX == 0 {
                let keypair = &self.identity.keypair;
                change.seal = Some(keypair.seal(&context, &document, &change.header, entries));
            }
        }
        if !self.documents.is_stored(&document) {
            let genesis = Change::parse(Blob::from(Document::genesis(part).to_vec()), None);
            changes.splice(0..0, genesis.ok());
        }
        Append { context: self.context, document, changes }
    }

    /// Tells the machine and the watchers about changes of this process.
    fn stored(&mut self, part: Part, append: Append, positions: Vec<Position>) {
        let Append { context, document, changes } = append;
        self.documents.note_stored(document);
        *self.documents.behind.entry(part).or_default() += changes.len() as u64;
        let hashes: Vec<ChangeHash> = changes.iter().map(|change| change.header.hash).collect();
        self.tell(part, &hashes, Origin::Here);
        let changes = changes.into_iter().zip(positions).collect();
        self.tell_machine(Input::Committed { context, document, changes });
    }

    /// Drops documents whose newest changes were not stored; they are read again when needed.
    fn take_back(&mut self, parts: &BTreeSet<Part>) {
        parts.iter().for_each(|part| self.documents.forget(part));
    }
}

enum Refusal {
    /// Memory is as before.
    Edit(EditFailed),
    /// Memory has what is not to be stored.
    Spoiled(EditFailed),
    Resolve(ResolveError),
}

impl From<EditFailed> for Refusal {
    fn from(error: EditFailed) -> Self {
        Self::Edit(error)
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Edit(EditFailed::Unreadable(error))
    }
}

pub(super) fn parse(edited: &Edited) -> Result<Vec<(Part, Change)>, EditFailed> {
    let parsed = edited.changes.iter().map(|(part, bytes)| {
        let change = Change::parse(Blob::from(bytes.as_slice()), None)
            .map_err(|source| EditFailed::TooMuch { source })?;
        Ok((*part, change))
    });
    parsed.collect()
}

/// Ids for new items: those that were given, then random ones.
struct Items {
    given: VecDeque<ItemId>,
    /// The system has given no randomness for one of them: none may be used.
    are_missing: bool,
}

impl Items {
    fn next(&mut self) -> ItemId {
        if let Some(given) = self.given.pop_front() {
            return given;
        }
        let mut bytes = [0; 10];
        self.are_missing |= getrandom::fill(&mut bytes).is_err();
        ItemId::from_bytes(bytes)
    }
}
