//! What goes out: one frame at a time, made when a link can take it and never before.
//!
//! Nothing is queued for a link. What it lacks is a place in the graph's order of arrival and a
//! list to catch up with; control messages come first, then the documents take turns.

use super::Replica;
use super::document::Document;
use super::follow::{At, Follow, Phase, Stage};
use super::link::{Outgoing, Reading};
use crate::access::entry_hash;
use crate::graph::Graph;
use crate::id::{Blob, ContextId, DocumentKey, LinkId, Position};
use crate::identity::{Seal, Side};
use crate::io::{Output, StoreRequest};
use crate::limits::{
    FRAME_CHANGES_BYTES_TARGET, FRAME_CHANGES_MAX, FRAME_OPEN_BYTES_TARGET, HEADS_MAX,
    LINK_UNDER_WAY_BYTES_MAX, OPEN_DOCUMENTS_MAX, SNAPSHOT_PART_BYTES, SNAPSHOT_SEALS_MAX,
};
use crate::message::{Changes, Has, Have, Message, Open, Opened, SnapshotPart};
use crate::wire;

impl Replica {
    pub(super) fn drained(&mut self, link: LinkId, bytes: usize) {
        if let Some(here) = self.links.get_mut(&link) {
            here.under_way = here.under_way.saturating_sub(bytes);
            self.busy.insert(link);
        }
    }

    /// The next frame of the links, which take turns.
    pub(super) fn pump(&mut self) -> Option<Output> {
        loop {
            use std::ops::Bound::{Excluded, Unbounded};
            let after = self
                .turn
                .and_then(|turn| self.busy.range((Excluded(turn), Unbounded)).next().copied());
            let link = after.or_else(|| self.busy.first().copied())?;
            self.turn = Some(link);
            match self.next_frame(link) {
                Some(frame) => {
                    if let Some(here) = self.links.get_mut(&link) {
                        here.under_way += frame.len();
                    }
                    return Some(Output::Send { link, frame });
                }
                None => {
                    self.busy.remove(&link);
                }
            }
        }
    }

    fn next_frame(&mut self, link: LinkId) -> Option<Blob> {
        let here = self.links.get_mut(&link)?;
        if here.under_way >= LINK_UNDER_WAY_BYTES_MAX {
            return None;
        }
        if let Some(message) = here.control.pop_front() {
            return Some(wire::encode(&message));
        }
        let turn = here.turn;
        let (before, after): (Vec<ContextId>, Vec<ContextId>) =
            here.shared.keys().partition(|context| Some(**context) <= turn);
        for context in after.into_iter().chain(before) {
            if let Some(frame) = self.context_frame(link, context) {
                if let Some(here) = self.links.get_mut(&link) {
                    here.turn = Some(context);
                }
                return Some(frame);
            }
        }
        None
    }

    fn context_frame(&mut self, link: LinkId, context: ContextId) -> Option<Blob> {
        let shared = self.shared(link, &context)?;
        if shared.phase == Phase::Gathering {
            return None;
        }
        let side = shared.side;
        let message = self
            .access_frame(link, context)
            .or_else(|| match side {
                Side::Dials => self.open_frame(link, context),
                Side::Listens => self.opened_frame(link, context),
            })
            .or_else(|| self.saved_frame(link, context))
            .or_else(|| self.presence_frame(link, context));
        if let Some(message) = message {
            return Some(wire::encode(&message));
        }
        self.next_document_frame(link, context)
    }

    fn open_frame(&mut self, link: LinkId, context: ContextId) -> Option<Message> {
        let there = self.contexts.get(&context)?;
        let shared = self.links.get_mut(&link)?.shared.get_mut(&context)?;
        if !shared.owes_last {
            return None;
        }
        let mut documents = Vec::new();
        let mut bytes = 0;
        while documents.len() < OPEN_DOCUMENTS_MAX && bytes < FRAME_OPEN_BYTES_TARGET {
            let Some(document) = shared.to_state.pop_first() else { break };
            let Some(follow) = shared.follows.get(&document) else { continue };
            let have = have(document, follow, there.documents.get(&document));
            bytes += 64 + 32 * (have.heads.len() + have.samples.len());
            documents.push(have);
        }
        let more = !shared.to_state.is_empty();
        shared.owes_last = more;
        let access_entries = there.access.len() as u64;
        let access_head = there.access.last().map(|entry| entry_hash(entry)).unwrap_or_default();
        let record = there.access.first().cloned();
        Some(Message::Open(Open { context, access_entries, access_head, record, documents, more }))
    }

