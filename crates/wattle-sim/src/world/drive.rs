//! The driver loop: inputs to a machine, and what is done with its outputs.
//!
//! A short re-statement of the engines of `wattle-sync` and `wattle-relay`. A peer's engine is one
//! thread: it applies changes before it stores them, and does nothing else while it writes. A relay's
//! machine goes on while its disk works, so that changes are passed on before they are durable.

use wattle_protocol::io::Time;
use wattle_protocol::limits::LINK_UNSTORED_BYTES_MAX;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{
    Blob, Change, ChangeHash, DocumentKey, Event as Told, Input, LinkId, Output, StoreReply,
    StoreRequest,
};

use super::node::Kind;
use super::part::{document_mut, expand, part_of};
use super::{Event, World};
use crate::check::{grows, reads_own};
use crate::disk::{Bug, Done, Job};
use crate::rng::fnv1a;

impl World {
    /// Gives a machine an input, or keeps it until its peer has written to its disk.
    pub(crate) fn input(&mut self, node: usize, input: Input) {
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let blocked = entry.blocked();
        let Some(life) = entry.life.as_mut() else { return };
        if blocked {
            life.inbox.push_back(input);
        } else {
            self.handle(node, vec![input]);
        }
    }

    /// Gives a machine all that is at hand, and then carries out what it wants done.
    fn handle(&mut self, node: usize, inputs: Vec<Input>) {
        inputs.iter().for_each(|input| self.trace_input(node, input));
        let now = Time(self.now);
        let mut outputs = Vec::new();
        let Some(life) = self.nodes.get_mut(node).and_then(|node| node.life.as_mut()) else {
            return;
        };
        inputs.into_iter().for_each(|input| life.machine.handle(now, input));
        while let Some(output) = life.machine.poll() {
            outputs.push(output);
        }
        let deadline = life.machine.deadline().map(|time| time.0.max(now.0));
        if let Some(at) = deadline
            && life.tick_at.is_none_or(|tick_at| at < tick_at)
        {
            life.tick_at = Some(at);
            let lives = self.nodes.get(node).map_or(0, |node| node.lives);
            self.schedule(at, Event::Tick(node, lives));
        }
        for output in outputs {
            self.trace_output(node, &output);
            self.output(node, output);
        }
        self.write(node);
    }

    fn output(&mut self, node: usize, output: Output) {
        match output {
            Output::Send { link, frame } => self.send(node, link, frame),
            Output::Close { link, refusal } => {
                if self.is_wrong(&refusal) {
                    let what = format!("{} closes a link: {refusal}", self.name(node));
                    self.violate("not refused", what);
                }
                if [Code::Revoked, Code::Unknown].contains(&refusal.code) {
                    self.refuse_link(link);
                }
                self.hung_up(link, &refusal);
                self.outcome.stats.retries += 1;
                self.close(node, link);
            }
            Output::Store(request) => self.store(node, request),
            Output::Event(told) => self.told(node, told),
        }
    }

    fn store(&mut self, node: usize, mut request: StoreRequest) {
        let mut failed = Vec::new();
        if let StoreRequest::Append { document, changes, .. } = &mut request
            && self.nodes.get(node).is_some_and(|node| node.kind == Kind::Peer)
        {
            failed = self.apply(node, *document, changes);
            changes.retain(|change| !failed.contains(&change.header.hash));
        }
        if let StoreRequest::Remove { document, changes, .. } = &request {
            self.ledger.removed(node, *document, changes);
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.disk.submit(Job::Request(request, failed));
        }
    }

    /// Applies changes to the document that a peer shows; answers those that it could not take.
    fn apply(&mut self, node: usize, key: DocumentKey, changes: &[Change]) -> Vec<ChangeHash> {
        let all = || changes.iter().map(|change| change.header.hash).collect();
        let life = self.nodes.get_mut(node).and_then(|node| node.life.as_mut());
        let Some((life, part)) = life.zip(part_of(&key)) else { return all() };
        let Some(document) = document_mut(&mut life.context, part) else { return all() };
        let before = document.heads();
        let bytes: Vec<&[u8]> = changes.iter().map(|change| &change.bytes[..]).collect();
        let applied = document.apply(&bytes).map_err(|error| error.to_string());
        let grown = grows(&before, |hash| document.has(hash));
        self.check("heads only grow", grown);
        let Err(error) = applied else { return Vec::new() };
        self.violate(
            "not refused",
            format!("{} cannot apply changes of {part}: {error}", self.name(node)),
        );
        all()
    }

