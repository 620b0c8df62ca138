//! A peer made of the machine, a store in memory and a socket: nothing else is between test and relay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use wattle_protocol::access::{Action, Log, Proposal};
use wattle_protocol::io::Time;
use wattle_protocol::message::Refusal;
use wattle_protocol::replica::Config;
use wattle_protocol::{
    Blob, Change, ChangeHash, ContextId, ContextRecord, Event, Frame, Input, Keypair, LinkId,
    Output, PublicKey, Replica, StoreId, StoreReply,
};
use wattle_store::{Append, MemoryStore, Store};

use crate::process::PATIENCE;
use crate::writer::{DOCUMENT, genesis};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// What is seen of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) ready: bool,
    pub(crate) in_sync: bool,
    /// The first frames from the relay, as they came.
    pub(crate) frames: Vec<Vec<u8>>,
    /// The relay's key.
    pub(crate) relay: Option<PublicKey>,
    /// Entries of the access log.
    pub(crate) entries: u64,
    /// Changes in its store.
    pub(crate) changes: BTreeSet<ChangeHash>,
    /// Changes that the relay said are durable.
    pub(crate) durable: BTreeSet<ChangeHash>,
    pub(crate) refused: Vec<Refusal>,
    /// Snapshots that came.
    pub(crate) snapshots: u64,
    pub(crate) closed: Option<(u16, String)>,
    pub(crate) ended: bool,
}

/// A client that runs by itself until it is dropped.
pub(crate) struct Client {
    orders: mpsc::UnboundedSender<Order>,
    seen: watch::Receiver<Seen>,
}

enum Order {
    Commit(Vec<Change>),
    /// Have something done to the access log.
    Propose(Blob),
    /// Read nothing more from the socket.
    Stall,
}

/// Who a client is; a clone has the same store.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) key: Keypair,
    pub(crate) record: ContextRecord,
    pub(crate) store: MemoryStore,
    /// What it shows at the login.
    pub(crate) token: Blob,
}

impl Who {
    pub(crate) fn new(key: Keypair, record: &ContextRecord) -> Self {
        let id = StoreId(key.public().0[..16].try_into().expect("16 bytes"));
        Self::at(key, record, id)
    }

    /// One of several stores of a key.
    pub(crate) fn at(key: Keypair, record: &ContextRecord, id: StoreId) -> Self {
        let token = Blob::from(Vec::new());
        Self { key, record: record.clone(), store: MemoryStore::new(id), token }
    }

    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: Blob::from(token.as_bytes()), ..self }
    }
}

pub(crate) async fn dial(address: SocketAddr) -> Socket {
    try_dial(address).await.expect("it upgrades")
}

/// Fails when the relay has no room for a link that begins.
async fn try_dial(address: SocketAddr) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/sync").into_client_request().expect("a request");
    let protocol = HeaderValue::from_static(wattle_protocol::wire::SUBPROTOCOL);
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let socket = TcpStream::connect(address).await.expect("it listens");
    socket.set_nodelay(true).expect("a socket");
    Ok(client_async(request, socket).await?.0)
}

impl Client {
    /// Dials and opens the context.
    pub(crate) async fn start(address: SocketAddr, who: Who) -> Self {
        let (orders, received) = mpsc::unbounded_channel();
        let (seen, watched) = watch::channel(Seen::default());
        tokio::spawn(Run::new(who, seen).run(address, received));
        Self { orders, seen: watched }
    }

    pub(crate) fn commit(&self, changes: Vec<Change>) {
        self.orders.send(Order::Commit(changes)).ok();
    }

    /// Has something done to the access log; answers the proposal.
    pub(crate) fn propose(&self, who: &Who, action: Action) -> Blob {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).expect("randomness");
        let context = who.record.id();
        let proposal = Proposal { context, based_on: 1, nonce, author: who.key.public(), action };
        let proposal = proposal.sign(&who.key);
        self.orders.send(Order::Propose(proposal.clone())).ok();
        proposal
    }

    pub(crate) fn stall(&self) {
        self.orders.send(Order::Stall).ok();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, so: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(so)).await;
        match waited {
            Ok(Ok(seen)) => seen.clone(),
            Ok(Err(_)) | Err(_) => {
                let seen = self.seen();
                let (changes, durable) = (seen.changes.len(), seen.durable.len());
                let (closed, refused) = (seen.closed, seen.refused);
                panic!("no {what}: {changes} changes, {durable} durable, {closed:?}, {refused:?}");
            }
        }
    }

    pub(crate) async fn until_durable(&self, changes: &[ChangeHash]) -> Seen {
        self.until("durable changes", |seen| changes.iter().all(|hash| seen.durable.contains(hash)))
            .await
    }

    pub(crate) async fn until_has(&self, changes: &[ChangeHash]) -> Seen {
        self.until("changes", |seen| changes.iter().all(|hash| seen.changes.contains(hash))).await
    }
}

