//! The engine: one thread per peer that owns the store, the documents and the machine.
//!
//! Each turn it takes in everything that waits, so that edits that wait together are stored in one
//! commit, and changes that have arrived together are applied as one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::timeout_at;
use wattle_protocol::io::{Known, Summary, Time};
use wattle_protocol::{
    ContextId, DocumentKey, Input, Output, Position, PublicKey, Replica, StoreId, StoreRequest,
};
use wattle_store::{SqliteStore, Store, StoreError, serve};

use crate::directory::Directory;
use crate::identity::Identity;
use crate::limits::{ENGINE_BATCH_COMMANDS_MAX, GOODBYE, STORE_POLL_MS};
use crate::status::{Present, Quarantined};
use crate::watch::Notice;

mod access;
mod arrivals;
mod audit;
mod command;
mod dial;
mod documents;
mod edits;
mod events;
mod leases;
mod ledger;
mod links;
mod listen;
mod news;
mod observe;
mod rebuild;
mod replay;
mod report;
mod settle;
mod setup;
mod snapshots;
mod uplink;

pub(crate) use access::Wish;
pub(crate) use command::{Command, Order, View};
pub(crate) use setup::{Seed, Started, give_back, start};

use access::Access;
use arrivals::Arrivals;
use documents::Documents;
use leases::Leases;
use ledger::Ledger;
use links::Links;
use replay::Replays;
use settle::Waiter;
use uplink::UplinkLock;

/// Everything that a peer is.
struct Engine {
    directory: Directory,
    store: SqliteStore,
    context: ContextId,
    identity: Identity,
    /// Who proves their key on links, and orders the access log where that is this replica's part.
    links_as: Identity,
    client: String,
    actor: [u8; 16],
    /// When the machine's time began.
    began: Instant,
    replica: Replica,
    documents: Documents,
    links: Links,
    uplink: UplinkLock,
    arrivals: Arrivals,
    waiters: Vec<Waiter>,
    changes: broadcast::Sender<Notice>,
    /// Everything in the store up to here is in the documents that are loaded.
    seen: Position,
    /// Positions after `seen` that this process has written itself.
    own: BTreeSet<Position>,
    data_version: u64,
    /// The next look for what others have committed.
    poll_at: Instant,
    /// What is known of the access log.
    access: Access,
    /// What other stores are known to have.
    durable: BTreeMap<StoreId, BTreeMap<DocumentKey, Known>>,
    /// What is to be remembered of it with the next commit.
    remember: BTreeMap<(StoreId, DocumentKey), Known>,
    presence: BTreeMap<(PublicKey, [u8; 16]), Present>,
    quarantined: Vec<Quarantined>,
    /// What was refused, and what others have signed for.
    ledger: Ledger,
    /// What is still to be written again.
    replays: Replays,
    leases: Leases,
    /// A snapshot is being made.
    snapshotting: bool,
    /// Those who have asked for the end.
    closing: Vec<oneshot::Sender<()>>,
}

/// Whether the engine goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

