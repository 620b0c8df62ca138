//! The one thread that owns the machine: takes in everything that waits, then does what the machine wants done.

mod events;
mod logins;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wattle_protocol::io::Time;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::replica::Config;
use wattle_protocol::{
    Blob, Input, Keypair, LinkId, Output, PublicKey, Replica, StoreId, StoreReply, StoreRequest,
    wire,
};
use wattle_sync::clock::Told;

use crate::audit::Act;
use crate::disk::Disk;
use crate::inbox::{Arrival, Gate, Notice, Waiting};
use crate::limits::{CLOCK_LOOK_MS, LINK_BACKLOG_BYTES_MAX};
use crate::link::{LinkEnd, Outgoing};
use crate::login::Logins;
use crate::relay::{Shared, StartError};

/// What an engine begins with.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) key: Keypair,
    pub(crate) store: StoreId,
    pub(crate) session: [u8; 16],
    pub(crate) disk: Disk,
    pub(crate) logins: Logins,
}

/// Starts the thread; the receiver ends when it has stopped.
pub(crate) fn start(
    begin: Begin,
    shared: Arc<Shared>,
) -> Result<oneshot::Receiver<()>, StartError> {
    let (stopped, receiver) = oneshot::channel();
    let engine = Engine::new(begin, shared);
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            engine.run();
            stopped.send(()).unwrap_or_default();
        })
        .map_err(StartError::Thread)?;
    Ok(receiver)
}

struct Engine {
    machine: Replica,
    shared: Arc<Shared>,
    disk: Disk,
    logins: Logins,
    links: BTreeMap<LinkId, Linked>,
    begun: Instant,
    /// When the machine is told the time of day next.
    clock: Time,
    /// What it was told last.
    told: Option<Told>,
    /// When the first frame of this batch came in.
    since: Option<Instant>,
    /// Requests that the store has not answered.
    asked: usize,
    /// Links that were not proved when their frame was handled.
    unproved: BTreeSet<LinkId>,
    /// Links that the disk is behind with: they read on when these are given back.
    held: BTreeMap<LinkId, Vec<OwnedSemaphorePermit>>,
    course: Course,
}

