//! The access log: taking in its entries, sending them, and what a longer log changes.

use super::Replica;
use super::document::ContextState;
use super::follow::Phase;
use crate::access::{Entry, Log, Rights, Scopes, entry_hash};
use crate::id::{Blob, ContextId, DocumentKey, LinkId};
use crate::identity::{ContextRecord, Seal, Side};
use crate::io::{Event, Output, StoreRequest};
use crate::limits::{FRAME_ACCESS_BYTES_TARGET, FRAME_ACCESS_ENTRIES_MAX};
use crate::message::{Changes, Code, Message, Open, Opened, Refusal, SnapshotPart};

/// Entries that the store is taking in.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) from: u64,
    pub(super) entries: Vec<Blob>,
    /// The log with them.
    pub(super) log: Log,
    /// Who brought them; absent when they were ordered here.
    pub(super) link: Option<LinkId>,
}

/// What came over a link behind entries that the store is taking in.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) link: LinkId,
    pub(super) bytes: usize,
    pub(super) what: Waiting,
}

#[derive(Debug)]
pub(super) enum Waiting {
    Message(Message),
    Expanded(DocumentKey, Vec<(Blob, Option<Seal>)>),
}

impl Replica {
    /// What the key at the other end of a link may do, within what its login allows.
    pub(super) fn rights_on(&self, link: LinkId, context: &ContextId) -> Rights {
        let log = self.contexts.get(context).and_then(|there| there.log.as_ref());
        let here = self.links.get(&link);
        let proved = here.and_then(super::link::Link::proved);
        let (Some(log), Some(here), Some(proved)) = (log, here, proved) else {
            return Rights::NONE;
        };
        let rights = log.rights(&proved.key);
        let Some(login) = &here.login else { return rights };
        match &login.contexts {
            Some(contexts) if !contexts.contains(context) => Rights::NONE,
            Some(_) | None => rights.and(&login.rights),
        }
    }

    /// Keeps something that came over a link while the store takes in entries, which are needed to
    /// judge it. Gives it back when it need not wait.
    pub(super) fn behind_entries(
        &mut self,
        link: LinkId,
        context: ContextId,
        what: Waiting,
    ) -> Option<Waiting> {
        let shares = self.shared(link, &context).is_some();
        let Some(there) = self.contexts.get_mut(&context).filter(|_| shares) else {
            return Some(what);
        };
        let access = matches!(what, Waiting::Message(Message::Access { .. }));
        let open = matches!(what, Waiting::Message(Message::Open(_)));
        let loading = there.state == ContextState::Loading && !open;
        let waits = loading
            || there.writing.as_ref().is_some_and(|writing| writing.link.is_some() || access)
            || there.arrived.iter().any(|arrived| arrived.link == link);
        if !waits {
            return Some(what);
        }
        let bytes = what.bytes();
        if self.reserve(link, 1, bytes) {
            if let Some(there) = self.contexts.get_mut(&context) {
                there.arrived.push_back(Arrived { link, bytes, what });
            }
        } else {
            self.close(link, Refusal::new(Code::Busy, "too much waits for the access log"));
        }
        None
    }

    /// What waited goes on, up to the next entries that the store has to take in.
    pub(super) fn go_on(&mut self, context: ContextId) {
        loop {
            let Some(there) = self.contexts.get_mut(&context) else { return };
            if there.state != ContextState::Loaded || there.writing.is_some() {
                return;
            }
            let Some(Arrived { link, bytes, what }) = there.arrived.pop_front() else { return };
            let rest = std::mem::take(&mut there.arrived);
            self.release(link, 1, bytes);
            match what {
                Waiting::Message(message) => self.said(link, message),
                Waiting::Expanded(document, changes) => {
                    self.expanded(super::follow::At { link, context, document }, changes);
                }
            }
            if let Some(there) = self.contexts.get_mut(&context) {
                let newer = std::mem::take(&mut there.arrived);
                let all = rest.into_iter().chain(newer);
                there.arrived =
                    all.filter(|arrived| self.links.contains_key(&arrived.link)).collect();
            }
        }
    }

