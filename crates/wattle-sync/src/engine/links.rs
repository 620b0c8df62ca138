//! The links of this process, and the remotes that it is to reach.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::AbortHandle;
use wattle_protocol::id::Blob;
use wattle_protocol::message::Refusal;
use wattle_protocol::{Input, LinkId, PublicKey, StoreId};

use super::dial;
use super::setup::Sockets;
use super::{Command, Engine};
use crate::address::Address;
use crate::limits::REMOTES_MAX;
use crate::link::{Ended, LinkEvent, Outbox};
use crate::options::Options;
use crate::status::{LinkState, LinkStatus};
use crate::tls::TlsOptions;

/// The links of this process, and the remotes that it is to reach.
pub(super) struct Links {
    pub(super) sockets: Sockets,
    pub(super) tls: TlsOptions,
    /// For relays that ask for a login.
    token: Option<String>,
    next: u64,
    links: BTreeMap<LinkId, Link>,
    targets: BTreeMap<Address, Target>,
    /// Tasks that take links from others.
    pub(super) listeners: Vec<AbortHandle>,
}

/// Why a link was dialled, and where to.
#[derive(Clone, Debug)]
pub(crate) enum Dialled {
    /// It was not: the other side did.
    Not,
    /// To follow the context.
    ToFollow(Address),
    /// Only to ask for leases.
    ToAsk(Address),
}

/// A WebSocket that is up.
pub(super) struct Link {
    /// Absent once it takes no more.
    outbox: Option<Outbox>,
    pub(super) address: Option<Address>,
    /// Where to, for one that only asks for leases.
    pub(super) asks: Option<Address>,
    pub(super) store: Option<StoreId>,
    pub(super) key: Option<PublicKey>,
    agent: Option<String>,
    /// It keeps changes for others, and can order the access log for them.
    pub(super) is_relay: bool,
    pub(super) in_sync: bool,
    /// Room that frames take whose changes are not stored yet: so long the socket is read no further.
    rooms: Vec<OwnedSemaphorePermit>,
}

/// A remote that is to be reached.
struct Target {
    state: LinkState,
    /// What the other side has refused last, and for which the link was closed here.
    refused: Option<String>,
    task: Option<AbortHandle>,
}

impl Links {
    pub(super) fn new(sockets: Sockets, options: &Options, targets: BTreeSet<Address>) -> Self {
        let targets = targets.into_iter().map(|address| (address, Target::idle()));
        Self {
            sockets,
            tls: options.tls.clone(),
            token: options.token.clone(),
            next: 1,
            links: BTreeMap::new(),
            targets: targets.collect(),
            listeners: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, link: LinkId, frame: Blob) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        if entry.outbox.as_ref().is_some_and(|outbox| outbox.send(frame).is_err()) {
            // Without its outbox the task ends, and says so.
            tracing::warn!(link = link.0, "a link takes no more frames and is dropped");
            entry.outbox = None;
        }
    }

    pub(super) fn close(&mut self, link: LinkId, refusal: Refusal) {
        if let Some(entry) = self.links.remove(&link) {
            tracing::info!(link = link.0, %refusal, "a link is closed");
            if let Some(outbox) = entry.outbox {
                outbox.close(refusal);
            }
        }
    }

