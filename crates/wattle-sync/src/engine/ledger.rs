//! What was refused, what a sequencer contradicted itself in, and what others have signed to have.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wattle_protocol::access::entry_hash;
use wattle_protocol::identity::Receipt;
use wattle_protocol::message::Refusal;
use wattle_protocol::{Blob, ChangeHash, DocumentKey, PublicKey};
use wattle_store::{Store, StoreError};

use super::Engine;
use crate::hex::{hex, unhex};
use crate::limits::{FORKS_MAX, LEDGER_FLUSH_MS, REFUSALS_MAX};
use crate::part::name_of;

/// The notes under which they are stored.
const REFUSALS: &str = "wattle/refusals";
const FORKS: &str = "wattle/forks";

/// What is to be remembered. What a stranger can cause is written down now and then, not at once.
#[derive(Default)]
pub(super) struct Ledger {
    refused: Vec<Refused>,
    forks: Vec<Forked>,
    receipts: BTreeMap<(DocumentKey, PublicKey), (Vec<ChangeHash>, Receipt)>,
    flush_at: Option<Instant>,
}

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) time: u64,
    /// Who brought it, or who refused it; not always its author.
    pub(super) by: Option<String>,
    pub(super) document: Option<String>,
    pub(super) about: Option<String>,
    pub(super) code: u16,
    pub(super) reason: String,
}

/// The proof that a sequencer has signed two entries with one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forked {
    pub(super) time: u64,
    /// The entry here, in hexadecimal; with the other one it is the proof.
    pub(super) here: String,
    pub(super) other: String,
}

impl Forked {
    /// The entry here and the other one.
    pub(super) fn entries(&self) -> [Vec<u8>; 2] {
        [&self.here, &self.other].map(|entry| unhex(entry).unwrap_or_default())
    }
}

impl Engine {
    /// Remembers that something was refused.
    pub(super) fn note_refusal(
        &mut self,
        refusal: &Refusal,
        (by, document): (Option<PublicKey>, Option<&DocumentKey>),
    ) {
        let refused = Refused {
            time: self.access.clock.unix_s(),
            by: by.map(|key| key.to_string()),
            document: document.map(name_of),
            about: refusal.about.map(|about| about.to_string()),
            code: refusal.code.number(),
            reason: refusal.reason.clone(),
        };
        let known = self.ledger.refused.iter().any(|known| {
            known.about.is_some() && known.about == refused.about && known.code == refused.code
        });
        if !known && self.ledger.refused.len() < REFUSALS_MAX {
            self.ledger.refused.push(refused);
        }
    }

    /// Keeps the proof that a sequencer lies.
    pub(super) fn note_fork(&mut self, entries: &[Blob; 2]) {
        let [here, other] = entries;
        tracing::error!("the sequencer has signed two entries of the access log with one number");
        let forked = Forked {
            time: self.access.clock.unix_s(),
            here: hex(here.iter()),
            other: hex(other.iter()),
        };
        let same = |known: &Forked| known.here == forked.here && known.other == forked.other;
        if self.ledger.forks.iter().any(same) || self.ledger.forks.len() >= FORKS_MAX {
            return;
        }
        self.ledger.forks.push(forked);
        let note = serde_json::to_vec(&self.ledger.forks).unwrap_or_default();
        if let Err(error) = self.store.put_note(FORKS, &note) {
            tracing::warn!(%error, "the proof of a fork was not noted");
        }
    }

    /// Keeps a receipt with the next commit of such.
    pub(super) fn note_receipt(
        &mut self,
        document: DocumentKey,
        heads: Vec<ChangeHash>,
        receipt: Receipt,
    ) {
        self.ledger.receipts.insert((document, receipt.key), (heads, receipt));
    }

    pub(super) fn recall_ledger(&mut self) -> Result<(), StoreError> {
        let note = self.store.note(FORKS)?.unwrap_or_default();
        self.ledger.forks = serde_json::from_slice(&note).unwrap_or_default();
        Ok(())
    }

    /// What was refused, on all processes of the directory, oldest first.
    pub(super) fn refusals(&mut self) -> Result<Vec<Refused>, StoreError> {
        self.flush_ledger();
        let note = self.store.note(REFUSALS)?.unwrap_or_default();
        Ok(serde_json::from_slice(&note).unwrap_or_default())
    }

    /// The proofs that sequencers have contradicted themselves.
    pub(super) fn forks(&mut self) -> Result<Vec<Forked>, StoreError> {
        self.recall_ledger()?;
        Ok(self.ledger.forks.clone())
    }

    /// Writes down what waits, now and then.
    pub(super) fn tend_ledger(&mut self, now: Instant) {
        if self.ledger.refused.is_empty() && self.ledger.receipts.is_empty() {
            return;
        }
        match self.ledger.flush_at {
            None => self.ledger.flush_at = Some(now + Duration::from_millis(LEDGER_FLUSH_MS)),
            Some(at) if at <= now => self.flush_ledger(),
            Some(_) => {}
        }
    }

    /// Writes down what waits.
    pub(super) fn flush_ledger(&mut self) {
        self.ledger.flush_at = None;
        let (refused, receipts) =
            (std::mem::take(&mut self.ledger.refused), std::mem::take(&mut self.ledger.receipts));
        for ((document, _), (heads, receipt)) in receipts {
            if let Err(error) = self.store.put_receipt(&self.context, &document, &heads, &receipt) {
                tracing::warn!(%error, "a receipt was not stored");
            }
        }
        if let Err(error) = self.flush_refused(refused) {
            tracing::warn!(%error, "what was refused was not noted");
        }
    }

    fn flush_refused(&mut self, refused: Vec<Refused>) -> Result<(), StoreError> {
        if refused.is_empty() {
            return Ok(());
        }
        let note = self.store.note(REFUSALS)?.unwrap_or_default();
        let mut all: VecDeque<Refused> = serde_json::from_slice(&note).unwrap_or_default();
        for refused in refused {
            let same = |known: &Refused| {
                known.about.is_some() && known.about == refused.about && known.code == refused.code
            };
            if !all.iter().any(same) {
                all.push_back(refused);
            }
        }
        while all.len() > REFUSALS_MAX {
            all.pop_front();
        }
        self.store.put_note(REFUSALS, &serde_json::to_vec(&all).unwrap_or_default())
    }
}

/// The hashes of the two entries of a fork.
pub(super) fn hashes(forked: &Forked) -> [String; 2] {
    forked.entries().map(|entry| ChangeHash(entry_hash(&entry)).to_string())
}
