//! A link, from its first frame to its last: the handshake and the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Replica;
use super::access::{Waiting, context_of};
use super::follow::{At, Shared};
use super::login::LoggingIn;
use super::waking::Timer;
use crate::frame::Frame;
use crate::id::{Blob, ContextId, DocumentKey, LinkId, PublicKey, StoreId};
use crate::identity::{self, Challenge, Keypair, Side, Signature};
use crate::io::{Event, Login, Output, Time};
use crate::limits::{
    FRAME_BEFORE_PROOF_BYTES_MAX, FRAME_BYTES_MAX, HANDSHAKE_MS_MAX, NAME_BYTES_MAX,
    REFUSALS_WAITING_MAX,
};
use crate::message::{Code, Hello, Message, Refusal, at_most};
use crate::wire::{self, WireError};

/// The lowest protocol version that this code speaks.
pub const VERSION_MIN: u16 = 1;
/// The highest.
pub const VERSION_MAX: u16 = 1;

#[derive(Debug)]
pub(super) struct Link {
    /// The context to open.
    pub(super) dials: Option<ContextId>,
    pub(super) side: Side,
    nonce: [u8; 32],
    pub(super) remote: Remote,
    /// Frames that depend on no state: of the handshake, and refusals.
    pub(super) control: VecDeque<Message>,
    /// Bytes given to the driver and not yet drained.
    pub(super) under_way: usize,
    pub(super) shared: BTreeMap<ContextId, Shared>,
    /// The store reads for this link: one request at a time.
    pub(super) reading: Option<Reading>,
    /// Documents that wait until the store can read, or send a snapshot, for this link again.
    pub(super) waiting: BTreeSet<(ContextId, DocumentKey)>,
    /// The context that was served last.
    pub(super) turn: Option<ContextId>,
    /// The store failed; nothing is read before the retry.
    pub(super) read_paused: bool,
    pub(super) retry_due: bool,
    pub(super) snapshot: Option<Outgoing>,
    pub(super) assembly: Option<Assembly>,
    /// Changes from here that wait for a dependency or a graph.
    pub(super) deferred: Quota,
    pub(super) unstored_bytes: usize,
    pub(super) stated_hashes: usize,
    pub(super) presence_in: Rate,
    pub(super) presence_out: Rate,
    /// The driver is being asked how far it may go.
    pub(super) logging_in: Option<LoggingIn>,
    /// How far it may go; absent where that is not asked.
    pub(super) login: Option<Login>,
    /// Contexts for which it brought proposals, or asked for leases.
    pub(super) proposed: BTreeSet<ContextId>,
    pub(super) leases: Rate,
    /// Requests for leases that came over it and are not answered yet.
    pub(super) leases_waiting: usize,
}

/// How far the other side has introduced itself.
#[derive(Debug)]
pub(super) enum Remote {
    Unknown,
    /// It has said who it is, and has to prove it.
    Said(Box<Hello>),
    Proved(Proved),
}

/// Who the other side is: only a proof makes one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proved {
    pub(super) store: StoreId,
    pub(super) key: PublicKey,
    pub(super) takes_snapshots: bool,
}

/// Changes that the store is reading.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) at: At,
    pub(super) indices: Vec<u32>,
}

/// A snapshot on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) at: At,
    /// Absent while the store reads it.
    pub(super) snapshot: Option<crate::io::Snapshot>,
    pub(super) offset: usize,
}

/// A snapshot on its way in.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) at: At,
    pub(super) total: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) seals: Vec<(crate::id::ChangeHash, identity::Seal)>,
}

#[derive(Debug, Default)]
pub(super) struct Quota {
    pub(super) changes: usize,
    pub(super) bytes: usize,
}

/// How many messages in the present second.
#[derive(Debug, Default)]
pub(super) struct Rate {
    pub(super) since: Time,
    pub(super) count: u32,
}

impl Rate {
    /// Counts one more, unless it is too many for this second.
    pub(super) fn allows(&mut self, now: Time, count_max: u32) -> bool {
        if now.0 >= self.since.0 + 1000 {
            *self = Self { since: now, count: 0 };
        }
        self.count += 1;
        self.count <= count_max
    }
}

