//! Rights in the simulated world: who owns the context, and what is wished of its access log.

use std::collections::BTreeSet;

use wattle_protocol::access::{
    Action, Grant, Invitation, Kind as Principal, Proposal, proposal_hash, rotate_bytes,
};
use wattle_protocol::message::Refusal;
use wattle_protocol::{Blob, ChangeHash, ContextRecord, Input, PublicKey};
use wattle_store::Store;

use super::World;
use super::act::EPOCH_MS;
use super::node::{Kind, key_of_node};
use crate::expect::check_rights;
use crate::roles::rights;
use crate::scenario::{Act, Deed, Expect, Step};

/// The record of the context that a scenario is about: all its peers own it, save those who are given
/// a role, and its first relay orders the access log.
pub(super) fn record(seed: u64, steps: &[Step], nonce: [u8; 16]) -> ContextRecord {
    let mut owners: Vec<PublicKey> = Vec::new();
    let mut relay = None;
    for step in steps {
        if let Step::Peers(names) = step {
            owners.extend(names.iter().map(|name| key_of_node(seed, name)));
        }
        if let Step::Recovery(name) = step {
            owners.push(key_of_node(seed, name));
        }
        if let (Step::Relay(name), None) = (step, relay) {
            relay = Some(key_of_node(seed, name));
        }
    }
    // Whoever comes with the recovery key is one of them already.
    let mut seen = BTreeSet::new();
    owners.retain(|owner| seen.insert(*owner));
    let first = owners.first().copied().unwrap_or_else(|| key_of_node(seed, "nobody"));
    let (name, sequencer) = (format!("seed {seed}"), relay.unwrap_or(first));
    ContextRecord { version: 1, nonce, name, owners, sequencer }
}

/// Whether somebody may do less than everything at some time.
pub(super) fn rights_end(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Members { .. } | Step::Invited { .. } | Step::Patched { .. } => true,
        Step::Act(act) => is_wish(&act.deed),
        Step::Seed(_)
        | Step::Net(_)
        | Step::Relay(_)
        | Step::Peers(_)
        | Step::Recovery(_)
        | Step::Link(..)
        | Step::Cut { .. }
        | Step::Slow(_)
        | Step::Heal(_)
        | Step::Crash(_)
        | Step::Restart(_)
        | Step::Compact(_)
        | Step::Wait(_)
        | Step::Settle
        | Step::Expect(_) => false,
    })
}

fn is_wish(deed: &Deed) -> bool {
    match deed {
        Deed::Grant { .. }
        | Deed::Revoke(_)
        | Deed::Rotate(_)
        | Deed::Sequencer { .. }
        | Deed::Invite { .. } => true,
        Deed::Edit(_)
        | Deed::Mark(_)
        | Deed::Resolve { .. }
        | Deed::Claim(_)
        | Deed::Forge { .. }
        | Deed::Reparent { .. }
        | Deed::Send { .. }
        | Deed::Order(_) => false,
    }
}

impl World {
    /// What a driver does first: it tells the time, and what is still wished for.
    pub(super) fn wake(&mut self, node: usize) {
        let context = self.context;
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let waiting = entry.disk.store.proposals(&context).unwrap_or_default();
        self.input(node, Input::Clock { unix_seconds: self.unix_seconds() });
        for proposal in waiting {
            self.input(node, Input::Propose { context, proposal });
        }
    }

    /// The first peer gives a new one its role, before it comes.
    pub(super) fn admit(&mut self, name: &str, role: &str) {
        let key = key_of_node(self.seed, name);
        let founder = self.nodes.iter().position(|node| node.kind == Kind::Peer);
        let (Some(founder), Some(rights)) = (founder, rights(role)) else { return };
        if role == "none" {
            return;
        }
        // Whoever orders the log must have heard of the context.
        self.all_hear();
        let (name, kind) = (name.to_owned(), Principal::Person);
        let grant = Grant { key, name, kind, rights, until: None, edits_per_minute: None };
        let step = format!("a role for {}", grant.name);
        let made = self.propose(founder, Action::Grant(grant), Some(step));
        self.check("scenario", made);
    }

    /// Does what a step wishes of the access log.
    pub(super) fn wish(&mut self, node: usize, act: &Act) -> Result<(), String> {
        if let Deed::Invite { name, .. } = &act.deed {
            self.doors.insert(name.clone());
        }
        let action = self.action(node, &act.deed)?;
        let strict = (!act.may_fail).then(|| act.to_string());
        self.propose(node, action, strict)
    }