    fn opened_frame(&mut self, link: LinkId, context: ContextId) -> Option<Message> {
        let shared = self.shared(link, &context)?;
        if !shared.owes_last {
            return None;
        }
        let mut documents = Vec::new();
        let mut bytes = 0;
        while documents.len() < OPEN_DOCUMENTS_MAX && bytes < FRAME_OPEN_BYTES_TARGET {
            let Some(document) = self.shared(link, &context)?.to_state.pop_first() else { break };
            let at = At { link, context, document };
            self.answer_one(at);
            let here = self.document(at);
            let cursor = here.as_ref().map(|here| here.last()).unwrap_or_default();
            let mut heads = here.map(|here| here.durable_heads()).unwrap_or_default();
            heads.truncate(HEADS_MAX);
            let sends = self.follow(at).is_some_and(|follow| follow.owes_done);
            bytes += 64 + 32 * heads.len();
            documents.push(Has { document, cursor, heads, sends });
        }
        let shared = self.shared(link, &context)?;
        let more = !shared.to_state.is_empty();
        shared.owes_last = more;
        let access = &self.contexts.get(&context)?.access;
        let access_entries = access.len() as u64;
        let access_head = access.last().map(|entry| entry_hash(entry)).unwrap_or_default();
        Some(Message::Opened(Opened { context, access_entries, access_head, documents, more }))
    }

    fn saved_frame(&mut self, link: LinkId, context: ContextId) -> Option<Message> {
        loop {
            let shared = self.shared(link, &context)?;
            let document = shared.to_save.pop_first()?;
            let at = At { link, context, document };
            let Some((follow, here)) = self.both(at) else { continue };
            let mut heads: Vec<_> = std::iter::from_fn(|| follow.saved.pop_last())
                .take(HEADS_MAX)
                .filter_map(|index| here.graph.hash(index))
                .collect();
            skip(follow, &here.graph, link);
            let all = follow.stage == Stage::Sending
                && follow.queue.is_empty()
                && follow.next == here.graph.count();
            let durable = here.durable_heads();
            // No other message will tell of what a cursor covers, so the heads have to cover it too:
            // of what went to this link before it was durable nothing has been said yet.
            let mut cursor = Position::default();
            if all && !heads.is_empty() && durable.len() <= HEADS_MAX {
                (cursor, heads) = (here.last(), durable);
            }
            follow.told = follow.told.max(cursor);
            if !follow.saved.is_empty() {
                self.shared(link, &context)?.to_save.insert(document);
            }
            if !heads.is_empty() {
                let receipt = self.receipt(at, &heads);
                return Some(Message::Saved { context, document, cursor, heads, receipt });
            }
        }
    }

    /// Documents take turns, so that a long catching up of one does not hold up the others.
    fn next_document_frame(&mut self, link: LinkId, context: ContextId) -> Option<Blob> {
        loop {
            let shared = self.shared(link, &context)?;
            if shared.phase != Phase::Open {
                return None;
            }
            let document = shared.next_ready()?;
            shared.turn = Some(document);
            let at = At { link, context, document };
            if let Some(frame) = self.document_frame(at) {
                return Some(frame);
            }
            self.shared(link, &context)?.ready.remove(&document);
            self.check_through(at);
        }
    }

    fn document_frame(&mut self, at: At) -> Option<Blob> {
        let here = self.links.get(&at.link)?;
        if here.reading.as_ref().is_some_and(|reading| reading.at == at) {
            return None;
        }
        let (follow, document) = self.both(at)?;
        match follow.stage {
            Stage::Receiving | Stage::Ending | Stage::Planning => None,
            Stage::Snapshot => self.snapshot_frame(at),
            Stage::Sending if !document.is_loaded() => {
                let cursor = std::mem::take(&mut follow.owes_cursor).then_some(document.last)?;
                let owed = follow.told < cursor;
                owed.then(|| self.cursor_frame(at, cursor))
            }
            Stage::Sending if !follow.queue.is_empty() => self.catch_up_frame(at),
            Stage::Sending if follow.owes_done => {
                follow.owes_done = false;
                Some(self.end_of_batch(at, Vec::new(), true))
            }
            Stage::Sending => self.live_frame(at),
        }
    }

