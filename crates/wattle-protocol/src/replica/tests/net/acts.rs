//! What nodes do about rights, and what their stores do for that.

use std::collections::BTreeSet;

use super::disk::Disk;
use super::{Net, config_of, key_of};
use crate::access::{
    Action, Closure, Grant, Invitation, Kind, Log, Power, Proposal, Rights, Scopes, entry_hash,
    proposal_hash, redeem_bytes,
};
use crate::change::tests::chunk::Chunk;
use crate::id::{ActorId, Blob, ChangeHash, LinkId, PublicKey};
use crate::identity::{Keypair, Side};
use crate::io::{Event, Input, Login, StoreReply, StoreRequest};
use crate::message::{Code, Message, Opened};
use crate::replica::{Config, Replica};
use crate::wire;

/// Reads and writes these scopes.
pub(in super::super) fn writer(scopes: &[u8]) -> Rights {
    let all = Scopes::of(scopes);
    Rights { read: all, write: all, power: Power::Sponsor }
}

/// Reads these scopes.
pub(in super::super) fn reader(scopes: &[u8]) -> Rights {
    Rights { write: Scopes::default(), ..writer(scopes) }
}

impl Net {
    pub(in super::super) fn key(&self, node: usize) -> PublicKey {
        self.nodes[node].key.public()
    }

    /// A node begins anew with another configuration.
    pub(in super::super) fn configure(&mut self, node: usize, change: impl Fn(&mut Config)) {
        let loads_documents = self.nodes[node].replica.config.loads_documents;
        let mut config = config_of(node as u8 + 1, loads_documents);
        change(&mut config);
        self.nodes[node].replica = Replica::new(config);
    }

    /// A node's own proposal, as it would hand it to its replica.
    pub(in super::super) fn proposal(&mut self, node: usize, action: Action) -> Blob {
        self.links += 1;
        let nonce = u128::from(self.links).to_be_bytes();
        let based_on = self.nodes[node].disk.access.len() as u64;
        let (context, author) = (self.context(), self.key(node));
        let proposal = Proposal { context, based_on, nonce, author, action };
        proposal.sign(&self.nodes[node].key)
    }

    pub(in super::super) fn propose(&mut self, node: usize, action: Action) -> ChangeHash {
        let proposal = self.proposal(node, action);
        let (context, hash) = (self.context(), proposal_hash(&proposal));
        self.input(node, Input::Propose { context, proposal });
        hash
    }

    pub(in super::super) fn grant(&mut self, by: usize, to: usize, rights: Rights) -> ChangeHash {
        let (key, kind) = (self.key(to), Kind::Person);
        let (until, edits_per_minute) = (None, None);
        let name = format!("node {to}");
        self.propose(by, Action::Grant(Grant { key, name, kind, rights, until, edits_per_minute }))
    }

    pub(in super::super) fn revoke(&mut self, by: usize, whom: usize) -> ChangeHash {
        let key = self.key(whom);
        self.propose(by, Action::Revoke { key })
    }

    /// A node lets another one order.
    pub(in super::super) fn hand_over(&mut self, by: usize, to: usize, term: u32) -> ChangeHash {
        let key = self.key(to);
        self.propose(by, Action::SetSequencer { key, term })
    }

    /// An invitation whose secret is this number.
    pub(in super::super) fn invite(&mut self, by: usize, secret: u8, uses: u32, rights: Rights) {
        let (key, until) = (key_of(secret).public(), None);
        self.propose(by, Action::Invite(Invitation { key, rights, uses, until }));
    }

    pub(in super::super) fn redeem(&mut self, node: usize, secret: u8) -> ChangeHash {
        let (secret, key) = (key_of(secret), self.key(node));
        let invitation = secret.public();
        let proof = secret.sign(&redeem_bytes(&self.context(), &invitation, &key));
        self.propose(node, Action::Redeem { invitation, name: "somebody".into(), proof })
    }

    pub(in super::super) fn clock(&mut self, unix_seconds: u64) {
        for node in 0..self.nodes.len() {
            self.input(node, Input::Clock { unix_seconds });
        }
    }

    pub(in super::super) fn login(&mut self, node: usize, link: LinkId, login: Login) {
        self.input(node, Input::Login { link, login });
    }

    pub(in super::super) fn hang_up(&mut self, node: usize, link: LinkId) {
        self.input(node, Input::Disconnected { link });
    }