struct Run {
    machine: Replica,
    store: MemoryStore,
    context: ContextId,
    token: Blob,
    begun: Instant,
    seen: watch::Sender<Seen>,
    /// What its own changes build on.
    own: BTreeMap<ChangeHash, Vec<ChangeHash>>,
    out: Vec<Blob>,
    key: Keypair,
    link: LinkId,
    course: Course,
}

#[derive(Clone, Copy, PartialEq)]
enum Course {
    Linked,
    /// Rights have changed: dial again at once.
    Redials,
    Ends,
}

const RIGHTS_CHANGED: u16 = 4515;

impl Run {
    fn new(who: Who, seen: watch::Sender<Seen>) -> Self {
        let Who { key, record, mut store, token } = who;
        let context = record.id();
        if store.access(&context).expect("it reads").is_empty() {
            store.append_access(&context, 0, &[record.to_bytes()]).expect("it stores");
        }
        let entries = store.access(&context).expect("it reads").len() as u64;
        let first = Append { context, document: DOCUMENT, changes: vec![genesis()] };
        store.append(&[first]).expect("it stores");
        let graph = store.graph(&context, &DOCUMENT).expect("it reads");
        let changes = graph.iter().map(|(_, header, _)| header.hash).collect();
        seen.send_modify(|seen| (seen.changes, seen.entries) = (changes, entries));
        let own = graph.into_iter().map(|(_, header, _)| (header.hash, header.deps)).collect();
        let machine = Replica::new(Config {
            key: key.clone(),
            store: store.id(),
            session: [1; 16],
            agent: "test".to_owned(),
            roots: wattle_context::roots().into_iter().map(ChangeHash).collect(),
            loads_documents: true,
            asks_logins: false,
            accepts_new_contexts: false,
            changes_per_second_max: None,
        });
        let begun = Instant::now();
        let (out, link, course) = (Vec::new(), LinkId(0), Course::Linked);
        Self { machine, store, context, token, begun, seen, own, out, key, link, course }
    }

