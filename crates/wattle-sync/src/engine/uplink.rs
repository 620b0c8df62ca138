//! The uplink: of all processes on a directory, one dials.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wattle_protocol::{PublicKey, StoreId};

use super::Engine;
use crate::directory::Directory;
use crate::limits::UPLINK_RETRY_MS;
use crate::options::Uplink;
use crate::status::{LinkState, LinkStatus, UplinkStatus};

/// What the process that holds the uplink says about a remote.
pub(super) struct Reported {
    pub(super) store: Option<StoreId>,
    pub(super) key: Option<PublicKey>,
    pub(super) in_sync: bool,
}

/// A file lock; it ends with the process that holds it.
pub(super) struct UplinkLock {
    path: PathBuf,
    uplink: Uplink,
    report: PathBuf,
    /// What was last written there.
    reported: String,
    held: Option<File>,
    taken_elsewhere: bool,
    retry_at: Option<Instant>,
}

impl UplinkLock {
    pub(super) fn new(directory: &Directory, uplink: Uplink) -> Self {
        Self {
            path: directory.uplink_lock(),
            uplink,
            report: directory.uplink_report(),
            reported: String::new(),
            held: None,
            taken_elsewhere: false,
            retry_at: None,
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether this process may dial at all.
    pub(super) fn wants(&self) -> Uplink {
        self.uplink
    }

    pub(super) fn status(&self) -> UplinkStatus {
        match (&self.held, self.taken_elsewhere) {
            (Some(_), _) => UplinkStatus::Here,
            (None, true) => UplinkStatus::Elsewhere,
            (None, false) => UplinkStatus::Off,
        }
    }

    /// The remotes that the process that holds the uplink dials.
    pub(super) fn dialled_elsewhere(&self) -> Vec<String> {
        let report = self.report_elsewhere();
        let remotes = report.as_ref().and_then(Value::as_object).into_iter().flatten();
        remotes.map(|(remote, _)| remote.clone()).collect()
    }

    fn report_elsewhere(&self) -> Option<Value> {
        if !self.taken_elsewhere {
            return None;
        }
        let text = std::fs::read_to_string(&self.report).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// What the process that holds the uplink says about a remote.
    pub(super) fn reported(&self, remote: &str) -> Option<Reported> {
        let report = self.report_elsewhere()?;
        let entry = report.get(remote)?;
        let store = entry.get("store").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let key = entry.get("key").and_then(Value::as_str).and_then(|key| key.parse().ok());
        let in_sync = entry.get("in_sync").and_then(Value::as_bool).unwrap_or_default();
        Some(Reported { store, key, in_sync })
    }

    /// Says to the other processes how the links stand; only when that has changed.
    fn report(&mut self, links: &[LinkStatus]) {
        let entries = links.iter().filter_map(|link| {
            let store = link.store.map(|store| store.to_string());
            let key = link.key.map(|key| key.to_string());
            let in_sync = link.state == LinkState::InSync;
            let report = json!({ "store": store, "key": key, "in_sync": in_sync });
            Some((link.address.clone()?, report))
        });
        let text = Value::Object(entries.collect()).to_string();
        if text == self.reported {
            return;
        }
        let apart = self.report.with_extension("json.new");
        let written = std::fs::write(&apart, &text);
        match written.and_then(|()| std::fs::rename(&apart, &self.report)) {
            Ok(()) => self.reported = text,
            Err(error) => tracing::warn!(%error, "the other processes are not told of the links"),
        }
    }

    /// Lets another process have it.
    pub(super) fn release(&mut self) {
        if self.held.is_some() {
            self.report(&[]);
        }
        self.held = None;
    }

    /// Tries at the next opportunity: there is something to dial.
    pub(super) fn hurry(&mut self) {
        self.retry_at = None;
    }

    /// Takes the lock if it is wanted and nobody has it.
    fn try_take(&mut self, now: Instant, wanted: Uplink) {
        if self.held.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        self.retry_at = Some(now + Duration::from_millis(UPLINK_RETRY_MS));
        let mut options = OpenOptions::new();
        let file = match options.create(true).truncate(false).write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(%error, "the lock of the uplink cannot be opened");
                return;
            }
        };
        match (file.try_lock(), wanted) {
            (Ok(()), Uplink::Auto) => {
                tracing::debug!("this process holds the uplink");
                self.held = Some(file);
                self.taken_elsewhere = false;
            }
            (Ok(()), Uplink::ToAsk | Uplink::Never) => self.taken_elsewhere = false,
            (Err(TryLockError::WouldBlock), _) => self.taken_elsewhere = true,
            (Err(TryLockError::Error(error)), _) => {
                tracing::warn!(%error, "the uplink cannot be locked");
            }
        }
    }
}

impl Engine {
    /// Takes the uplink when it is free, and dials when it is held. Who has nothing to dial leaves it
    /// to a process that has.
    pub(super) fn tend_uplink(&mut self, now: Instant) {
        let idle = self.links.targets().next().is_none();
        let wanted = if idle { Uplink::Never } else { self.uplink.uplink };
        self.uplink.try_take(now, wanted);
        if self.uplink.is_held() {
            self.links.dial_all();
            self.uplink.report(&self.links.report());
        }
    }
}
