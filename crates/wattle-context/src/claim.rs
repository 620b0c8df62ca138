//! Claims: who holds a task, as a pure function of append-only records.
//!
//! Records lie in the task's map `claims`, each under a name that nobody else uses, and none is ever
//! overwritten: a claim, its renewals, its end. A record may hold a lease, which the sequencer of the
//! context has granted. Every replica with the same records computes the same owner: of the claims that
//! are held, the one with the latest valid lease; without a lease, the one that began first.
//!
//! Claims that were made apart compete: that is a conflict, and who settles it keeps one of them and ends
//! the others, with records too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{ItemId, Value};
use crate::view::{FieldView, ItemView};

mod contend;
pub mod ready;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use contend::contenders;
pub(crate) use verdict::rounds;

/// How long after its end a claim still keeps others out: clocks differ.
pub const GRACE_MS: i64 = 60_000;
/// The longest a claim may hold without being renewed.
pub const TTL_S_MAX: i64 = 86_400;
/// The field of a task that holds the records.
pub(crate) const FIELD: &str = "claims";
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

/// What ends a claim that its holder has not ended: a conflict was settled for another claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Verdict {
    /// The name of the claim that was kept.
    pub kept: String,
    /// The key of who holds that one, in hexadecimal.
    pub key: String,
    /// One more than that of any verdict which its author had seen.
    pub round: u32,
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
    /// Of an end: for which claim a conflict was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
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
    /// Its holder has ended it.
    pub ended: bool,
    /// Name and key of the claim that it lost to when a conflict was settled.
    pub overruled: Option<(String, String)>,
    /// The records with a lease, whether or not one is valid.
    leased: Vec<Record>,
}

/// Answers whether the lease of a record was granted by whoever was the sequencer then.
pub type IsGranted<'a> = dyn Fn(&Record) -> bool + 'a;

/// The records of a task that can be read; what is not well formed claims nothing.
pub fn records(item: &ItemView) -> Vec<Record> {
    item.fields.get(FIELD).map(|field| records_of(&field.entries)).unwrap_or_default()
}

/// The same of the field's entries.
pub(crate) fn records_of(entries: &BTreeMap<String, FieldView>) -> Vec<Record> {
    entries.values().flat_map(|entry| &entry.in_force).filter_map(parsed).collect()
}

/// A record, if a value is one.
pub(crate) fn parsed(value: &Value) -> Option<Record> {
    serde_json::from_str(value.text()?).ok()
}

/// All claims. A renewal counts if its claim was still held then or if it was granted, an end if it is
/// by the same key or a verdict for another claim.
pub fn claims(records: &[Record], is_granted: &IsGranted<'_>) -> Vec<Claim> {
    let mut sorted: Vec<&Record> = records.iter().collect();
    // Every field counts: the order must not depend on where a record was found.
    sorted.sort_by_key(|record| {
        let Record { said, claim, key, name, at_ms, ttl_s, lease, verdict } = record;
        (at_ms, key, claim, name, said, ttl_s, lease, verdict)
    });
    let mut claims: BTreeMap<(&str, &str), Claim> = BTreeMap::new();
    for record in sorted.iter().filter(|record| record.said == Said::Claim) {
        claims.entry((&record.claim, &record.key)).or_insert_with(|| Claim::begun(record));
    }
    for record in &sorted {
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
            Said::End => claim.ended |= record.verdict.is_none(),
        }
    }
    verdict::apply(&mut claims, &sorted, is_granted);
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
        (std::cmp::Reverse(fence), claim.rank())
    };
    held.into_iter().min_by_key(rank)
}

/// A candidate of a conflict between claims, on a line: who holds it, and how long.
pub fn told(candidate: &Value) -> String {
    let Value::Map(claim) = candidate else { return candidate.to_string() };
    let part = |name: &str| claim.get(name).map(Value::to_string).unwrap_or_default();
    format!("{} until {}", part("holder"), part("until"))
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

impl Lease {
    fn until_ms(&self) -> i64 {
        i64::try_from(self.until_s).unwrap_or(i64::MAX).saturating_mul(1_000)
    }
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
            overruled: None,
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
        !self.is_over() && self.has_time_at(now_ms)
    }

    /// Whether it has begun and not expired.
    pub const fn has_time_at(&self, now_ms: i64) -> bool {
        self.at_ms <= now_ms.saturating_add(GRACE_MS)
            && now_ms <= self.until_ms.saturating_add(GRACE_MS)
    }

    /// Whether somebody has ended it: it does not come back.
    pub const fn is_over(&self) -> bool {
        self.ended || self.overruled.is_some()
    }

    /// Without leases, the least of those that are held owns.
    pub(crate) fn rank(&self) -> (i64, String, String) {
        (self.at_ms, self.key.clone(), self.name.clone())
    }

    /// Whether two are held at the same time.
    fn overlaps(&self, other: &Self) -> bool {
        let before = |one: &Self, other: &Self| one.until_ms.saturating_add(GRACE_MS) < other.at_ms;
        !before(self, other) && !before(other, self)
    }

    /// The end of its last lease, by the sequencer's clock.
    fn leased_until_ms(&self, is_granted: &IsGranted<'_>) -> Option<i64> {
        let granted = self.leased.iter().filter(|record| is_granted(record));
        granted.filter_map(|record| record.lease.as_ref()).map(Lease::until_ms).max()
    }

    /// Whether a lease was recorded with it, valid or not.
    pub const fn says_leased(&self) -> bool {
        !self.leased.is_empty()
    }

    /// Its latest lease that is valid and has not run out.
    pub fn lease_at(&self, now_ms: i64, is_granted: &IsGranted<'_>) -> Option<&Lease> {
        let leases = self.leased.iter().filter_map(|record| Some((record, record.lease.as_ref()?)));
        let mut live: Vec<(&Record, &Lease)> = leases
            .filter(|(_, lease)| now_ms <= lease.until_ms().saturating_add(GRACE_MS))
            .collect();
        live.sort_by(|(_, one), (_, other)| other.cmp(one));
        live.into_iter().find(|(record, _)| is_granted(record)).map(|(_, lease)| lease)
    }
}
