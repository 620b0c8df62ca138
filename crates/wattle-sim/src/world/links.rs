//! Links: who dials whom, how long a frame takes, and how a link ends.

use std::collections::VecDeque;

use wattle_protocol::{Blob, Frame, Input, LinkId};
use wattle_store::Store;

use super::{Event, World};

/// Which end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The one that dialled.
    Dialler,
    /// The one that listened.
    Listener,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Listener,
            Self::Listener => Self::Dialler,
        }
    }
}

/// Who dials whom.
pub(crate) struct Edge {
    pub(crate) dialler: usize,
    pub(crate) listener: usize,
    pub(crate) cut: bool,
    /// The link, until the dialler learns that it is gone.
    pub(crate) wire: Option<u64>,
    attempts: u32,
    dialling: bool,
    /// Whoever dials has been told that it has no rights, when the listener's log had so many entries:
    /// until there are more, another attempt would end alike.
    refused: Option<usize>,
}

/// A link.
pub(crate) struct Wire {
    edge: usize,
    /// How many entries the listener's access log had when it came up.
    entries: usize,
    /// Nothing gets through any more, whether the ends know it or not.
    dead: bool,
    dialler: Side,
    listener: Side,
}

/// One end of a link.
struct Side {
    node: usize,
    /// The end is up, and has not learnt that the link is gone.
    open: bool,
    /// When its socket has sent what it was given.
    free_at: u64,
    /// When what it sent last arrives: nothing overtakes within a link.
    arrives_at: u64,
    /// What has arrived and is not read yet.
    arrived: VecDeque<Blob>,
}

impl Wire {
    fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Dialler => &mut self.dialler,
            End::Listener => &mut self.listener,
        }
    }

    fn end_of(&self, node: usize) -> End {
        if self.dialler.node == node { End::Dialler } else { End::Listener }
    }

    /// Both ends are up and frames get through.
    pub(crate) fn carries(&self) -> bool {
        !self.dead && self.dialler.open && self.listener.open
    }
}

/// What a slow reader takes.
const SLOW_BYTES_PER_MS: u64 = 2;

impl World {
    /// Adds to who dials whom.
    pub(crate) fn edge(&mut self, dialler: usize, listener: usize) {
        let (cut, wire, attempts, dialling, refused) = (false, None, 0, false, None);
        let edge = Edge { dialler, listener, cut, wire, attempts, dialling, refused };
        self.edges.push(edge);
        self.redial(self.edges.len() - 1);
    }

    /// Dials in a while, longer after every failure.
    pub(crate) fn redial(&mut self, edge: usize) {
        let Some(entry) = self.edges.get_mut(edge).filter(|entry| !entry.dialling) else { return };
        entry.dialling = true;
        let most = (200_u64 << entry.attempts.min(8)).min(30_000);
        entry.attempts += 1;
        let wait = self.rng.within(most / 2..=most);
        self.schedule(self.now + wait, Event::Dial(edge));
    }

    /// The next attempt comes soon.
    pub(crate) fn dialled_well(&mut self, link: LinkId) {
        let edge = self.wires.get(&link.0).map(|wire| wire.edge);
        if let Some(edge) = edge.and_then(|edge| self.edges.get_mut(edge)) {
            edge.attempts = 0;
        }
    }

    pub(crate) fn dial(&mut self, edge: usize) {
        let Some(entry) = self.edges.get_mut(edge) else { return };
        entry.dialling = false;
        let (dialler, listener, idle) = (entry.dialler, entry.listener, entry.wire.is_none());
        if !idle || !self.is_up(dialler) {
            return;
        }
        let barred = self.edges.get(edge).is_some_and(|entry| entry.cut || self.is_refused(entry));
        if barred || !self.is_up(listener) {
            return self.redial(edge);
        }
        self.count += 1;
        let id = self.count;
        let listener_at = self.now + self.delay_ms();
        let dialler_at = listener_at + self.delay_ms();
        let side = |node, arrives_at| Side {
            node,
            open: false,
            free_at: 0,
            arrives_at,
            arrived: VecDeque::new(),
        };
        let entries = self.entries_at(listener);
        let (dialler, listener) = (side(dialler, listener_at), side(listener, dialler_at));
        self.wires.insert(id, Wire { edge, entries, dead: false, dialler, listener });
        if let Some(entry) = self.edges.get_mut(edge) {
            entry.wire = Some(id);
        }
        self.schedule(listener_at, Event::Up(id, End::Listener));
        self.schedule(dialler_at, Event::Up(id, End::Dialler));
    }