    pub(super) fn get(&self, link: LinkId) -> Option<&Link> {
        self.links.get(&link)
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&link)
    }

    pub(super) fn up(&self) -> impl Iterator<Item = (&LinkId, &Link)> {
        self.links.iter().filter(|(_, link)| link.asks.is_none())
    }

    pub(super) fn all(&self) -> Vec<LinkId> {
        self.links.keys().copied().collect()
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = (&Address, &LinkState)> {
        self.targets.iter().map(|(address, target)| (address, &target.state))
    }

    /// The token for the other side of a link that is dialled. It travels over TLS, or stays on this
    /// machine: who listens on the way would have it otherwise.
    fn token_for(&self, link: Option<&Link>) -> Blob {
        let address = link.and_then(|link| link.address.as_ref().or(link.asks.as_ref()));
        let Some((token, address)) = self.token.as_ref().zip(address) else {
            return Blob::from(Vec::new());
        };
        if !address.secure && !address.is_local() {
            tracing::warn!(%address, "the token is not sent without TLS: dial with wattles://");
            return Blob::from(Vec::new());
        }
        Blob::from(token.as_bytes())
    }

    /// A remote that others can join at.
    pub(super) fn first_remote(&self) -> Option<String> {
        self.targets.keys().next().map(ToString::to_string)
    }

    /// Adds a remote.
    pub(super) fn aim(&mut self, address: Address) {
        if self.targets.len() < REMOTES_MAX {
            self.targets.entry(address).or_insert_with(Target::idle);
        }
    }

    /// Begins to dial every remote that is not dialled yet.
    pub(super) fn dial_all(&mut self) {
        for (address, target) in &mut self.targets {
            if target.task.is_none() {
                let dial = dial::keep(self.sockets.clone(), address.clone(), self.tls.clone());
                target.task = Some(self.sockets.runtime.spawn(dial).abort_handle());
            }
        }
    }

    /// Ends what is not a link: those end by themselves, when they have said goodbye.
    pub(super) fn stop(&mut self) {
        let up: BTreeSet<&Address> =
            self.links.values().filter_map(|entry| entry.address.as_ref()).collect();
        let idle = self.targets.iter().filter(|(address, _)| !up.contains(address));
        let dials = idle.filter_map(|(_, target)| target.task.as_ref());
        dials.chain(&self.listeners).for_each(AbortHandle::abort);
    }

    /// All links, and the remotes without one.
    pub(super) fn report(&self) -> Vec<LinkStatus> {
        let up = self.up().map(|(link, entry)| entry.status(*link));
        let reached: BTreeSet<&Address> =
            self.links.values().filter_map(|entry| entry.address.as_ref()).collect();
        let out = self.targets.iter().filter(|(address, _)| !reached.contains(address));
        up.chain(out.map(|(address, target)| target.status(address))).collect()
    }
}

impl Link {
    pub(super) fn prove(&mut self, store: StoreId, key: PublicKey, agent: String) {
        self.store = Some(store);
        self.key = Some(key);
        self.agent = Some(agent);
        // Only the side that dials compares.
        self.in_sync = self.address.is_none();
        if let Some(outbox) = &self.outbox {
            outbox.proved();
        }
    }

    fn state(&self) -> LinkState {
        match (self.store, self.in_sync) {
            (None, _) => LinkState::Handshake,
            (Some(_), false) => LinkState::Comparing,
            (Some(_), true) => LinkState::InSync,
        }
    }

    fn status(&self, link: LinkId) -> LinkStatus {
        LinkStatus {
            link: Some(link),
            address: self.address.as_ref().map(ToString::to_string),
            state: self.state(),
            store: self.store,
            key: self.key,
            agent: self.agent.clone(),
        }
    }
}

impl Target {
    const fn idle() -> Self {
        Self { state: LinkState::Dialling, refused: None, task: None }
    }

    fn status(&self, address: &Address) -> LinkStatus {
        LinkStatus {
            link: None,
            address: Some(address.to_string()),
            state: self.state.clone(),
            store: None,
            key: None,
            agent: None,
        }
    }
}

