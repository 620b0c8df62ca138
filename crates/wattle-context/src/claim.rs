//! Claims: who holds a task, as a pure function of append-only records.
//!
//! Records lie in the task's map `claims`, each under a name that nobody else uses, and none is ever
//! overwritten: a claim, its renewals, its end. A record may hold a lease, which the sequencer of the
//! context has granted. Every replica with the same records computes the same owner: of the claims that
//! are held, the one with the latest valid lease; without a lease, the one that began first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{ItemId, Value};
use crate::view::{FieldView, ItemView};

pub mod ready;
#[cfg(test)]
mod tests;

/// How long after its end a claim still keeps others out: clocks differ.
pub const GRACE_MS: i64 = 60_000;
/// The longest a claim may hold without being renewed.
pub const TTL_S_MAX: i64 = 86_400;
/// The longest name of a claim.
pub const NAME_BYTES_MAX: usize = 16;

/// What is said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It begins.
    Claim,
    /// It goes on.
    Renew,
    /// It is over.
    End,
}

/// A lease, as a record tells it: the sequencer's signature is over all of it, the task and the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lease {
    /// The sequencer's term.
    pub term: u32,
    /// The entry of the access log that named the sequencer.
    pub entry: u64,
    /// Never given twice by it.
    pub number: u64,
    /// Its end by the sequencer's clock, in seconds since 1970.
    pub until_s: u64,
    /// In hexadecimal.
    pub signature: String,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What is said.
    pub said: Said,
    /// The claim's name.
    pub claim: String,
    /// The key of who holds it, in hexadecimal.
    pub key: String,
    /// Who holds it, for people to read.
    pub name: String,
    /// In milliseconds since 1970.
    pub at_ms: i64,
    /// For how long, from then on.
    #[serde(default)]
    pub ttl_s: i64,
    /// The sequencer's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

/// A claim, from all that was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Whose, in hexadecimal.
    pub key: String,
    /// Whose, for people to read.
    pub holder: String,
    /// When it began.
    pub at_ms: i64,
    /// When it ends.
    pub until_ms: i64,
    /// It was ended.
    pub ended: bool,
    /// The records with a lease, whether or not one is valid.
    leased: Vec<Record>,
}

/// Answers whether the lease of a record was granted by whoever was the sequencer then.
pub type IsGranted<'a> = dyn Fn(&Record) -> bool + 'a;

/// The records of a task that can be read; what is not well formed claims nothing.
pub fn records(item: &ItemView) -> Vec<Record> {
    let entries: Option<&BTreeMap<String, FieldView>> =
        item.fields.get("claims").map(|field| &field.entries);
    let values = entries.into_iter().flat_map(BTreeMap::values).flat_map(|entry| &entry.in_force);
    let texts = values.filter_map(Value::text);
    texts.filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// All claims. A renewal counts if its claim was still held then or if it was granted, an end if it is
/// by the same key.
pub fn claims(records: &[Record], is_granted: &IsGranted<'_>) -> Vec<Claim> {
    let mut sorted: Vec<&Record> = records.iter().collect();
    // Every field counts: the order must not depend on where a record was found.
    sorted.sort_by_key(|record| {
        let Record { said, claim, key, name, at_ms, ttl_s, lease } = record;
        (at_ms, key, claim, name, said, ttl_s, lease)
    });
    let mut claims: BTreeMap<(&str, &str), Claim> = BTreeMap::new();
    for record in sorted.iter().filter(|record| record.said == Said::Claim) {
        claims.entry((&record.claim, &record.key)).or_insert_with(|| Claim::begun(record));
    }
    for record in sorted {
        let Some(claim) = claims.get_mut(&(record.claim.as_str(), record.key.as_str())) else {
            continue;
        };
        match record.said {
            Said::Claim => claim.keep_lease(record),
            Said::Renew => {
                let granted = || record.lease.is_some() && is_granted(record);
                if claim.holds_at(record.at_ms) || granted() {
                    claim.until_ms = claim.until_ms.max(end(record));
                    claim.keep_lease(record);
                }
            }
            Said::End => claim.ended = true,
        }
    }
    claims.into_values().collect()
}

/// The claim that holds a task: of those that are held, the one with the latest lease that is valid;
/// without any, the one that began first.
pub fn owner(records: &[Record], now_ms: i64, is_granted: &IsGranted<'_>) -> Option<Claim> {
    let mut held: Vec<Claim> =
        claims(records, is_granted).into_iter().filter(|claim| claim.holds_at(now_ms)).collect();
    if held.len() <= 1 {
        // No signature has to be looked at.
        return held.pop();
    }
    let rank = |claim: &Claim| {
        let lease = claim.lease_at(now_ms, is_granted);
        let fence = lease.map(|lease| (lease.term, lease.entry, lease.number));
        (std::cmp::Reverse(fence), claim.at_ms, claim.key.clone(), claim.name.clone())
    };
    held.into_iter().min_by_key(rank)
}

/// The path of a record: one that nobody else uses.
pub fn path(task: &ItemId, record: &Record) -> String {
    let Record { claim, at_ms, .. } = record;
    match record.said {
        Said::Claim => format!("tasks/{task}/claims/{claim}"),
        Said::Renew => format!("tasks/{task}/claims/{claim}.renew.{at_ms}"),
        Said::End => format!("tasks/{task}/claims/{claim}.end.{at_ms}"),
    }
}

fn end(record: &Record) -> i64 {
    record.at_ms.saturating_add(record.ttl_s.clamp(0, TTL_S_MAX) * 1_000)
}

impl Claim {
    fn begun(record: &Record) -> Self {
        Self {
            name: record.claim.clone(),
            key: record.key.clone(),
            holder: record.name.clone(),
            at_ms: record.at_ms,
            until_ms: end(record),
            ended: false,
            leased: Vec::new(),
        }
    }

    fn keep_lease(&mut self, record: &Record) {
        if record.lease.is_some() && !self.leased.contains(record) {
            self.leased.push(record.clone());
        }
    }

    /// Whether it keeps others out.
    pub const fn holds_at(&self, now_ms: i64) -> bool {
        !self.ended
            && self.at_ms <= now_ms.saturating_add(GRACE_MS)
            && now_ms <= self.until_ms.saturating_add(GRACE_MS)
    }

    /// Whether a lease was recorded with it, valid or not.
    pub const fn says_leased(&self) -> bool {
        !self.leased.is_empty()
    }

    /// Its latest lease that is valid and has not run out.
    pub fn lease_at(&self, now_ms: i64, is_granted: &IsGranted<'_>) -> Option<&Lease> {
        let leases = self.leased.iter().filter_map(|record| Some((record, record.lease.as_ref()?)));
        let mut live: Vec<(&Record, &Lease)> = leases
            .filter(|(_, lease)| {
                let until_ms =
                    i64::try_from(lease.until_s).unwrap_or(i64::MAX).saturating_mul(1_000);
                now_ms <= until_ms.saturating_add(GRACE_MS)
            })
            .collect();
        live.sort_by(|(_, one), (_, other)| other.cmp(one));
        live.into_iter().find(|(record, _)| is_granted(record)).map(|(_, lease)| lease)
    }
}
