//! Rest: until those that can reach each other are silent, and then the judges look.

use std::collections::BTreeSet;

use wattle_protocol::access::Rights;
use wattle_store::Store;

use super::World;
use super::links::Wire;
use crate::check::{View, converged, one_log, shows_its_disk, silent};

/// Within this, replicas that can reach each other must have settled.
const SETTLE_MS_MAX: u64 = 600_000;
/// So long nothing may happen before we believe that it is over.
const QUIET_MS: u64 = 2_000;
/// So long they are left alone afterwards; longer than any timer of the machine.
const REST_MS: u64 = 130_000;

impl World {
    /// Runs until all are at rest, watches them rest, and judges.
    pub(crate) fn settle(&mut self) {
        let until = self.now + SETTLE_MS_MAX;
        let mut quiet_since = None;
        loop {
            if !self.outcome.violations.is_empty() {
                return;
            }
            if self.at_rest() {
                let since = *quiet_since.get_or_insert(self.now);
                if self.now >= since + QUIET_MS {
                    break;
                }
            } else {
                quiet_since = None;
            }
            if self.now > until {
                let busy = self.busy;
                return self.violate(
                    "settles",
                    format!("{busy} events still to come after {SETTLE_MS_MAX} ms"),
                );
            }
            match (self.next_at(), quiet_since) {
                (Some(at), Some(since)) if at > since + QUIET_MS => {
                    self.run_until(since + QUIET_MS)
                }
                (None, _) => self.run_until(self.now + QUIET_MS),
                (Some(_), _) => self.happen(),
            }
        }
        self.judge();
        let frames = self.outcome.stats.frames;
        self.run_until(self.now + REST_MS);
        self.check("silent", silent(self.outcome.stats.frames - frames, REST_MS));
    }

    /// Nothing is under way, and every link that can be up is up.
    fn at_rest(&self) -> bool {
        let linked = self.edges.iter().all(|edge| {
            edge.cut
                || self.is_refused(edge)
                || !self.is_up(edge.dialler)
                || !self.is_up(edge.listener)
                || edge
                    .wire
                    .is_some_and(|wire| self.wires.get(&wire).is_some_and(|wire| wire.carries()))
        });
        self.busy == 0 && linked
    }

    fn judge(&mut self) {
        for group in self.groups() {
            let context = self.context;
            let mut views: Vec<View> = Vec::new();
            for node in group {
                self.look(node);
                match self.nodes.get_mut(node).map(|entry| entry.view(node, &context)) {
                    Some(Ok(view)) => views.push(view),
                    Some(Err(what)) => self.violate("readable", what),
                    None => {}
                }
            }
            for view in &views {
                self.check("shows what it has", shows_its_disk(view));
                self.check("allowed", self.ledger.all_allowed(view));
            }
            self.check("rights equal", one_log(&views));
            self.check("nothing lost", self.ledger.nothing_lost(&views));
            self.check("converged", converged(&views));
        }
        self.judge_told();
    }

    /// Each side that dialled has been told that all it has is durable at the other.
    fn judge_told(&mut self) {
        let linked = self.edges.iter().filter(|edge| {
            let wire = edge.wire.and_then(|wire| self.wires.get(&wire));
            wire.is_some_and(Wire::carries)
        });
        let linked: Vec<(usize, usize)> =
            linked.map(|edge| (edge.dialler, edge.listener)).collect();
        for (dialler, listener) in linked {
            let context = self.context;
            let listener = self.nodes.get(listener);
            let Some((remote, key)) = listener.map(|node| (node.store, node.key.public())) else {
                continue;
            };
            let Some(entry) = self.nodes.get_mut(dialler) else { continue };
            let remembered = entry.disk.store.remote(&remote, &context).unwrap_or_default();
            let view = entry.view(dialler, &context);
            let knows = view.and_then(|view| {
                let rights = view
                    .log
                    .as_ref()
                    .map_or(Rights::NONE, |log| view.rights(log).and(&log.rights(&key)));
                self.ledger.knows_durable(&view, remote, (&remembered, rights))
            });
            self.check("knows what is durable", knows);
        }
    }

    /// The replicas that are up, by who can reach whom.
    fn groups(&self) -> Vec<BTreeSet<usize>> {
        let mut groups: Vec<BTreeSet<usize>> = Vec::new();
        for node in (0..self.nodes.len()).filter(|node| self.is_up(*node)) {
            groups.push(BTreeSet::from([node]));
        }
        for edge in self.edges.iter().filter(|edge| !edge.cut && !self.is_refused(edge)) {
            let ends = [edge.dialler, edge.listener];
            let (met, mut apart): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| ends.iter().any(|end| group.contains(end)));
            if ends.iter().all(|end| self.is_up(*end)) {
                apart.push(met.into_iter().flatten().collect());
            } else {
                apart.extend(met);
            }
            groups = apart;
        }
        groups
    }
}
