//! The one thread that writes: collects what waits, commits it together, and answers the engine.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use wattle_protocol::{StoreReply, StoreRequest};
use wattle_store::{SqliteStore, Store};

use crate::audit::Act;
use crate::compactor::{Compactor, Growth};
use crate::inbox::Notice;
use crate::limits::{COMMIT_REQUESTS_MAX, COMMIT_WAIT_MS, REQUESTS_WAITING_MAX, STORE_RETRY_MS};
use crate::quota::{Quota, Verdict};
use crate::relay::{Shared, StartError};

/// The name of the value that is written to find out whether the store writes again.
const PROBE: &str = "relay/probe";

/// The engine's end of the store.
#[derive(Debug)]
pub(crate) struct Disk {
    requests: SyncSender<StoreRequest>,
    shared: Arc<Shared>,
}

impl Disk {
    /// Starts the thread; it ends when this is dropped and all is answered.
    pub(crate) fn start(
        store: SqliteStore,
        compactor: Compactor,
        shared: Arc<Shared>,
    ) -> Result<Self, StartError> {
        let (requests, receiver) = sync_channel(REQUESTS_WAITING_MAX);
        let quota = Quota::new(shared.config.limits.context_bytes_max);
        let (requests_of, shared_by) = (receiver, Arc::clone(&shared));
        let writer = Writer { store, compactor, quota, shared: shared_by, requests: requests_of };
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run())
            .map_err(StartError::Thread)?;
        Ok(Self { requests, shared })
    }

    /// Waits when very many requests wait already. If the thread is gone, the answer is that it failed.
    pub(crate) fn ask(&self, request: StoreRequest) {
        let metrics = &self.shared.metrics;
        metrics.appends_waiting.inc();
        metrics.appends_waiting_bytes.inc_by(bytes(&request));
        if let Err(refused) = self.requests.send(request) {
            let reason = "the store's thread has ended".to_owned();
            metrics.appends_waiting.dec();
            metrics.appends_waiting_bytes.dec_by(bytes(&refused.0));
            self.shared.health.fail(reason.clone());
            answer(&self.shared, StoreReply::Failed { request: refused.0, reason });
        }
    }
}

struct Writer {
    store: SqliteStore,
    compactor: Compactor,
    quota: Quota,
    shared: Arc<Shared>,
    requests: Receiver<StoreRequest>,
}