impl Engine {
    /// Runs until the peer is closed, or nobody holds it any more.
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, alive: mpsc::Receiver<()>) {
        let mut waiting = Vec::with_capacity(ENGINE_BATCH_COMMANDS_MAX);
        loop {
            let wake = self.wake_at().into();
            let received = commands.recv_many(&mut waiting, ENGINE_BATCH_COMMANDS_MAX);
            let gone = timeout_at(wake, received).await == Ok(0);
            if gone || self.turn(waiting.drain(..)) == Flow::Stop {
                break;
            }
        }
        drop(commands);
        self.shut_down(alive).await;
    }

    /// Says goodbye on all links, and lets go of everything before answering.
    async fn shut_down(mut self, mut alive: mpsc::Receiver<()>) {
        self.settle_arrivals();
        self.pump();
        for link in self.links.all() {
            self.tell_machine(Input::Hangup { link });
        }
        self.links.stop();
        self.pump();
        self.flush_remembered();
        self.flush_ledger();
        self.uplink.release();
        let closing = std::mem::take(&mut self.closing);
        drop(self);
        // Each task has a sender that is never used; the last one closes the channel.
        tokio::time::timeout(2 * GOODBYE, alive.recv()).await.ok();
        for reply in closing {
            // Who asked may have gone.
            reply.send(()).ok();
        }
    }

    fn wake_at(&self) -> Instant {
        let machine = self.replica.deadline().map(|time| self.instant(time));
        let due = [machine, self.arrivals.due()];
        due.into_iter().flatten().fold(self.poll_at, Instant::min)
    }

    /// Takes in everything that waits, then does what is due.
    fn turn(&mut self, waiting: impl Iterator<Item = Command>) -> Flow {
        let mut orders = Vec::new();
        let mut flow = Flow::Continue;
        self.tell_time(Instant::now());
        for command in waiting {
            if let Command::Write(order) = command {
                orders.push(order);
                continue;
            }
            // A read sees the edits that were asked for before it.
            self.write(std::mem::take(&mut orders));
            if self.take_in(command) == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        self.write(orders);
        let now = Instant::now();
        if self.replica.deadline().is_some_and(|time| self.instant(time) <= now) {
            self.tell_machine(Input::Tick);
        }
        self.pump();
        if self.arrivals.due().is_some_and(|due| due <= now) {
            self.settle_arrivals();
        }
        if self.poll_at <= now {
            self.poll(now);
        }
        self.pump();
        flow
    }

    /// What is done every few milliseconds, whether or not anybody asks.
    fn poll(&mut self, now: Instant) {
        self.poll_at = now + Duration::from_millis(STORE_POLL_MS);
        if let Err(error) = self.refresh() {
            tracing::warn!(%error, "the store cannot be read");
        }
        self.flush_remembered();
        self.tend_ledger(now);
        self.replay(now);
        self.tend_access(now);
        self.tend_uplink(now);
        self.tend_leases(now);
        self.documents.forget_idle(now);
        self.take_snapshots();
        self.answer_waiters(now);
    }

    /// Gives the machine an input; what it wants done is done by the next `pump`.
    fn tell_machine(&mut self, input: Input) {
        tracing::trace!(?input);
        let now = self.now();
        self.replica.handle(now, input);
    }

    /// Does what the machine wants done.
    fn pump(&mut self) {
        loop {
            let mut requests = Vec::new();
            while let Some(output) = self.replica.poll() {
                tracing::trace!(?output);
                match output {
                    Output::Send { link, frame } => self.links.send(link, frame),
                    Output::Close { link, refusal } => self.links.close(link, refusal),
                    Output::Event(event) => self.notice(event),
                    Output::Store(request) => requests.extend(self.postpone(request)),
                }
            }
            if requests.is_empty() {
                return;
            }
            if !self.arrivals.is_empty() && requests.iter().any(sees_appends) {
                self.settle_arrivals();
            }
            for reply in serve(&mut self.store, requests) {
                self.note_removed(&reply);
                self.tell_machine(Input::Store(reply));
            }
        }
    }

    /// Keeps back what is better done together with more of its kind.
    fn postpone(&mut self, request: StoreRequest) -> Option<StoreRequest> {
        match request {
            StoreRequest::Append { context, document, link, changes } => {
                self.arrivals.add(arrivals::Arrival { context, document, link, changes });
                None
            }
            StoreRequest::Remember { remote, context, known } if context == self.context => {
                self.remember.insert((remote, known.document), known);
                None
            }
            StoreRequest::Remember { .. }
            | StoreRequest::LoadContext { .. }
            | StoreRequest::LoadRemote { .. }
            | StoreRequest::LoadGraph { .. }
            | StoreRequest::Read { .. }
            | StoreRequest::ReadSnapshot { .. }
            | StoreRequest::AppendAccess { .. }
            | StoreRequest::ReplaceAccess { .. }
            | StoreRequest::Cutoffs { .. }
            | StoreRequest::Lease { .. }
            | StoreRequest::Remove { .. } => Some(request),
        }
    }

    fn flush_remembered(&mut self) {
        for ((remote, _), known) in std::mem::take(&mut self.remember) {
            if let Err(error) = self.store.remember(&remote, &self.context, &[known]) {
                tracing::warn!(%error, "what another store has was not noted");
                return;
            }
        }
    }

    fn now(&self) -> Time {
        Time(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn instant(&self, time: Time) -> Instant {
        self.began + Duration::from_millis(time.0)
    }

    fn summaries(&mut self) -> Result<Vec<Summary>, StoreError> {
        self.store.documents(&self.context)
    }
}

/// Whether the answer to a request would show what was to be stored before it.
fn sees_appends(request: &StoreRequest) -> bool {
    matches!(
        request,
        StoreRequest::LoadContext { .. }
            | StoreRequest::LoadGraph { .. }
            | StoreRequest::Cutoffs { .. }
            | StoreRequest::Remove { .. }
    )
}
