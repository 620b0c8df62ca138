//! One link, spoken by hand: frames in, frames out.

use wattle_protocol::access::{Closure, Log};
use wattle_protocol::identity::{Challenge, Side};
use wattle_protocol::limits::FRAME_BYTES_MAX;
use wattle_protocol::message::{Changes, Hello, Message, Open, Refusal};
use wattle_protocol::{Blob, ContextId, Keypair, Position, StoreId, wire};

use super::Forged;
use crate::scenario::Answer;

/// What a link is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// To hand over a change.
    Send(Box<Forged>),
    /// To order the first thing that the other side wants done to the access log, for it alone.
    Order,
}

/// The dialling end of a link, until it has its answer.
#[derive(Debug)]
pub struct Voice {
    keypair: Keypair,
    context: ContextId,
    nonce: [u8; 32],
    purpose: Purpose,
    /// The access log of the other side, as it sends it.
    entries: Vec<Blob>,
    wished: Vec<Blob>,
    answer: Option<Answer>,
}

impl Voice {
    /// Begins, and gives the first frame.
    pub fn begin(keypair: &Keypair, context: ContextId, purpose: Purpose) -> (Self, Blob) {
        let key = keypair.public();
        // Whoever speaks by hand need not be careful with its nonces.
        let nonce = key.0;
        let hello = Message::Hello(Hello {
            version_min: 1,
            version_max: 1,
            store: StoreId(*key.0.first_chunk().unwrap_or(&[0; 16])),
            key,
            nonce,
            takes_snapshots: true,
            agent: "patched".to_owned(),
            token: Blob::from(Vec::new()),
        });
        let keypair = keypair.clone();
        let (entries, wished, answer) = (Vec::new(), Vec::new(), None);
        let voice = Self { keypair, context, nonce, purpose, entries, wished, answer };
        (voice, wire::encode(&hello))
    }

    /// A frame has come; what is said to it.
    pub fn hear(&mut self, frame: &[u8]) -> Vec<Blob> {
        let Ok(message) = wire::decode(frame, FRAME_BYTES_MAX) else { return Vec::new() };
        let said = match message {
            Message::Hello(hello) => vec![self.prove(&hello)],
            Message::Proof { .. } => vec![self.open()],
            Message::Opened(opened) if !opened.more => self.hand_over(),
            Message::Access { from, entries, .. } => {
                if usize::try_from(from) == Ok(self.entries.len()) {
                    self.entries.extend(entries);
                }
                self.order()
            }
            Message::Propose { proposal, .. } => {
                self.wished.push(proposal);
                self.order()
            }
            Message::Saved { heads, .. } => {
                let sent = self.sent();
                if sent.is_some_and(|sent| heads.contains(&sent.change.header.hash)) {
                    self.answer.get_or_insert(Answer::Yes);
                }
                Vec::new()
            }
            Message::Refused(refusal) => {
                self.refused(&refusal);
                Vec::new()
            }
            Message::Open(_)
            | Message::Opened(_)
            | Message::Changes(_)
            | Message::Snapshot(_)
            | Message::Lease { .. }
            | Message::Leased { .. }
            | Message::Presence { .. } => Vec::new(),
        };
        said.iter().map(wire::encode).collect()
    }

    /// The other side has refused something.
    fn refused(&mut self, refusal: &Refusal) {
        let sent = self.sent().map(|sent| sent.change.header.hash);
        if refusal.about.is_none() || refusal.about == sent {
            self.answer.get_or_insert(Answer::Refused(refusal.code));
        }
    }

    /// The other side has closed the link, with the number of this reason.
    pub fn closed(&mut self, number: u16) {
        if self.answer.is_none() {
            self.answer = Answer::refused(number);
        }
    }

    /// What came of it, once that is known.
    pub fn answer(&self) -> Option<Answer> {
        self.answer
    }

    /// How long the access log was made for the other side.
    pub fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    fn sent(&self) -> Option<&Forged> {
        match &self.purpose {
            Purpose::Send(sent) => Some(sent),
            Purpose::Order => None,
        }
    }

    fn prove(&self, hello: &Hello) -> Message {
        let challenge = Challenge {
            prover: Side::Dials,
            theirs: hello.nonce,
            mine: self.nonce,
            verifier_key: hello.key,
            prover_key: self.keypair.public(),
        };
        Message::Proof { signature: self.keypair.sign(&challenge.bytes()) }
    }

    fn open(&self) -> Message {
        Message::Open(Open {
            context: self.context,
            access_entries: 0,
            access_head: [0; 32],
            record: None,
            documents: Vec::new(),
            more: false,
        })
    }

    fn hand_over(&self) -> Vec<Message> {
        let Some(Forged { document, change, genesis }) = self.sent().cloned() else {
            return Vec::new();
        };
        let changes = vec![(genesis, None), (change.bytes, change.seal)];
        let (context, cursor, done) = (self.context, Position(0), false);
        vec![Message::Changes(Changes { context, document, changes, cursor, done })]
    }

    /// Makes the first wish that the log allows the next entry; nobody's work counts before it.
    fn order(&mut self) -> Vec<Message> {
        if self.answer.is_some() || self.sent().is_some() {
            return Vec::new();
        }
        let (Ok(mut log), Some(wish)) = (Log::read(&self.entries), self.wished.first()) else {
            return Vec::new();
        };
        if log.sequencer() != self.keypair.public() {
            // The rest of the log is still to come.
            return Vec::new();
        }
        let ordered = log.judge(wish, 0).and_then(|ending| {
            let nothing = |key| Closure { key, upto: Vec::new() };
            let closes = ending.into_iter().map(nothing).collect();
            let entry = log.sequence(wish, (0, closes), &self.keypair)?;
            log.append(&entry)?;
            Ok(entry)
        });
        match ordered {
            Ok(entry) => {
                let from = self.entries();
                self.entries.push(entry.clone());
                self.answer = Some(Answer::Yes);
                vec![Message::Access { context: self.context, from, entries: vec![entry] }]
            }
            Err(refusal) => {
                self.answer = Some(Answer::Refused(refusal.code));
                Vec::new()
            }
        }
    }
}