    /// Entries of the access log have come over a link.
    pub(super) fn access_entries(
        &mut self,
        link: LinkId,
        context: ContextId,
        (from, entries): (u64, Vec<Blob>),
    ) {
        if self.shared(link, &context).is_none() {
            // The same work as for one that is here.
            let _ = entries.first().map(|entry| Entry::read(entry));
            let refusal = Refusal::new(Code::Unknown, "the context is not open on this link");
            return self.refuse(link, refusal);
        }
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let known = there.access.len() as u64;
        if from > known {
            let refusal =
                Refusal::new(Code::Missing, "the access entries before these did not come");
            return self.refuse_entries(link, context, refusal);
        }
        let at = |number: u64| usize::try_from(number).ok().and_then(|at| there.access.get(at));
        let differs = (from..).zip(&entries).find(|(number, entry)| at(*number) != Some(*entry));
        let Some((number, _)) = differs else {
            // All are here already, brought by an earlier link, say. Who sends them has them, and is to
            // get what follows.
            let upto = from + entries.len() as u64;
            if let Some(shared) = self.shared(link, &context) {
                shared.access = Some(shared.access.map_or(upto, |access| access.max(upto)));
                self.busy.insert(link);
            }
            return;
        };
        let skipped = usize::try_from(number - from).unwrap_or(usize::MAX);
        let rest: Vec<Blob> = entries.into_iter().skip(skipped).collect();
        if number < known {
            return self.other_entries(link, context, (number, rest));
        }
        let begun = match &there.log {
            Some(log) => Ok((log.clone(), 0)),
            None => begin(rest.first(), &context).map(|log| (log, 1)),
        };
        let taken = begun.map(|(log, skipped)| extend(log, &rest, skipped));
        match taken {
            Ok((log, count, refused)) => {
                if let Some(refused) = refused {
                    self.refuse_entries(link, context, refused);
                }
                if count > 0 {
                    let entries = rest.into_iter().take(count).collect();
                    let writing = Writing { from: number, entries, log, link: Some(link) };
                    self.write_access(context, writing);
                }
            }
            Err(refused) => self.refuse_entries(link, context, refused),
        }
    }

    /// Who may not know whether the context is here does not learn what is wrong with its entries.
    pub(super) fn refuse_entries(&mut self, link: LinkId, context: ContextId, refusal: Refusal) {
        let dialled = self.shared(link, &context).is_some_and(|here| here.side == Side::Dials);
        if dialled || self.is_known(link, &context) {
            self.refuse(link, refusal);
        }
    }

