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
    let open: Vec<Claim> = open.collect();
    // Each for as long as it was leased.
    let leased = open.iter().filter_map(|claim| {
        let until_ms = claim.leased_until_ms(is_granted)?;
        Some(Claim { until_ms, ..claim.clone() })
    });
    let leased: Vec<Claim> = leased.collect();
    let decides = |one: &Claim, over: &Claim| !same(one, over) && one.overlaps(over);
    let undecided = open.into_iter().filter(|claim| !leased.iter().any(|one| decides(one, claim)));
    let undecided: Vec<Claim> = undecided.collect();
    let several = |claim: &&Claim| undecided.iter().filter(|one| one.overlaps(claim)).count() > 1;
    undecided.iter().filter(several).cloned().collect()
}

fn same(one: &Claim, other: &Claim) -> bool {
    (&one.name, &one.key) == (&other.name, &other.key)
}