impl Link {
    fn new((dials, side): (Option<ContextId>, Side), nonce: [u8; 32]) -> Self {
        Self {
            dials,
            side,
            nonce,
            remote: Remote::Unknown,
            control: VecDeque::new(),
            under_way: 0,
            shared: BTreeMap::new(),
            reading: None,
            waiting: BTreeSet::new(),
            turn: None,
            read_paused: false,
            retry_due: false,
            snapshot: None,
            assembly: None,
            deferred: Quota::default(),
            unstored_bytes: 0,
            stated_hashes: 0,
            presence_in: Rate::default(),
            presence_out: Rate::default(),
            logging_in: None,
            login: None,
            proposed: BTreeSet::new(),
            leases: Rate::default(),
            leases_waiting: 0,
        }
    }

    pub(super) fn proved(&self) -> Option<Proved> {
        match &self.remote {
            Remote::Proved(proved) => Some(*proved),
            Remote::Unknown | Remote::Said(_) => None,
        }
    }

    fn frame_bytes_max(&self) -> usize {
        if self.proved().is_some() { FRAME_BYTES_MAX } else { FRAME_BEFORE_PROOF_BYTES_MAX }
    }

    fn proof(&self, hello: &Hello, key: &Keypair) -> Signature {
        let challenge = Challenge {
            prover: self.side,
            theirs: hello.nonce,
            mine: self.nonce,
            verifier_key: hello.key,
            prover_key: key.public(),
        };
        key.sign(&challenge.bytes())
    }

    fn proves(&self, hello: &Hello, own: PublicKey, signature: &Signature) -> bool {
        let challenge = Challenge {
            prover: self.side.other(),
            theirs: self.nonce,
            mine: hello.nonce,
            verifier_key: own,
            prover_key: hello.key,
        };
        identity::verify(&hello.key, &challenge.bytes(), signature)
    }
}

