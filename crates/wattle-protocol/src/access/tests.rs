//! The log as data: who does what, in which order, and what follows.

mod agents;
mod ending;
mod inviting;
mod placing;
mod random;
mod refusals;
mod sequencing;

use std::collections::BTreeMap;

use crate::access::{
    Action, Closure, Grant, Invitation, Kind, Log, Power, Proposal, Rights, Scopes, redeem_bytes,
    rotate_bytes,
};
use crate::id::{ActorId, Blob, ChangeHash, DocumentKey, PublicKey};
use crate::identity::{ContextRecord, Keypair};
use crate::message::Code;

/// Sections, as an application may number them.
const RULES: u8 = 1;
const PEOPLE: u8 = 2;
const TASKS: u8 = 4;

const READER: Rights = rights(&[RULES, PEOPLE, TASKS], &[]);
const CONTRIBUTOR: Rights = rights(&[RULES, PEOPLE, TASKS], &[TASKS]);
const EDITOR: Rights = rights(&[RULES, PEOPLE, TASKS], &[PEOPLE, TASKS]);
const MAINTAINER: Rights =
    Rights { power: Power::Maintain, ..rights(&[RULES, PEOPLE, TASKS], &[RULES, PEOPLE, TASKS]) };

/// The people of these tests, by the byte of their secrets. The last two own the context.
const MAIN: u8 = 3;
const CONTRI: u8 = 4;
const GUEST: u8 = 5;
const AGENT: u8 = 6;
const NOBODY: u8 = 9;
const OWNER: u8 = 1;
const SPARE: u8 = 2;
/// An invitation's secret.
const TICKET: u8 = 20;

const fn rights(read: &[u8], write: &[u8]) -> Rights {
    Rights { read: scopes(read), write: scopes(write), power: Power::Sponsor }
}

const fn scopes(list: &[u8]) -> Scopes {
    let (mut set, mut at) = (0, 0);
    while at < list.len() {
        set |= 1 << list[at];
        at += 1;
    }
    Scopes(set)
}

fn key(who: u8) -> Keypair {
    Keypair::from_secret(&[who; 32])
}

fn public(who: u8) -> PublicKey {
    key(who).public()
}

fn record() -> ContextRecord {
    ContextRecord {
        version: 1,
        nonce: [0; 16],
        name: "garden".into(),
        owners: vec![public(OWNER), public(SPARE)],
        sequencer: public(OWNER),
    }
}

fn document(scope: u8) -> DocumentKey {
    DocumentKey { scope, item: [0; 16] }
}

fn grant(who: u8, rights: Rights) -> Action {
    Action::Grant(plain(who, rights))
}

fn plain(who: u8, rights: Rights) -> Grant {
    let (name, kind) = (format!("no {who}"), Kind::Person);
    Grant { key: public(who), name, kind, rights, until: None, edits_per_minute: None }
}

fn agent(who: u8, rights: Rights) -> Action {
    Action::Grant(Grant { kind: Kind::Agent, ..plain(who, rights) })
}

fn revoke(who: u8) -> Action {
    Action::Revoke { key: public(who) }
}

fn rotate(old: u8, new: u8) -> Action {
    let proof = key(new).sign(&rotate_bytes(&record().id(), &public(old), &public(new)));
    Action::Rotate { new: public(new), proof }
}

fn invite(ticket: u8, rights: Rights) -> Action {
    Action::Invite(Invitation { key: public(ticket), rights, uses: 1, until: None })
}

fn redeem(ticket: u8, who: u8) -> Action {
    let proof = key(ticket).sign(&redeem_bytes(&record().id(), &public(ticket), &public(who)));
    Action::Redeem { invitation: public(ticket), name: "new".into(), proof }
}

/// A log with its sequencer: what has been stored by whom, and what time it is.
#[derive(Clone)]
struct World {
    log: Log,
    entries: Vec<Blob>,
    sequencer: u8,
    time: u64,
    stored: BTreeMap<PublicKey, BTreeMap<DocumentKey, BTreeMap<ActorId, u64>>>,
    nonce: u32,
}

impl World {
    /// Two owners.
    fn new() -> Self {
        let entries = vec![record().to_bytes()];
        let (log, stored) = (Log::begin(&record()), BTreeMap::new());
        Self { log, entries, sequencer: OWNER, time: 1_000, stored, nonce: 0 }
    }

    /// Two owners, a maintainer, a contributor with an agent, and a guest who reads.
    fn staffed() -> Self {
        let mut world = Self::new();
        world.does(OWNER, grant(MAIN, MAINTAINER));
        world.does(MAIN, grant(CONTRI, CONTRIBUTOR));
        world.does(MAIN, grant(GUEST, READER));
        world.does(CONTRI, agent(AGENT, CONTRIBUTOR));
        world
    }

    fn proposal(&mut self, who: u8, action: Action) -> Proposal {
        self.nonce += 1;
        let (based_on, nonce) = (self.log.entries(), u128::from(self.nonce).to_be_bytes());
        Proposal { context: self.log.context(), based_on, nonce, author: public(who), action }
    }

    fn propose(&mut self, who: u8, action: Action) -> Blob {
        self.proposal(who, action).sign(&key(who))
    }

    /// Everything that the keys have stored, in order.
    fn cutoffs(&self, keys: &[PublicKey]) -> Vec<Closure> {
        let upto = |key| {
            let documents = self.stored.get(key).into_iter().flatten();
            documents
                .map(|(document, actors)| (*document, actors.clone().into_iter().collect()))
                .collect()
        };
        keys.iter().map(|key| Closure { key: *key, upto: upto(key) }).collect()
    }

    fn order(&mut self, proposal: &Blob) -> Result<Blob, Code> {
        let closes = self.log.judge(proposal, self.time).map_err(|refusal| refusal.code)?;
        let closes = self.cutoffs(&closes);
        let sequencer = key(self.sequencer);
        let entry = self.log.sequence(proposal, (self.time, closes), &sequencer);
        entry.map_err(|refusal| refusal.code)
    }

    fn takes(&mut self, entry: Blob) {
        self.log.append(&entry).unwrap();
        self.entries.push(entry);
    }

    /// Tries to do something; answers why it was refused.
    fn tries(&mut self, who: u8, action: Action) -> Result<(), Code> {
        let proposal = self.propose(who, action);
        let entry = self.order(&proposal)?;
        self.takes(entry);
        Ok(())
    }

    fn does(&mut self, who: u8, action: Action) {
        assert_eq!(self.tries(who, action.clone()), Ok(()), "{who} {action:?}");
    }

    /// The sequencer has this much of an actor.
    fn stores(&mut self, who: u8, (scope, actor): (u8, u8), seq: u64) {
        let documents = self.stored.entry(public(who)).or_default();
        let actors = documents.entry(document(scope)).or_default();
        actors.insert(ActorId([actor; 16]), seq);
    }

    fn allows(&self, who: u8, (scope, actor): (u8, u8), seq: u64) -> Result<(), Code> {
        let place = (ActorId([actor; 16]), seq, ChangeHash([seq as u8; 32]));
        let allowed = self.log.allows_at(&public(who), &document(scope), place);
        allowed.map_err(|refusal| {
            assert_eq!(refusal.about, Some(place.2));
            refusal.code
        })
    }

    fn rights(&self, who: u8) -> Rights {
        self.log.rights(&public(who))
    }
}