    /// Asks the store to take in entries; the log grows when it has.
    pub(super) fn write_access(&mut self, context: ContextId, writing: Writing) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let (from, entries) = (writing.from, writing.entries.clone());
        let replaces = from < there.access.len() as u64;
        there.writing = Some(writing);
        self.flush_staged();
        self.store(match replaces {
            true => StoreRequest::ReplaceAccess { context, from, entries },
            false => StoreRequest::AppendAccess { context, from, entries },
        });
    }

    /// The store has taken them in.
    pub(super) fn access_appended(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let Some(writing) = there.writing.take() else { return };
        let Writing { from, entries, log, link } = writing;
        let after = usize::try_from(from).ok().and_then(|from| there.access.get(from..));
        if after.is_some_and(|after| after.len() > entries.len() && after.starts_with(&entries)) {
            // Another process has gone on from there, and that came first.
            self.ordered(context);
            return self.log_changed(context, from);
        }
        let replaced = from < there.access.len() as u64;
        there.access.truncate(usize::try_from(from).unwrap_or(usize::MAX));
        there.access.extend(entries);
        there.log = Some(log);
        let known = there.access.len() as u64;
        if let Some(shared) = link.and_then(|link| self.shared(link, &context)) {
            // Who brought them has them.
            shared.access = Some(shared.access.map_or(known, |access| access.max(known)));
        } else {
            self.ordered(context);
        }
        self.log_changed(context, from);
        if replaced {
            // What was refused under the void entries may count now, and is sent to whoever asks anew.
            for link in self.links_of(&context) {
                self.close(
                    link,
                    Refusal::new(Code::RightsChanged, "the log is another: connect again"),
                );
            }
        }
    }

    /// The store has not: somebody else on it was first, or it cannot write.
    pub(super) fn access_failed(&mut self, context: ContextId, refused: &Refusal) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let Some(writing) = there.writing.take() else { return };
        if there.log.is_none() {
            return self.context_failed(context, refused);
        }
        if writing.link.is_none() {
            self.order_again(context);
        }
        let Some(there) = self.contexts.get(&context) else { return };
        let mut links: Vec<LinkId> = there.arrived.iter().map(|arrived| arrived.link).collect();
        links.extend(writing.link);
        links.into_iter().for_each(|link| self.close(link, refused.clone()));
        self.reload(context);
    }

    /// Asks the store for the log once more.
    pub(super) fn reload(&mut self, context: ContextId) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if !std::mem::replace(&mut there.reloads, true) {
            self.store(StoreRequest::LoadContext { context });
        }
    }

    /// Another process on the same store has changed the log.
    pub(super) fn access_committed(&mut self, context: ContextId, entries: Vec<Blob>) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if there.state != ContextState::Loaded || entries.len() < there.access.len() {
            return;
        }
        let same = there.access.iter().zip(&entries).take_while(|(a, b)| a == b).count();
        if same == entries.len() {
            return;
        }
        let log = match &there.log {
            Some(log) if same == there.access.len() => {
                let (log, _, refused) = extend(log.clone(), &entries, same);
                refused.map_or(Some(log), |_| None)
            }
            Some(_) | None => Log::read(&entries).ok(),
        };
        let Some(log) = log else { return };
        there.access = entries;
        there.log = Some(log);
        self.log_changed(context, same as u64);
    }

    /// The log is another one from an entry on: links, documents and proposals follow it.
    fn log_changed(&mut self, context: ContextId, from: u64) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let entries = there.access.len() as u64;
        for document in there.documents.values_mut() {
            document.refused.clear();
        }
        // Whoever has another log of a liar's needs it from where the two part.
        let whole = there.is_forked;
        self.outbox.push_back(Output::Event(Event::Access { context, entries }));
        self.judge_again(context, from);
        for link in self.links_of(&context) {
            if let Some(shared) = self.shared(link, &context).filter(|_| whole) {
                shared.access = shared.access.map(|access| access.min(1));
            }
            self.link_rights_changed(link, context);
        }
        // Who was not first is next: there is nothing to wait for.
        self.resume_ordering(context);
        self.go_on(context);
        for link in self.links_of(&context) {
            self.try_to_answer(link, context);
        }
    }

    /// Closes a link whose key may read other documents than before.
    fn link_rights_changed(&mut self, link: LinkId, context: ContextId) {
        self.busy.insert(link);
        let now = self.rights_on(link, &context).read;
        let Some(shared) = self.shared(link, &context) else { return };
        if shared.phase == Phase::Gathering {
            return;
        }
        let before = shared.reads.replace(now);
        if before.is_none_or(|before| before == now) {
            return;
        }
        if let (Phase::Open, Some(from)) = (shared.phase, shared.access) {
            // It was a member when this was decided, and may know of it.
            let there = self.contexts.get(&context);
            let entries = there.map(|there| frame_of(&there.access, from)).unwrap_or_default();
            if let Some(here) = self.links.get_mut(&link).filter(|_| !entries.is_empty()) {
                here.control.push_back(Message::Access { context, from, entries });
            }
        }
        let refusal = match now == Scopes::default() {
            true => Refusal::new(Code::Revoked, "its rights have ended"),
            false => Refusal::new(Code::RightsChanged, "its rights have changed: connect again"),
        };
        self.close(link, refusal);
    }

    /// Notes how much of the log the other side has: it lacks what follows its newest entry here, or,
    /// when that is not here, everything. It may also have more than this side.
    pub(super) fn note_stated_access(&mut self, link: LinkId, context: ContextId) {
        let Some(there) = self.contexts.get(&context) else { return };
        let known = there.access.len() as u64;
        let stated = self.links.get(&link).and_then(|link| link.shared.get(&context));
        let Some((count, head)) = stated.map(|shared| shared.stated_access) else { return };
        let newest = count.checked_sub(1).and_then(|last| usize::try_from(last).ok());
        let newest = newest.and_then(|last| there.access.get(last));
        let access = match newest {
            _ if count == 0 => Some(0),
            Some(newest) if entry_hash(newest) == head => Some(count),
            Some(_) => Some(1),
            None => (count <= known).then_some(1),
        };
        if let Some(shared) = self.shared(link, &context) {
            shared.access = access;
        }
    }

    pub(super) fn access_frame(&mut self, link: LinkId, context: ContextId) -> Option<Message> {
        let there = self.contexts.get(&context)?;
        let shared = self.links.get_mut(&link)?.shared.get_mut(&context)?;
        let may = shared.reads.is_some_and(|reads| reads != Scopes::default());
        if shared.phase != Phase::Open || !may {
            return None;
        }
        let from = shared.access?;
        let entries = frame_of(&there.access, from);
        shared.access = Some(from + entries.len() as u64);
        (!entries.is_empty()).then_some(Message::Access { context, from, entries })
    }
}