    /// What has just arrived: from memory, and the same bytes for every link at the same place.
    fn live_frame(&mut self, at: At) -> Option<Blob> {
        let only_stored = self.config.loads_documents;
        let (follow, document) = self.both(at)?;
        skip(follow, &document.graph, at.link);
        let (start, count) = (follow.next, document.graph.count());
        let mut end = start;
        let mut bytes = 0;
        while end < count
            && ((end - start) as usize) < FRAME_CHANGES_MAX
            && bytes < FRAME_CHANGES_BYTES_TARGET
        {
            let graph = &document.graph;
            let waits = only_stored && graph.position(end).is_none();
            if waits || !graph.is_live(end) || graph.link(end) == Some(at.link) {
                break;
            }
            let Some((chunk, _)) = document.recent.get(end) else {
                // It fell behind what is in memory: it catches up from the disk.
                follow.queue.extend(start..count);
                follow.next = count;
                return self.catch_up_frame(at);
            };
            bytes += chunk.len();
            end += 1;
        }
        if start == end {
            let cursor = if start == count { document.graph.last() } else { Position::default() };
            let owed = std::mem::take(&mut follow.owes_cursor) && cursor > follow.told;
            return owed.then(|| self.cursor_frame(at, cursor));
        }
        follow.next = end;
        skip(follow, &document.graph, at.link);
        let cursor = if follow.next == count { document.graph.last() } else { Position::default() };
        let news = cursor > follow.told;
        follow.told = follow.told.max(cursor);
        let key = (start, end, cursor);
        let frame = match &document.frame {
            Some((cached, frame)) if *cached == key => frame.clone(),
            _ => {
                let changes =
                    (start..end).filter_map(|index| document.recent.get(index).cloned()).collect();
                let frame = wire::encode(&batch(at, changes, cursor, false));
                document.frame = Some((key, frame.clone()));
                frame
            }
        };
        if news {
            self.owe_heads(at);
        }
        Some(frame)
    }

    /// How far the log has become durable. Who keeps an account of that learns with which heads, so
    /// that it does not take what came from here for its own alone.
    fn cursor_frame(&mut self, at: At, cursor: Position) -> Blob {
        let mut heads = Vec::new();
        if self.owes_saved(at) {
            heads = self.document(at).map(|here| here.durable_heads()).unwrap_or_default();
            heads.truncate(HEADS_MAX);
        }
        if let Some(follow) = self.follow(at) {
            follow.told = cursor;
        }
        let At { context, document, .. } = at;
        wire::encode(&match heads.is_empty() {
            true => batch(at, Vec::new(), cursor, false),
            false => {
                let receipt = self.receipt(at, &heads);
                Message::Saved { context, document, cursor, heads, receipt }
            }
        })
    }

    /// What a link lacks from before: from memory where it is there, else the store is asked.
    fn catch_up_frame(&mut self, at: At) -> Option<Blob> {
        let only_stored = self.config.loads_documents;
        let (follow, document) = self.both(at)?;
        let graph = &document.graph;
        let mut changes = Vec::new();
        let mut bytes = 0;
        while let Some(index) = follow.queue.front().copied() {
            if !graph.is_live(index) || graph.link(index) == Some(at.link) {
                follow.queue.pop_front();
                continue;
            }
            let full = changes.len() >= FRAME_CHANGES_MAX || bytes >= FRAME_CHANGES_BYTES_TARGET;
            if full || (only_stored && graph.position(index).is_none()) {
                break;
            }
            let Some(change) = document.recent.get(index) else { break };
            bytes += change.0.len();
            changes.push(change.clone());
            follow.queue.pop_front();
        }
        if changes.is_empty() && !follow.queue.is_empty() {
            self.read_for(at);
            return None;
        }
        if changes.is_empty() && !follow.owes_done {
            return self.live_frame(at);
        }
        Some(self.end_of_batch(at, changes, false))
    }

