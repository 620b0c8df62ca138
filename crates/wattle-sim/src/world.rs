//! The world: replicas, links and disks under one clock that only this file moves.

mod access;
mod act;
mod claims;
mod drive;
mod hostile;
mod joining;
mod links;
mod node;
mod part;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::lease::Answer as Answered;
use wattle_protocol::{Blob, ChangeHash, ContextId, ContextRecord, Input};

use crate::check::{Leases, Ledger, Violation};
use crate::disk::Bug;
use crate::hostile::{Forged, Party};
use crate::names::Names;
use crate::rng::Rng;
use crate::scenario::{Answer, Net, Step};
use claims::Claims;
use hostile::Talk;
use links::{Edge, End, Wire};
use node::{Kind, Node};
pub(crate) use part::key_of;

/// How a run is watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Write down every input and output of every machine.
    pub trace: bool,
    /// A bug that is put in on purpose.
    pub bug: Option<Bug>,
}

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What must not be; empty if all is well.
    pub violations: Vec<Violation>,
    /// What happened.
    pub stats: Stats,
    /// Every input and output of every machine, a line each, where it was asked for.
    pub trace: String,
}

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Virtual time.
    pub virtual_ms: u64,
    /// Changes that callers were told are saved.
    pub acknowledged: u64,
    /// Edits that were refused, as plans may have them.
    pub refused: u64,
    /// Links that came up.
    pub links: u64,
    /// Frames that left.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Cuts of links.
    pub cuts: u64,
    /// Crashes of replicas.
    pub crashes: u64,
    /// Snapshots that peers loaded.
    pub snapshots: u64,
    /// Refusals that say "try again".
    pub retries: u64,
    /// Everything that happened, counted.
    pub events: u64,
}

impl Stats {
    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            virtual_ms: self.virtual_ms + other.virtual_ms,
            acknowledged: self.acknowledged + other.acknowledged,
            refused: self.refused + other.refused,
            links: self.links + other.links,
            frames: self.frames + other.frames,
            bytes: self.bytes + other.bytes,
            cuts: self.cuts + other.cuts,
            crashes: self.crashes + other.crashes,
            snapshots: self.snapshots + other.snapshots,
            retries: self.retries + other.retries,
            events: self.events + other.events,
        }
    }
}

/// Runs steps in a fresh world.
pub fn run(steps: &[Step], options: Options) -> Outcome {
    let seed = steps
        .iter()
        .rev()
        .find_map(|step| if let Step::Seed(seed) = step { Some(*seed) } else { None });
    let mut world = World::new((seed.unwrap_or(1), steps), options);
    for step in steps {
        if !world.outcome.violations.is_empty() {
            break;
        }
        world.step(step);
    }
    world.end()
}

/// What will happen, and when.
pub(crate) enum Event {
    /// An end of a link comes up.
    Up(u64, End),
    /// A frame arrives.
    Deliver(u64, End, Blob),
    /// A reader that had too much to store looks again at what has arrived.
    Read(u64, End),
    /// A socket has taken bytes.
    Drained(u64, End, usize),
    /// An end learns that the link is gone.
    Gone(u64, End),
    /// The dialler of an edge tries.
    Dial(usize),
    /// A commit ends, in this life of the replica.
    Disk(usize, u64),
    /// So much of what was written has reached the disk; only where a bug tells the two apart.
    Sync(usize, u64, usize),
    /// A machine gets an input that its own driver made.
    Own(usize, u64, Input),
    /// A machine is told that time has passed.
    Tick(usize, u64),
    /// What was said by hand comes to a machine.
    Said(u64, Blob),
    /// What a machine says comes to somebody who speaks by hand.
    Heard(u64, Blob),
    /// A sequencer has answered a question, or has not for too long.
    Answered(u64, Option<Box<Answered>>),
}

