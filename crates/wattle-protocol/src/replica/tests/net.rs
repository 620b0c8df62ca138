//! Replicas, stores and links without sockets, disks or a real clock.

pub(super) mod acts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::change::tests::chunk::Chunk;
use crate::change::{Change, Header};
use crate::id::{
    ActorId, Blob, ChangeHash, ContextId, DocumentKey, LinkId, Position, PublicKey, StoreId,
};
use crate::identity::{Challenge, ContextRecord, Keypair, Seal, Side};
use crate::io::{Event, Input, Known, Output, Snapshot, StoreReply, StoreRequest, Summary, Time};
use crate::message::{Code, Message, Open, Refusal};
use crate::replica::{Config, Replica};
use crate::wire;

/// Whether a node loads documents.
pub(super) const PEER: bool = true;
pub(super) const RELAY: bool = false;

pub(super) struct Net {
    now: u64,
    nodes: Vec<Node>,
    record: Option<ContextRecord>,
    links: u64,
    /// The two ends of each link: node and number.
    ends: BTreeMap<LinkId, (usize, LinkId)>,
    trace: String,
}

struct Node {
    key: Keypair,
    replica: Replica,
    disk: Disk,
    events: Vec<Event>,
    closed: BTreeMap<LinkId, Refusal>,
    inbox: VecDeque<(LinkId, Blob, u32)>,
    got: BTreeMap<LinkId, Vec<Blob>>,
    sent: BTreeMap<LinkId, Vec<Blob>>,
    trips: BTreeMap<LinkId, u32>,
    clogged: BTreeMap<LinkId, VecDeque<Blob>>,
    dialled: BTreeMap<usize, LinkId>,
    /// A cut ends a trip.
    trip: u32,
    actors: u8,
    own: BTreeMap<DocumentKey, (ActorId, u64)>,
}

#[derive(Default)]
struct Disk {
    last: u64,
    access: Vec<Blob>,
    documents: BTreeMap<DocumentKey, Vec<(Position, Change)>>,
    snapshots: BTreeMap<DocumentKey, Snapshot>,
    pruned: BTreeMap<DocumentKey, Position>,
    remotes: BTreeMap<(StoreId, DocumentKey), Known>,
    graph_loads: usize,
    held: Option<VecDeque<StoreRequest>>,
    broken: bool,
    poison: BTreeSet<(DocumentKey, u64)>,
    /// The store declines changes.
    full: bool,
    loads: usize,
    removed: BTreeSet<ChangeHash>,
}

pub(super) fn document(number: u8) -> DocumentKey {
    DocumentKey { scope: number, item: [0; 16] }
}

fn root() -> Chunk {
    Chunk { actor: ActorId([0; 16]), ..Chunk::example() }
}

impl Net {
    pub(super) fn new() -> Self {
        let (nodes, trace) = (Vec::new(), String::new());
        Self { now: 0, nodes, record: None, links: 0, ends: BTreeMap::new(), trace }
    }

    pub(super) fn add(&mut self, loads_documents: bool) -> usize {
        let number = self.nodes.len() as u8 + 1;
        let key = key_of(number);
        let replica = Replica::new(config_of(number, loads_documents));
        self.nodes.push(Node {
            key,
            replica,
            disk: Disk::default(),
            events: Vec::new(),
            closed: BTreeMap::new(),
            inbox: VecDeque::new(),
            got: BTreeMap::new(),
            sent: BTreeMap::new(),
            trips: BTreeMap::new(),
            clogged: BTreeMap::new(),
            dialled: BTreeMap::new(),
            trip: 0,
            actors: 0,
            own: BTreeMap::new(),
        });
        self.nodes.len() - 1
    }

    /// A node begins the context.
    pub(super) fn found(&mut self, node: usize) {
        let owner = self.nodes[node].key.public();
        // Who may do what is of no matter to most of these tests: everybody owns the context.
        let owners = (1..=9).chain([99]).map(|number| key_of(number).public()).collect();
        self.found_by(node, owners, owner);
    }

