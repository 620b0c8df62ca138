//! One key under two different changes with one actor and number: the sequencer freezes it.

use super::Replica;
use super::follow::At;
use crate::access::{Action, Contested};
use crate::admit::{self, Access, Place};
use crate::change::Change;
use crate::id::{ActorId, Blob, ChangeHash, LinkId, Position, PublicKey};
use crate::identity::Seal;
use crate::io::StoreRequest;

/// Stands for a link where the store reads the first of two changes: no driver gives out this number.
pub(super) const PROOF: LinkId = LinkId(u64::MAX - 1);
/// Cases that wait for the store, per context.
const SUSPECTS_MAX: usize = 64;

/// The second of two changes.
#[derive(Debug)]
pub(super) struct Suspect {
    key: PublicKey,
    actor: ActorId,
    seq: u64,
    /// The first one, which stays.
    first: ChangeHash,
    /// The second one and its signature.
    second: (ChangeHash, Seal),
}

impl Replica {
    /// A change has the actor and number of another one. With its author's signature on both, that is
    /// proof.
    pub(super) fn suspect(&mut self, at: At, change: &Change) {
        let header = &change.header;
        let Some(there) = self.contexts.get(&at.context) else { return };
        let (Some(log), Some(here)) = (&there.log, there.documents.get(&at.document)) else {
            return;
        };
        if log.sequencer() != self.config.key.public() {
            return;
        }
        let graph = &here.graph;
        let index = graph.of_actor(&header.actor, header.seq);
        let Some(index) = index.filter(|index| graph.is_live(*index)) else { return };
        let (Some(first), Some(position)) = (graph.hash(index), graph.position(index)) else {
            return;
        };
        let key = graph.actor(&header.actor).and_then(|(.., author)| author);
        let (Some(key), Some(seal)) = (key, change.seal) else { return };
        let (context, document) = (&at.context, &at.document);
        let access = Access { roots: &[], log };
        let place = Place { context, document, graph, access: &access };
        if first == header.hash || !admit::covers(change, &key, &place) {
            return;
        }
        let second = (header.hash, seal);
        let suspect = Suspect { key, actor: header.actor, seq: header.seq, first, second };
        if let Some((_, Some(seal))) = here.recent.get(index) {
            let seal = *seal;
            return self.freeze(at, suspect, seal);
        }
        let Some(there) = self.contexts.get_mut(&at.context) else { return };
        if there.suspects.len() < SUSPECTS_MAX
            && there.suspects.insert((at.document, position), suspect).is_none()
        {
            let At { context, document, .. } = at;
            let positions = vec![position];
            self.store(StoreRequest::Read { link: PROOF, context, document, positions });
        }
    }

    /// The store has read the first of two changes.
    pub(super) fn proof_read(&mut self, at: At, changes: &[(Position, Blob, Option<Seal>)]) {
        let Some(there) = self.contexts.get_mut(&at.context) else { return };
        let read = changes.first().map(|(position, _, seal)| (*position, *seal));
        let Some((position, seal)) = read else {
            // It has no bytes of its own any more.
            return there.suspects.retain(|(document, _), _| *document != at.document);
        };
        let Some(suspect) = there.suspects.remove(&(at.document, position)) else { return };
        if let Some(seal) = seal {
            self.freeze(at, suspect, seal);
        }
    }

    fn freeze(&mut self, at: At, suspect: Suspect, seal: Seal) {
        let Suspect { key, actor, seq, first, second } = suspect;
        let contested = Contested { document: at.document, actor, seq, keep: first };
        let proof = [(first, seal), second];
        self.propose_itself(at.context, Action::Freeze { key, contested, proof });
    }
}
