//! Links between nodes, and links of which the test plays the other end.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::{Net, frames, key_of};
use crate::frame::Frame;
use crate::id::{Blob, ContextId, LinkId};
use crate::identity::{Challenge, ContextRecord, Keypair, Side};
use crate::io::{Event, Input};
use crate::lease::{Answer, Request};
use crate::message::{Message, Open};
use crate::wire;

impl Net {
    /// Connects two nodes; answers the dialler's end.
    pub(in super::super) fn dial(&mut self, from: usize, to: usize) -> LinkId {
        let (here, there) = (self.new_link(), self.new_link());
        self.ends.insert(here, (to, there));
        self.ends.insert(there, (from, here));
        self.nodes[from].dialled.insert(to, there);
        let context = self.record.as_ref().map(ContextRecord::id);
        self.connect(from, here, context);
        self.connect(to, there, None);
        here
    }

    /// The same, only to ask for leases.
    pub(in super::super) fn dial_to_ask(&mut self, from: usize, to: usize) -> LinkId {
        let (here, there) = (self.new_link(), self.new_link());
        self.ends.insert(here, (to, there));
        self.ends.insert(there, (from, here));
        let (nonce, token) = (nonce_of(here), Blob::from(Vec::new()));
        self.input(from, Input::Asking { link: here, nonce, token });
        self.connect(to, there, None);
        here
    }

    /// What a node's application wants of a lease, and the answer.
    pub(in super::super) fn lease(
        &mut self,
        node: usize,
        number: u64,
        request: Request,
    ) -> Option<Answer> {
        let context = self.context();
        self.input(node, Input::Lease { context, number, request });
        self.run();
        let mut answers = self.nodes[node].events.iter().filter_map(|event| {
            let Event::Leased { number: of, answer, .. } = event else { return None };
            (*of == number).then(|| answer.clone())
        });
        let answer = answers.next().expect("an answer");
        assert_eq!(answers.next(), None);
        answer
    }

    /// The listener's end of the newest link between two nodes.
    pub(in super::super) fn end_of(&self, from: usize, to: usize) -> LinkId {
        self.nodes[from].dialled[&to]
    }

    /// The end of a link that is at a node.
    pub(in super::super) fn end(&self, link: LinkId, node: usize) -> LinkId {
        let (at, other) = self.ends[&link];
        if at == node { other } else { link }
    }

