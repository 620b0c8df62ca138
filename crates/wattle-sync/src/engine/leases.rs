//! Leases: asking the sequencer for them, over the uplink or over a link of this process's own.
//!
//! Of the processes on a directory one holds the uplink. The others dial for a lease themselves: a link
//! that only asks opens no context, so it costs a handshake and is let go when nobody asks any more.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio::sync::oneshot;
use wattle_protocol::access::Log;
use wattle_protocol::lease::{Answer, Request};
use wattle_protocol::{Input, LinkId, PublicKey};

use super::links::Dialled;
use super::{Engine, dial};
use crate::address::Address;
use crate::lease::Sequencers;
use crate::limits::{ASKING_IDLE, ASKING_RETRY, LEASE_PATIENCE};
use crate::options::Uplink;
use crate::status::LinkState;

/// What was asked and is not answered yet.
#[derive(Default)]
pub(super) struct Leases {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// The links that only ask, by where they go.
    asking: BTreeMap<Address, Asking>,
}

struct Waiting {
    request: Request,
    until: Instant,
    /// The machine has it.
    asked: bool,
    reply: oneshot::Sender<Option<Answer>>,
}

/// How a link that only asks stands.
enum Asking {
    Dialling,
    Up { link: LinkId, used: Instant },
    Failed { at: Instant },
}

impl Engine {
    /// Asks for a lease; nobody in reach who could grant it is an answer, too.
    pub(super) fn ask_lease(&mut self, request: Request, reply: oneshot::Sender<Option<Answer>>) {
        self.leases.next += 1;
        let number = self.leases.next;
        let until = Instant::now() + LEASE_PATIENCE;
        self.leases.waiting.insert(number, Waiting { request, until, asked: true, reply });
        self.tell_machine(Input::Lease { context: self.context, number, request });
    }

    /// The machine has an answer, or nobody to ask.
    pub(super) fn leased(&mut self, number: u64, answer: Option<Answer>) {
        if answer.is_none() {
            if let Some(waiting) = self.leases.waiting.get_mut(&number) {
                waiting.asked = false;
                self.seek_sequencer();
            }
        } else if let Some(waiting) = self.leases.waiting.remove(&number) {
            // Who asked may have gone.
            waiting.reply.send(answer).ok();
        }
    }

    /// A link has proved its key: perhaps it is the sequencer's.
    pub(super) fn ask_again(&mut self, link: LinkId) {
        let asks = self.links.get(link).and_then(|entry| entry.asks.clone());
        if let Some(address) = asks {
            self.leases.asking.insert(address, Asking::Up { link, used: Instant::now() });
        }
        let unasked = self.leases.waiting.iter_mut().filter(|(_, waiting)| !waiting.asked);
        let again: Vec<(u64, Request)> = unasked
            .map(|(number, waiting)| {
                waiting.asked = true;
                (*number, waiting.request)
            })
            .collect();
        for (number, request) in again {
            self.tell_machine(Input::Lease { context: self.context, number, request });
        }
    }

    /// A link that only asks was not made, or has ended.
    pub(super) fn asking_ended(&mut self, address: Address) {
        self.leases.asking.insert(address, Asking::Failed { at: Instant::now() });
        self.seek_sequencer();
    }

    /// Looks for a way to the sequencer; without one, those who wait are told so.
    pub(super) fn seek_sequencer(&mut self) {
        if self.leases.waiting.values().any(|waiting| !waiting.asked) && !self.is_coming() {
            self.leases.answer_none(|waiting| !waiting.asked);
        }
    }

    /// Whether a link to the sequencer may be up soon.
    fn is_coming(&mut self) -> bool {
        let sequencer = self.access.log.as_ref().map(Log::sequencer);
        if sequencer.is_none() || sequencer == Some(self.links_as.key()) {
            return false;
        }
        if self.uplink.is_held() {
            return self.links.is_reaching();
        }
        self.uplink.wants() != Uplink::Never && self.dial_to_ask(sequencer)
    }

    /// Dials every remote on which nobody asks yet. Answers whether any may still answer.
    fn dial_to_ask(&mut self, sequencer: Option<PublicKey>) -> bool {
        let now = Instant::now();
        let elsewhere = self.uplink.dialled_elsewhere();
        let mut addresses: Vec<Address> =
            elsewhere.iter().filter_map(|address| address.parse().ok()).collect();
        addresses.extend(self.links.targets().map(|(address, _)| address.clone()));
        let mut coming = false;
        for address in addresses {
            coming |= match self.leases.asking.get(&address) {
                Some(Asking::Dialling) => true,
                Some(Asking::Up { link, .. }) => {
                    let key = self.links.get(*link).and_then(|entry| entry.key);
                    key.is_none() || key == sequencer
                }
                Some(Asking::Failed { at }) if now < *at + ASKING_RETRY => false,
                Some(Asking::Failed { .. }) | None => {
                    let dial = dial::ask(
                        self.links.sockets.clone(),
                        address.clone(),
                        self.links.tls.clone(),
                    );
                    self.links.sockets.runtime.spawn(dial);
                    self.leases.asking.insert(address, Asking::Dialling);
                    true
                }
            };
        }
        coming
    }

    /// Answers those whose patience has ended, and lets go of links on which nobody asks.
    pub(super) fn tend_leases(&mut self, now: Instant) {
        self.leases.answer_none(|waiting| waiting.until <= now);
        let busy = !self.leases.waiting.is_empty();
        let mut idle = Vec::new();
        for asking in self.leases.asking.values_mut() {
            if let Asking::Up { link, used } = asking {
                if busy {
                    *used = now;
                } else if *used + ASKING_IDLE <= now {
                    idle.push(*link);
                }
            }
        }
        for link in idle {
            self.tell_machine(Input::Hangup { link });
        }
    }

    /// Who orders the access log, and who did.
    pub(super) fn sequencers(&self) -> Sequencers {
        let named = self.access.log.as_ref().map(|log| log.sequencers().clone());
        Sequencers { context: self.context, named: named.unwrap_or_default() }
    }
}

impl Leases {
    fn answer_none(&mut self, over: impl Fn(&Waiting) -> bool) {
        let all = std::mem::take(&mut self.waiting);
        for (number, waiting) in all {
            if over(&waiting) {
                // Who asked may have gone.
                waiting.reply.send(None).ok();
            } else {
                self.waiting.insert(number, waiting);
            }
        }
    }
}

impl Dialled {
    /// Where to, for a link that was dialled for whatever.
    pub(super) const fn address(&self) -> Option<&Address> {
        match self {
            Self::Not => None,
            Self::ToFollow(address) | Self::ToAsk(address) => Some(address),
        }
    }
}

impl super::links::Links {
    /// Whether an attempt to reach a remote is under way: its key is not proved yet.
    fn is_reaching(&self) -> bool {
        let proved = |address| {
            let mut up = self.up().map(|(_, link)| link);
            up.any(|link| link.address.as_ref() == Some(address) && link.key.is_some())
        };
        self.targets().any(|(address, state)| *state == LinkState::Dialling && !proved(address))
    }
}