    fn told(&mut self, node: usize, told: Told) {
        match told {
            Told::InSync { link, .. } => self.dialled_well(link),
            Told::Durable { remote, known, .. } => self.ledger.told_durable(node, remote, &known),
            Told::Snapshot { link, context, document, bytes, seals } => {
                self.outcome.stats.snapshots += 1;
                match expand(&document, &bytes, &seals) {
                    Ok(changes) => {
                        self.own(node, Input::Expanded { link, context, document, changes });
                    }
                    Err(what) => self.violate("not refused", format!("a snapshot: {what}")),
                }
            }
            Told::Refused { link, refusal } => {
                self.outcome.stats.retries += 1;
                // Whoever joins before the context has come to the other side asks again later.
                if [Code::Revoked, Code::Unknown].contains(&refusal.code) {
                    self.refuse_link(link);
                    self.own(node, Input::Hangup { link });
                }
                if self.is_wrong(&refusal) {
                    self.violate("not refused", format!("{} is told: {refusal}", self.name(node)));
                }
            }
            Told::Rejected { refusal, document, .. } => {
                if self.is_wrong(&refusal) {
                    let what =
                        format!("{} rejects a change of {document:?}: {refusal}", self.name(node));
                    self.violate("not refused", what);
                }
            }
            Told::ProposalRefused { proposal, refusal, .. } => {
                self.proposal_refused(node, &proposal, &refusal);
            }
            Told::Access { .. } => self.drop_done(node),
            Told::Leased { number, answer, .. } => self.leased(node, (number, answer)),
            Told::Forked { .. } if self.lies => {
                self.forked.insert(node);
            }
            Told::Forked { .. } => {
                let what = format!("{} sees a fork of the access log", self.name(node));
                self.violate("not refused", what);
            }
            Told::Ready { .. }
            | Told::Opened { .. }
            | Told::Presence { .. }
            | Told::Login { .. }
            | Told::ProposalDeclined { .. }
            | Told::Receipt { .. } => {}
        }
    }

    /// Begins a commit if something waits for one.
    pub(crate) fn write(&mut self, node: usize) {
        let commit_ms = self.net.disk_ms;
        let now = self.now;
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let Some(takes_ms) = entry.disk.begin(commit_ms) else { return };
        let life = entry.lives;
        self.schedule(now + takes_ms, Event::Disk(node, life));
    }

    /// A commit has ended.
    pub(crate) fn disk(&mut self, node: usize, life: u64) {
        let now = self.now;
        let Some(entry) = self.nodes.get_mut(node).filter(|node| node.lives == life) else {
            return;
        };
        let dones = entry.disk.finish();
        if entry.disk.bug() == Some(Bug::AckBeforeDisk) {
            let written = entry.disk.written();
            let wait = entry.rng.within(self.net.disk_ms.0..=self.net.disk_ms.1);
            self.schedule(now + wait, Event::Sync(node, life, written));
        }
        for done in dones {
            self.done(node, done);
        }
        self.write(node);
        let Some(entry) = self.nodes.get_mut(node).filter(|node| !node.blocked()) else { return };
        let waited: Vec<Input> =
            entry.life.iter_mut().flat_map(|life| life.inbox.drain(..)).collect();
        if !waited.is_empty() {
            self.handle(node, waited);
        }
    }

    /// Whether a driver goes on reading from a link: not while too much of it waits for the disk.
    pub(crate) fn reads(&self, node: usize, link: LinkId) -> bool {
        let life = self.nodes.get(node).and_then(|node| node.life.as_ref());
        life.is_some_and(|life| life.machine.backlog(link) <= LINK_UNSTORED_BYTES_MAX / 4)
    }

    pub(crate) fn sync(&mut self, node: usize, life: u64, written: usize) {
        if let Some(node) = self.nodes.get_mut(node).filter(|node| node.lives == life) {
            node.disk.sync(written);
        }
    }

    fn done(&mut self, node: usize, done: Done) {
        match done {
            Done::Reply(reply) => {
                if let StoreReply::Failed { reason, .. } = &reply {
                    let what = format!("the store of {} refuses: {reason}", self.name(node));
                    self.violate("not refused", what);
                }
                if let StoreReply::Leased { wanted, outcome } = &reply {
                    let grows = self.leases.counted(wanted, outcome);
                    self.check("fences grow", grows);
                }
                if let StoreReply::Removed { document, .. } = &reply {
                    let context = self.context;
                    let rebuilt =
                        self.nodes.get_mut(node).map(|node| node.rebuild(&context, document));
                    self.check("readable", rebuilt.unwrap_or(Ok(())));
                }
                self.handle(node, vec![Input::Store(reply)]);
            }
            Done::Committed(batch, positions) => {
                for (append, positions) in batch.into_iter().zip(positions) {
                    self.acknowledge(node, &append.document, &append.changes);
                    let changes = append.changes.into_iter().zip(positions).collect();
                    let (context, document) = (append.context, append.document);
                    let keeps = self.nodes.get_mut(node).is_some_and(|node| {
                        node.disk.bug() == Some(Bug::KeepsEdits) && node.rng.permille(50)
                    });
                    if !keeps {
                        self.handle(node, vec![Input::Committed { context, document, changes }]);
                    }
                }
            }
            Done::Compacted(context, document, pruned, snapshot) => {
                let input = Input::Compacted { context, document, pruned, snapshot };
                self.handle(node, vec![input]);
            }
            Done::Failed(error) => {
                let what = format!("the store of {} fails: {error}", self.name(node));
                self.violate("not refused", what);
            }
        }
    }

