//! Replicas, stores and links without sockets, disks or a real clock.

pub(super) mod acts;
mod disk;
pub(super) mod frames;
mod links;
mod seen;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use self::disk::{Disk, split};
use crate::change::Header;
use crate::change::tests::chunk::Chunk;
use crate::frame::Frame;
use crate::id::{ActorId, Blob, ContextId, DocumentKey, LinkId, PublicKey, StoreId};
use crate::identity::{ContextRecord, Keypair, Seal};
use crate::io::{Event, Input, Output, Time};
use crate::message::Refusal;
use crate::replica::{Config, Replica};

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
        let (context, key) = (self.context(), document(number));
        let here = &mut self.nodes[node];
        let mut heads = here.disk.heads(&key);
        if heads.is_empty() {
            heads = vec![root().header().hash];
        }
        let top = here.disk.documents.get(&key).into_iter().flatten();
        let mut max_op = top.map(|(_, change)| change.header.max_op()).max().unwrap_or(1);
        if !here.own.contains_key(&key) {
            here.actors += 1;
            let actor = ActorId::of(&context, &here.key.public(), [here.actors; 6]);
            here.own.insert(key, (actor, 0));
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
                let frame = Frame::new(frame.to_vec());
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
                            self.input(
                                other,
                                Input::Received { link, frame: Frame::new(frame.to_vec()) },
                            );
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

    pub(super) fn present(&mut self, node: usize, body: &str) {
        let context = self.context();
        self.input(node, Input::Present { context, body: body.as_bytes().into() });
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