/// What the engine knows of a link.
struct Linked {
    end: Arc<LinkEnd>,
    /// Whose it is, once that is proved.
    key: Option<PublicKey>,
    login: LoginState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoginState {
    /// Nothing to wait for.
    Settled,
    /// Its token is being checked: nothing more is read from it.
    Waits,
    /// It may go on until then: seconds since 1970.
    Until(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Serving,
    /// Takes no frame any more, and ends when the store has answered everything.
    Draining,
}

impl Engine {
    fn new(begin: Begin, shared: Arc<Shared>) -> Self {
        let config = Config {
            key: begin.key,
            store: begin.store,
            session: begin.session,
            agent: concat!("wattle-relay ", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: wattle_sync::part::roots(),
            loads_documents: false,
            asks_logins: true,
            accepts_new_contexts: true,
            changes_per_second_max: shared.config.limits.changes_per_second_max,
        };
        Self {
            machine: Replica::new(config),
            shared,
            disk: begin.disk,
            logins: begin.logins,
            links: BTreeMap::new(),
            begun: Instant::now(),
            clock: Time::default(),
            told: None,
            since: None,
            asked: 0,
            unproved: BTreeSet::new(),
            held: BTreeMap::new(),
            course: Course::Serving,
        }
    }

    fn run(mut self) {
        while self.course == Course::Serving || self.asked > 0 {
            let waiting = self.shared.inbox.take(Some(self.patience()), self.gate());
            self.take_in(waiting);
            self.work();
        }
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.give(Input::Hangup { link }, Some(link));
        }
        self.work();
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.close(link, Refusal::new(Code::GoingAway, "the relay stops"));
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Duration {
        let now = self.now();
        let next = self.machine.deadline().map_or(self.clock, |at| at.min(self.clock));
        Duration::from_millis(next.0.saturating_sub(now.0).min(CLOCK_LOOK_MS))
    }

    fn gate(&self) -> Gate {
        let waiting = usize::try_from(self.shared.metrics.appends_waiting_bytes.get()).unwrap_or(0);
        let behind = waiting > self.shared.config.limits.appends_waiting_bytes_max;
        if behind || self.course == Course::Draining { Gate::Shut } else { Gate::Open }
    }

    fn take_in(&mut self, waiting: Waiting) {
        let set = self.told.is_none_or(|told| !told.holds(&self.shared.config.clock));
        if set || self.clock <= self.now() {
            self.strike();
        }
        for notice in waiting.mentions.into_iter().chain(waiting.notices) {
            self.notice(notice);
        }
        let mut arrivals = waiting.arrivals.into_iter();
        let mut before = arrivals.next();
        while let Some(mut arrival) = before {
            before = arrivals.find_map(|next| arrival.join(next));
            self.arrival(arrival);
        }
        if self.machine.deadline().is_some_and(|deadline| deadline <= self.now()) {
            self.give(Input::Tick, None);
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Store(reply) => {
                self.asked = self.asked.saturating_sub(1);
                self.count(&reply);
                self.give(Input::Store(reply), None);
            }
            Notice::Drained { link, bytes } if self.links.contains_key(&link) => {
                self.give(Input::Drained { link, bytes }, Some(link));
            }
            Notice::Drained { .. } => {}
            Notice::Compacted { context, document, pruned, snapshot } => {
                self.give(Input::Compacted { context, document, pruned, snapshot }, None);
            }
            Notice::Decided { link, decision } => self.decided(link, decision),
            Notice::Measure { measured } => {
                self.measure();
                measured.send(()).unwrap_or_default();
            }
            Notice::Stop => self.course = Course::Draining,
        }
    }

    fn arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Connected { link, end } => self.connected(link, end),
            Arrival::Frame { link, frame, at, room } => {
                let Some(linked) = self.links.get(&link) else { return };
                if !linked.end.is_proved() {
                    self.unproved.insert(link);
                }
                self.since.get_or_insert(at);
                self.give(Input::Received { link, frame }, Some(link));
                if self.machine.backlog(link) > LINK_BACKLOG_BYTES_MAX {
                    self.held.entry(link).or_default().push(room.into_own());
                }
            }
            Arrival::Gone { link } => {
                if self.links.remove(&link).is_some() {
                    self.give(Input::Disconnected { link }, Some(link));
                }
            }
        }
    }

    fn connected(&mut self, link: LinkId, end: Arc<LinkEnd>) {
        self.links.insert(link, Linked { end, key: None, login: LoginState::Settled });
        let mut nonce = [0; 32];
        match getrandom::fill(&mut nonce) {
            Ok(()) => {
                let token = Blob::from(Vec::new());
                self.give(Input::Connected { link, nonce, dials: None, token }, Some(link));
            }
            Err(error) => {
                tracing::error!(%error, "no randomness");
                self.close(link, Refusal::new(Code::Failed, "the system gives no randomness"));
            }
        }
    }

    /// Does everything that the machine wants done.
    fn work(&mut self) {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.machine.poll())) {
                Ok(Some(output)) => self.carry_out(output),
                Ok(None) => break,
                Err(panic) => {
                    self.panicked(&*panic);
                    break;
                }
            }
        }
        self.since = None;
        let machine = &self.machine;
        self.held.retain(|link, _| machine.backlog(*link) > LINK_BACKLOG_BYTES_MAX);
        self.unproved.retain(|link| match self.links.get(link) {
            Some(Linked { login: LoginState::Waits, .. }) => true,
            Some(linked) => {
                linked.end.handled();
                false
            }
            None => false,
        });
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { link, frame } => self.send(link, frame),
            Output::Close { link, refusal } => self.close(link, refusal),
            Output::Store(request) => {
                if !matches!(request, StoreRequest::Remember { .. }) {
                    self.asked += 1;
                }
                self.disk.ask(request);
            }
            Output::Event(event) => self.event(event),
        }
    }

    fn send(&self, link: LinkId, frame: Blob) {
        let Some(Linked { end, .. }) = self.links.get(&link) else { return };
        let metrics = &self.shared.metrics;
        metrics.frames_out.inc();
        metrics.changes_out.inc_by(wire::count_changes(&frame));
        metrics.bytes_out.inc_by(frame.len() as u64);
        metrics.under_way_bytes.inc_by(i64::try_from(frame.len()).unwrap_or(i64::MAX));
        end.give(Outgoing::Frame { frame, since: self.since });
    }

    fn close(&mut self, link: LinkId, refusal: Refusal) {
        self.shared.metrics.refused(refusal.code);
        if let Some(Linked { end, key, .. }) = self.links.remove(&link) {
            if matches!(refusal.code, Code::Revoked | Code::RightsChanged | Code::Expired) {
                self.shared.audit.note(&Act::closed((link, key), &refusal));
            }
            end.give(Outgoing::Close(refusal));
            end.handled();
        }
    }

    /// Closes a link for a reason that the machine does not know of.
    fn turn_out(&mut self, link: LinkId, refusal: Refusal) {
        self.close(link, refusal);
        self.give(Input::Disconnected { link }, None);
    }

    /// Gives the machine an input. If it panics over one of a link, that link ends, and no other.
    fn give(&mut self, input: Input, link: Option<LinkId>) {
        let now = self.now();
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.machine.handle(now, input))) else {
            return;
        };
        self.panicked(&*panic);
        let Some(link) = link else { return };
        self.turn_out(
            link,
            Refusal::new(Code::Failed, "the relay failed over this link's last frame"),
        );
    }

    fn panicked(&self, panic: &(dyn Any + Send)) {
        self.shared.metrics.panics.inc();
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        tracing::error!(what, "the machine panicked");
    }

    fn count(&self, reply: &StoreReply) {
        match reply {
            StoreReply::Appended { positions, .. } => {
                self.shared.metrics.changes_in.inc_by(positions.len() as u64);
            }
            StoreReply::Context { .. }
            | StoreReply::Remote { .. }
            | StoreReply::Graph { .. }
            | StoreReply::Changes { .. }
            | StoreReply::Snapshot { .. }
            | StoreReply::AccessAppended { .. }
            | StoreReply::Cutoffs { .. }
            | StoreReply::Removed { .. }
            | StoreReply::Leased { .. }
            | StoreReply::Declined { .. }
            | StoreReply::Failed { .. } => {}
        }
    }

    fn measure(&self) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.shared.metrics.documents.set(count(self.machine.documents_in_memory()));
        self.shared.metrics.contexts.set(count(self.machine.contexts_in_memory()));
        self.shared.metrics.graph_bytes.set(count(self.machine.memory()));
    }

    fn now(&self) -> Time {
        Time(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}