    /// Asks the store for the next changes of the queue, once per link at a time.
    fn read_for(&mut self, at: At) {
        let Some(here) = self.links.get_mut(&at.link) else { return };
        if here.reading.is_some() || here.read_paused {
            here.waiting.insert((at.context, at.document));
            return;
        }
        let Some((follow, document)) = self.both(at) else { return };
        let graph = &document.graph;
        let (mut indices, mut positions, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(index) = follow.queue.front().copied() {
            let Some(position) = graph.position(index) else { break };
            let full = indices.len() >= FRAME_CHANGES_MAX || bytes >= FRAME_CHANGES_BYTES_TARGET;
            if full || document.recent.get(index).is_some() && !indices.is_empty() {
                break;
            }
            bytes += graph.bytes(index);
            indices.push(index);
            positions.push(position);
            follow.queue.pop_front();
        }
        if indices.is_empty() {
            return;
        }
        let At { link, context, document } = at;
        if let Some(here) = self.links.get_mut(&link) {
            here.reading = Some(Reading { at, indices });
        }
        self.store(StoreRequest::Read { link, context, document, positions });
    }

    /// The store has read: what was asked for goes out before anything else of its document.
    pub(super) fn send_read(&mut self, at: At, changes: Vec<(Blob, Option<Seal>)>) {
        if !changes.is_empty() {
            let message = self.batch_message(at, changes, false);
            if let Some(here) = self.links.get_mut(&at.link) {
                here.control.push_back(message);
            }
        }
        self.ready(at);
        self.check_through(at);
    }

    fn end_of_batch(&mut self, at: At, changes: Vec<(Blob, Option<Seal>)>, last: bool) -> Blob {
        wire::encode(&self.batch_message(at, changes, last))
    }

    /// A batch of catching up; the last one says so, and up to where the receiver now has the log.
    fn batch_message(&mut self, at: At, changes: Vec<(Blob, Option<Seal>)>, last: bool) -> Message {
        let Some((follow, document)) = self.both(at) else {
            return batch(at, changes, Position::default(), last);
        };
        let ends = follow.queue.is_empty() && follow.stage == Stage::Sending;
        let done = last || (ends && std::mem::take(&mut follow.owes_done));
        skip(follow, &document.graph, at.link);
        let all = ends && follow.next == document.graph.count();
        let cursor = if all { document.last() } else { Position::default() };
        let news = cursor > follow.told && !changes.is_empty();
        follow.told = follow.told.max(cursor);
        if news {
            self.owe_heads(at);
        }
        batch(at, changes, cursor, done)
    }

    /// A cursor in `Changes` names no heads. Who keeps an account learns them from a `Saved` right
    /// after, or it would take what it has received for its own alone, for ever.
    fn owe_heads(&mut self, at: At) {
        if self.config.loads_documents || !self.owes_saved(at) {
            return;
        }
        let Some(here) = self.document(at).filter(|here| here.is_loaded()) else { return };
        let heads = here.graph.durable_heads();
        let heads: Vec<u32> = heads.iter().filter_map(|hash| here.graph.index(hash)).collect();
        heads.into_iter().for_each(|index| self.owe_saved(at, index));
    }

    /// One part of a snapshot; one snapshot per link at a time.
    fn snapshot_frame(&mut self, at: At) -> Option<Blob> {
        let here = self.links.get_mut(&at.link)?;
        let At { link, context, document } = at;
        match &mut here.snapshot {
            None => {
                here.snapshot = Some(Outgoing { at, snapshot: None, offset: 0 });
                self.store(StoreRequest::ReadSnapshot { link, context, document });
                None
            }
            Some(outgoing) if outgoing.at != at => {
                here.waiting.insert((context, document));
                None
            }
            Some(outgoing) => {
                let snapshot = outgoing.snapshot.as_ref()?;
                let start = outgoing.offset;
                let end = snapshot.bytes.len().min(start + SNAPSHOT_PART_BYTES);
                let count = if start == 0 { SNAPSHOT_SEALS_MAX } else { 0 };
                let seals = snapshot.seals.iter().take(count);
                let part = SnapshotPart {
                    context,
                    document,
                    offset: start as u64,
                    total: snapshot.bytes.len() as u64,
                    bytes: snapshot.bytes.get(start..end).unwrap_or_default().into(),
                    seals: seals.cloned().collect(),
                    cursor: Position::default(),
                };
                outgoing.offset = end;
                if end == snapshot.bytes.len() {
                    let upto = snapshot.upto;
                    here.snapshot = None;
                    self.after_snapshot(at, upto);
                }
                Some(wire::encode(&Message::Snapshot(part)))
            }
        }
    }

    /// What the snapshot holds need not be sent.
    fn after_snapshot(&mut self, at: At, upto: Position) {
        if let Some((follow, document)) = self.both(at) {
            let graph = &document.graph;
            follow.queue.retain(|index| graph.position(*index).is_none_or(|at| at > upto));
            follow.stage = Stage::Sending;
        }
        self.wake_waiting(at.link);
        self.ready(at);
    }
}

/// What came over the link itself, or was refused, is not sent to it.
fn skip(follow: &mut Follow, graph: &Graph, link: LinkId) {
    while follow.next < graph.count()
        && (!graph.is_live(follow.next) || graph.link(follow.next) == Some(link))
    {
        follow.next += 1;
    }
}

fn batch(at: At, changes: Vec<(Blob, Option<Seal>)>, cursor: Position, done: bool) -> Message {
    let (context, document) = (at.context, at.document);
    Message::Changes(Changes { context, document, changes, cursor, done })
}

/// What this side has of a document: durably, and with samples only where there is no cursor.
fn have(document: DocumentKey, follow: &Follow, here: Option<&Document>) -> Have {
    let mut heads = here.map(Document::durable_heads).unwrap_or_default();
    heads.truncate(HEADS_MAX);
    let met = follow.cursor > Position::default();
    let samples = here
        .filter(|here| here.is_loaded() && !met)
        .map(|here| here.graph.samples())
        .unwrap_or_default();
    Have { document, cursor: follow.cursor, heads, samples }
}