    /// A node begins the context, with these owners and this sequencer.
    pub(super) fn found_by(&mut self, node: usize, owners: Vec<PublicKey>, sequencer: PublicKey) {
        let (version, nonce, name) = (1, [1; 16], "test".into());
        let record = ContextRecord { version, nonce, name, owners, sequencer };
        self.nodes[node].disk.access = vec![record.to_bytes()];
        self.record = Some(record);
    }

    pub(super) fn share_record(&mut self, from: usize, to: usize) {
        self.nodes[to].disk.access = self.nodes[from].disk.access.clone();
    }

    pub(super) fn context(&self) -> ContextId {
        self.record.as_ref().unwrap().id()
    }

    /// Connects two nodes; answers the dialler's end.
    pub(super) fn dial(&mut self, from: usize, to: usize) -> LinkId {
        let (here, there) = (self.new_link(), self.new_link());
        self.ends.insert(here, (to, there));
        self.ends.insert(there, (from, here));
        self.nodes[from].dialled.insert(to, there);
        let context = self.record.as_ref().map(ContextRecord::id);
        self.connect(from, here, context);
        self.connect(to, there, None);
        here
    }

    /// The listener's end of the newest link between two nodes.
    pub(super) fn end_of(&self, from: usize, to: usize) -> LinkId {
        self.nodes[from].dialled[&to]
    }

    /// The end of a link that is at a node.
    pub(super) fn end(&self, link: LinkId, node: usize) -> LinkId {
        let (at, other) = self.ends[&link];
        if at == node { other } else { link }
    }

