//! The end of catching up: what the other side lacks, and whether both have everything.

use std::collections::BTreeSet;

use super::Replica;
use super::follow::{At, Phase, Stage};
use crate::access::Scopes;
use crate::id::{ChangeHash, ContextId, DocumentKey, LinkId, Position};
use crate::identity::Side;
use crate::io::{Event, Known, Output};
use crate::limits::HEADS_MAX;
use crate::message::{Code, Refusal};

impl Replica {
    /// The other side has sent what this side lacked; now this side sends what the other lacks.
    pub(super) fn end_receiving(&mut self, at: At) {
        let Some(follow) = self.follow(at) else { return };
        follow.expects = false;
        follow.done_waits = false;
        let nothing = follow.stated.is_empty();
        let Some((follow, document)) = self.both(at) else {
            // Not a change of it is here: either there is none, or it must be asked for again.
            if nothing {
                return self.through_with_nothing(at);
            }
            return self.open_again(at);
        };
        if !document.is_loaded() && same(&document.heads, &follow.stated) {
            follow.stage = Stage::Sending;
            follow.told = document.last;
            self.forget_stated(at);
            self.settle_cursor(at);
            return self.check_through(at);
        }
        follow.stage = Stage::Ending;
        if self.load_graph(at.context, at.document) {
            self.end_with_graph(at);
        }
    }

    fn through_with_nothing(&mut self, at: At) {
        let Some(shared) = self.shared(at.link, &at.context) else { return };
        if let Some(follow) = shared.follows.get_mut(&at.document) {
            follow.stage = Stage::Sending;
        }
        shared.behind.remove(&at.document);
        self.check_in_sync(at.link, at.context);
    }

    pub(super) fn end_with_graph(&mut self, at: At) {
        let Some((follow, document)) = self.both(at) else { return };
        let waits = document.deferred.values().flatten().any(|(link, _)| *link == at.link);
        let lacking = waits
            || follow.lost
            || follow.stated.iter().any(|head| {
                // What was refused here is not waited for.
                document.graph.index(head).is_none() && !document.refused.contains_key(head)
            });
        if lacking {
            return self.open_again(at);
        }
        follow.barrier = document.graph.count();
        self.plan(at);
        self.settle_cursor(at);
    }

    /// The cursor promised too much, or something was lost: asks once more, without a cursor.
    fn open_again(&mut self, at: At) {
        let Some(shared) = self.shared(at.link, &at.context) else { return };
        let Some(follow) = shared.follows.get_mut(&at.document) else { return };
        if follow.reopened {
            // It stays behind; the other side cannot give what it said that it has.
            follow.lost = true;
            follow.arrived = None;
            return self.plan_if_loaded(at);
        }
        follow.reopened = true;
        follow.lost = false;
        follow.cursor = Position::default();
        follow.arrived = None;
        follow.stage = Stage::Receiving;
        shared.to_state.insert(at.document);
        shared.owes_last = true;
        self.busy.insert(at.link);
    }

    fn plan_if_loaded(&mut self, at: At) {
        match self.both(at) {
            Some((follow, document)) if document.is_loaded() => {
                follow.barrier = document.graph.count();
                self.plan(at);
            }
            Some(_) => {}
            None => {
                if let Some(follow) = self.follow(at) {
                    follow.stage = Stage::Sending;
                }
            }
        }
    }