pub(crate) struct World {
    now: u64,
    count: u64,
    /// How many events have happened in this millisecond.
    at_once: u64,
    events: BTreeMap<(u64, u64), Event>,
    /// How many of them are neither a dial, a tick nor a sync.
    busy: usize,
    seed: u64,
    record: ContextRecord,
    context: ContextId,
    net: Net,
    rng: Rng,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    wires: BTreeMap<u64, Wire>,
    names: Names,
    ledger: Ledger,
    leases: Leases,
    claims: Claims,
    options: Options,
    /// Proposals that must not be refused, with the steps that made them.
    wishes: BTreeMap<ChangeHash, String>,
    /// Somebody has fewer rights than all at some time.
    rights_end: bool,
    /// Somebody lies, and is refused for it.
    lies: bool,
    parties: BTreeMap<String, Party>,
    forged: BTreeMap<String, Forged>,
    talks: BTreeMap<u64, Talk>,
    /// The names of invitations.
    doors: BTreeSet<String>,
    /// Who came without a role: nobody tells them anything for now.
    strangers: BTreeSet<usize>,
    /// Who came with an invitation.
    guests: BTreeSet<usize>,
    /// What became of the invitations of those who were refused.
    not_admitted: BTreeMap<usize, Answer>,
    /// Who has proof of a sequencer that lies.
    forked: BTreeSet<usize>,
    outcome: Outcome,
}

impl World {
    fn new((seed, steps): (u64, &[Step]), options: Options) -> Self {
        let mut rng = Rng::new(seed, "world");
        let record = access::record(seed, steps, rng.bytes());
        Self {
            now: 0,
            count: 0,
            at_once: 0,
            events: BTreeMap::new(),
            busy: 0,
            seed,
            context: record.id(),
            record,
            net: Net::default(),
            rng,
            nodes: Vec::new(),
            edges: Vec::new(),
            wires: BTreeMap::new(),
            names: Names::default(),
            ledger: Ledger::default(),
            leases: Leases::default(),
            claims: Claims::default(),
            options,
            wishes: BTreeMap::new(),
            rights_end: access::rights_end(steps),
            lies: hostile::lies(steps),
            parties: BTreeMap::new(),
            forged: BTreeMap::new(),
            talks: BTreeMap::new(),
            doors: BTreeSet::new(),
            strangers: BTreeSet::new(),
            guests: BTreeSet::new(),
            not_admitted: BTreeMap::new(),
            forked: BTreeSet::new(),
            outcome: Outcome::default(),
        }
    }

    fn step(&mut self, step: &Step) {
        self.trace(|| format!("step {step}"));
        match step {
            Step::Seed(_) => {}
            Step::Net(net) => self.net = net.clone(),
            Step::Relay(name) => self.join(name, Kind::Relay),
            Step::Peers(names) => names.iter().for_each(|name| self.join(name, Kind::Peer)),
            Step::Members { names, role } => {
                for name in names {
                    if role == "none" {
                        self.strangers.insert(self.nodes.len());
                    }
                    self.admit(name, role);
                    self.join(name, Kind::Peer);
                }
            }
            Step::Invited { names, by } => names.iter().for_each(|name| self.invited(name, by)),
            // Its key is in the record of the context.
            Step::Recovery(_) => {}
            Step::Patched { names, role } => names.iter().for_each(|name| self.patch(name, role)),
            Step::Link(dialler, listener) => {
                if let (Some(dialler), Some(listener)) = (self.find(dialler), self.find(listener)) {
                    self.edge(dialler, listener);
                }
            }
            Step::Cut { node, other, half_open } => self.cut(node, other.as_deref(), *half_open),
            Step::Slow(name) => {
                if let Some(node) = self.find(name).and_then(|node| self.nodes.get_mut(node)) {
                    node.slow = true;
                }
            }
            Step::Heal(names) => self.heal(names),
            Step::Crash(name) => {
                if let Some(node) = self.find(name) {
                    self.crash(node);
                }
            }
            Step::Restart(name) => {
                if let Some(node) = self.find(name) {
                    self.restart(node);
                }
            }
            Step::Compact(name) => {
                if let Some(node) = self.find(name) {
                    self.compact(node);
                }
            }
            Step::Wait(ms) => self.run_until(self.now + ms),
            Step::Settle => self.settle(),
            Step::Act(act) => self.act(act),
            Step::Expect(expect) => self.expect(expect),
        }
    }

