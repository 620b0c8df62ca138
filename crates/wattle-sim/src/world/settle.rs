//! Rest: until those that can reach each other are silent, and then the judges look.

use wattle_context::Section;
use wattle_protocol::access::{Log, Rights};
use wattle_store::Store;

use super::World;
use super::links::Wire;
use crate::check::{
    View, converged, newest_log, one_log, reads_all, shows_its_disk, shows_the_same, silent,
};

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
        let context = self.context;
        let mut views: Vec<View> = Vec::new();
        for node in (0..self.nodes.len()).filter(|node| self.is_up(*node)).collect::<Vec<_>>() {
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
        let linked = self.linked(&views);
        for group in groups(&views.iter().collect::<Vec<_>>(), &linked) {
            self.check("rights equal", one_log(&group));
            let Some(log) = newest_log(&group) else { continue };
            for scope in Section::ALL.map(Section::number) {
                for group in groups(&those_who_pass_on(&group, log, scope), &linked) {
                    self.check("nothing lost", self.ledger.nothing_lost(&group, (log, scope)));
                    self.check("converged", converged(&group, (log, scope)));
                }
            }
            let whole =
                group.iter().filter(|view| reads_all(view, log)).copied().collect::<Vec<_>>();
            for group in groups(&whole, &linked) {
                self.check("converged", shows_the_same(&group));
            }
        }
        self.judge_told(&views);
    }

    /// The links over which something is said of the context: those that are not cut or refused, between
    /// two of whom neither has had their rights ended, as far as one of them knows.
    fn linked(&self, views: &[View]) -> Vec<(usize, usize)> {
        let view = |node: usize| views.iter().find(|view| view.node == node);
        let open = self.edges.iter().filter(|edge| !edge.cut && !self.is_refused(edge));
        let pairs = open.filter_map(|edge| Some((view(edge.dialler)?, view(edge.listener)?)));
        let linked = pairs.filter(|(one, other)| {
            let log = newest_log(&[one, other]);
            let ended = |view: &View| {
                log.and_then(|log| log.member(&view.key))
                    .is_some_and(|member| member.ended.is_some())
            };
            !ended(one) && !ended(other)
        });
        linked.map(|(one, other)| (one.node, other.node)).collect()
    }

    /// Each side that dialled has been told that all it has is durable at the other.
    fn judge_told(&mut self, views: &[View]) {
        let linked = self.linked(views);
        let up = self.edges.iter().filter(|edge| {
            let wire = edge.wire.and_then(|wire| self.wires.get(&wire));
            wire.is_some_and(Wire::carries) && linked.contains(&(edge.dialler, edge.listener))
        });
        let up: Vec<(usize, usize)> = up.map(|edge| (edge.dialler, edge.listener)).collect();
        for (dialler, listener) in up {
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
}

/// Replicas, by who can reach whom over links among them.
fn groups<'a>(views: &[&'a View], linked: &[(usize, usize)]) -> Vec<Vec<&'a View>> {
    let mut groups: Vec<Vec<&View>> = views.iter().map(|view| vec![*view]).collect();
    for (one, other) in linked {
        let has = |group: &Vec<&View>, node: &usize| group.iter().any(|view| view.node == *node);
        if !groups.iter().any(|group| has(group, one))
            || !groups.iter().any(|group| has(group, other))
        {
            continue;
        }
        let (met, mut apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| has(group, one) || has(group, other));
        apart.push(met.into_iter().flatten().collect());
        groups = apart;
    }
    groups
}

/// Those of them who pass a section on: relays, and who may read it.
fn those_who_pass_on<'a>(group: &[&'a View], log: &Log, scope: u8) -> Vec<&'a View> {
    let passes = |view: &&&View| view.shown.is_none() || view.rights(log).reads(scope);
    group.iter().filter(passes).copied().collect()
}