impl Engine {
    /// A WebSocket is up: it gets its number, and the machine is told.
    pub(super) fn link_up(
        &mut self,
        outbox: Outbox,
        dialled: Dialled,
        reply: oneshot::Sender<LinkId>,
    ) {
        let mut nonce = [0; 32];
        if getrandom::fill(&mut nonce).is_err() {
            // The outbox is dropped, and with it the link.
            tracing::error!("no randomness for the challenge of a link");
            return;
        }
        let link = LinkId(self.links.next);
        if reply.send(link).is_err() {
            return;
        }
        self.links.next += 1;
        let (address, asks) = match dialled {
            Dialled::Not => (None, None),
            Dialled::ToFollow(address) => (Some(address), None),
            Dialled::ToAsk(address) => (None, Some(address)),
        };
        let dials = address.is_some().then_some(self.context);
        let only_asks = asks.is_some();
        let outbox = Some(outbox);
        let entry = Link {
            outbox,
            address,
            asks,
            store: None,
            key: None,
            agent: None,
            is_relay: false,
            in_sync: false,
            rooms: Vec::new(),
        };
        self.links.links.insert(link, entry);
        let token = self.links.token_for(self.links.links.get(&link));
        self.tell_machine(match only_asks {
            true => Input::Asking { link, nonce, token },
            false => Input::Connected { link, nonce, dials, token },
        });
    }

    pub(super) fn link_event(&mut self, link: LinkId, event: LinkEvent) {
        if !self.links.links.contains_key(&link) {
            // The machine has closed it already.
            return;
        }
        match event {
            LinkEvent::Frame(arrived) => {
                let (frame, room) = arrived.into_parts();
                self.tell_machine(Input::Received { link, frame });
                if let Some(entry) = self.links.get_mut(link)
                    && self.replica.backlog(link) > 0
                {
                    entry.rooms.push(room);
                }
            }
            LinkEvent::Drained(bytes) => self.tell_machine(Input::Drained { link, bytes }),
        }
    }

    /// What is stored takes no room any more.
    pub(super) fn make_room(&mut self) {
        for (link, entry) in &mut self.links.links {
            if self.replica.backlog(*link) == 0 {
                entry.rooms.clear();
            }
        }
    }

    pub(super) fn link_down(&mut self, link: LinkId, ended: &Ended) {
        tracing::debug!(link = link.0, %ended, "a link has ended");
        if self.links.links.remove(&link).is_some() {
            self.tell_machine(Input::Disconnected { link });
        }
    }

    /// How a dial stands.
    pub(super) fn attempt(&mut self, address: &Address, state: LinkState) {
        let Some(target) = self.links.targets.get_mut(address) else { return };
        target.state = match (state, target.refused.take()) {
            (LinkState::Waiting { retry_ms, .. }, Some(reason)) => {
                LinkState::Waiting { reason, retry_ms }
            }
            (state, _) => state,
        };
    }

    /// Closes a link on which there is nothing to be had; how the dial stands says why.
    pub(super) fn hang_up(&mut self, link: LinkId, refusal: &Refusal) {
        let Links { links, targets, .. } = &mut self.links;
        let address = links.get(&link).and_then(|entry| entry.address.as_ref());
        if let Some(target) = address.and_then(|address| targets.get_mut(address)) {
            target.refused = Some(refusal.to_string());
        }
        self.tell_machine(Input::Hangup { link });
    }
}

impl Sockets {
    /// Carries a WebSocket that is up until it ends.
    pub(super) async fn run<S>(
        &self,
        socket: tokio_tungstenite::WebSocketStream<crate::link::Gate<S>>,
        dialled: Dialled,
    ) -> Ended
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let (outbox, orders) = crate::link::outbox(socket.get_ref().key());
        let (reply, link) = oneshot::channel();
        if !self.tell(Command::LinkUp { outbox, dialled, reply }).await {
            return Ended::Here { refusal: None };
        }
        let Ok(link) = link.await else { return Ended::Here { refusal: None } };
        let deliver = |event| self.tell(Command::Link { link, event });
        let ended = crate::link::carry(socket, orders, deliver).await;
        self.tell(Command::LinkDown { link, ended: ended.clone() }).await;
        ended
    }

    /// Answers whether the engine is still there.
    pub(super) async fn tell(&self, command: Command) -> bool {
        match self.commands.upgrade() {
            Some(commands) => commands.send(command).await.is_ok(),
            None => false,
        }
    }
}
