//! Whole texts that were sent back, as edits: what a rewrite changed of its base, and nothing else.

mod align;
mod refine;
mod touch;

pub use touch::overlaps;

use std::ops::Range;

/// One replaced stretch of a text. Positions count Unicode code points of the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Where it begins.
    pub at: usize,
    /// How many code points go.
    pub delete: usize,
    /// What comes in their place.
    pub insert: String,
}

/// What `new` changed of `base`: ascending splices that neither overlap nor touch, all in positions of
/// the base. Applied from last to first, each at its own position, they give exactly `new`.
///
/// Compared by lines, and within changed lines by words (Unicode word boundaries, so no character that
/// people see as one is taken apart). Equal texts give equal splices on every machine: nothing here
/// looks at a clock or at randomness. Longer stretches than `align` takes on are cut at lines (or words)
/// that occur once on both sides, and replaced whole where there are none.
pub fn rewrite(base: &str, new: &str) -> Vec<Splice> {
    let hunks = refine::hunks(base, new);
    let (mut splices, mut at, mut byte) = (Vec::with_capacity(hunks.len()), 0, 0);
    for hunk in hunks {
        at += characters(base, byte..hunk.base.start);
        let delete = characters(base, hunk.base.clone());
        let insert = new.get(hunk.new).unwrap_or_default().to_owned();
        splices.push(Splice { at, delete, insert });
        at += delete;
        byte = hunk.base.end;
    }
    splices
}

/// The text that ascending splices make of their base. What lies beyond the base's end is put at its end.
pub fn apply(base: &str, splices: &[Splice]) -> String {
    let mut text = String::with_capacity(base.len());
    let (mut rest, mut at) = (base.chars(), 0);
    for splice in splices {
        text.extend(rest.by_ref().take(splice.at.saturating_sub(at)));
        text.push_str(&splice.insert);
        rest.by_ref().take(splice.delete).for_each(drop);
        at = splice.at.saturating_add(splice.delete).max(at);
    }
    text.extend(rest);
    text
}

/// A stretch of the base and what stands there in the new text, in bytes (or in lines or words, where said).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hunk {
    base: Range<usize>,
    new: Range<usize>,
}

fn characters(text: &str, range: Range<usize>) -> usize {
    text.get(range).unwrap_or_default().chars().count()
}

#[cfg(test)]
mod tests;
