//! How much each context has on the disk, and whether it may have more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{ContextId, StoreReply, StoreRequest};
use wattle_store::{Store, StoreError};

use crate::limits::QUOTA_MEASURE_MS;

/// The bytes of every context that was written since the start.
#[derive(Debug)]
pub(crate) struct Quota {
    bytes_max: Option<u64>,
    tallies: BTreeMap<ContextId, Tally>,
}

/// Measured once, then counted.
#[derive(Clone, Copy, Debug)]
struct Tally {
    bytes: u64,
    measured: Instant,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    Allowed(StoreRequest),
    Declined(StoreReply),
}

impl Quota {
    pub(crate) fn new(bytes_max: Option<u64>) -> Self {
        Self { bytes_max, tallies: BTreeMap::new() }
    }

    /// Whether there is room for what a request brings. What is allowed counts as if it were stored.
    pub(crate) fn judge(&mut self, store: &mut dyn Store, request: StoreRequest) -> Verdict {
        let Some((context, more)) = brings(&request) else { return Verdict::Allowed(request) };
        match self.has_room(store, &context, more) {
            Ok(true) => Verdict::Allowed(request),
            Ok(false) => Verdict::Declined(declined(request)),
            Err(error) => {
                let reason = error.to_string();
                Verdict::Declined(StoreReply::Failed { request, reason })
            }
        }
    }

    /// All contexts together, and the largest.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let all = || self.tallies.values().map(|tally| tally.bytes);
        (all().sum(), all().max().unwrap_or_default())
    }

    fn has_room(
        &mut self,
        store: &mut dyn Store,
        context: &ContextId,
        more: u64,
    ) -> Result<bool, StoreError> {
        let mut tally = match self.tallies.get(context) {
            Some(tally) => *tally,
            None => Tally::measure(store, context)?,
        };
        let fits = |tally: &Tally| {
            self.bytes_max.is_none_or(|max| tally.bytes.saturating_add(more) <= max)
        };
        // Compaction and removals make room, and what was sent twice was counted twice.
        let old = tally.measured.elapsed() >= Duration::from_millis(QUOTA_MEASURE_MS);
        if !fits(&tally) && old {
            tally = Tally::measure(store, context)?;
        }
        let fits = fits(&tally);
        if fits {
            tally.bytes = tally.bytes.saturating_add(more);
        }
        self.tallies.insert(*context, tally);
        Ok(fits)
    }
}

impl Tally {
    fn measure(store: &mut dyn Store, context: &ContextId) -> Result<Self, StoreError> {
        Ok(Self { bytes: store.bytes(context)?, measured: Instant::now() })
    }
}

fn declined(request: StoreRequest) -> StoreReply {
    let refusal = Refusal::new(Code::Quota, "the context is as large as it may be on this relay");
    StoreReply::Declined { request, refusal }
}

/// The context that a request lets grow, and by how many bytes. Entries of the access log always fit:
/// rights must be able to end.
fn brings(request: &StoreRequest) -> Option<(ContextId, u64)> {
    let StoreRequest::Append { context, changes, .. } = request else { return None };
    let bytes = changes.iter().map(|change| change.bytes.len() as u64).sum();
    Some((*context, bytes))
}
