//! The one thread that writes: collects what waits, commits it together, and answers the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use wattle_protocol::{StoreReply, StoreRequest};
use wattle_store::{SqliteStore, Store};

use crate::compactor::{Compactor, Growth};
use crate::inbox::Notice;
use crate::limits::{COMMIT_REQUESTS_MAX, COMMIT_WAIT_MS, REQUESTS_WAITING_MAX, STORE_RETRY_MS};
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
        let writer = Writer { store, compactor, shared: Arc::clone(&shared), requests: receiver };
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

    /// Waits for a request, then for more as long as only appends come.
    fn collect(&self) -> Collected {
        let first = match self.requests.recv_timeout(Duration::from_millis(STORE_RETRY_MS)) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Collected::Nothing,
            Err(RecvTimeoutError::Disconnected) => return Collected::Ended,
        };
        let until = Instant::now() + Duration::from_millis(COMMIT_WAIT_MS);
        let mut requests = vec![first];
        while requests.len() < COMMIT_REQUESTS_MAX {
            let patience = if requests.last().is_some_and(is_append) {
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
        let count = requests.len();
        let waited: i64 = requests.iter().map(bytes).sum();
        let growth: Vec<Growth> = requests.iter().filter_map(Growth::of).collect();
        let kept = requests.clone();
        let begun = Instant::now();
        let served =
            catch_unwind(AssertUnwindSafe(|| wattle_store::serve(&mut self.store, requests)));
        let replies = served.unwrap_or_else(|_panic| {
            self.shared.metrics.panics.inc();
            kept.into_iter().filter(is_answered).map(failed).collect()
        });
        let metrics = &self.shared.metrics;
        if !growth.is_empty() {
            metrics.commit_seconds.observe(begun.elapsed().as_secs_f64());
        }
        metrics.appends_waiting.dec_by(i64::try_from(count).unwrap_or(i64::MAX));
        metrics.appends_waiting_bytes.dec_by(waited);
        self.look_for_failure(&replies);
        for reply in replies {
            answer(&self.shared, reply);
        }
        for growth in growth {
            self.compactor.grew(growth);
        }
    }

    fn look_for_failure(&mut self, replies: &[StoreReply]) {
        let mut failed = false;
        for reply in replies {
            if let StoreReply::Failed { reason, .. } = reply {
                tracing::warn!(reason, "the store failed a request");
                self.shared.metrics.store_failures.inc();
                failed = true;
            }
        }
        if failed {
            self.try_to_write();
        }
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

fn is_append(request: &StoreRequest) -> bool {
    matches!(request, StoreRequest::Append { .. })
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
        | StoreRequest::Remember { .. } => 0_usize,
    };
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