    /// Tells a caller that its edit is saved.
    pub(crate) fn acknowledge(&mut self, node: usize, key: &DocumentKey, changes: &[Change]) {
        let life = self.nodes.get(node).and_then(|node| node.life.as_ref());
        let document = part_of(key).zip(life).and_then(|(part, life)| life.context.document(&part));
        let Some(document) = document else { return };
        let read = changes
            .iter()
            .try_for_each(|change| reads_own(&change.header.hash, |hash| document.has(hash)));
        self.check("read your writes", read);
        // The genesis of a document is nobody's edit: it may be all that is left where an edit was void.
        let edits = changes.iter().filter(|change| !change.header.deps.is_empty());
        self.ledger.acknowledge(node, edits.map(|change| (*key, change.header.hash)));
    }

    pub(crate) fn tick(&mut self, node: usize, life: u64) {
        let now = self.now;
        let Some(entry) = self.nodes.get_mut(node).filter(|node| node.lives == life) else {
            return;
        };
        let chatters = entry.disk.bug() == Some(Bug::Chatters);
        let Some(life) = entry.life.as_mut().filter(|life| life.tick_at == Some(now)) else {
            return;
        };
        life.tick_at = None;
        self.input(node, Input::Tick);
        if chatters {
            let (context, body) = (self.context, Blob::from(&b"here"[..]));
            self.input(node, Input::Present { context, body });
        }
    }

    /// Whether it is a refusal that no replica here deserves. A slow handshake is the network's fault,
    /// and whoever joins may come to a relay before the context does. Where rights end, what is written
    /// beyond them is refused, and so is what was proposed before its author had heard.
    fn is_wrong(&self, refusal: &Refusal) -> bool {
        let always = [Code::Slow, Code::Unknown];
        let behind = [Code::Missing, Code::Invalid, Code::Excess];
        let ended = [Code::Revoked, Code::Expired, Code::Forbidden];
        let found_out = [Code::BadSignature, Code::Contradiction, Code::Fork];
        let deserved = (self.rights_end && [ended, behind].concat().contains(&refusal.code))
            || (self.lies && found_out.contains(&refusal.code));
        refusal.code.is_permanent() && !always.contains(&refusal.code) && !deserved
    }

    pub(crate) fn own(&mut self, node: usize, input: Input) {
        let life = self.nodes.get(node).map_or(0, |node| node.lives);
        self.schedule(self.now, Event::Own(node, life, input));
    }

    pub(crate) fn name(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("?", |node| &node.name)
    }

    fn trace_input(&mut self, node: usize, input: &Input) {
        if !self.options.trace {
            return;
        }
        let name = self.name(node).to_owned();
        let shown = match input {
            Input::Received { link, frame } => shown("Received", *link, frame.raw()),
            Input::Connected { .. }
            | Input::Drained { .. }
            | Input::Disconnected { .. }
            | Input::Store(_)
            | Input::Committed { .. }
            | Input::Expanded { .. }
            | Input::Compacted { .. }
            | Input::Present { .. }
            | Input::Hangup { .. }
            | Input::Clock { .. }
            | Input::Propose { .. }
            | Input::AccessCommitted { .. }
            | Input::Login { .. }
            | Input::Asking { .. }
            | Input::Lease { .. }
            | Input::Tick => clipped(&format!("{input:?}")),
        };
        self.trace(|| format!("{name} < {shown}"));
    }

    fn trace_output(&mut self, node: usize, output: &Output) {
        if !self.options.trace {
            return;
        }
        let name = self.name(node).to_owned();
        let shown = match output {
            Output::Send { link, frame } => shown("Send", *link, frame),
            Output::Close { .. } | Output::Store(_) | Output::Event(_) => {
                clipped(&format!("{output:?}"))
            }
        };
        self.trace(|| format!("{name} > {shown}"));
    }
}

fn shown(what: &str, link: LinkId, frame: &[u8]) -> String {
    format!("{what} link {} {} bytes {:016x}", link.0, frame.len(), fnv1a(frame))
}

/// The beginning for people, a hash for the whole.
fn clipped(text: &str) -> String {
    let hash = fnv1a(text.as_bytes());
    let end = text.char_indices().nth(160).map_or(text.len(), |(at, _)| at);
    format!("{} {hash:016x}", text.get(..end).unwrap_or_default())
}