    /// Finds what the other side lacks. The graph is loaded.
    pub(super) fn plan(&mut self, at: At) {
        let Some(proved) = self.links.get(&at.link).and_then(super::link::Link::proved) else {
            return;
        };
        let side = self.shared(at.link, &at.context).map(|shared| shared.side);
        let Some((follow, document)) = self.both(at) else { return };
        let graph = &document.graph;
        let mut recognised = follow.stated.clone();
        recognised.extend(follow.durable.iter().copied());
        let knows_some = recognised.iter().any(|hash| graph.index(hash).is_some());
        // A cursor beyond the log is another log's, or of one that lost its end.
        let after =
            if follow.after <= document.last() { follow.after } else { Position::default() };
        let mut missing = graph.missing(&recognised);
        missing.retain(|index| {
            graph.position(*index).is_none_or(|position| position > after)
                && graph.link(*index) != Some(at.link)
        });
        let pruned = missing
            .iter()
            .filter_map(|index| graph.position(*index))
            .any(|position| position <= document.pruned);
        let from_nothing = !knows_some && after == Position::default();
        let has_snapshot = document.snapshot > Position::default();
        let snapshot = !missing.is_empty()
            && has_snapshot
            && proved.takes_snapshots
            && (pruned || from_nothing);
        if side == Some(Side::Dials) {
            follow.unsaved = missing.iter().copied().collect();
            for index in &missing {
                graph.deps(*index).iter().for_each(|dep| {
                    follow.unsaved.remove(dep);
                });
            }
        }
        follow.next = graph.count();
        follow.queue = missing.into();
        follow.stage = if snapshot { Stage::Snapshot } else { Stage::Sending };
        if pruned && !snapshot {
            follow.queue.clear();
            follow.unsaved.clear();
            let reason =
                "its early changes are here only as a snapshot, which the other side does not take";
            self.refuse(at.link, Refusal::new(Code::Failed, reason));
        }
        self.forget_stated(at);
        self.ready(at);
        self.check_through(at);
    }

    /// Remembers a cursor as soon as everything that it covers is durable here.
    pub(super) fn settle_cursor(&mut self, at: At) {
        let Some(proved) = self.links.get(&at.link).and_then(super::link::Link::proved) else {
            return;
        };
        let Some((follow, document)) = self.both(at) else { return };
        let Some(arrived) = follow.arrived else { return };
        let early = matches!(follow.stage, Stage::Receiving | Stage::Ending) || follow.expanding;
        if early || follow.lost || arrived <= follow.cursor {
            return;
        }
        if document.is_loaded()
            && (document.graph.first_unstored().is_some()
                || !document.deferred.is_empty()
                || !document.held.is_empty())
        {
            document.watchers.insert(at.link);
            return;
        }
        follow.arrived = None;
        follow.cursor = arrived;
        let known =
            Known { document: at.document, cursor: arrived, durable: follow.durable.clone() };
        self.store(crate::io::StoreRequest::Remember {
            remote: proved.store,
            context: at.context,
            known,
        });
    }

    /// Whether each side has, durably, what the other had of a document when the link opened it.
    pub(super) fn check_through(&mut self, at: At) {
        let behind = self
            .shared(at.link, &at.context)
            .is_some_and(|shared| shared.behind.contains(&at.document));
        if !behind {
            return;
        }
        let Some((follow, document)) = self.both(at) else { return };
        let done = follow.stage == Stage::Sending
            && follow.queue.is_empty()
            && follow.unsaved.is_empty()
            && follow.retry.is_none()
            && !follow.expects
            && !follow.lost;
        if !done {
            return;
        }
        if document.graph.first_unstored().is_some_and(|first| first < follow.barrier) {
            document.watchers.insert(at.link);
            return;
        }
        if let Some(shared) = self.shared(at.link, &at.context) {
            shared.behind.remove(&at.document);
        }
        self.check_in_sync(at.link, at.context);
    }

