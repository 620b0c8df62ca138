//! Which claims may compete.

use super::{Claim, IsGranted, Record, Said, claims};

/// The claims that nobody has ended, that are held at the same time as another, and between which no
/// lease decides. Whether their authors knew of each other the records do not say.
pub(crate) fn contenders(records: &[Record], is_granted: &IsGranted<'_>) -> Vec<Claim> {
    // Mostly nobody or one has claimed a task.
    if records.iter().filter(|record| record.said == Said::Claim).count() < 2 {
        return Vec::new();
    }
    let open = claims(records, is_granted).into_iter().filter(|claim| !claim.is_over());
    let (leased, open): (Vec<Claim>, Vec<Claim>) =
        open.partition(|claim| claim.was_leased(is_granted));
    let undecided = open.into_iter().filter(|claim| !leased.iter().any(|one| one.overlaps(claim)));
    let undecided: Vec<Claim> = undecided.collect();
    let several = |claim: &&Claim| undecided.iter().filter(|one| one.overlaps(claim)).count() > 1;
    undecided.iter().filter(several).cloned().collect()
}
