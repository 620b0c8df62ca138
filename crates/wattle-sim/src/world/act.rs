//! What the steps of a scenario do to single replicas.

use wattle_context::{Author, Edited, ItemId, Section, Settlement};
use wattle_protocol::access::Rights;
use wattle_protocol::{Blob, Change};
use wattle_store::{Append, Store};

use super::World;
use super::node::{Kind, Node};
use super::part::{genesis, key_of, snapshot};
use crate::disk::{Bug, Job};
use crate::expect;
use crate::names::NameError;
use crate::scenario::{Act, Choice, Deed, Expect, Expectation, Line};

/// Virtual time begins here, in milliseconds since 1970.
pub(crate) const EPOCH_MS: i64 = 1_700_000_000_000;
/// What passes between one deed and the next, so that they have an order in time.
const DEED_MS: u64 = 5;

/// So long a step waits for a replica to hear of the context.
const HEARS_MS_MAX: u64 = 10_000;

impl World {
    /// Makes a replica and starts it; peers and relays find each other.
    pub(crate) fn join(&mut self, name: &str, kind: Kind) {
        self.come(Node::new(name, kind, (self.seed, self.options.bug)));
    }

    /// The same with what is on its disk already.
    pub(super) fn come(&mut self, mut node: Node) {
        let kind = node.kind;
        let first = self.nodes.iter().all(|node| node.kind == Kind::Relay);
        let founded = if first && kind == Kind::Peer { self.found(&mut node) } else { Ok(()) };
        let started = founded.and_then(|()| node.start(&self.context));
        self.check("starts", started);
        self.nodes.push(node);
        let here = self.nodes.len() - 1;
        self.wake(here);
        let kinds: Vec<Kind> = self.nodes.iter().map(|node| node.kind).collect();
        for (other, other_kind) in kinds.into_iter().enumerate() {
            match (kind, other_kind) {
                (Kind::Peer, Kind::Relay) => self.edge(here, other),
                (Kind::Relay, Kind::Peer) => self.edge(other, here),
                (Kind::Peer, Kind::Peer) | (Kind::Relay, Kind::Relay) => {}
            }
        }
    }

    /// What `wattle init` leaves on a disk: the record and the genesis changes. Who joins knows only the
    /// context's name, and hears the rest over its first link.
    fn found(&self, node: &mut Node) -> Result<(), String> {
        let say = |error: wattle_store::StoreError| error.to_string();
        let store = &mut node.disk.store;
        store.append_access(&self.context, 0, &[self.record.to_bytes()]).map_err(say)?;
        let parts = Section::ALL.map(wattle_context::Part::Section);
        let batch: Result<Vec<Append>, String> = parts
            .into_iter()
            .map(|part| {
                let (context, document) = (self.context, key_of(&part));
                Ok(Append { context, document, changes: vec![genesis(part)?] })
            })
            .collect();
        store.append(&batch?).map(|_| ()).map_err(say)
    }

    /// A peer does something; while it writes to its disk, time passes.
    pub(crate) fn act(&mut self, act: &Act) {
        if self.parties.contains_key(&act.peer) {
            return self.hostile(act);
        }
        let Some(node) = self.find(&act.peer) else { return };
        while self.nodes.get(node).is_some_and(Node::blocked) && self.outcome.violations.is_empty()
        {
            self.happen();
        }
        if !self.is_up(node) {
            return self.refuse(act, "it is down");
        }
        if !act.may_fail {
            self.hears_of_it(node);
        }
        if !self.knows(node) {
            return self.refuse(act, "it has not heard of the context yet");
        }
        let done = match &act.deed {
            Deed::Edit(line) => self.edit(node, line),
            Deed::Mark(name) => {
                if let Some(life) = self.nodes.get(node).and_then(|node| node.life.as_ref()) {
                    self.names.mark(name, &life.context);
                }
                Ok(())
            }
            Deed::Resolve { path, choice } => self.resolve(node, path, choice),
            Deed::Claim(claiming) => {
                self.claim(node, claiming).map(|done| self.stands(act, (claiming, done)))
            }
            Deed::Grant { .. }
            | Deed::Revoke(_)
            | Deed::Rotate(_)
            | Deed::Sequencer { .. }
            | Deed::Invite { .. } => self.wish(node, act),
            Deed::Forge { .. } | Deed::Reparent { .. } | Deed::Send { .. } | Deed::Order(_) => {
                Err("only patched parties do that".to_owned())
            }
        };
        if let Err(why) = done {
            self.refuse(act, &why);
        }
        self.run_until(self.now + DEED_MS);
        // Whoever counts on an edit has been told that it is saved.
        while !act.may_fail
            && self.nodes.get(node).is_some_and(Node::blocked)
            && self.outcome.violations.is_empty()
        {
            self.happen();
        }
    }