    /// The log on a node's disk is another one, and its replica is not told.
    pub(in super::super) fn set_access(&mut self, node: usize, access: Vec<Blob>) {
        self.nodes[node].disk.access = access;
    }

    /// Another process has written the log on a node's disk.
    pub(in super::super) fn committed_access(&mut self, node: usize, entries: Vec<Blob>) {
        let context = self.context();
        self.set_access(node, entries.clone());
        self.input(node, Input::AccessCommitted { context, entries });
    }

    /// How often a node's store was asked for a context.
    pub(in super::super) fn loads(&self, node: usize) -> usize {
        self.nodes[node].disk.loads
    }

    /// What a node was told over all links, the handshakes apart.
    pub(in super::super) fn heard(&self, node: usize) -> Vec<Message> {
        let frames = self.nodes[node].got.values().flatten();
        let messages = frames.map(|frame| wire::decode(frame, usize::MAX).unwrap());
        let said =
            |message: &Message| !matches!(message, Message::Hello(_) | Message::Proof { .. });
        messages.filter(said).collect()
    }

    pub(in super::super) fn grant_of(&self, key: PublicKey, rights: Rights) -> Action {
        let (name, kind, until, edits_per_minute) = ("eve".into(), Kind::Person, None, None);
        Action::Grant(Grant { key, name, kind, rights, until, edits_per_minute })
    }

    pub(in super::super) fn grant_key(&mut self, by: usize, key: PublicKey, rights: Rights) {
        self.propose(by, self.grant_of(key, rights));
    }

    /// A proposal of a node that knew this many entries.
    pub(in super::super) fn proposal_as(&self, node: usize, action: Action, based_on: u64) -> Blob {
        let (context, author, nonce) = (self.context(), self.key(node), [9; 16]);
        Proposal { context, based_on, nonce, author, action }.sign(&self.nodes[node].key)
    }

    /// A node has dialled the test, which proves a key.
    pub(in super::super) fn welcome_as(&mut self, node: usize, key: &Keypair) -> LinkId {
        let link = self.new_link();
        let context = self.context();
        self.connect(node, link, Some(context));
        self.prove(node, link, (key, Side::Listens));
        link
    }

    /// The test answers a node that has dialled it: it has nothing.
    pub(in super::super) fn opened_raw(&mut self, node: usize, link: LinkId) {
        let (context, entries) = (self.context(), self.nodes[node].disk.access.clone());
        let access_head = entries.last().map(|entry| entry_hash(entry)).unwrap();
        let access_entries = entries.len() as u64;
        let (documents, more) = (vec![], false);
        let opened = Opened { context, access_entries, access_head, documents, more };
        self.raw(node, link, wire::encode(&Message::Opened(opened)).to_vec());
        self.run();
    }

    /// What the log on a node's disk says.
    pub(in super::super) fn log(&self, node: usize) -> Log {
        Log::read(&self.nodes[node].disk.access).unwrap()
    }

    /// With which codes a node's own proposals were refused.
    pub(in super::super) fn proposals_refused(&self, node: usize) -> Vec<Code> {
        let code = |event: &Event| {
            let Event::ProposalRefused { refusal, .. } = event else { return None };
            Some(refusal.code)
        };
        self.events(node).iter().filter_map(code).collect()
    }

    /// With which codes a node was refused something.
    pub(in super::super) fn told(&self, node: usize) -> BTreeSet<Code> {
        let code = |event: &Event| {
            let Event::Refused { refusal, .. } = event else { return None };
            Some(refusal.code)
        };
        self.events(node).iter().filter_map(code).collect()
    }

    /// Dials as a peer does that is told to dial again at once; answers the newest link.
    pub(in super::super) fn keep_dialling(&mut self, from: usize, to: usize) -> LinkId {
        for _ in 0..5 {
            let link = self.dial(from, to);
            self.settle();
            if self.ends.contains_key(&link) {
                return link;
            }
        }
        panic!("the link does not last");
    }

    /// The scopes of all documents that are named in what came over a link.
    pub(in super::super) fn named(&self, node: usize, link: LinkId) -> BTreeSet<u8> {
        let mut named = BTreeSet::new();
        for frame in self.nodes[node].got.get(&link).into_iter().flatten() {
            match wire::decode(frame, usize::MAX).unwrap() {
                Message::Open(open) => {
                    named.extend(open.documents.iter().map(|have| have.document.scope));
                }
                Message::Opened(opened) => {
                    named.extend(opened.documents.iter().map(|has| has.document.scope));
                }
                Message::Changes(changes) => drop(named.insert(changes.document.scope)),
                Message::Snapshot(part) => drop(named.insert(part.document.scope)),
                Message::Saved { document, .. } => drop(named.insert(document.scope)),
                Message::Hello(_)
                | Message::Proof { .. }
                | Message::Access { .. }
                | Message::Presence { .. }
                | Message::Refused(_)
                | Message::Propose { .. }
                | Message::Lease { .. }
                | Message::Leased { .. } => {}
            }
        }
        named
    }

