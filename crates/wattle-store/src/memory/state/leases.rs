//! Leases, and the numbers that count them.

use wattle_protocol::lease::{Outcome, Verdict, Wanted};
use wattle_protocol::limits::{LEASES_MAX, LEASES_OF_ONE_MAX};

use super::State;

impl State {
    pub(in crate::memory) fn lease(&mut self, wanted: &Wanted) -> Outcome {
        let key = (wanted.context, wanted.request.subject);
        match wanted.judge(self.leases.get(&key)) {
            Verdict::Stands(outcome) => outcome,
            Verdict::Keep(lease, outcome) => {
                self.leases.insert(key, lease);
                outcome
            }
            Verdict::Drop => {
                self.leases.remove(&key);
                Outcome::Free
            }
            Verdict::Count => {
                let context = wanted.context;
                self.leases.retain(|(of, _), lease| *of != context || lease.until > wanted.now);
                if self.is_full(wanted) {
                    return Outcome::TooMany;
                }
                let number = self.fences.entry(context).or_default();
                *number += 1;
                let lease = wanted.lease(*number);
                self.leases.insert(key, lease);
                Outcome::Granted(lease)
            }
        }
    }

    fn is_full(&self, wanted: &Wanted) -> bool {
        let holder = wanted.request.holder;
        let held = || self.leases.iter().filter(|((of, _), _)| *of == wanted.context);
        held().filter(|(_, lease)| lease.holder == holder).count() >= LEASES_OF_ONE_MAX
            || held().count() >= LEASES_MAX
    }
}
