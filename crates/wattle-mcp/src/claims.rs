//! Claims: who holds a task, as a pure function of append-only records.
//!
//! Records lie in the task's map `claims`, each under a name that nobody else uses, and none is ever
//! overwritten: a claim, its renewals, its end. Every replica with the same records computes the same
//! owner. Without a relay that grants leases this is all there is, so a claim is `optimistic`: two
//! replicas that are apart may both hold a task until they meet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wattle_context::{FieldView, ItemView, Value};

/// How long after its end a claim still keeps others out: clocks differ.
pub(crate) const GRACE_MS: i64 = 60_000;
/// The longest a claim may hold without being renewed.
const TTL_S_MAX: i64 = 86_400;

/// What is said of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// It begins.
    Claim,
    /// It goes on.
    Renew,
    /// It is over.
    End,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) said: Said,
    /// The claim's name.
    pub(crate) claim: String,
    /// The key of who holds it, in hexadecimal.
    pub(crate) key: String,
    /// Who holds it, for people to read.
    pub(crate) name: String,
    /// In milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// For how long, from then on.
    #[serde(default)]
    pub(crate) ttl_s: i64,
}

/// A claim, from all that was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) holder: String,
    pub(crate) at_ms: i64,
    pub(crate) until_ms: i64,
    pub(crate) ended: bool,
}

/// The records of a task that can be read; what is not well formed claims nothing.
pub(crate) fn records(item: &ItemView) -> Vec<Record> {
    let entries: Option<&BTreeMap<String, FieldView>> =
        item.fields.get("claims").map(|field| &field.entries);
    let values = entries.into_iter().flat_map(BTreeMap::values).flat_map(|entry| &entry.in_force);
    let texts = values.filter_map(Value::text);
    texts.filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// All claims. A renewal counts if its claim was still held then, an end if it is by the same key.
pub(crate) fn claims(records: &[Record]) -> Vec<Claim> {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by_key(|record| (record.at_ms, &record.key, &record.claim, &record.name));
    let mut claims: BTreeMap<(&str, &str), Claim> = BTreeMap::new();
    let begun = sorted.iter().filter(|record| record.said == Said::Claim);
    for record in begun {
        let claim = Claim {
            name: record.claim.clone(),
            key: record.key.clone(),
            holder: record.name.clone(),
            at_ms: record.at_ms,
            until_ms: end(record),
            ended: false,
        };
        claims.entry((&record.claim, &record.key)).or_insert(claim);
    }
    for record in sorted {
        let Some(claim) = claims.get_mut(&(record.claim.as_str(), record.key.as_str())) else {
            continue;
        };
        match record.said {
            Said::Claim => {}
            Said::Renew if claim.holds_at(record.at_ms) => {
                claim.until_ms = claim.until_ms.max(end(record));
            }
            Said::Renew => {}
            Said::End => claim.ended = true,
        }
    }
    claims.into_values().collect()
}

/// The claim that holds a task: of those that are held, the one that began first.
pub(crate) fn owner(records: &[Record], now_ms: i64) -> Option<Claim> {
    let held = claims(records).into_iter().filter(|claim| claim.holds_at(now_ms));
    held.min_by(|a, b| (a.at_ms, &a.key, &a.name).cmp(&(b.at_ms, &b.key, &b.name)))
}

fn end(record: &Record) -> i64 {
    record.at_ms.saturating_add(record.ttl_s.clamp(0, TTL_S_MAX) * 1_000)
}

impl Claim {
    /// Whether it keeps others out.
    pub(crate) const fn holds_at(&self, now_ms: i64) -> bool {
        !self.ended
            && self.at_ms <= now_ms.saturating_add(GRACE_MS)
            && now_ms <= self.until_ms.saturating_add(GRACE_MS)
    }
}

#[cfg(test)]
mod tests;