    pub(in super::super) fn removed(&self, node: usize) -> BTreeSet<ChangeHash> {
        self.nodes[node].disk.removed.clone()
    }

    /// A node's store takes no more changes.
    pub(in super::super) fn fill_disk(&mut self, node: usize, full: bool) {
        self.nodes[node].disk.full = full;
    }

    /// A link of which the test plays the other end, by a key, that has opened the context.
    pub(in super::super) fn greet_as(&mut self, node: usize, key: &Keypair) -> LinkId {
        let link = self.listen_raw(node);
        self.prove_as(node, link, key);
        self.open_raw(node, link);
        link
    }

    /// Changes of somebody who is no node, on top of what a node has.
    pub(in super::super) fn compose_as(&self, node: usize, number: u8, by: &Actor) -> Chunk {
        let heads = self.heads(node, number);
        let changes = self.nodes[node].disk.documents.get(&super::document(number));
        let top = changes.into_iter().flatten().map(|(_, change)| change.header.max_op()).max();
        let author = (by.seq == 1).then_some(by.key);
        let start_op = top.unwrap_or(1) + 1;
        let deps = if by.deps.is_empty() { heads } else { by.deps.clone() };
        let message = by.message.as_bytes().to_vec();
        let actor = ActorId::of(&self.context(), &by.key, [by.key.0[0]; 6]);
        Chunk { deps, actor, seq: by.seq, start_op, author, message, ..Chunk::example() }
    }
}

/// Who writes a change that no node has written.
pub(in super::super) struct Actor {
    pub(in super::super) key: PublicKey,
    pub(in super::super) seq: u64,
    pub(in super::super) deps: Vec<ChangeHash>,
    pub(in super::super) message: &'static str,
}

impl Disk {
    pub(super) fn serve_rights(&mut self, request: StoreRequest) -> StoreReply {
        match request {
            StoreRequest::AppendAccess { from, .. } if from != self.access.len() as u64 => {
                StoreReply::Failed { request, reason: "another process was first".into() }
            }
            StoreRequest::AppendAccess { context, from, entries }
            | StoreRequest::ReplaceAccess { context, from, entries } => {
                self.access.truncate(from as usize);
                self.access.extend(entries);
                StoreReply::AccessAppended { context, entries: self.access.len() as u64 }
            }
            StoreRequest::Cutoffs { context, keys } => {
                let closes = keys.into_iter().map(|key| self.cutoff(key)).collect();
                StoreReply::Cutoffs { context, closes }
            }
            StoreRequest::Remove { context, document, changes } => {
                let gone: BTreeSet<ChangeHash> = changes.into_iter().collect();
                if let Some(stored) = self.documents.get_mut(&document) {
                    stored.retain(|(_, change)| !gone.contains(&change.header.hash));
                    self.removed.extend(gone);
                }
                StoreReply::Removed { context, document }
            }
            StoreRequest::LoadContext { .. }
            | StoreRequest::LoadRemote { .. }
            | StoreRequest::LoadGraph { .. }
            | StoreRequest::Read { .. }
            | StoreRequest::ReadSnapshot { .. }
            | StoreRequest::Append { .. }
            | StoreRequest::Lease { .. }
            | StoreRequest::Remember { .. } => panic!("not about rights"),
        }
    }

    /// How far the actors of a key have come.
    fn cutoff(&self, key: PublicKey) -> Closure {
        let mut upto = Vec::new();
        for (document, stored) in &self.documents {
            let headers = || stored.iter().map(|(_, change)| &change.header);
            let own = headers().filter(|header| header.author == Some(key));
            let mut actors: Vec<(ActorId, u64)> = own.map(|header| (header.actor, 0)).collect();
            actors.sort_unstable();
            for (actor, last) in &mut actors {
                let written = headers().filter(|header| header.actor == *actor);
                *last = written.map(|header| header.seq).max().unwrap_or_default();
            }
            if !actors.is_empty() {
                upto.push((*document, actors));
            }
        }
        Closure { key, upto }
    }
}