    fn end(mut self) -> Outcome {
        self.outcome.stats.virtual_ms = self.now;
        self.outcome.stats.acknowledged = self.ledger.acknowledged() as u64;
        self.outcome
    }

    /// Lets time pass.
    fn run_until(&mut self, until: u64) {
        while self.next_at().is_some_and(|at| at <= until) && self.outcome.violations.is_empty() {
            self.happen();
        }
        self.now = self.now.max(until);
    }

    fn next_at(&self) -> Option<u64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.busy += usize::from(event.busy());
        self.count += 1;
        self.events.insert((at.max(self.now), self.count), event);
    }

    /// The next event.
    fn happen(&mut self) {
        let Some(((at, _), event)) = self.events.pop_first() else { return };
        self.busy -= usize::from(event.busy());
        self.at_once = if at == self.now { self.at_once + 1 } else { 0 };
        self.now = at;
        self.outcome.stats.events += 1;
        if self.at_once > AT_ONCE_MAX {
            self.violate("bounded", "a million events without any time passing".to_owned());
            return;
        }
        match event {
            Event::Up(wire, end) => self.up(wire, end),
            Event::Deliver(wire, end, frame) => self.deliver(wire, end, frame),
            Event::Read(wire, end) => self.read(wire, end),
            Event::Drained(wire, end, bytes) => self.drained(wire, end, bytes),
            Event::Gone(wire, end) => self.gone(wire, end),
            Event::Dial(edge) => self.dial(edge),
            Event::Disk(node, life) => self.disk(node, life),
            Event::Sync(node, life, written) => self.sync(node, life, written),
            Event::Own(node, life, input) => {
                if self.nodes.get(node).is_some_and(|node| node.lives == life) {
                    self.input(node, input);
                }
            }
            Event::Tick(node, life) => self.tick(node, life),
            Event::Said(talk, frame) => self.said(talk, &frame),
            Event::Heard(talk, frame) => self.heard(talk, &frame),
            Event::Answered(number, answer) => self.answered(number, answer),
        }
    }

    fn find(&mut self, name: &str) -> Option<usize> {
        let found = self.nodes.iter().position(|node| node.name == name);
        if found.is_none() {
            self.violate("scenario", format!("there is no replica {name}"));
        }
        found
    }

    fn violate(&mut self, checker: &'static str, what: String) {
        self.trace(|| format!("violation {checker}: {what}"));
        self.outcome.violations.push(Violation { at_ms: self.now, checker, what });
    }

    fn check(&mut self, checker: &'static str, result: Result<(), String>) {
        if let Err(what) = result {
            self.violate(checker, what);
        }
    }

    fn trace(&mut self, line: impl FnOnce() -> String) {
        if self.options.trace {
            self.outcome.trace.push_str(&format!("{:>8} {}\n", self.now, line()));
        }
    }
}

impl Event {
    /// Whether the world is not at rest before it has happened.
    fn busy(&self) -> bool {
        match self {
            Self::Dial(_) | Self::Tick(..) | Self::Sync(..) => false,
            Self::Up(..)
            | Self::Deliver(..)
            | Self::Read(..)
            | Self::Drained(..)
            | Self::Gone(..)
            | Self::Disk(..)
            | Self::Own(..)
            | Self::Said(..)
            | Self::Heard(..)
            | Self::Answered(..) => true,
        }
    }
}

/// Events of one millisecond, after which something turns in a circle.
const AT_ONCE_MAX: u64 = 1_000_000;