    pub(crate) fn up(&mut self, wire: u64, end: End) {
        let Some(entry) = self.wires.get_mut(&wire).filter(|entry| !entry.dead) else { return };
        let side = entry.side(end);
        side.open = true;
        let node = side.node;
        self.outcome.stats.links += u64::from(end == End::Dialler);
        let nonce = self.rng.bytes();
        let dials = (end == End::Dialler).then_some(self.context);
        let token = Blob::from(Vec::new());
        self.input(node, Input::Connected { link: LinkId(wire), nonce, dials, token });
    }

    /// A machine has something to send.
    pub(crate) fn send(&mut self, node: usize, link: LinkId, frame: Blob) {
        self.outcome.stats.frames += 1;
        self.outcome.stats.bytes += frame.len() as u64;
        let bounded = self.ledger.sent(node, link, frame.len());
        self.check("bounded", bounded);
        let delay = self.delay_ms();
        let now = self.now;
        if self.hears(link, &frame) {
            return;
        }
        let Some(wire) = self.wires.get_mut(&link.0) else { return };
        let end = wire.end_of(node);
        let reader = wire.side(end.other()).node;
        let slow = self.nodes.get(reader).is_some_and(|node| node.slow);
        let rate = if slow { SLOW_BYTES_PER_MS } else { self.net.rate_bytes_per_ms.max(1) };
        let dead = wire.dead;
        let side = wire.side(end);
        if !side.open || dead {
            return;
        }
        side.free_at = side.free_at.max(now) + frame.len() as u64 / rate;
        side.arrives_at = side.arrives_at.max(side.free_at + delay);
        let (taken_at, arrives_at) = (side.free_at, side.arrives_at);
        self.schedule(taken_at, Event::Drained(link.0, end, frame.len()));
        self.schedule(arrives_at, Event::Deliver(link.0, end.other(), frame));
    }

    pub(crate) fn deliver(&mut self, wire: u64, to: End, frame: Blob) {
        let Some(entry) = self.wires.get_mut(&wire).filter(|entry| !entry.dead) else { return };
        let side = entry.side(to);
        side.arrived.push_back(frame);
        if side.arrived.len() == 1 {
            self.read(wire, to);
        }
    }

    /// Hands over what has arrived, as far as the reader wants it.
    pub(crate) fn read(&mut self, wire: u64, to: End) {
        loop {
            let Some(entry) = self.wires.get_mut(&wire).filter(|entry| !entry.dead) else { return };
            let side = entry.side(to);
            if !side.open || side.arrived.is_empty() {
                return;
            }
            let (node, link) = (side.node, LinkId(wire));
            if !self.reads(node, link) {
                return self.schedule(self.now + 1, Event::Read(wire, to));
            }
            let entry = self.wires.get_mut(&wire).map(|entry| entry.side(to));
            if let Some(frame) = entry.and_then(|side| side.arrived.pop_front()) {
                self.input(node, Input::Received { link, frame: Frame::new(frame.to_vec()) });
            }
        }
    }

    pub(crate) fn drained(&mut self, wire: u64, end: End, bytes: usize) {
        let Some(entry) = self.wires.get_mut(&wire).filter(|entry| !entry.dead) else { return };
        let side = entry.side(end);
        if side.open {
            let node = side.node;
            self.ledger.drained(node, LinkId(wire), bytes);
            self.input(node, Input::Drained { link: LinkId(wire), bytes });
        }
    }

    /// A machine has closed its end: what it sent before still arrives.
    pub(crate) fn close(&mut self, node: usize, link: LinkId) {
        let Some(wire) = self.wires.get_mut(&link.0) else { return };
        let end = wire.end_of(node);
        let side = wire.side(end);
        side.open = false;
        let at = side.arrives_at.max(self.now) + 1;
        self.schedule(at, Event::Gone(link.0, end.other()));
        self.left(link.0, end);
    }

    pub(crate) fn gone(&mut self, wire: u64, end: End) {
        let Some(entry) = self.wires.get_mut(&wire) else { return };
        let side = entry.side(end);
        if std::mem::take(&mut side.open) {
            let node = side.node;
            self.input(node, Input::Disconnected { link: LinkId(wire) });
        }
        self.left(wire, end);
    }