    fn new_link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links)
    }

    fn connect(&mut self, node: usize, link: LinkId, dials: Option<ContextId>) {
        let nonce = nonce_of(link);
        let token = Blob::from(Vec::new());
        self.input(node, Input::Connected { link, nonce, dials, token });
    }

    /// A link of which the test plays the other end.
    pub(super) fn listen_raw(&mut self, node: usize) -> LinkId {
        let link = self.new_link();
        self.connect(node, link, None);
        link
    }

    /// The test has dialled a node, and proved a key.
    pub(super) fn greet_raw(&mut self, node: usize) -> LinkId {
        let link = self.listen_raw(node);
        self.prove_raw(node, link, Side::Dials);
        self.open_raw(node, link);
        link
    }

    fn open_raw(&mut self, node: usize, link: LinkId) {
        let context = self.context();
        let record = self.record.as_ref().map(ContextRecord::to_bytes);
        let (access_entries, access_head, documents, more) = (1, context.0, vec![], false);
        let open = Open { context, access_entries, access_head, record, documents, more };
        self.raw(node, link, wire::encode(&Message::Open(open)).to_vec());
        self.run();
    }

    /// A node has dialled the test, which has proved a key.
    pub(super) fn welcome_raw(&mut self, node: usize) -> LinkId {
        let link = self.new_link();
        let context = self.context();
        self.connect(node, link, Some(context));
        self.prove_raw(node, link, Side::Listens);
        link
    }

    fn prove_raw(&mut self, node: usize, link: LinkId, prover: Side) {
        self.prove(node, link, (&key_of(99), prover));
    }

    fn prove_as(&mut self, node: usize, link: LinkId, key: &Keypair) {
        self.prove(node, link, (key, Side::Dials));
    }

    fn prove(&mut self, node: usize, link: LinkId, (key, prover): (&Keypair, Side)) {
        let (theirs, mine) = (nonce_of(link), [5; 32]);
        self.raw(node, link, frames::hello(key.public(), mine));
        let (verifier_key, prover_key) = (self.nodes[node].key.public(), key.public());
        let challenge = Challenge { prover, theirs, mine, verifier_key, prover_key };
        let signature = key.sign(&challenge.bytes());
        self.raw(node, link, wire::encode(&Message::Proof { signature }).to_vec());
        self.run();
        assert!(self.closed(node, link).is_none());
    }

    /// Whether frames to the test pile up.
    pub(super) fn keep_raw(&mut self, node: usize, link: LinkId, clogged: bool) {
        if clogged {
            self.nodes[node].clogged.insert(link, VecDeque::new());
        }
    }

    pub(super) fn sent_bytes(&self, node: usize, link: LinkId) -> usize {
        self.nodes[node].sent.get(&link).into_iter().flatten().map(|frame| frame.len()).sum()
    }

    pub(super) fn raw(&mut self, node: usize, link: LinkId, frame: Vec<u8>) {
        self.input(node, Input::Received { link, frame });
    }

    pub(super) fn sent_raw(&self, node: usize, link: LinkId) -> Vec<Blob> {
        self.nodes[node].sent.get(&link).cloned().unwrap_or_default()
    }

    pub(super) fn cut(&mut self, link: LinkId) {
        let (other, there) = self.ends[&link];
        let (one, here) = self.ends[&there];
        self.input(one, Input::Disconnected { link: here });
        self.input(other, Input::Disconnected { link: there });
        for node in [one, other] {
            self.nodes[node].inbox.retain(|(at, ..)| *at != here && *at != there);
            self.nodes[node].clogged.remove(&here);
            self.nodes[node].clogged.remove(&there);
        }
        self.ends.remove(&here);
        self.ends.remove(&there);
    }

    /// The dialler's ends of all links that are up.
    fn up(&self) -> Vec<LinkId> {
        self.ends.iter().filter(|(link, (_, there))| *link < there).map(|(link, _)| *link).collect()
    }

    pub(super) fn cut_nth(&mut self, nth: usize) {
        if let Some(link) = self.up().get(nth).copied() {
            self.cut(link);
        }
    }

    pub(super) fn cut_all(&mut self) {
        for link in self.up() {
            self.cut(link);
        }
    }

    pub(super) fn clog_nth(&mut self, nth: usize) {
        if let Some(link) = self.up().get(nth).copied() {
            self.clog(link);
        }
    }

    pub(super) fn unclog_all(&mut self) {
        for link in self.up() {
            let (node, there) = self.ends[&link];
            if self.nodes[node].clogged.contains_key(&there) {
                self.unclog(link);
            }
        }
    }

    fn input(&mut self, node: usize, input: Input) {
        self.nodes[node].replica.handle(Time(self.now), input);
    }

    /// Writes changes on top of everything that a node has stored.
    pub(super) fn write(&mut self, node: usize, number: u8, count: u64) {
        let (context, key) = (self.context(), document(number));
        let mut changes = Vec::new();
        if !self.nodes[node].disk.documents.contains_key(&key) {
            changes.push(root().change());
        }
        let chunks = self.compose(node, number, count);
        changes.extend(chunks.iter().map(Chunk::change));
        let newest = changes.len();
        for (number, change) in (1..).zip(&mut changes) {
            // As often as a program writes them down.
            if change.header.deps.is_empty() || (number % 1000 != 0 && number != newest) {
                continue;
            }
            change.seal = Some(self.seal(node, &key, &change.header));
        }
        let here = &mut self.nodes[node];
        here.own.get_mut(&key).unwrap().1 += count;
        let changes = here.disk.append(key, changes);
        self.input(node, Input::Committed { context, document: key, changes });
    }

    /// The signature of a node under one of its changes.
    pub(super) fn seal(&self, node: usize, document: &DocumentKey, header: &Header) -> Seal {
        let here = &self.nodes[node];
        let epoch = here.disk.access.len() as u64;
        here.key.seal(&self.context(), document, header, epoch)
    }

    /// Changes of a node, each with its signature, as they go into a frame.
    pub(super) fn sealed(
        &self,
        node: usize,
        number: u8,
        chunks: &[Chunk],
    ) -> Vec<(Blob, Option<Seal>)> {
        let seal = |chunk: &Chunk| self.seal(node, &document(number), &chunk.header());
        chunks.iter().map(|chunk| (chunk.bytes(), Some(seal(chunk)))).collect()
    }

    /// What `write` would write.
    pub(super) fn compose(&mut self, node: usize, number: u8, count: u64) -> Vec<Chunk> {
        let key = document(number);
        let here = &mut self.nodes[node];
        let mut heads = here.disk.heads(&key);
        if heads.is_empty() {
            heads = vec![root().header().hash];
        }
        let top = here.disk.documents.get(&key).into_iter().flatten();
        let mut max_op = top.map(|(_, change)| change.header.max_op()).max().unwrap_or(1);
        if !here.own.contains_key(&key) {
            here.actors += 1;
            let mut actor = [node as u8 + 1; 16];
            actor[0] = here.actors;
            here.own.insert(key, (ActorId(actor), 0));
        }
        let (actor, seq) = here.own[&key];
        let author = here.key.public();
        (seq + 1..=seq + count)
            .map(|seq| {
                let author = (seq == 1).then_some(author);
                let chunk = Chunk {
                    deps: heads.clone(),
                    actor,
                    seq,
                    start_op: max_op + 1,
                    author,
                    ..Chunk::example()
                };
                heads = vec![chunk.header().hash];
                max_op = chunk.header().max_op();
                chunk
            })
            .collect()
    }

    /// Runs until nothing moves, without letting time pass.
    pub(super) fn run(&mut self) {
        for _ in 0..1_000_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the replicas never become silent");
    }

    /// Runs, and lets a minute pass in which things may be tried again.
    pub(super) fn settle(&mut self) {
        self.run();
        let end = self.now + 15_000;
        self.until(end);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        self.until(end);
        self.now = end;
        for node in 0..self.nodes.len() {
            self.input(node, Input::Tick);
        }
        self.run();
    }

    fn until(&mut self, end: u64) {
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            for node in 0..self.nodes.len() {
                self.input(node, Input::Tick);
            }
            self.run();
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        self.nodes.iter().filter_map(|node| node.replica.deadline()).map(|time| time.0).min()
    }

    /// Every node does what it has to, then everything sent arrives at once: one half of a round trip.
    fn step(&mut self) -> bool {
        let mut moved = false;
        for node in 0..self.nodes.len() {
            while let Some(output) = self.nodes[node].replica.poll() {
                moved = true;
                writeln!(self.trace, "{} {node} {output:?}", self.now).unwrap();
                self.output(node, output);
            }
        }
        for node in 0..self.nodes.len() {
            for (link, frame, trip) in std::mem::take(&mut self.nodes[node].inbox) {
                moved = true;
                self.nodes[node].trip = trip;
                self.nodes[node].got.entry(link).or_default().push(frame.clone());
                let frame = frame.to_vec();
                self.input(node, Input::Received { link, frame });
            }
        }
        moved
    }

    fn output(&mut self, node: usize, output: Output) {
        match output {
            Output::Send { link, frame } => {
                self.nodes[node].sent.entry(link).or_default().push(frame.clone());
                if let Some(clogged) = self.nodes[node].clogged.get_mut(&link) {
                    clogged.push_back(frame);
                } else {
                    self.carry(node, link, frame);
                }
            }
            Output::Close { link, refusal } => {
                self.nodes[node].closed.insert(link, refusal);
                if let Some((other, there)) = self.ends.remove(&link) {
                    // What was sent before comes before.
                    for (link, frame, trip) in std::mem::take(&mut self.nodes[other].inbox) {
                        if link == there {
                            self.input(other, Input::Received { link, frame: frame.to_vec() });
                        } else {
                            self.nodes[other].inbox.push_back((link, frame, trip));
                        }
                    }
                    self.ends.remove(&there);
                    self.input(other, Input::Disconnected { link: there });
                }
            }
            Output::Store(request) => self.ask(node, request),
            Output::Event(event) => {
                self.nodes[node].events.push(event.clone());
                if let Event::Snapshot { link, context, document, bytes, seals } = event {
                    let changes = split(&bytes, &seals);
                    self.input(node, Input::Expanded { link, context, document, changes });
                }
            }
        }
    }

    fn carry(&mut self, node: usize, link: LinkId, frame: Blob) {
        self.input(node, Input::Drained { link, bytes: frame.len() });
        let trip = self.nodes[node].trip + 1;
        let Some((other, there)) = self.ends.get(&link).copied() else { return };
        if there.0 < link.0 {
            *self.nodes[other].trips.entry(there).or_default() = trip;
        }
        self.nodes[other].inbox.push_back((there, frame, trip));
    }

    fn ask(&mut self, node: usize, request: StoreRequest) {
        if let StoreRequest::Remove { document, .. } = &request {
            // Whoever wrote what was taken out goes on as another actor.
            self.nodes[node].own.remove(document);
        }
        let disk = &mut self.nodes[node].disk;
        if !matches!(request, StoreRequest::LoadContext { .. } | StoreRequest::LoadGraph { .. })
            && !matches!(request, StoreRequest::Read { .. } | StoreRequest::LoadRemote { .. })
            && let Some(held) = &mut disk.held
        {
            return held.push_back(request);
        }
        if let Some(reply) = disk.serve(request) {
            self.input(node, Input::Store(reply));
        }
    }

    pub(super) fn hold_disk(&mut self, node: usize, held: bool) {
        let waiting = self.nodes[node].disk.held.take().unwrap_or_default();
        self.nodes[node].disk.held = held.then(VecDeque::new);
        for request in waiting {
            self.ask(node, request);
        }
    }

    pub(super) fn break_disk(&mut self, node: usize, broken: bool) {
        self.nodes[node].disk.broken = broken;
    }

    /// The listener's socket takes nothing more for this link.
    pub(super) fn clog(&mut self, link: LinkId) {
        let (node, there) = self.ends[&link];
        self.nodes[node].clogged.entry(there).or_default();
    }

    /// One frame gets through a clogged link; answers whether there was one.
    pub(super) fn trickle(&mut self, link: LinkId) -> bool {
        let (node, there) = self.ends[&link];
        let frame = self.nodes[node].clogged.get_mut(&there).unwrap().pop_front();
        if let Some(frame) = frame.clone() {
            self.carry(node, there, frame);
        }
        self.run();
        frame.is_some()
    }

    /// The documents of the changes that came over a link, frame by frame.
    pub(super) fn received_order(&self, node: usize, link: LinkId) -> Vec<u8> {
        let mut order = Vec::new();
        for frame in self.nodes[node].got.get(&link).into_iter().flatten() {
            if let Message::Changes(changes) = wire::decode(frame, usize::MAX).unwrap() {
                order.push(changes.document.scope);
            }
        }
        order
    }

    pub(super) fn unclog(&mut self, link: LinkId) {
        let (node, there) = self.ends[&link];
        for frame in self.nodes[node].clogged.remove(&there).unwrap() {
            self.carry(node, there, frame);
        }
    }

    pub(super) fn compact(&mut self, node: usize, number: u8, count: usize) {
        let (context, key) = (self.context(), document(number));
        let disk = &mut self.nodes[node].disk;
        if count == 0 {
            return;
        }
        let changes = &disk.documents[&key][..count];
        let bytes =
            changes.iter().flat_map(|(_, change)| change.bytes.to_vec()).collect::<Vec<u8>>();
        let upto = changes[count - 1].0;
        let seals =
            changes.iter().filter_map(|(_, change)| Some((change.header.hash, change.seal?)));
        let seals = seals.collect();
        disk.snapshots.insert(key, Snapshot { upto, bytes: bytes.into(), seals });
        disk.pruned.insert(key, upto);
        let (pruned, snapshot) = (upto, upto);
        self.input(node, Input::Compacted { context, document: key, pruned, snapshot });
    }

    /// The newest changes of a node's store are gone, as after a restored backup.
    pub(super) fn lose(&mut self, node: usize, number: u8, count: usize) {
        let changes = self.nodes[node].disk.documents.get_mut(&document(number)).unwrap();
        changes.truncate(changes.len() - count);
        self.pass(10 * crate::limits::IDLE_DOCUMENT_MS);
    }

    /// A node's document cannot take the changes with this sequence number.
    pub(super) fn poison(&mut self, node: usize, number: u8, seq: u64) {
        self.nodes[node].disk.poison.insert((document(number), seq + 1));
    }

    pub(super) fn present(&mut self, node: usize, body: &str) {
        let context = self.context();
        self.input(node, Input::Present { context, body: body.as_bytes().into() });
    }

    pub(super) fn presence(&self, node: usize) -> Vec<String> {
        let mut shown = Vec::new();
        for event in self.events(node) {
            if let Event::Presence { body, .. } = event {
                shown.push(String::from_utf8(body.to_vec()).unwrap());
            }
        }
        shown
    }

    pub(super) fn changes(&self, node: usize, number: u8) -> BTreeSet<ChangeHash> {
        let changes = self.nodes[node].disk.documents.get(&document(number));
        changes.into_iter().flatten().map(|(_, change)| change.header.hash).collect()
    }

    pub(super) fn store(&self, node: usize) -> BTreeMap<DocumentKey, BTreeSet<ChangeHash>> {
        let disk = &self.nodes[node].disk;
        disk.documents.keys().map(|key| (*key, self.changes(node, key.scope))).collect()
    }

    pub(super) fn heads(&self, node: usize, number: u8) -> Vec<ChangeHash> {
        self.nodes[node].disk.heads(&document(number))
    }

    pub(super) fn access(&self, node: usize) -> Vec<Blob> {
        self.nodes[node].disk.access.clone()
    }

    pub(super) fn events(&self, node: usize) -> &[Event] {
        &self.nodes[node].events
    }

    pub(super) fn in_sync(&self, node: usize) -> usize {
        self.events(node).iter().filter(|event| matches!(event, Event::InSync { .. })).count()
    }

    /// What a node was last told that another one has durably.
    pub(super) fn durable_at(&self, node: usize, other: usize, number: u8) -> Vec<ChangeHash> {
        let store = StoreId([other as u8 + 1; 16]);
        let mut told = Vec::new();
        for event in self.events(node) {
            if let Event::Durable { remote, known, .. } = event
                && *remote == store
                && known.document == document(number)
            {
                told.clone_from(&known.durable);
            }
        }
        told
    }

    pub(super) fn closed(&self, node: usize, link: LinkId) -> Option<Refusal> {
        self.nodes[node].closed.get(&link).cloned()
    }

    pub(super) fn received_bytes(&self, node: usize, link: LinkId) -> usize {
        self.nodes[node].got.get(&link).into_iter().flatten().map(|frame| frame.len()).sum()
    }

    pub(super) fn received_changes(&self, node: usize, link: LinkId) -> usize {
        let mut count = 0;
        for frame in self.nodes[node].got.get(&link).into_iter().flatten() {
            if let Message::Changes(changes) = wire::decode(frame, usize::MAX).unwrap() {
                count += changes.changes.len();
            }
        }
        count
    }

    /// How many times a frame to the dialler was caused by one from it.
    pub(super) fn trips(&self, link: LinkId) -> u32 {
        let (_, there) = self.ends[&link];
        let (node, _) = self.ends[&there];
        self.nodes[node].trips[&link].div_ceil(2)
    }

    pub(super) fn graph_loads(&self, node: usize) -> usize {
        self.nodes[node].disk.graph_loads
    }

    pub(super) fn replica(&self, node: usize) -> &Replica {
        &self.nodes[node].replica
    }

    pub(super) fn trace(&self) -> String {
        self.trace.clone()
    }
}