    /// Waits a while until a replica has heard of the context that it has joined.
    pub(super) fn hears_of_it(&mut self, node: usize) {
        let until = self.now + HEARS_MS_MAX;
        while self.is_up(node) && !self.knows(node) && self.outcome.violations.is_empty() {
            match self.next_at() {
                Some(at) if at <= until => self.happen(),
                Some(_) | None => return,
            }
        }
    }

    /// Waits a while until all have heard of it: faults before that only delay everything else.
    pub(crate) fn all_hear(&mut self) {
        let known = |node: &usize| !self.strangers.contains(node);
        let known: Vec<usize> = (0..self.nodes.len()).filter(known).collect();
        known.into_iter().for_each(|node| self.hears_of_it(node));
    }

    fn knows(&mut self, node: usize) -> bool {
        let context = self.context;
        let access = self.nodes.get_mut(node).map(|node| node.disk.store.access(&context));
        access.is_some_and(|access| access.is_ok_and(|entries| !entries.is_empty()))
    }

    fn refuse(&mut self, act: &Act, why: &str) {
        self.outcome.stats.refused += 1;
        if !act.may_fail {
            self.violate("scenario", format!("`{act}` is refused: {why}"));
        }
    }

    fn edit(&mut self, node: usize, line: &Line) -> Result<(), String> {
        let now = self.now;
        self.permit(node, &line.path)?;
        let entry = self.nodes.get_mut(node).ok_or("no replica")?;
        let life = entry.life.as_mut().ok_or("down")?;
        let edit = self.names.edit(line, &life.context).map_err(|error| error.to_string())?;
        let by = author(&entry.name, (entry.key.public().0, life.actor), now);
        let needed =
            life.context.needs(std::slice::from_ref(&edit)).map_err(|error| error.to_string())?;
        for part in needed {
            life.context.insert(part, wattle_context::Document::new(part));
        }
        let rng = &mut entry.rng;
        let mut ids = || ItemId::from_bytes(rng.bytes());
        let edited = life
            .context
            .edit(std::slice::from_ref(&edit), "", &by, &mut ids)
            .map_err(|error| error.to_string())?;
        if let Some(answer) = edited.answers.first() {
            self.names.learn(line, &answer.path);
        }
        self.commit(node, edited)
    }

    /// Whether somebody may write where a path leads, by the log on their disk.
    pub(super) fn permit(&self, node: usize, path: &str) -> Result<(), String> {
        let entry = self.nodes.get(node).ok_or("no replica")?;
        let log = entry.log_of(&self.context);
        let rights = log.map_or(Rights::NONE, |log| log.rights(&entry.key.public()));
        let section = path.split('/').next().and_then(|name| name.parse().ok());
        if section.is_some_and(|section: Section| !rights.writes(section.number())) {
            return Err(format!("{} may not write this section", entry.name));
        }
        Ok(())
    }

    fn resolve(&mut self, node: usize, path: &str, choice: &Choice) -> Result<(), String> {
        let now = self.now;
        self.permit(node, path)?;
        self.look(node);
        let entry = self.nodes.get_mut(node).ok_or("no replica")?;
        let life = entry.life.as_mut().ok_or("down")?;
        let conflict = self
            .names
            .conflict(path, &life.context)
            .map_err(|error: NameError| error.to_string())?;
        let by = author(&entry.name, (entry.key.public().0, life.actor), now);
        let settlement = match choice {
            Choice::Keep(letter) => Settlement::Keep(letter.clone()),
            Choice::Set(value) => Settlement::Value(value.clone()),
        };
        let edited = life
            .context
            .resolve(&conflict.id, settlement, "", &by)
            .map_err(|error| error.to_string())?;
        self.commit(node, edited)
    }

