//! Which passage of a file is which item: by what it says, and else by what it resembles.

use similar::TextDiff;

use super::known::{self, Known};
use super::proposal::Proposal;

/// How much of two texts must be equal for one to be taken for a new wording of the other.
pub(crate) const ALIKE_MIN: f32 = 0.6;

/// The fields by which a passage is told from another.
pub(crate) const SAID: [&str; 4] = ["title", "statement", "body", "rationale"];

/// Whether an item and a proposal belong together.
type Fits<'a> = &'a dyn Fn(&Known, &Proposal) -> bool;

/// For each proposal the item that it is, if it is one: its place among the known ones.
pub(crate) fn pairs(known: &[&Known], own: &[&Proposal]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; own.len()];
    let steps: [(Fits<'_>, bool); 4] = [
        (&|known, own| equal(known, own, &NAMES) && equal(known, own, &TEXTS), false),
        (&|known, own| equal(known, own, &NAMES), true),
        (&|known, own| equal(known, own, &TEXTS) && !own.text("body").is_empty(), true),
        (&|known, own| alike(&whole(known), &said(own)), true),
    ];
    for (fits, living) in steps {
        for (index, proposal) in own.iter().enumerate() {
            if pairs.get(index) != Some(&None) {
                continue;
            }
            let taken = |at: &usize| pairs.contains(&Some(*at));
            let found = known.iter().enumerate().find(|(at, known)| {
                !taken(at) && (known.now.is_some() || !living) && fits(known, proposal)
            });
            let found = found.map(|(at, _)| at);
            if let Some(pair) = pairs.get_mut(index) {
                *pair = found;
            }
        }
    }
    pairs
}

/// Fields that name an item.
const NAMES: [&str; 2] = ["title", "statement"];
/// Fields that say more.
const TEXTS: [&str; 2] = ["body", "rationale"];

fn equal(known: &Known, own: &Proposal, fields: &[&str]) -> bool {
    fields.iter().all(|name| known::text(&known.then, name) == own.text(name))
}

fn whole(known: &Known) -> String {
    SAID.iter().map(|name| known::text(&known.then, name)).collect::<Vec<_>>().join("\n")
}

fn said(own: &Proposal) -> String {
    SAID.iter().map(|name| own.text(name)).collect::<Vec<_>>().join("\n")
}

/// Whether one text reads as a new wording of the other.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    // The length bounds how much can be equal; that is quickly seen.
    let (short, long) = (one.len().min(other.len()), one.len().max(other.len()));
    short * 3 >= long && TextDiff::from_words(one, other).ratio() >= ALIKE_MIN
}