    pub(super) fn new_link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links)
    }

    pub(super) fn connect(&mut self, node: usize, link: LinkId, dials: Option<ContextId>) {
        let nonce = nonce_of(link);
        let token = Blob::from(Vec::new());
        self.input(node, Input::Connected { link, nonce, dials, token });
    }

    /// A link of which the test plays the other end.
    pub(in super::super) fn listen_raw(&mut self, node: usize) -> LinkId {
        let link = self.new_link();
        self.connect(node, link, None);
        link
    }

    /// The test has dialled a node, and proved a key.
    pub(in super::super) fn greet_raw(&mut self, node: usize) -> LinkId {
        let link = self.listen_raw(node);
        self.prove_raw(node, link, Side::Dials);
        self.open_raw(node, link);
        link
    }

    pub(super) fn open_raw(&mut self, node: usize, link: LinkId) {
        let context = self.context();
        let record = self.record.as_ref().map(ContextRecord::to_bytes);
        let (access_entries, access_head, documents, more) = (1, context.0, vec![], false);
        let open = Open { context, access_entries, access_head, record, documents, more };
        self.raw(node, link, wire::encode(&Message::Open(open)).to_vec());
        self.run();
    }

    /// A node has dialled the test, which has proved a key.
    pub(in super::super) fn welcome_raw(&mut self, node: usize) -> LinkId {
        let link = self.new_link();
        let context = self.context();
        self.connect(node, link, Some(context));
        self.prove_raw(node, link, Side::Listens);
        link
    }

    pub(super) fn prove_raw(&mut self, node: usize, link: LinkId, prover: Side) {
        self.prove(node, link, (&key_of(99), prover));
    }

    pub(super) fn prove_as(&mut self, node: usize, link: LinkId, key: &Keypair) {
        self.prove(node, link, (key, Side::Dials));
    }

    pub(super) fn prove(&mut self, node: usize, link: LinkId, (key, prover): (&Keypair, Side)) {
        let (theirs, mine) = (nonce_of(link), [5; 32]);
        self.raw(node, link, frames::hello(key.public(), mine));
        let (verifier_key, prover_key) = (self.nodes[node].key.public(), key.public());
        let challenge = Challenge { prover, theirs, mine, verifier_key, prover_key };
        let signature = key.sign(&challenge.bytes());
        self.raw(node, link, wire::encode(&Message::Proof { signature }).to_vec());
        self.run();
        assert!(self.closed(node, link).is_none());
    }

    /// Whether frames to the test pile up.
    pub(in super::super) fn keep_raw(&mut self, node: usize, link: LinkId, clogged: bool) {
        if clogged {
            self.nodes[node].clogged.insert(link, VecDeque::new());
        }
    }

    pub(in super::super) fn raw(&mut self, node: usize, link: LinkId, frame: Vec<u8>) {
        self.input(node, Input::Received { link, frame: Frame::new(frame) });
    }

    pub(in super::super) fn cut(&mut self, link: LinkId) {
        let (other, there) = self.ends[&link];
        let (one, here) = self.ends[&there];
        self.input(one, Input::Disconnected { link: here });
        self.input(other, Input::Disconnected { link: there });
        for node in [one, other] {
            self.nodes[node].inbox.retain(|(at, ..)| *at != here && *at != there);
            self.nodes[node].clogged.remove(&here);
            self.nodes[node].clogged.remove(&there);
        }
        self.ends.remove(&here);
        self.ends.remove(&there);
    }

    /// The dialler's ends of all links that are up.
    pub(super) fn up(&self) -> Vec<LinkId> {
        self.ends.iter().filter(|(link, (_, there))| *link < there).map(|(link, _)| *link).collect()
    }

    pub(in super::super) fn cut_nth(&mut self, nth: usize) {
        if let Some(link) = self.up().get(nth).copied() {
            self.cut(link);
        }
    }

    pub(in super::super) fn cut_all(&mut self) {
        for link in self.up() {
            self.cut(link);
        }
    }

    pub(in super::super) fn clog_nth(&mut self, nth: usize) {
        if let Some(link) = self.up().get(nth).copied() {
            self.clog(link);
        }
    }

    pub(in super::super) fn unclog_all(&mut self) {
        for link in self.up() {
            let (node, there) = self.ends[&link];
            if self.nodes[node].clogged.contains_key(&there) {
                self.unclog(link);
            }
        }
    }

    /// The listener's socket takes nothing more for this link.
    pub(in super::super) fn clog(&mut self, link: LinkId) {
        let (node, there) = self.ends[&link];
        self.nodes[node].clogged.entry(there).or_default();
    }

    /// One frame gets through a clogged link; answers whether there was one.
    pub(in super::super) fn trickle(&mut self, link: LinkId) -> bool {
        let (node, there) = self.ends[&link];
        let frame = self.nodes[node].clogged.get_mut(&there).unwrap().pop_front();
        if let Some(frame) = frame.clone() {
            self.carry(node, there, frame);
        }
        self.run();
        frame.is_some()
    }

    pub(in super::super) fn unclog(&mut self, link: LinkId) {
        let (node, there) = self.ends[&link];
        for frame in self.nodes[node].clogged.remove(&there).unwrap() {
            self.carry(node, there, frame);
        }
    }
}

fn nonce_of(link: LinkId) -> [u8; 32] {
    Sha256::digest(link.0.to_be_bytes()).into()
}