    /// Signs the newest change of each document and hands all to the disk as one commit.
    pub(super) fn commit(&mut self, node: usize, edited: Edited) -> Result<(), String> {
        let context = self.context;
        let mut batch: Vec<Append> = Vec::new();
        for (part, bytes) in edited.changes {
            let document = key_of(&part);
            let change = Change::parse(Blob::from(bytes), None)
                .map_err(|error| format!("an own change of {part}: {error}"))?;
            match batch.iter_mut().find(|append| append.document == document) {
                Some(append) => append.changes.push(change),
                None => {
                    batch.push(Append { context, document, changes: vec![genesis(part)?, change] })
                }
            }
        }
        let entry = self.nodes.get_mut(node).ok_or("no replica")?;
        for append in &mut batch {
            if let Some(last) = append.changes.last_mut() {
                last.seal = Some(entry.key.seal(&context, &append.document, &last.header, 1));
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        for append in &batch {
            for change in append.changes.iter().filter(|change| !change.header.deps.is_empty()) {
                self.ledger.wrote(append.document, &change.header);
            }
        }
        let early = entry.disk.bug() == Some(Bug::EditBeforeDisk);
        entry.disk.submit(Job::Commit(batch.clone()));
        if early {
            batch
                .iter()
                .for_each(|append| self.acknowledge(node, &append.document, &append.changes));
        }
        self.write(node);
        Ok(())
    }

    pub(crate) fn crash(&mut self, node: usize) {
        self.all_hear();
        if !self.is_up(node) {
            return;
        }
        self.outcome.stats.crashes += 1;
        let context = self.context;
        let Some(entry) = self.nodes.get_mut(node) else { return };
        entry.life = None;
        // Events of the life that has ended find another number.
        entry.lives += 1;
        entry.disk.crash();
        let store = entry.store;
        let view = entry.view(node, &context);
        let durable = view.and_then(|view| self.ledger.durable(store, &view));
        self.check("durable", durable);
        self.ledger.forget_told(node);
        self.hang_up(node);
    }

    pub(crate) fn restart(&mut self, node: usize) {
        if self.is_up(node) {
            return;
        }
        let context = self.context;
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let started = entry.start(&context);
        self.check("starts", started);
        self.wake(node);
        self.dial_all(node);
    }

    /// Replaces older changes of every document by a verified snapshot, as a relay's compactor does.
    pub(crate) fn compact(&mut self, node: usize) {
        let context = self.context;
        let Some(entry) = self.nodes.get_mut(node).filter(|node| node.life.is_some()) else {
            return;
        };
        let documents = entry.disk.store.documents(&context).unwrap_or_default();
        let mut problems = Vec::new();
        for summary in documents {
            match snapshot(&mut entry.disk.store, &context, &summary.document) {
                Ok(made) => entry.disk.submit(Job::Compact(context, summary.document, made)),
                Err(what) => problems.push(what),
            }
        }
        for what in problems {
            self.violate("compacts", what);
        }
        self.write(node);
    }

    pub(crate) fn expect(&mut self, expected: &Expect) {
        if let Expectation::Rights { whom, role } = &expected.what {
            return self.expect_rights(expected, (whom, role));
        }
        if let Expectation::Admitted(_) | Expectation::Used { .. } | Expectation::Forked =
            &expected.what
        {
            return self.expect_entry(expected);
        }
        (0..self.nodes.len()).for_each(|node| self.look(node));
        let Self { nodes, names, .. } = self;
        let wanted = |node: &&Node| match &expected.peer {
            Some(name) => node.name == *name,
            None => node.kind == Kind::Peer && node.life.is_some(),
        };
        let mut problems = Vec::new();
        let mut seen = 0;
        for node in nodes.iter().filter(wanted) {
            let Some(life) = &node.life else { continue };
            seen += 1;
            if let Err(unmet) = expect::check(&expected.what, &life.context, names) {
                problems.push(format!("`{expected}` at {}: {unmet}", node.name));
            }
        }
        if seen == 0 {
            problems.push(format!("`{expected}`: no such peer is up"));
        }
        for what in problems {
            self.violate("expectation", what);
        }
    }
}

pub(super) fn author(name: &str, (key, actor): ([u8; 32], [u8; 16]), now: u64) -> Author {
    let time_ms = EPOCH_MS.saturating_add(i64::try_from(now).unwrap_or(i64::MAX));
    Author { actor, key, name: name.to_owned(), client: "wattle-sim".to_owned(), time_ms }
}
