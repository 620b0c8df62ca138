//! Merge policies: pure functions from the set of concurrent values to what is in force. They run on read.

mod custom;
mod spell;
mod survive;

pub use custom::{CustomPolicies, CustomPolicy};
pub use spell::PolicyError;

use std::collections::BTreeSet;

use crate::conflict::Candidate;
use crate::value::Value;

/// How concurrent values of a field are read. Never decides what is stored.
///
/// Spelled as data by `Display` and `FromStr`: `keep-all`, `strictest(deny,ask,allow)`, `custom(budget)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// All values stand until somebody settles it.
    KeepAll,
    /// A text, merged by Automerge.
    Merge,
    /// An element is in if any concurrent write says so.
    AddWins,
    /// An element is out if any concurrent write says so.
    RemoveWins,
    /// Numbers: the common base plus every concurrent difference.
    Counter,
    /// The smallest value.
    Smallest,
    /// The largest value.
    Largest,
    /// The first of the declared values (deny before ask before allow).
    Strictest {
        /// From the strictest on.
        order: Vec<String>,
    },
    /// The last of the declared states.
    Furthest {
        /// From the first on.
        states: Vec<String>,
    },
    /// By time, then author, the earliest.
    FirstWriter,
    /// By time, then causality, then author, the latest. Opt-in.
    LastWriter,
    /// The values of the highest role; equals are kept.
    Authority,
    /// A named pure function of the embedding app; who lacks it keeps all.
    Custom {
        /// Its name.
        name: String,
    },
}

impl Policy {
    /// What holds until the candidates are settled: one value, or several that stand side by side, each once
    /// and in the order of values. None without candidates.
    ///
    /// Depends on the set of candidates alone, never on their order or on how often one is given.
    /// Never panics. One candidate, or several of the same value, are that value under every policy
    /// but `counter` (which adds equal steps up) and `custom`.
    pub fn in_force(
        &self,
        candidates: &[Candidate],
        base: &Value,
        custom: &CustomPolicies,
    ) -> Vec<Value> {
        let standing = self.survivors(candidates);
        match self {
            Self::Counter => counted(&standing, base),
            Self::Custom { name } => custom.run(name, &standing, base),
            Self::KeepAll
            | Self::Merge
            | Self::AddWins
            | Self::RemoveWins
            | Self::Smallest
            | Self::Largest
            | Self::Strictest { .. }
            | Self::Furthest { .. }
            | Self::FirstWriter
            | Self::LastWriter
            | Self::Authority => distinct(&standing),
        }
    }

    /// The candidates that no other one beats, each once, by their changes' hashes. `counter` and `custom`
    /// compute from all of them, so there all survive.
    ///
    /// The survivors of a union are the survivors of the survivors of its parts.
    pub fn survivors(&self, candidates: &[Candidate]) -> Vec<Candidate> {
        let each: BTreeSet<&Candidate> = candidates.iter().collect();
        survive::unbeaten(self, each.into_iter().collect())
    }
}

fn distinct(candidates: &[Candidate]) -> Vec<Value> {
    let values: BTreeSet<&Value> = candidates.iter().map(|candidate| &candidate.value).collect();
    values.into_iter().cloned().collect()
}

/// Sums in 128 bits and clamps once at the end: clamping after each step would depend on the order.
fn counted(candidates: &[Candidate], base: &Value) -> Vec<Value> {
    let start = i128::from(base.int().unwrap_or_default());
    let steps: Vec<i128> = candidates
        .iter()
        .filter_map(|candidate| candidate.value.int())
        .map(|number| i128::from(number) - start)
        .collect();
    let mut values: BTreeSet<Value> = candidates
        .iter()
        .filter(|candidate| candidate.value.int().is_none())
        .map(|candidate| candidate.value.clone())
        .collect();
    if !steps.is_empty() {
        let sum = start + steps.iter().sum::<i128>();
        let clamped = sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        values.extend(i64::try_from(clamped).ok().map(Value::Int));
    }
    values.into_iter().collect()
}

#[cfg(test)]
mod tests;
