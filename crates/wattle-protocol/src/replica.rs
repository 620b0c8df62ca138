//! The machine.

mod access;
mod answering;
mod budget;
mod document;
mod ending;
mod expiring;
mod follow;
mod forgers;
mod forks;
mod holding;
mod judging;
mod leasing;
mod link;
mod login;
mod opening;
mod presence;
mod purge;
mod receipts;
mod receiving;
mod sending;
mod sequencing;
mod storing;
#[cfg(test)]
mod tests;
mod waking;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::budget::Bucket;
use self::document::{Context, Document};
use self::follow::{At, Follow, Shared};
use self::leasing::Leasing;
use self::link::Link;
use self::waking::Timer;
use crate::change::Change;
use crate::id::{ChangeHash, ContextId, LinkId, PublicKey, StoreId};
use crate::identity::{Keypair, Side};
use crate::io::{Input, Output, StoreRequest, Time};
use crate::message::{Code, Refusal};

pub use self::link::{VERSION_MAX, VERSION_MIN};

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Proves who this replica is.
    pub key: Keypair,
    /// The store behind it.
    pub store: StoreId,
    /// This session (a process), for presence.
    pub session: [u8; 16],
    /// The program, for people to read.
    pub agent: String,
    /// The only changes without dependencies that are accepted: the genesis changes.
    pub roots: Vec<ChangeHash>,
    /// It loads documents: it can take snapshots, and passes changes on only when they are stored.
    /// A relay does neither: it passes changes on as soon as their headers are checked.
    pub loads_documents: bool,
    /// It asks its driver about each login before it takes anything else in from a link.
    pub asks_logins: bool,
    /// It takes in contexts that it does not know.
    pub accepts_new_contexts: bool,
    /// How many changes per second it takes from one person and all agents of theirs together, over
    /// whatever links; absent for any number. Short bursts of ten times as many are fine.
    pub changes_per_second_max: Option<u32>,
}

/// One replica of any number of contexts, over any number of links.
///
/// It does no work of its own: it knows neither sockets nor disks nor a clock. A driver calls
/// three verbs.
///
/// - [`handle`](Self::handle) takes in one [`Input`], with the time. Times never run backwards.
/// - [`poll`](Self::poll) gives the next [`Output`], until it has none. Call it until then after
///   one or several calls of `handle`: what several inputs caused is sent together, so a driver
///   that has ten frames at hand does well to hand in all ten first.
/// - [`deadline`](Self::deadline) says when to call `handle` with [`Input::Tick`] at the latest.
///   It may change with every `handle` and `poll`.
///
/// Outputs are carried out in the order in which they are given; for one link and for one document
/// of the store that order matters, otherwise it does not. They mean:
///
/// - `Send`: hand the frame to the socket, and report `Drained` with its length once the socket has
///   taken it. While 256 KiB are under way to a link nothing more is given for it, and nothing
///   is queued: what it lacks is read again when it has drained. A driver that never reports
///   `Drained` for a link starves this link alone.
/// - `Close`: the link is already forgotten here. No `Disconnected` is needed, and none hurts.
/// - `Store`: carry it out, and hand in the answer as `Input::Store`; requests about one document
///   are carried out in their order, requests about different ones in any. What other processes
///   have committed to the same store is reported as `Committed`, in the order of positions, and
///   before an `Appended` with higher positions.
///   What is asked about the access log (`AppendAccess`, `ReplaceAccess`, `Cutoffs`, `Remove`) is
///   carried out after every `Append` that was asked for before it, and before those that come after.
///   An `AppendAccess` fails when the log in the store does not end where it begins: then another
///   process was first, and the machine reads the log again. `Declined` instead of `Failed` tells a
///   sender the store's own reason.
/// - `Event`: for the application. None needs an answer, except `Snapshot`, which waits for
///   `Expanded` (with no changes when the snapshot cannot be read), and `Login`, which is only asked
///   for when `Config::asks_logins` says so.
///
/// Rights follow from the access log of a context alone. What is asked of it by `Propose` is ordered
/// here when this replica's key is its sequencer, and else passed on, over each link that opens the
/// context, until it is in the log or refused; a driver keeps it on its disk until then, since this
/// machine forgets it when the process ends. `Clock` tells the time of day: without it no end date
/// comes. When another process has changed the log, `AccessCommitted` says so.
///
/// A link is closed with `RightsChanged` when its key may read other documents than before, or when
/// changes were taken out: dial again at once. It is closed with `Revoked` when nothing is left.
/// `Remove` comes when work does not count any more under a longer log, its own author's too: a
/// driver that shows the document rebuilds it, and writes what is its own honest work again.
///
/// Changes without a signature wait for the one that covers them, up to 4,096 of them or 8 MiB per
/// link: an application signs at least that often. What this side tells others to be durable, in a
/// `Saved`, is signed; what they tell is believed only with a signature that holds, or none.
///
/// A link begins with `Connected` on both sides and ends with `Disconnected`, or with a `Close`.
/// Numbers of links are never used twice. After `Ready` the side that dialled opens its context by
/// itself; `InSync` comes once, on that side, when each has durably what the other had.
///
/// What a replica shows by `Present` lasts `PRESENCE_TTL_MS`; an application that is still there
/// says it again before.
///
/// A driver that reads faster than its store writes stops reading from a link while
/// [`backlog`](Self::backlog) is high; above `LINK_UNSTORED_BYTES_MAX` the link is closed.
///
/// Equal configurations and equal inputs give equal outputs, to the byte.
#[derive(Debug)]
pub struct Replica {
    config: Config,
    now: Time,
    links: BTreeMap<LinkId, Link>,
    contexts: BTreeMap<ContextId, Context>,
    outbox: VecDeque<Output>,
    /// Changes for the store, together until the next poll.
    staged: Vec<(At, Vec<Change>)>,
    /// Links that may have something to send.
    busy: BTreeSet<LinkId>,
    /// The one that was served last.
    turn: Option<LinkId>,
    timers: BTreeSet<(Time, Timer)>,
    presence_count: u64,
    /// How many changes persons with their agents have left.
    shares: BTreeMap<PublicKey, Bucket>,
    /// Seconds since 1970, and when that was; zero before the driver has told.
    clock: (u64, Time),
    leasing: Leasing,
}