    /// A link is refused to its dialler, for want of rights.
    pub(crate) fn refuse_link(&mut self, link: LinkId) {
        let wire = self.wires.get(&link.0).map(|wire| (wire.edge, wire.entries));
        let Some((edge, entries)) = wire else { return };
        if let Some(edge) = self.edges.get_mut(edge) {
            edge.refused = Some(entries);
        }
    }

    /// Whether another attempt would end as the last one did.
    pub(crate) fn is_refused(&self, edge: &Edge) -> bool {
        edge.refused.is_some_and(|entries| entries == self.entries_at(edge.listener))
    }

    fn entries_at(&self, node: usize) -> usize {
        let store = self.nodes.get(node).map(|node| node.disk.store.clone());
        let entries = store.and_then(|mut store| store.access(&self.context).ok());
        entries.map_or(0, |entries| entries.len())
    }

    /// An end has gone: its dialler may try again, and a link without ends is forgotten.
    fn left(&mut self, wire: u64, end: End) {
        let Some(entry) = self.wires.get(&wire) else { return };
        let edge = entry.edge;
        let over = !entry.dialler.open && !entry.listener.open;
        if over {
            self.wires.remove(&wire);
        }
        let entry = self.edges.get_mut(edge).filter(|entry| entry.wire == Some(wire));
        if let Some(entry) = entry.filter(|_| over || end == End::Dialler) {
            entry.wire = None;
            self.redial(edge);
        }
    }

    /// Nothing gets through any more; each end is told at once, or notices it late.
    fn sever(&mut self, wire: u64, quietly: bool) {
        let Some(entry) = self.wires.get_mut(&wire).filter(|entry| !entry.dead) else { return };
        entry.dead = true;
        for end in [End::Dialler, End::Listener] {
            let late = quietly || self.rng.permille(self.net.half_open_permille);
            let wait = if late { self.rng.within(1_000..=20_000) } else { self.delay_ms() };
            self.schedule(self.now + wait, Event::Gone(wire, end));
        }
    }

    pub(crate) fn cut(&mut self, name: &str, other: Option<&str>, half_open: bool) {
        let Some(node) = self.find(name) else { return };
        let other = match other {
            None => None,
            Some(other) => match self.find(other) {
                None => return,
                found => found,
            },
        };
        self.all_hear();
        self.outcome.stats.cuts += 1;
        let mut wires = Vec::new();
        for edge in &mut self.edges {
            let ends = [edge.dialler, edge.listener];
            if ends.contains(&node) && other.is_none_or(|other| ends.contains(&other)) {
                edge.cut = true;
                wires.extend(edge.wire);
            }
        }
        wires.into_iter().for_each(|wire| self.sever(wire, half_open));
    }

    pub(crate) fn heal(&mut self, names: &[String]) {
        let healed: Vec<usize> = names.iter().filter_map(|name| self.find(name)).collect();
        let all = names.is_empty();
        for (node, entry) in self.nodes.iter_mut().enumerate() {
            entry.slow &= !(all || healed.contains(&node));
        }
        for edge in &mut self.edges {
            let touched = healed.contains(&edge.dialler) || healed.contains(&edge.listener);
            edge.cut &= !(all || touched);
        }
    }

    /// All links of a replica that died: its own ends are gone at once.
    pub(crate) fn hang_up(&mut self, node: usize) {
        let wires: Vec<u64> = self.wires.keys().copied().collect();
        for id in wires {
            let Some(wire) = self.wires.get_mut(&id) else { continue };
            if wire.dialler.node != node && wire.listener.node != node {
                continue;
            }
            let end = wire.end_of(node);
            wire.side(end).open = false;
            self.sever(id, false);
            self.left(id, end);
        }
    }

    /// A replica that was started dials at once.
    pub(crate) fn dial_all(&mut self, node: usize) {
        let own = self.edges.iter().enumerate().filter(|(_, edge)| edge.dialler == node);
        let own: Vec<usize> = own.map(|(edge, _)| edge).collect();
        for edge in own {
            if let Some(entry) = self.edges.get_mut(edge) {
                entry.attempts = 0;
            }
            self.redial(edge);
        }
    }

    fn delay_ms(&mut self) -> u64 {
        let usual = self.rng.within(self.net.delay_ms.0..=self.net.delay_ms.1);
        if self.rng.permille(self.net.tail_permille) {
            self.rng.within(usual..=self.net.tail_ms_max.max(usual))
        } else {
            usual
        }
    }

    pub(crate) fn is_up(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| node.life.is_some())
    }
}