    fn action(&self, node: usize, deed: &Deed) -> Result<Action, String> {
        Ok(match deed {
            Deed::Grant { whom, role, kind, seconds } => Action::Grant(Grant {
                key: self.key(whom)?,
                name: whom.clone(),
                kind: *kind,
                rights: rights(role).ok_or("no such role")?,
                until: seconds.map(|seconds| self.unix_seconds() + seconds),
                edits_per_minute: None,
            }),
            Deed::Revoke(whom) => Action::Revoke { key: self.key(whom)? },
            Deed::Rotate(to) => {
                let old = self.nodes.get(node).ok_or("no replica")?.key.public();
                let new = self.nodes.iter().find(|node| node.name == *to).ok_or("no such peer")?;
                let bytes = rotate_bytes(&self.context, &old, &new.key.public());
                Action::Rotate { new: new.key.public(), proof: new.key.sign(&bytes) }
            }
            Deed::Sequencer { whom, pass_by } => {
                let context = self.context;
                let log = self.nodes.get(node).and_then(|node| node.log_of(&context));
                let term = log.ok_or("it has no access log")?.term();
                let term = if *pass_by { term + 1 } else { term };
                Action::SetSequencer { key: self.key(whom)?, term }
            }
            Deed::Invite { name, role, uses, seconds } => Action::Invite(Invitation {
                key: key_of_node(self.seed, name),
                rights: rights(role).ok_or("no such role")?,
                uses: *uses,
                until: seconds.map(|seconds| self.unix_seconds() + seconds),
            }),
            Deed::Edit(_)
            | Deed::Mark(_)
            | Deed::Resolve { .. }
            | Deed::Claim(_)
            | Deed::Forge { .. }
            | Deed::Reparent { .. }
            | Deed::Send { .. }
            | Deed::Order(_) => return Err("no wish".to_owned()),
        })
    }

    pub(super) fn key(&self, name: &str) -> Result<PublicKey, String> {
        let replica = self.nodes.iter().any(|node| node.name == name);
        if replica || self.parties.contains_key(name) || self.doors.contains(name) {
            return Ok(key_of_node(self.seed, name));
        }
        Err(format!("there is no replica {name}"))
    }

    /// Signs a wish, keeps it on the disk until it is done, and hands it to the machine.
    fn propose(
        &mut self,
        node: usize,
        action: Action,
        strict: Option<String>,
    ) -> Result<(), String> {
        let context = self.context;
        let entry = self.nodes.get_mut(node).ok_or("no replica")?;
        let log = entry.log_of(&context).ok_or("it has no access log")?;
        let (based_on, author) = (log.entries(), entry.key.public());
        let proposal = Proposal { context, based_on, nonce: entry.rng.bytes(), author, action };
        let proposal = proposal.sign(&entry.key);
        let say = |error: wattle_store::StoreError| error.to_string();
        entry.disk.store.put_proposal(&context, &proposal).map_err(say)?;
        if let Some(step) = strict {
            self.wishes.insert(proposal_hash(&proposal), step);
        }
        self.input(node, Input::Propose { context, proposal });
        Ok(())
    }

    /// A wish will not be done.
    pub(super) fn proposal_refused(
        &mut self,
        node: usize,
        proposal: &ChangeHash,
        refusal: &Refusal,
    ) {
        self.outcome.stats.refused += 1;
        self.drop_proposal(node, proposal);
        self.turned_away(node, refusal);
        if let Some(step) = self.wishes.remove(proposal) {
            self.violate("scenario", format!("`{step}` is refused: {refusal}"));
        }
    }

    /// Wishes that are in the log wait no longer.
    pub(super) fn drop_done(&mut self, node: usize) {
        let context = self.context;
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let waiting: Vec<Blob> = entry.disk.store.proposals(&context).unwrap_or_default();
        let Some(log) = (if waiting.is_empty() { None } else { entry.log_of(&context) }) else {
            return;
        };
        let done = waiting.iter().map(|proposal| proposal_hash(proposal));
        for proposal in done.filter(|proposal| log.has(proposal)) {
            self.wishes.remove(&proposal);
            self.drop_proposal(node, &proposal);
        }
    }

    fn drop_proposal(&mut self, node: usize, proposal: &ChangeHash) {
        let context = self.context;
        if let Some(entry) = self.nodes.get_mut(node) {
            let dropped = entry.disk.store.drop_proposal(&context, proposal);
            self.check("starts", dropped.map_err(|error| error.to_string()));
        }
    }

    pub(super) fn expect_rights(&mut self, expected: &Expect, (whom, role): (&str, &str)) {
        let context = self.context;
        let key = match self.key(whom) {
            Ok(key) => key,
            Err(what) => return self.violate("expectation", what),
        };
        let wanted = |name: &str| expected.peer.as_ref().is_none_or(|peer| peer == name);
        let mut problems = Vec::new();
        for node in self.nodes.iter().filter(|node| node.kind == Kind::Peer && wanted(&node.name)) {
            let log = node.log_of(&context).filter(|_| node.life.is_some());
            let met = log.map(|log| check_rights(role, &log.rights(&key)));
            if let Some(Err(unmet)) = met {
                problems.push(format!("`{expected}` at {}: {unmet}", node.name));
            }
        }
        for what in problems {
            self.violate("expectation", what);
        }
    }

    pub(super) fn unix_seconds(&self) -> u64 {
        EPOCH_MS.unsigned_abs() / 1_000 + self.now / 1_000
    }
}