fn config_of(number: u8, loads_documents: bool) -> Config {
    Config {
        key: key_of(number),
        store: StoreId([number; 16]),
        session: [number; 16],
        agent: format!("test {number}"),
        roots: vec![root().header().hash],
        loads_documents,
        asks_logins: false,
        accepts_new_contexts: true,
        changes_per_second_max: None,
    }
}

/// The key of the node with a number, from 1; 99 is the test itself.
pub(super) fn key_of(number: u8) -> Keypair {
    Keypair::from_secret(&[number; 32])
}

fn nonce_of(link: LinkId) -> [u8; 32] {
    Sha256::digest(link.0.to_be_bytes()).into()
}

impl Disk {
    fn append(&mut self, key: DocumentKey, changes: Vec<Change>) -> Vec<(Change, Position)> {
        let stored = self.documents.entry(key).or_default();
        let mut placed = Vec::new();
        for change in changes {
            let known = stored
                .iter()
                .find(|(_, other)| other.header.hash == change.header.hash)
                .map(|at| at.0);
            let position = known.unwrap_or_else(|| {
                let has =
                    |dep: &ChangeHash| stored.iter().any(|(_, change)| change.header.hash == *dep);
                assert!(change.header.deps.iter().all(has), "stored before its dependencies");
                self.last += 1;
                stored.push((Position(self.last), change.clone()));
                Position(self.last)
            });
            placed.push((change, position));
        }
        placed
    }