/// What came out of waiting.
enum Collected {
    Requests(Vec<StoreRequest>),
    /// Time to see whether a store that has failed works again.
    Nothing,
    /// The engine is gone.
    Ended,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.collect() {
                Collected::Requests(requests) => self.serve(requests),
                Collected::Nothing => self.probe(),
                Collected::Ended => return,
            }
        }
    }

    /// Waits for a request, then for more as long as only appends and leases come.
    fn collect(&self) -> Collected {
        let first = match self.requests.recv_timeout(Duration::from_millis(STORE_RETRY_MS)) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Collected::Nothing,
            Err(RecvTimeoutError::Disconnected) => return Collected::Ended,
        };
        let until = Instant::now() + Duration::from_millis(COMMIT_WAIT_MS);
        let mut requests = vec![first];
        while requests.len() < COMMIT_REQUESTS_MAX {
            let patience = if requests.last().is_some_and(is_grouped) {
                until.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match self.requests.recv_timeout(patience) {
                Ok(request) => requests.push(request),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Collected::Requests(requests)
    }

    fn serve(&mut self, requests: Vec<StoreRequest>) {
        let count = i64::try_from(requests.len()).unwrap_or(i64::MAX);
        let waited: i64 = requests.iter().map(bytes).sum();
        let requests = self.within_quota(requests);
        let growth: Vec<Growth> = requests.iter().filter_map(Growth::of).collect();
        let access: Vec<Option<StoreRequest>> =
            requests.iter().filter(|request| is_answered(request)).map(of_access).collect();
        // Whatever the compactor says of a snapshot is said before a removal drops it, or never.
        let shared = Arc::clone(&self.shared);
        let removal = requests.iter().any(is_removal).then(|| shared.removals.begin());
        let begun = Instant::now();
        let replies = self.carry_out(requests);
        let metrics = &self.shared.metrics;
        if growth.iter().any(Growth::is_append) {
            metrics.commit_seconds.observe(begun.elapsed().as_secs_f64());
        }
        metrics.appends_waiting.dec_by(count);
        metrics.appends_waiting_bytes.dec_by(waited);
        for (request, reply) in access.iter().zip(&replies) {
            let acts = request.iter().flat_map(|request| Act::entries(request, reply));
            acts.for_each(|act| self.shared.audit.note(&act));
        }
        let failed = replies.iter().any(is_failure);
        for reply in replies {
            answer(&self.shared, reply);
        }
        drop(removal);
        for growth in growth {
            self.compactor.grew(growth);
        }
        if failed {
            self.try_to_write();
        }
    }

    /// Answers at once what there is no room for.
    fn within_quota(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreRequest> {
        let mut allowed = Vec::with_capacity(requests.len());
        for request in requests {
            match self.quota.judge(&mut self.store, request) {
                Verdict::Allowed(request) => allowed.push(request),
                Verdict::Declined(reply) => answer(&self.shared, reply),
            }
        }
        let (all, largest) = self.quota.bytes();
        let metrics = &self.shared.metrics;
        metrics.context_bytes.set(i64::try_from(all).unwrap_or(i64::MAX));
        metrics.context_bytes_max.set(i64::try_from(largest).unwrap_or(i64::MAX));
        allowed
    }

    fn carry_out(&mut self, requests: Vec<StoreRequest>) -> Vec<StoreReply> {
        let kept = requests.clone();
        let served =
            catch_unwind(AssertUnwindSafe(|| wattle_store::serve(&mut self.store, requests)));
        let replies = served.unwrap_or_else(|_panic| {
            self.shared.metrics.panics.inc();
            kept.into_iter().filter(is_answered).map(failed).collect()
        });
        for reply in &replies {
            if let StoreReply::Failed { reason, .. } = reply {
                tracing::warn!(reason, "the store failed a request");
                self.shared.metrics.store_failures.inc();
            }
        }
        replies
    }

    /// A store that has failed is tried again until it writes.
    fn probe(&mut self) {
        if self.shared.health.is_failed() {
            self.try_to_write();
        }
    }

    /// Tells what one request got wrong from what keeps every request from the disk.
    fn try_to_write(&mut self) {
        match self.store.put_note(PROBE, &[]) {
            Ok(()) => {
                if self.shared.health.recover() {
                    tracing::info!("the store writes again");
                }
            }
            Err(error) => {
                if self.shared.health.fail(error.to_string()) {
                    tracing::error!(%error, "the store does not write");
                }
            }
        }
    }
}

fn answer(shared: &Shared, reply: StoreReply) {
    shared.inbox.notice(Notice::Store(reply));
}

/// Whether a little patience may save a commit.
fn is_grouped(request: &StoreRequest) -> bool {
    matches!(request, StoreRequest::Append { .. } | StoreRequest::Lease { .. })
}

fn is_removal(request: &StoreRequest) -> bool {
    matches!(request, StoreRequest::Remove { .. })
}

fn is_failure(reply: &StoreReply) -> bool {
    matches!(reply, StoreReply::Failed { .. })
}

/// What is audited once it is stored.
fn of_access(request: &StoreRequest) -> Option<StoreRequest> {
    let access =
        matches!(request, StoreRequest::AppendAccess { .. } | StoreRequest::ReplaceAccess { .. });
    access.then(|| request.clone())
}

fn is_answered(request: &StoreRequest) -> bool {
    !matches!(request, StoreRequest::Remember { .. })
}

fn failed(request: StoreRequest) -> StoreReply {
    StoreReply::Failed { request, reason: "the store failed over this request".to_owned() }
}

/// The bytes of changes that a request carries.
fn bytes(request: &StoreRequest) -> i64 {
    let bytes = match request {
        StoreRequest::Append { changes, .. } => {
            changes.iter().map(|change| change.bytes.len()).sum()
        }
        StoreRequest::LoadContext { .. }
        | StoreRequest::LoadRemote { .. }
        | StoreRequest::LoadGraph { .. }
        | StoreRequest::Read { .. }
        | StoreRequest::ReadSnapshot { .. }
        | StoreRequest::AppendAccess { .. }
        | StoreRequest::ReplaceAccess { .. }
        | StoreRequest::Cutoffs { .. }
        | StoreRequest::Remove { .. }
        | StoreRequest::Lease { .. }
        | StoreRequest::Remember { .. } => 0_usize,
    };
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
