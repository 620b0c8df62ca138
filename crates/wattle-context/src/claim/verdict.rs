//! What settling a conflict between claims has decided.
//!
//! A verdict says that one claim lost to another. Of two claims the later verdict counts. Verdicts that
//! were made apart may contradict each other, directly or in a circle: then none of them counts, and the
//! conflict is open again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claim, GRACE_MS, IsGranted, Record, Said};

/// Name and key of a claim.
type Id<'a> = (&'a str, &'a str);
/// To whom claims have lost, and in which round.
type Losses<'a> = BTreeMap<Id<'a>, BTreeMap<Id<'a>, u32>>;

/// The round of the latest verdict.
pub(crate) fn rounds(records: &[Record]) -> u32 {
    let records: Vec<&Record> = records.iter().collect();
    let losses = losses(&records);
    losses.values().flat_map(BTreeMap::values).copied().max().unwrap_or_default()
}

/// Marks the claims that have lost. No verdict takes a claim with a lease that had not run out when it
/// was made: the sequencer has decided.
pub(super) fn apply<'a>(
    claims: &mut BTreeMap<Id<'a>, Claim>,
    records: &[&'a Record],
    is_granted: &IsGranted<'_>,
) {
    let known: BTreeSet<Id<'_>> = claims.keys().copied().collect();
    let mut losses = losses(records);
    losses.retain(|loser, _| known.contains(loser));
    losses.values_mut().for_each(|kept| kept.retain(|kept, _| known.contains(kept)));
    let standing = without_circles(&latest(&losses));
    for (loser, kept) in standing {
        let to = kept.into_iter().max_by_key(|(kept, round)| (*round, std::cmp::Reverse(*kept)));
        let at_ms = records.iter().filter(|record| {
            record.verdict.is_some() && (record.claim.as_str(), record.key.as_str()) == loser
        });
        let at_ms = at_ms.map(|record| record.at_ms).max();
        let claim = claims.get_mut(&loser).filter(|claim| {
            let leased_ms = claim.leased_until_ms(is_granted);
            leased_ms.is_none_or(|until_ms| Some(until_ms.saturating_add(GRACE_MS)) < at_ms)
        });
        if let (Some(claim), Some(((name, key), _))) = (claim, to) {
            claim.overruled = Some((name.to_owned(), key.to_owned()));
        }
    }
}

fn losses<'a>(records: &[&'a Record]) -> Losses<'a> {
    let ends = records.iter().filter(|record| record.said == Said::End);
    let verdicts: Vec<_> = ends
        .filter_map(|record| Some((*record, record.verdict.as_ref()?)))
        .filter(|(record, verdict)| (&record.claim, &record.key) != (&verdict.kept, &verdict.key))
        .collect();
    // Every round has a verdict, so a greater one is not what it says.
    let most = u32::try_from(verdicts.len()).unwrap_or(u32::MAX);
    let mut losses = Losses::new();
    for (record, verdict) in verdicts.into_iter().filter(|(_, verdict)| verdict.round <= most) {
        let kept = losses.entry((&record.claim, &record.key)).or_default();
        let round = kept.entry((&verdict.kept, &verdict.key)).or_default();
        *round = verdict.round.max(*round);
    }
    losses
}

/// Of two claims that lost to each other, the one in the later round.
fn latest<'a>(losses: &Losses<'a>) -> Losses<'a> {
    let mut latest = losses.clone();
    for (loser, kept) in &mut latest {
        kept.retain(|kept, round| {
            let reverse = losses.get(kept).and_then(|kept| kept.get(loser));
            reverse.is_none_or(|reverse| reverse <= round)
        });
    }
    latest
}

fn without_circles<'a>(losses: &Losses<'a>) -> Losses<'a> {
    let mut straight = losses.clone();
    for (loser, kept) in &mut straight {
        kept.retain(|kept, _| !leads_to(losses, *kept, *loser));
    }
    straight
}

fn leads_to<'a>(losses: &Losses<'a>, from: Id<'a>, to: Id<'a>) -> bool {
    let (mut seen, mut pending) = (BTreeSet::new(), vec![from]);
    while let Some(next) = pending.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            pending.extend(losses.get(&next).into_iter().flat_map(BTreeMap::keys));
        }
    }
    false
}