    fn heads(&self, key: &DocumentKey) -> Vec<ChangeHash> {
        let changes = self.documents.get(key).into_iter().flatten();
        let mut heads = BTreeSet::new();
        for (_, change) in changes {
            change.header.deps.iter().for_each(|dep| {
                heads.remove(dep);
            });
            heads.insert(change.header.hash);
        }
        heads.into_iter().collect()
    }

    /// What a document can take is stored; what not, is answered.
    fn append_good(
        &mut self,
        document: DocumentKey,
        changes: Vec<Change>,
    ) -> (Vec<(ChangeHash, Position)>, Vec<ChangeHash>) {
        let mut failed = BTreeSet::new();
        let mut good = Vec::new();
        for change in changes {
            let bad = self.poison.contains(&(document, change.header.seq))
                || change.header.deps.iter().any(|dep| failed.contains(dep));
            if bad {
                failed.insert(change.header.hash);
            } else {
                good.push(change);
            }
        }
        let placed = self.append(document, good);
        let positions = placed.iter().map(|(change, at)| (change.header.hash, *at)).collect();
        (positions, failed.into_iter().collect())
    }

    fn serve(&mut self, request: StoreRequest) -> Option<StoreReply> {
        Some(match request {
            StoreRequest::LoadContext { context } => {
                self.loads += 1;
                let documents = self.documents.keys().map(|key| self.summary(*key)).collect();
                StoreReply::Context { context, access: self.access.clone(), documents }
            }
            StoreRequest::LoadRemote { link, remote, context } => {
                let known = self.remotes.iter().filter(|((store, _), _)| *store == remote);
                let known = known.map(|(_, known)| known.clone()).collect();
                StoreReply::Remote { link, context, known }
            }
            StoreRequest::LoadGraph { context, document } => {
                self.graph_loads += 1;
                let pruned = self.pruned.get(&document).copied().unwrap_or_default();
                let nodes = self.documents.get(&document).into_iter().flatten();
                let nodes = nodes
                    .map(|(position, change)| {
                        let bytes = if *position <= pruned { 0 } else { change.bytes.len() };
                        (*position, change.header.clone(), bytes)
                    })
                    .collect();
                StoreReply::Graph { context, document, nodes }
            }
            StoreRequest::Read { link, context, document, positions } => {
                let pruned = self.pruned.get(&document).copied().unwrap_or_default();
                let stored = &self.documents[&document];
                let changes = positions
                    .into_iter()
                    .filter(|position| *position > pruned)
                    .filter_map(|position| stored.iter().find(|(at, _)| *at == position))
                    .map(|(position, change)| (*position, change.bytes.clone(), change.seal))
                    .collect();
                StoreReply::Changes { link, context, document, changes }
            }
            StoreRequest::ReadSnapshot { link, context, document } => {
                let snapshot = self.snapshots.get(&document).cloned();
                StoreReply::Snapshot { link, context, document, snapshot }
            }
            StoreRequest::Append { .. }
            | StoreRequest::AppendAccess { .. }
            | StoreRequest::ReplaceAccess { .. }
            | StoreRequest::Remove { .. }
                if self.broken =>
            {
                StoreReply::Failed { request, reason: "the disk is full".into() }
            }
            StoreRequest::Append { .. } if self.full => {
                let refusal = Refusal::new(Code::Quota, "the context is full");
                StoreReply::Declined { request, refusal }
            }
            StoreRequest::Append { context, document, link: _, changes } => {
                let (positions, failed) = self.append_good(document, changes);
                StoreReply::Appended { context, document, positions, failed }
            }
            StoreRequest::AppendAccess { .. }
            | StoreRequest::ReplaceAccess { .. }
            | StoreRequest::Cutoffs { .. }
            | StoreRequest::Remove { .. } => self.serve_rights(request),
            StoreRequest::Remember { remote, context: _, known } => {
                self.remotes.insert((remote, known.document), known);
                return None;
            }
        })
    }

