//! Waiting until everything is everywhere.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wattle_protocol::access::{Log, Rights, Scopes};
use wattle_protocol::message::Refusal;
use wattle_protocol::{PublicKey, StoreId};
use wattle_store::StoreError;

use super::Engine;
use super::uplink::Reported;
use crate::address::Address;
use crate::error::NotSettled;
use crate::status::LinkState;

/// Somebody who waits.
pub(super) struct Waiter {
    timeout: Duration,
    until: Instant,
    reply: oneshot::Sender<Result<(), NotSettled>>,
}

/// A store that is to agree with this one.
struct Other {
    store: StoreId,
    key: PublicKey,
    remote: String,
    in_sync: bool,
}

/// What is still missing.
enum Missing {
    NoRemote,
    NotAdmitted { refusal: Refusal },
    Unknown { remote: String },
    Ended,
    NoRole { remote: String },
    Unreached { remote: String, reason: String },
    Arriving { remote: String },
    Pending { remote: String, pending: u64 },
}

impl Engine {
    pub(super) fn wait_settled(
        &mut self,
        timeout: Duration,
        reply: oneshot::Sender<Result<(), NotSettled>>,
    ) {
        let now = Instant::now();
        self.waiters.push(Waiter { timeout, until: now + timeout, reply });
        self.tend_uplink(now);
        self.answer_waiters(now);
    }

    /// Answers those whose wait is over.
    pub(super) fn answer_waiters(&mut self, now: Instant) {
        self.waiters.retain(|waiter| !waiter.reply.is_closed());
        if self.waiters.is_empty() {
            return;
        }
        let missing = match self.missing() {
            Ok(missing) => missing,
            Err(error) => {
                for waiter in self.waiters.drain(..) {
                    waiter.reply.send(Err(NotSettled::Store(error.clone()))).ok();
                }
                return;
            }
        };
        for waiter in std::mem::take(&mut self.waiters) {
            match &missing {
                None => drop(waiter.reply.send(Ok(()))),
                Some(missing) if waiter.until <= now || missing.is_hopeless() => {
                    let error = missing.error(waiter.timeout, self.links_as.key());
                    drop(waiter.reply.send(Err(error)));
                }
                Some(_) => self.waiters.push(waiter),
            }
        }
    }

    /// The first thing that is missing, if anything is.
    fn missing(&mut self) -> Result<Option<Missing>, StoreError> {
        self.refresh()?;
        if let Some(refusal) = self.access.not_admitted.clone() {
            return Ok(Some(Missing::NotAdmitted { refusal }));
        }
        if let Some(remote) = self.unknown_at() {
            return Ok(Some(Missing::Unknown { remote: remote.to_string() }));
        }
        if self.has_ended() {
            return Ok(Some(Missing::Ended));
        }
        let targets = self.targets();
        // Who dials nobody has only those to agree with who have dialled it.
        let mut others = if targets.is_empty() { self.links_of_others() } else { Vec::new() };
        for (address, state) in targets {
            match self.reached(&address, &state) {
                Ok(other) => others.push(other),
                Err(missing) => return Ok(Some(missing)),
            }
        }
        if others.is_empty() {
            return Ok(Some(Missing::NoRemote));
        }
        if let Some(other) = others.iter().find(|other| !other.in_sync) {
            return Ok(Some(Missing::Arriving { remote: other.remote.clone() }));
        }
        self.flush_remembered();
        self.pending_anywhere(&others)
    }

    /// Whether the key with which links are proved was a member's, and is none any more.
    fn has_ended(&self) -> bool {
        let key = self.links_as.key();
        let was = |log: &Log| log.member(&key).is_some() && log.rights(&key) == Rights::NONE;
        self.access.log.as_ref().is_some_and(was)
    }

    /// What this process is to reach, and what the one that holds the uplink dials besides.
    fn targets(&self) -> Vec<(Address, LinkState)> {
        let own = self.links.targets().map(|(address, state)| (address.clone(), state.clone()));
        let mut targets: Vec<(Address, LinkState)> = own.collect();
        let others = self.uplink.dialled_elsewhere();
        for address in others.iter().filter_map(|address| address.parse().ok()) {
            if !targets.iter().any(|(target, _)| *target == address) {
                targets.push((address, LinkState::Dialling));
            }
        }
        targets
    }

