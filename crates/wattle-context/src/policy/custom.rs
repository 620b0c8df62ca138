//! Policies of the embedding app.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::conflict::Candidate;
use crate::value::Value;

/// A pure function from all candidates (each once, by their changes' hashes) and their common base to what is
/// in force. Replicas agree only if they run the same function.
pub type CustomPolicy = Box<dyn Fn(&[Candidate], &Value) -> Vec<Value> + Send + Sync>;

/// The policies that an app has registered, by name.
#[derive(Clone, Default)]
pub struct CustomPolicies(BTreeMap<String, Shared>);

/// Shared, so that the context as of a version has the same policies.
type Shared = Arc<dyn Fn(&[Candidate], &Value) -> Vec<Value> + Send + Sync>;

impl CustomPolicies {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers one; an earlier one of that name is replaced.
    pub fn insert(&mut self, name: &str, policy: CustomPolicy) {
        self.0.insert(name.to_owned(), Arc::from(policy));
    }

    /// Keeps all if there is no such policy, if it panics, or if it answers with nothing.
    pub(super) fn run(&self, name: &str, candidates: &[Candidate], base: &Value) -> Vec<Value> {
        let answer = self.0.get(name).map(|policy| {
            // It gets shared references and gives a fresh value: nothing half-done can be seen afterwards.
            catch_unwind(AssertUnwindSafe(|| policy(candidates, base))).unwrap_or_default()
        });
        match answer {
            Some(values) if !values.is_empty() && !candidates.is_empty() => once(values),
            Some(_) | None => super::distinct(candidates),
        }
    }
}

fn once(values: Vec<Value>) -> Vec<Value> {
    let each: BTreeSet<Value> = values.into_iter().collect();
    each.into_iter().collect()
}

impl fmt::Debug for CustomPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