/// A link, for people and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// Which.
    pub link: LinkId,
    /// The other side, once it has proved its key.
    pub remote: Option<(StoreId, PublicKey)>,
    /// Bytes given to the driver and not drained.
    pub under_way: usize,
    /// Bytes that came over it and are not stored yet.
    pub backlog: usize,
    /// Contexts that it follows.
    pub contexts: usize,
}

impl Replica {
    /// A replica without links.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            now: Time::default(),
            links: BTreeMap::new(),
            contexts: BTreeMap::new(),
            outbox: VecDeque::new(),
            staged: Vec::new(),
            busy: BTreeSet::new(),
            turn: None,
            timers: BTreeSet::new(),
            presence_count: 0,
            shares: BTreeMap::new(),
            clock: (0, Time::default()),
            leasing: Leasing::default(),
        }
    }

    /// Takes in one input. Call `poll` until it is empty afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        self.wake();
        match input {
            Input::Connected { link, nonce, dials, token } => {
                let side = if dials.is_some() { Side::Dials } else { Side::Listens };
                self.connected(link, (dials, side), (nonce, token));
            }
            Input::Asking { link, nonce, token } => {
                self.connected(link, (None, Side::Dials), (nonce, token));
            }
            Input::Lease { context, number, request } => self.lease(context, (number, request)),
            Input::Received { link, frame } => self.received(link, frame),
            Input::Drained { link, bytes } => self.drained(link, bytes),
            Input::Disconnected { link } => self.disconnected(link),
            Input::Store(reply) => self.store_reply(reply),
            Input::Committed { context, document, changes } => {
                self.committed(context, document, changes);
            }
            Input::Expanded { link, context, document, changes } => {
                self.expanded(At { link, context, document }, changes);
            }
            Input::Compacted { context, document, pruned, snapshot } => {
                if let Some(document) = self.document_of(&context, &document) {
                    document.pruned = document.pruned.max(pruned);
                    document.snapshot = document.snapshot.max(snapshot);
                    document.graph.prune(pruned);
                }
            }
            Input::Present { context, body } => self.present(context, body),
            Input::Hangup { link } => self.close(link, Refusal::new(Code::GoingAway, "closing")),
            Input::Clock { unix_seconds } => self.clock(unix_seconds),
            Input::Propose { context, proposal } => self.propose(context, proposal),
            Input::AccessCommitted { context, entries } => self.access_committed(context, entries),
            Input::Login { link, login } => self.login(link, login),
            Input::Tick => {}
        }
    }

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outbox.pop_front() {
            return Some(output);
        }
        if !self.staged.is_empty() {
            self.flush_staged();
            return self.outbox.pop_front();
        }
        let sent = self.pump();
        // Sending can end a comparison, which is an event, or need the store.
        match sent {
            Some(send) if self.outbox.is_empty() => Some(send),
            Some(send) => {
                self.outbox.push_front(send);
                self.outbox.pop_front()
            }
            None => self.outbox.pop_front(),
        }
    }

    /// Asks the store to take in what is staged, before anything that is asked for from here on.
    fn flush_staged(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        self.outbox.extend(staged.into_iter().map(|(at, changes)| {
            let At { link, context, document } = at;
            Output::Store(StoreRequest::Append { context, document, link, changes })
        }));
    }

    /// When to call `handle(.., Input::Tick)` at the latest.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// All links, in their order.
    pub fn links(&self) -> impl Iterator<Item = LinkStatus> + '_ {
        self.links.iter().map(|(id, link)| LinkStatus {
            link: *id,
            remote: link.proved().map(|proved| (proved.store, proved.key)),
            under_way: link.under_way,
            backlog: link.unstored_bytes + link.deferred.bytes,
            contexts: link.shared.len(),
        })
    }

    /// Bytes that came over a link and are not stored yet, or wait for what they build on.
    pub fn backlog(&self, link: LinkId) -> usize {
        self.links.get(&link).map_or(0, |link| link.unstored_bytes + link.deferred.bytes)
    }

    /// How many contexts are in memory.
    pub fn contexts_in_memory(&self) -> usize {
        self.contexts.len()
    }

    /// How many documents are in memory with their graph.
    pub fn documents_in_memory(&self) -> usize {
        self.documents().filter(|document| document.is_loaded()).count()
    }

    /// An estimate of the memory of graphs and recent changes, in bytes.
    pub fn memory(&self) -> usize {
        self.documents().map(|document| document.graph.memory() + document.recent.bytes()).sum()
    }

    fn documents(&self) -> impl Iterator<Item = &Document> {
        self.contexts.values().flat_map(|context| context.documents.values())
    }

    fn document_of(
        &mut self,
        context: &ContextId,
        document: &crate::id::DocumentKey,
    ) -> Option<&mut Document> {
        self.contexts.get_mut(context)?.documents.get_mut(document)
    }

    fn document(&mut self, at: At) -> Option<&mut Document> {
        self.document_of(&at.context, &at.document)
    }

    fn shared(&mut self, link: LinkId, context: &ContextId) -> Option<&mut Shared> {
        self.links.get_mut(&link)?.shared.get_mut(context)
    }

    fn follow(&mut self, at: At) -> Option<&mut Follow> {
        self.shared(at.link, &at.context)?.follows.get_mut(&at.document)
    }

    /// A document on a link, and the document itself, where both are there.
    fn both(&mut self, at: At) -> Option<(&mut Follow, &mut Document)> {
        let shared = self.links.get_mut(&at.link)?.shared.get_mut(&at.context)?;
        let follow = shared.follows.get_mut(&at.document)?;
        let document = self.contexts.get_mut(&at.context)?.documents.get_mut(&at.document)?;
        Some((follow, document))
    }

    /// A document may have something to send on a link.
    fn ready(&mut self, at: At) {
        if let Some(shared) = self.shared(at.link, &at.context) {
            shared.ready.insert(at.document);
            self.busy.insert(at.link);
        }
    }

    /// The links of a context, to be walked while they change.
    fn links_of(&self, context: &ContextId) -> Vec<LinkId> {
        self.contexts
            .get(context)
            .map(|context| context.links.iter().copied().collect())
            .unwrap_or_default()
    }

    fn store(&mut self, request: StoreRequest) {
        self.outbox.push_back(Output::Store(request));
    }
}