    async fn run(mut self, address: SocketAddr, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            let socket = self.dial(address).await;
            self.course = Course::Linked;
            self.link.0 += 1;
            self.out.clear();
            self.exchange(socket, &mut orders).await;
            if self.course != Course::Redials {
                break;
            }
            self.give(Input::Disconnected { link: self.link });
        }
        // What was written without a link is sent over the next one.
        while let Ok(order) = orders.try_recv() {
            if let Order::Commit(changes) = order {
                self.commit(changes);
            }
        }
        self.seen.send_modify(|seen| seen.ended = true);
    }

    /// A link that was dialled again may find that the one before has not left yet.
    async fn dial(&self, address: SocketAddr) -> Socket {
        let begun = Instant::now();
        loop {
            match try_dial(address).await {
                Ok(socket) => return socket,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn exchange(&mut self, mut socket: Socket, orders: &mut mpsc::UnboundedReceiver<Order>) {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).expect("randomness");
        let (link, token) = (self.link, self.token.clone());
        self.give(Input::Connected { link, nonce, dials: Some(self.context), token });
        let mut reads = true;
        while self.course == Course::Linked {
            self.flush(&mut socket).await;
            let tick = self.tick_at();
            tokio::select! {
                message = socket.next(), if reads => match message {
                    Some(Ok(message)) => self.message(message),
                    Some(Err(_)) | None => break,
                },
                order = orders.recv() => match order {
                    Some(Order::Commit(changes)) => self.commit(changes),
                    Some(Order::Propose(proposal)) => self.propose(proposal),
                    Some(Order::Stall) => reads = false,
                    None => break,
                },
                () = tokio::time::sleep_until(tick.into()) => self.give(Input::Tick),
            }
        }
    }

    async fn flush(&mut self, socket: &mut Socket) {
        for frame in std::mem::take(&mut self.out) {
            let bytes = frame.len();
            if socket.send(Message::Binary(Bytes::from_owner(frame.0))).await.is_err() {
                return;
            }
            self.give(Input::Drained { link: self.link, bytes });
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Binary(frame) => {
                self.seen.send_if_modified(|seen| {
                    if seen.frames.len() < 8 {
                        seen.frames.push(frame.to_vec());
                    }
                    false
                });
                self.give(Input::Received { link: self.link, frame: Frame::new(frame.into()) });
            }
            Message::Close(Some(frame)) => {
                self.closed(frame.code.into(), frame.reason.to_string());
            }
            Message::Close(None)
            | Message::Text(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Frame(_) => {}
        }
    }

    fn closed(&mut self, code: u16, reason: String) {
        if code == RIGHTS_CHANGED {
            self.course = Course::Redials;
        } else {
            self.seen.send_modify(|seen| seen.closed = Some((code, reason)));
            self.course = Course::Ends;
        }
    }

    /// Whoever orders the access log lets the relay do it from now on; before that it gets nothing.
    fn hand_over(&mut self, relay: PublicKey) {
        let access = self.store.access(&self.context).expect("it reads");
        let log = Log::read(&access).expect("it holds");
        if log.sequencer() != self.key.public() {
            return;
        }
        let action = Action::SetSequencer { key: relay, term: log.term() };
        let (context, author) = (self.context, self.key.public());
        let proposal =
            Proposal { context, based_on: log.entries(), nonce: [0; 16], author, action };
        self.propose(proposal.sign(&self.key));
    }

    fn commit(&mut self, changes: Vec<Change>) {
        let append = Append { context: self.context, document: DOCUMENT, changes: changes.clone() };
        let positions = self.store.append(&[append]).expect("it stores").remove(0);
        self.own
            .extend(changes.iter().map(|change| (change.header.hash, change.header.deps.clone())));
        let changes = changes.into_iter().zip(positions).collect();
        self.give(Input::Committed { context: self.context, document: DOCUMENT, changes });
    }

    fn propose(&mut self, proposal: Blob) {
        self.give(Input::Propose { context: self.context, proposal });
    }

    fn give(&mut self, input: Input) {
        let now = self.now();
        self.machine.handle(now, input);
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Send { frame, .. } => self.out.push(frame),
                Output::Close { refusal, .. } => {
                    self.closed(refusal.code.number(), refusal.reason.clone());
                }
                Output::Store(request) => {
                    for reply in wattle_store::serve(&mut self.store, vec![request]) {
                        self.note(&reply);
                        let now = self.now();
                        self.machine.handle(now, Input::Store(reply));
                    }
                }
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn note(&mut self, reply: &StoreReply) {
        if let StoreReply::Appended { positions, .. } = reply {
            self.seen.send_modify(|seen| {
                seen.changes.extend(positions.iter().map(|(hash, _)| *hash));
            });
        }
        if let StoreReply::AccessAppended { entries, .. } = reply {
            self.seen.send_modify(|seen| seen.entries = *entries);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Ready { key, .. } => {
                self.seen.send_modify(|seen| (seen.ready, seen.relay) = (true, Some(key)));
                self.hand_over(key);
            }
            Event::InSync { .. } => self.seen.send_modify(|seen| seen.in_sync = true),
            Event::Durable { known, .. } => {
                let durable = self.ancestors(&known.durable);
                self.seen.send_modify(|seen| seen.durable.extend(durable));
            }
            Event::Snapshot { link, context, document, bytes, seals } => {
                self.seen.send_modify(|seen| seen.snapshots += 1);
                let doc = automerge::Automerge::load(&bytes).expect("it loads");
                let changes = doc.get_changes(&[]);
                let seal = |one: &automerge::Change| {
                    let hash = ChangeHash(one.hash().0);
                    seals.iter().find(|(on, _)| *on == hash).map(|(_, seal)| *seal)
                };
                let changes =
                    changes.iter().map(|one| (Blob::from(one.raw_bytes()), seal(one))).collect();
                let now = self.now();
                self.machine.handle(now, Input::Expanded { link, context, document, changes });
            }
            Event::Refused { refusal, .. }
            | Event::Rejected { refusal, .. }
            | Event::ProposalRefused { refusal, .. } => {
                self.seen.send_modify(|seen| seen.refused.push(refusal));
            }
            Event::Access { .. }
            | Event::Opened { .. }
            | Event::Presence { .. }
            | Event::Leased { .. }
            | Event::Receipt { .. }
            | Event::Login { .. }
            | Event::ProposalDeclined { .. }
            | Event::Forked { .. } => {}
        }
    }

    /// These changes, and those of its own that they build on.
    fn ancestors(&self, heads: &[ChangeHash]) -> BTreeSet<ChangeHash> {
        let mut open = heads.to_vec();
        let mut found = BTreeSet::new();
        let seen = self.seen.borrow();
        while let Some(hash) = open.pop() {
            if !seen.durable.contains(&hash) && found.insert(hash) {
                open.extend(self.own.get(&hash).into_iter().flatten());
            }
        }
        found
    }

    fn now(&self) -> Time {
        Time(self.begun.elapsed().as_millis() as u64)
    }

    fn tick_at(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        self.machine.deadline().map_or(far, |at| self.begun + Duration::from_millis(at.0))
    }
}