    fn summary(&self, document: DocumentKey) -> Summary {
        let changes = &self.documents[&document];
        Summary {
            document,
            heads: self.heads(&document),
            last: changes.last().map(|(at, _)| *at).unwrap_or_default(),
            pruned: self.pruned.get(&document).copied().unwrap_or_default(),
            snapshot: self
                .snapshots
                .get(&document)
                .map(|snapshot| snapshot.upto)
                .unwrap_or_default(),
        }
    }
}

/// A snapshot of these tests is its changes, one after the other.
fn split(mut bytes: &[u8], seals: &[(ChangeHash, Seal)]) -> Vec<(Blob, Option<Seal>)> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let body = crate::change::tests::chunk::body(bytes);
        let length_bytes = bytes.len() - body.len() - 9;
        let mut length = 0;
        for (at, byte) in bytes[9..9 + length_bytes].iter().enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * at);
        }
        let (chunk, rest) = bytes.split_at(9 + length_bytes + length);
        let hash = Header::parse(chunk).unwrap().hash;
        let seal = seals.iter().find(|(on, _)| *on == hash).map(|(_, seal)| *seal);
        changes.push((chunk.into(), seal));
        bytes = rest;
    }
    changes
}

/// Frames that a test sends itself.
pub(super) mod frames {
    use crate::id::{Blob, ContextId, DocumentKey, Position, PublicKey, StoreId};
    use crate::identity::{Seal, Signature};
    use crate::message::{Changes, Hello, Message};
    use crate::wire;