    /// The other side has stored what came from here.
    pub(super) fn saved(&mut self, at: At, cursor: Position, heads: Vec<ChangeHash>) {
        let Some(proved) = self.links.get(&at.link).and_then(super::link::Link::proved) else {
            return;
        };
        let waits = self
            .both(at)
            .is_some_and(|(follow, document)| follow.expanding || !document.parked.is_empty());
        if waits {
            return self.park_saved(at, (cursor, heads));
        }
        let Some((follow, document)) = self.both(at) else { return };
        let graph = &document.graph;
        let saved: Vec<u32> = heads.iter().filter_map(|hash| graph.index(hash)).collect();
        if saved.is_empty() {
            // None of these changes is known here: only the cursor says something.
            if cursor > Position::default() {
                follow.arrived = follow.arrived.max(Some(cursor));
            }
            return self.settle_cursor(at);
        }
        follow.unsaved.retain(|index| !graph.reaches(&saved, *index));
        let heads = heads.into_iter().filter(|hash| graph.index(hash).is_some());
        follow
            .durable
            .retain(|old| graph.index(old).is_some_and(|old| !graph.reaches(&saved, old)));
        follow.durable.extend(heads);
        let excess = follow.durable.len().saturating_sub(HEADS_MAX);
        follow.durable.drain(..excess);
        if cursor > Position::default() {
            follow.arrived = follow.arrived.max(Some(cursor));
        }
        let known =
            Known { document: at.document, cursor: follow.cursor, durable: follow.durable.clone() };
        self.note_durable(proved.store, at.context, known);
        self.settle_cursor(at);
        self.check_through(at);
    }

    /// Who loads documents passes on only what it has stored: so what came from there is durable there.
    pub(super) fn durable_where_it_came_from(&mut self, at: At, came: &[u32]) {
        let proved = self.links.get(&at.link).and_then(super::link::Link::proved);
        let Some(proved) = proved.filter(|proved| proved.takes_snapshots) else { return };
        let Some((follow, document)) = self.both(at) else { return };
        let graph = &document.graph;
        let below: BTreeSet<u32> =
            came.iter().flat_map(|index| graph.deps(*index)).copied().collect();
        let tips: Vec<u32> = came.iter().copied().filter(|index| !below.contains(index)).collect();
        follow.durable.retain(|old| graph.index(old).is_some_and(|old| !graph.reaches(&tips, old)));
        follow.durable.extend(tips.iter().filter_map(|index| graph.hash(*index)));
        let excess = follow.durable.len().saturating_sub(HEADS_MAX);
        follow.durable.drain(..excess);
        let known =
            Known { document: at.document, cursor: follow.cursor, durable: follow.durable.clone() };
        self.note_durable(proved.store, at.context, known);
    }

    /// The other side has refused something.
    pub(super) fn refused(&mut self, link: LinkId, refusal: Refusal) {
        let (about, permanent) = (refusal.about, refusal.code.is_permanent());
        if self.proposal_refused(link, &refusal) || self.insist(link, &refusal) {
            return;
        }
        self.outbox.push_back(Output::Event(Event::Refused { link, refusal }));
        let Some(hash) = about else { return };
        let Some(here) = self.links.get(&link) else { return };
        let followed: Vec<At> = here
            .shared
            .iter()
            .flat_map(|(context, shared)| {
                let at =
                    |document: &DocumentKey| At { link, context: *context, document: *document };
                shared.follows.keys().map(at).collect::<Vec<_>>()
            })
            .collect();
        for at in followed {
            let Some((follow, document)) = self.both(at) else { continue };
            let graph = &document.graph;
            let Some(index) = graph.index(&hash) else { continue };
            if permanent {
                follow.unsaved.retain(|young| !graph.reaches(&[*young], index));
                self.check_through(at);
            } else {
                follow.retry = Some(follow.retry.map_or(index, |first| first.min(index)));
                self.retry_later(link);
            }
        }
    }

    pub(super) fn check_in_sync(&mut self, link: LinkId, context: ContextId) {
        let Some(shared) = self.shared(link, &context) else { return };
        // With somebody who may read nothing, nothing is compared.
        let compares = shared.reads.is_some_and(|reads| reads != Scopes::default());
        let done = shared.phase == Phase::Open && shared.behind.is_empty() && compares;
        if done && !shared.in_sync && shared.side == Side::Dials {
            shared.in_sync = true;
            self.outbox.push_back(Output::Event(Event::InSync { link, context }));
        }
    }
}

fn same(a: &[ChangeHash], b: &[ChangeHash]) -> bool {
    a.len() == b.len() && a.iter().all(|hash| b.contains(hash))
}