/// As many entries from one on as go into one frame.
pub(super) fn frame_of(access: &[Blob], from: u64) -> Vec<Blob> {
    let skipped = usize::try_from(from).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let mut entries = Vec::new();
    for entry in access.iter().skip(skipped).take(FRAME_ACCESS_ENTRIES_MAX) {
        bytes += entry.len();
        if bytes > FRAME_ACCESS_BYTES_TARGET && !entries.is_empty() {
            break;
        }
        entries.push(entry.clone());
    }
    entries
}

/// The context that a message is about and whose log is needed to judge it.
pub(super) fn context_of(message: &Message) -> Option<ContextId> {
    match message {
        Message::Open(Open { context, .. })
        | Message::Opened(Opened { context, .. })
        | Message::Changes(Changes { context, .. })
        | Message::Snapshot(SnapshotPart { context, .. })
        | Message::Saved { context, .. }
        | Message::Access { context, .. }
        | Message::Presence { context, .. } => Some(*context),
        Message::Hello(_)
        | Message::Proof { .. }
        | Message::Propose { .. }
        | Message::Lease { .. }
        | Message::Leased { .. }
        | Message::Refused(_) => None,
    }
}

/// The log that begins with a record of this context.
pub(super) fn begin(record: Option<&Blob>, context: &ContextId) -> Result<Log, Refusal> {
    let record = record.and_then(|record| ContextRecord::from_bytes(record).ok());
    match record.filter(|record| record.id() == *context) {
        Some(record) => Ok(Log::begin(&record)),
        None => {
            Err(Refusal::new(Code::Invalid, "not the record that the context's id is the hash of"))
        }
    }
}

/// Adds entries until one does not hold: answers how many of the list are in the log, and why the next is not.
pub(super) fn extend(
    mut log: Log,
    entries: &[Blob],
    skipped: usize,
) -> (Log, usize, Option<Refusal>) {
    for (number, entry) in entries.iter().enumerate().skip(skipped) {
        if let Err(refused) = log.append(entry) {
            return (log, number, Some(refused));
        }
    }
    (log, entries.len(), None)
}

impl Waiting {
    fn bytes(&self) -> usize {
        let of = |changes: &[(Blob, Option<Seal>)]| -> usize {
            changes.iter().map(|(bytes, _)| bytes.len()).sum()
        };
        match self {
            Self::Message(Message::Changes(changes)) => of(&changes.changes),
            Self::Message(Message::Snapshot(part)) => part.bytes.len(),
            Self::Message(Message::Access { entries, .. }) => {
                entries.iter().map(|entry| entry.len()).sum()
            }
            Self::Message(Message::Presence { body, .. }) => body.len(),
            Self::Message(
                Message::Hello(_)
                | Message::Proof { .. }
                | Message::Open(_)
                | Message::Opened(_)
                | Message::Saved { .. }
                | Message::Refused(_)
                | Message::Propose { .. }
                | Message::Lease { .. }
                | Message::Leased { .. },
            ) => 1024,
            Self::Expanded(_, changes) => of(changes),
        }
    }
}