impl Replica {
    pub(super) fn connected(
        &mut self,
        link: LinkId,
        place: (Option<ContextId>, Side),
        (nonce, token): ([u8; 32], Blob),
    ) {
        let mut new = Link::new(place, nonce);
        new.control.push_back(Message::Hello(Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            store: self.config.store,
            key: self.config.key.public(),
            nonce,
            takes_snapshots: self.config.loads_documents,
            agent: at_most(&self.config.agent, NAME_BYTES_MAX),
            token,
        }));
        self.links.insert(link, new);
        self.busy.insert(link);
        self.wake_in(HANDSHAKE_MS_MAX, Timer::Handshake(link));
    }

    pub(super) fn received(&mut self, link: LinkId, frame: Frame) {
        let Some(from) = self.links.get(&link) else { return };
        let (bytes, bytes_max) = (frame.bytes(), from.frame_bytes_max());
        let message = if bytes > bytes_max {
            Err(WireError::TooLarge { bytes, bytes_max })
        } else {
            frame.into_message()
        };
        match message {
            Ok(message) => self.message(link, message, bytes),
            Err(error @ WireError::TooLarge { .. }) => {
                self.close(link, Refusal::new(Code::TooLarge, &error.to_string()));
            }
            Err(error) => self.close(link, Refusal::new(Code::Malformed, &error.to_string())),
        }
    }

    fn message(&mut self, link: LinkId, message: Message, bytes: usize) {
        let Some(from) = self.links.get(&link) else { return };
        match (&from.remote, message) {
            (Remote::Unknown, Message::Hello(hello)) => self.hello(link, hello),
            (Remote::Said(_), Message::Proof { signature }) => self.prove(link, &signature),
            (Remote::Proved(_), message) => {
                if let Some(message) = self.before_login(link, message, bytes) {
                    self.said(link, message);
                }
            }
            (Remote::Unknown | Remote::Said(_), message) => {
                let code = if matches!(message, Message::Refused(_)) {
                    Code::Malformed
                } else {
                    Code::Unproved
                };
                self.close(
                    link,
                    Refusal::new(code, "the handshake is a Hello and a Proof, in this order"),
                );
            }
        }
    }

    /// A message of somebody who has proved a key, and may log in.
    pub(super) fn said(&mut self, link: LinkId, message: Message) {
        let what = match context_of(&message) {
            Some(context) => self.behind_entries(link, context, Waiting::Message(message)),
            None => Some(Waiting::Message(message)),
        };
        let Some(Waiting::Message(message)) = what else { return };
        match message {
            Message::Hello(_) | Message::Proof { .. } => {
                self.close(link, Refusal::new(Code::Malformed, "the handshake is over"));
            }
            Message::Propose { context, proposal } => self.proposed(link, context, proposal),
            Message::Open(open) => self.open(link, open),
            Message::Opened(opened) => self.opened(link, opened),
            Message::Changes(changes) => self.changes(link, changes),
            Message::Snapshot(part) => self.snapshot_part(link, part),
            Message::Saved { context, document, cursor, heads, receipt } => {
                let at = At { link, context, document };
                if self.receipt_holds(at, &heads, receipt) {
                    self.saved(at, cursor, heads);
                }
            }
            Message::Access { context, from, entries } => {
                self.access_entries(link, context, (from, entries));
            }
            Message::Presence { context, key, session, count, body } => {
                self.presence(link, context, (key, session, count, body));
            }
            Message::Refused(refused) => self.refused(link, refused),
            Message::Lease { context, number, request } => {
                self.lease_asked(link, context, (number, request));
            }
            Message::Leased { context, number, answer } => {
                self.lease_answered(link, context, (number, *answer));
            }
        }
    }

    fn hello(&mut self, link: LinkId, hello: Hello) {
        if hello.version_min > VERSION_MAX || hello.version_max < VERSION_MIN {
            let reason = format!(
                "this side speaks protocol versions {VERSION_MIN} to {VERSION_MAX}, the other {} to {}",
                hello.version_min, hello.version_max
            );
            return self.close(link, Refusal::new(Code::Version, &reason));
        }
        let Some(here) = self.links.get_mut(&link) else { return };
        if hello.nonce == here.nonce {
            return self
                .close(link, Refusal::new(Code::Unproved, "the nonce is an echo of this side's"));
        }
        let signature = here.proof(&hello, &self.config.key);
        here.control.push_back(Message::Proof { signature });
        here.remote = Remote::Said(Box::new(hello));
        self.busy.insert(link);
    }

    fn prove(&mut self, link: LinkId, signature: &Signature) {
        let own = self.config.key.public();
        let Some(here) = self.links.get_mut(&link) else { return };
        let Remote::Said(hello) = &here.remote else { return };
        if !here.proves(hello, own, signature) {
            return self.close(
                link,
                Refusal::new(Code::Unproved, "the signature of the nonce does not hold"),
            );
        }
        let (store, key, takes_snapshots) = (hello.store, hello.key, hello.takes_snapshots);
        let agent = hello.agent.clone();
        let token = hello.token.clone();
        here.remote = Remote::Proved(Proved { store, key, takes_snapshots });
        let dials = here.dials;
        let asks = self.config.asks_logins && here.side == Side::Listens;
        here.logging_in = asks.then(LoggingIn::default);
        let is_relay = !takes_snapshots;
        self.outbox.push_back(Output::Event(Event::Ready { link, store, key, agent, is_relay }));
        if asks {
            self.outbox.push_back(Output::Event(Event::Login { link, key, token }));
        }
        if let Some(context) = dials {
            self.start_opening(link, context);
        }
    }

    /// Tells the other side that something was refused; the link stays.
    pub(super) fn refuse(&mut self, link: LinkId, refusal: Refusal) {
        let Some(here) = self.links.get_mut(&link) else { return };
        if here.control.len() < REFUSALS_WAITING_MAX {
            here.control.push_back(Message::Refused(refusal));
            self.busy.insert(link);
        }
    }

    pub(super) fn close(&mut self, link: LinkId, refusal: Refusal) {
        self.flush(link);
        if self.links.contains_key(&link) {
            self.outbox.push_back(Output::Close { link, refusal });
            self.disconnected(link);
        }
    }

    /// Gives out what was already decided to be said, so that a close comes after it.
    fn flush(&mut self, link: LinkId) {
        let Some(here) = self.links.get_mut(&link) else { return };
        for message in here.control.drain(..) {
            self.outbox.push_back(Output::Send { link, frame: wire::encode(&message) });
        }
    }

    pub(super) fn disconnected(&mut self, link: LinkId) {
        let Some(gone) = self.links.remove(&link) else { return };
        self.busy.remove(&link);
        self.leases_broken(link);
        for (context, shared) in gone.shared {
            self.leave(link, context, shared.follows.into_keys().collect());
        }
        for context in gone.proposed {
            if let Some(there) = self.contexts.get_mut(&context) {
                there.sequencing.leave(link);
            }
            self.forget_unknown(context);
        }
    }
}
