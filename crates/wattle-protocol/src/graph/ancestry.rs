//! What builds on what, at any distance.

use super::Graph;
use crate::id::ChangeHash;

/// Samples taken at each distance, where the graph is wide.
const SAMPLES_PER_DISTANCE: usize = 4;

impl Graph {
    /// Everything that somebody who has these changes, and all they build on, lacks; in order.
    /// Hashes that are not known here say nothing.
    pub fn missing(&self, recognised: &[ChangeHash]) -> Vec<u32> {
        let covered = self.covered(recognised);
        (0..self.count())
            .filter(|index| self.is_live(*index) && covered.get(*index as usize) != Some(&true))
            .collect()
    }

    /// For each index, whether it is one of these changes or an ancestor of one.
    pub fn covered(&self, recognised: &[ChangeHash]) -> Vec<bool> {
        let mut covered = vec![false; self.nodes.len()];
        for index in recognised.iter().filter_map(|hash| self.index(hash)) {
            mark(&mut covered, index);
        }
        for index in (0..self.count()).rev() {
            if covered.get(index as usize) == Some(&true) {
                self.deps(index).iter().for_each(|dep| mark(&mut covered, *dep));
            }
        }
        covered
    }

    /// Whether `old` is one of these changes or an ancestor of one.
    ///
    /// Costs time in proportion to how far `old` lies back in the order of arrival.
    pub fn reaches(&self, young: &[u32], old: u32) -> bool {
        if young.contains(&old) {
            return true;
        }
        let Some(newest) = young.iter().max().filter(|newest| **newest > old) else { return false };
        let mut covered = vec![false; (newest - old) as usize + 1];
        let offset = |index: u32| index.checked_sub(old);
        young.iter().filter_map(|index| offset(*index)).for_each(|at| mark(&mut covered, at));
        for at in (1..=newest - old).rev() {
            if covered.get(at as usize) == Some(&true) {
                let deps = self.deps(old + at).iter().filter_map(|dep| offset(*dep));
                deps.for_each(|dep| mark(&mut covered, dep));
            }
        }
        covered.first() == Some(&true)
    }

    /// Stored changes at distances 1, 2, 4, 8 and so on behind the durable heads.
    pub fn samples(&self) -> Vec<ChangeHash> {
        let mut distance = vec![u32::MAX; self.nodes.len()];
        for head in &self.durable {
            if let Some(at) = distance.get_mut(*head as usize) {
                *at = 0;
            }
        }
        let mut samples = Vec::new();
        let mut taken = [0; 32];
        for index in (0..self.count()).rev() {
            let Some(here) = distance.get(index as usize).copied() else { continue };
            if here == u32::MAX {
                continue;
            }
            let taken =
                taken.get_mut(here.trailing_zeros() as usize).filter(|_| here.is_power_of_two());
            if let Some(taken) = taken.filter(|taken| **taken < SAMPLES_PER_DISTANCE) {
                *taken += 1;
                samples.extend(self.hash(index));
            }
            for dep in self.deps(index) {
                if let Some(at) = distance.get_mut(*dep as usize) {
                    *at = (*at).min(here + 1);
                }
            }
        }
        samples
    }
}

fn mark(covered: &mut [bool], index: u32) {
    if let Some(covered) = covered.get_mut(index as usize) {
        *covered = true;
    }
}
