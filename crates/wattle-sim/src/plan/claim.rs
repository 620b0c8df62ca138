//! Claims by chance. They are drawn from a stream of their own, so that a seed's other steps stay.

use crate::rng::Rng;
use crate::scenario::{Act, Choice, Claiming, Deed, Verb};

/// Who claims what; in some plans nobody does.
pub(super) struct Claimer {
    rng: Rng,
    rate: u64,
}

/// So many tasks are claimed at one time, so that the peers meet.
const TASKS_MAX: usize = 3;

const SECONDS: &[u32] = &[5, 20, 60, 600];
const STATES: &[&str] = &["in_progress", "blocked", "review", "done"];

impl Claimer {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "claims");
        let rate = if rng.permille(300) { 0 } else { rng.within(1..=250) };
        Self { rng, rate }
    }

    /// Somebody may want something of one of the newest tasks.
    pub(super) fn act(&mut self, peers: &[String], tasks: &[&String]) -> Option<Act> {
        if !self.rng.permille(self.rate) {
            return None;
        }
        let newest = tasks.get(tasks.len().saturating_sub(TASKS_MAX)..)?;
        let (peer, task) = (self.rng.pick(peers)?.clone(), self.rng.pick(newest)?);
        let path = format!("tasks/{task}");
        let seconds = *self.rng.pick(SECONDS)?;
        let verb = match self.rng.within(0..=99) {
            0..=44 => Verb::Claim { seconds },
            45..=64 => Verb::Renew { seconds },
            65..=79 => Verb::Report { status: (*self.rng.pick(STATES)?).to_owned() },
            80..=91 => Verb::Release,
            _ => {
                let letter = if self.rng.permille(500) { "a" } else { "b" };
                let choice = Choice::Keep(letter.to_owned());
                let deed = Deed::Resolve { path: format!("{path}/claims"), choice };
                return Some(Act { peer, deed, may_fail: true });
            }
        };
        let deed = Deed::Claim(Claiming { path, verb, standing: None });
        Some(Act { peer, deed, may_fail: true })
    }
}
