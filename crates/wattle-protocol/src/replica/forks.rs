//! Two logs of one context: which of them goes on, and the proof of a sequencer that lies.

use super::Replica;
use super::access::{Writing, extend};
use crate::access::{Entry, Log, Power, Proposal, entry_hash};
use crate::id::{Blob, ContextId, LinkId};
use crate::io::{Event, Output};
use crate::message::{Code, Refusal};

impl Replica {
    /// Another chain than the one here. The one that an owner began with the next term wins; one
    /// that its sequencer signed in the same term is proof that the sequencer lies.
    pub(super) fn other_entries(
        &mut self,
        link: LinkId,
        context: ContextId,
        (number, entries): (u64, Vec<Blob>),
    ) {
        if let Some(shared) = self.shared(link, &context) {
            if shared.access.is_none() {
                shared.access = Some(number.min(1));
            }
            self.busy.insert(link);
        }
        let Some(there) = self.contexts.get_mut(&context) else { return };
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let (Some(own), Some(other)) = (there.access.get(at), entries.first()) else { return };
        let (Ok(ours), Ok(theirs)) = (Entry::read(own), Entry::read(other)) else {
            let refusal = Refusal::new(Code::BadSignature, "an access entry that does not hold");
            return self.refuse_entries(link, context, refusal);
        };
        let forked = ours.term == theirs.term && ours.sequencer == theirs.sequencer;
        let (hash_here, hash_there) = (entry_hash(own), entry_hash(other));
        let proof = [own.clone(), other.clone()];
        let held = if forked { there.log.as_ref().map_or(0, Log::term) } else { ours.term };
        if forked {
            self.note_fork(context, proof);
        }
        // Of two logs of one liar, that one goes on with which an owner has passed the liar by.
        let later = entries.iter().filter_map(|entry| Entry::read(entry).ok());
        let passing = if forked { passing(later, ours.term) } else { Some((theirs.term, theirs)) };
        let Some((term, theirs)) = passing else {
            let reason = "its sequencer has signed two entries with this number";
            return self.refuse_entries(link, context, Refusal::new(Code::Fork, reason));
        };
        if (term, hash_here) <= (held, hash_there) {
            return;
        }
        let Some(there) = self.contexts.get_mut(&context) else { return };
        // Else whoever was an owner once could undo the end of their own rights.
        let passes = Proposal::read(&theirs.proposal).map(|proposal| proposal.author);
        let owns = |log: &Log| passes.is_ok_and(|key| log.rights(&key).power == Power::Own);
        if !there.log.as_ref().is_some_and(owns) {
            let reason = "who passes the sequencer by is not an owner any more";
            return self.refuse_entries(link, context, Refusal::new(Code::Revoked, reason));
        }
        let before = there.access.get(..at).unwrap_or_default();
        let Ok(log) = Log::read(before) else { return };
        match extend(log, &entries, 0) {
            (log, count, None) if log.term() >= term => {
                let entries = entries.into_iter().take(count).collect();
                let writing = Writing { from: number, entries, log, link: Some(link) };
                self.write_access(context, writing);
            }
            (.., refused) => {
                refused.into_iter().for_each(|refused| self.refuse_entries(link, context, refused))
            }
        }
    }

    /// Tells once that a sequencer lies.
    fn note_fork(&mut self, context: ContextId, entries: [Blob; 2]) {
        let Some(there) = self.contexts.get_mut(&context) else { return };
        if !std::mem::replace(&mut there.is_forked, true) {
            self.outbox.push_back(Output::Event(Event::Forked { context, entries }));
        }
    }
}

/// The term that entries reach, and the first of them that is beyond this one.
fn passing(entries: impl Iterator<Item = Entry>, term: u32) -> Option<(u32, Entry)> {
    let mut beyond = entries.filter(|entry| entry.term > term);
    let first = beyond.next()?;
    let last = beyond.last().map_or(first.term, |last| last.term);
    Some((last, first))
}