    /// Documents that one of both may not read are not compared any more.
    fn pending_anywhere(&mut self, others: &[Other]) -> Result<Option<Missing>, StoreError> {
        let summaries = self.summaries()?;
        for Other { store, key, remote, .. } in others {
            let remote = remote.clone();
            let rights = self.access.rights(key);
            let both = rights.and(&self.access.rights(&self.links_as.key()));
            if !self.is_known() || self.is_to_hand_over_to(key) {
                return Ok(Some(Missing::Arriving { remote }));
            }
            if rights.read == Scopes::default() {
                return Ok(Some(Missing::NoRole { remote }));
            }
            let mut pending = 0;
            for summary in summaries.iter().filter(|one| both.reads(one.document.scope)) {
                pending += self.pending_at(store, summary)?;
            }
            if pending > 0 {
                return Ok(Some(Missing::Pending { remote, pending }));
            }
            if !self.arrivals.is_empty() {
                return Ok(Some(Missing::Arriving { remote }));
            }
        }
        Ok(None)
    }

    /// Whether a relay is about to order the access log, and so to get everything.
    fn is_to_hand_over_to(&self, key: &PublicKey) -> bool {
        self.links.up().any(|(link, _)| self.heir(*link) == Some(*key))
    }

    /// Stores that have dialled this process.
    fn links_of_others(&self) -> Vec<Other> {
        let others = self.links.up().filter(|(_, link)| link.address.is_none());
        let proved = others.filter_map(|(_, link)| {
            let (store, key) = (link.store?, link.key?);
            Some(Other { store, key, remote: store.to_string(), in_sync: link.in_sync })
        });
        proved.collect()
    }

    /// Which store a remote has, and whether its documents have been compared with ours.
    fn reached(&self, address: &Address, state: &LinkState) -> Result<Other, Missing> {
        let remote = address.to_string();
        if self.uplink.is_held() {
            let mut up = self.links.up().map(|(_, link)| link);
            let link = up.find(|link| link.address.as_ref() == Some(address));
            return match link.and_then(|link| Some((link.store?, link.key?, link.in_sync))) {
                Some((store, key, in_sync)) => Ok(Other { store, key, remote, in_sync }),
                None => Err(Missing::Unreached { remote, reason: reason(state) }),
            };
        }
        match self.uplink.reported(&remote) {
            Some(Reported { store: Some(store), key: Some(key), in_sync }) => {
                Ok(Other { store, key, remote, in_sync })
            }
            Some(Reported { .. }) => {
                let reason = "the process that holds the uplink has no link to it".to_owned();
                Err(Missing::Unreached { remote, reason })
            }
            None => {
                let reason = "no process that holds the uplink dials it".to_owned();
                Err(Missing::Unreached { remote, reason })
            }
        }
    }
}

impl Missing {
    /// Whether waiting does not help.
    fn is_hopeless(&self) -> bool {
        matches!(
            self,
            Self::NoRemote | Self::Ended | Self::NotAdmitted { .. } | Self::Unknown { .. }
        )
    }

    fn error(&self, timeout: Duration, key: PublicKey) -> NotSettled {
        match self {
            Self::NoRemote => NotSettled::NoRemote,
            Self::Unknown { remote } => NotSettled::Unknown { remote: remote.clone(), key },
            Self::Ended => NotSettled::Ended,
            Self::NotAdmitted { refusal } => NotSettled::NotAdmitted { refusal: refusal.clone() },
            Self::NoRole { remote } => NotSettled::NoRole { remote: remote.clone() },
            Self::Unreached { remote, reason } => {
                NotSettled::Unreached { remote: remote.clone(), reason: reason.clone(), timeout }
            }
            Self::Arriving { remote } => NotSettled::Arriving { remote: remote.clone(), timeout },
            Self::Pending { remote, pending } => {
                NotSettled::Pending { remote: remote.clone(), pending: *pending, timeout }
            }
        }
    }
}

fn reason(state: &LinkState) -> String {
    match state {
        LinkState::Waiting { reason, .. } => reason.clone(),
        LinkState::Dialling => "the connection is being made".to_owned(),
        LinkState::Handshake | LinkState::Comparing | LinkState::InSync => {
            "the keys are being proved".to_owned()
        }
    }
}
