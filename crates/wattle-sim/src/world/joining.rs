//! Invitations in the simulated world, and what the access log says besides rights.

use wattle_protocol::access::{Action, Log, Proposal, redeem_bytes};
use wattle_protocol::message::{Code, Refusal};
use wattle_store::Store;

use super::World;
use super::node::{Kind, Node, keypair_of};
use crate::scenario::{Answer, Expect, Expectation};

/// So long somebody who joins is waited for.
const DECIDED_MS_MAX: u64 = 10_000;
/// So long the proof of a fork is waited for.
const FOUND_MS_MAX: u64 = 120_000;

impl World {
    /// A peer comes that has the link of an invitation.
    pub(super) fn invited(&mut self, name: &str, door: &str) {
        let mut node = Node::new(name, Kind::Peer, (self.seed, self.options.bug));
        let (context, secret) = (self.context, keypair_of(self.seed, door));
        let (author, invitation) = (node.key.public(), secret.public());
        let proof = secret.sign(&redeem_bytes(&context, &invitation, &author));
        let action = Action::Redeem { invitation, name: name.to_owned(), proof };
        let nonce = node.rng.bytes();
        let proposal = Proposal { context, based_on: 0, nonce, author, action }.sign(&node.key);
        let kept = node.disk.store.put_proposal(&context, &proposal);
        self.check("starts", kept.map_err(|error| error.to_string()));
        let here = self.nodes.len();
        self.guests.insert(here);
        self.come(node);
        let until = self.now + DECIDED_MS_MAX;
        self.until(until, |world| world.admission(here).is_some());
    }

    /// What became of a peer's invitation, as far as it knows.
    fn admission(&self, node: usize) -> Option<Answer> {
        let refused = self.not_admitted.get(&node).copied();
        refused.or_else(|| {
            let node = self.nodes.get(node)?;
            let log = node.log_of(&self.context)?;
            log.member(&node.key.public()).map(|_| Answer::Yes)
        })
    }

    /// What a peer wished is refused. If it is no member, that was its invitation, and it gives up.
    pub(super) fn turned_away(&mut self, node: usize, refusal: &Refusal) {
        let Some(entry) = self.nodes.get(node) else { return };
        let key = entry.key.public();
        let member = entry.log_of(&self.context).is_some_and(|log| log.member(&key).is_some());
        if member || !self.guests.contains(&node) || refusal.code == Code::Replayed {
            return;
        }
        self.not_admitted.insert(node, Answer::Refused(refusal.code));
        self.trace(|| format!("not admitted: {refusal}"));
        if let Some(entry) = self.nodes.get_mut(node) {
            entry.life = None;
            entry.lives += 1;
        }
        self.hang_up(node);
    }

    /// What the access log, or a proof against it, says at a peer.
    pub(super) fn expect_entry(&mut self, expected: &Expect) {
        let wanted = |node: &Node| match &expected.peer {
            Some(name) => node.name == *name,
            None => node.kind == Kind::Peer && node.life.is_some(),
        };
        let peers: Vec<usize> =
            (0..self.nodes.len()).filter(|at| self.nodes.get(*at).is_some_and(wanted)).collect();
        if peers.is_empty() {
            self.violate("expectation", format!("`{expected}`: no such peer"));
        }
        for peer in peers {
            if let Err(what) = self.has_entry(peer, &expected.what) {
                let what = format!("`{expected}` at {}: {what}", self.name(peer));
                self.violate("expectation", what);
            }
        }
    }

    fn has_entry(&mut self, peer: usize, what: &Expectation) -> Result<(), String> {
        match what {
            Expectation::Admitted(answer) => match self.admission(peer) {
                Some(found) if found == *answer => Ok(()),
                Some(found) => Err(format!("found {found}")),
                None => Err("it is not decided".to_owned()),
            },
            Expectation::Used { invitation, times } => {
                let key = self.key(invitation)?;
                let log = self.nodes.get(peer).and_then(|node| node.log_of(&self.context));
                match used(log.as_ref(), &key) {
                    Some(found) if found == *times => Ok(()),
                    found => Err(format!("found {found:?}")),
                }
            }
            Expectation::Forked => {
                self.until(self.now + FOUND_MS_MAX, |world| world.forked.contains(&peer));
                if self.forked.contains(&peer) { Ok(()) } else { Err("no proof".to_owned()) }
            }
            Expectation::Conflicts(_)
            | Expectation::Values { .. }
            | Expectation::Rights { .. }
            | Expectation::Contains { .. }
            | Expectation::Lacks { .. }
            | Expectation::Owner { .. } => Ok(()),
        }
    }
}

fn used(log: Option<&Log>, key: &wattle_protocol::PublicKey) -> Option<u32> {
    let mut invitations = log?.invitations();
    invitations.find(|(known, _)| *known == key).map(|(_, invited)| invited.used)
}