    pub(crate) fn hello_of_version(version_min: u16, version_max: u16) -> Vec<u8> {
        let hello = Hello {
            version_min,
            version_max,
            store: StoreId([77; 16]),
            key: PublicKey([7; 32]),
            nonce: [5; 32],
            takes_snapshots: true,
            agent: "nobody".into(),
            token: Blob::from(Vec::new()),
        };
        wire::encode(&Message::Hello(hello)).to_vec()
    }

    pub(crate) fn hello(key: PublicKey, nonce: [u8; 32]) -> Vec<u8> {
        let plain = wire::decode(&hello_of_version(1, 1), 4096).unwrap();
        let Message::Hello(hello) = plain else { panic!("a hello") };
        wire::encode(&Message::Hello(Hello { key, nonce, ..hello })).to_vec()
    }

    pub(crate) fn proof() -> Vec<u8> {
        wire::encode(&Message::Proof { signature: Signature([1; 64]) }).to_vec()
    }

    pub(crate) fn changes(
        context: ContextId,
        document: DocumentKey,
        changes: Vec<(Blob, Option<Seal>)>,
    ) -> Vec<u8> {
        let cursor = Position::default();
        let changes = Changes { context, document, changes, cursor, done: false };
        wire::encode(&Message::Changes(changes)).to_vec()
    }
}
