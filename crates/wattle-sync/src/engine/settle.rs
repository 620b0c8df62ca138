//! Waiting until everything is everywhere.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wattle_protocol::StoreId;
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

/// What is still missing.
enum Missing {
    NoRemote,
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
                Some(missing) if waiter.until <= now || matches!(missing, Missing::NoRemote) => {
                    drop(waiter.reply.send(Err(missing.error(waiter.timeout))));
                }
                Some(_) => self.waiters.push(waiter),
            }
        }
    }

    /// The first thing that is missing, if anything is.
    fn missing(&mut self) -> Result<Option<Missing>, StoreError> {
        self.refresh()?;
        let targets = self.targets();
        // Who dials nobody has only those to agree with who have dialled it.
        let mut stores = if targets.is_empty() { self.links_of_others() } else { Vec::new() };
        for (address, state) in targets {
            match self.reached(&address, &state) {
                Ok((store, in_sync)) => stores.push((store, address.to_string(), in_sync)),
                Err(missing) => return Ok(Some(missing)),
            }
        }
        if stores.is_empty() {
            return Ok(Some(Missing::NoRemote));
        }
        if let Some((_, remote, _)) = stores.iter().find(|(_, _, in_sync)| !in_sync) {
            return Ok(Some(Missing::Arriving { remote: remote.clone() }));
        }
        self.flush_remembered();
        self.pending_anywhere(&stores)
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

    fn pending_anywhere(
        &mut self,
        stores: &[(StoreId, String, bool)],
    ) -> Result<Option<Missing>, StoreError> {
        let summaries = self.summaries()?;
        for (store, remote, _) in stores {
            let mut pending = 0;
            for summary in &summaries {
                pending += self.pending_at(store, summary)?;
            }
            if pending > 0 {
                return Ok(Some(Missing::Pending { remote: remote.clone(), pending }));
            }
            if !self.arrivals.is_empty() {
                return Ok(Some(Missing::Arriving { remote: remote.clone() }));
            }
        }
        Ok(None)
    }

    /// Stores that have dialled this process.
    fn links_of_others(&self) -> Vec<(StoreId, String, bool)> {
        let others = self.links.up().filter(|(_, link)| link.address.is_none());
        let proved = others.filter_map(|(_, link)| Some((link.store?, link.in_sync)));
        proved.map(|(store, in_sync)| (store, store.to_string(), in_sync)).collect()
    }

    /// Which store a remote has, and whether its documents have been compared with ours.
    fn reached(&self, address: &Address, state: &LinkState) -> Result<(StoreId, bool), Missing> {
        let remote = address.to_string();
        if self.uplink.is_held() {
            let mut up = self.links.up().map(|(_, link)| link);
            let link = up.find(|link| link.address.as_ref() == Some(address));
            return match link.and_then(|link| Some((link.store?, link.in_sync))) {
                Some(reached) => Ok(reached),
                None => Err(Missing::Unreached { remote, reason: reason(state) }),
            };
        }
        match self.uplink.reported(&remote) {
            Some(Reported { store: Some(store), in_sync }) => Ok((store, in_sync)),
            Some(Reported { store: None, .. }) => {
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
    fn error(&self, timeout: Duration) -> NotSettled {
        match self {
            Self::NoRemote => NotSettled::NoRemote,
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
