//! Which tokens of two sequences stay. Ends in bounded time whatever it is given.

use std::collections::BTreeMap;
use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::rewrite::Hunk;

/// Both sides together: up to here Myers' algorithm looks at the whole stretch (with the search limit that
/// the crate has, so bad input costs some hundred steps per token and not their square).
const MAX_COMPARED_TOKENS: usize = 20_000;

/// The changed stretches, in tokens, ascending, with at least one equal token between two of them.
pub(super) fn align(base: &[&str], new: &[&str]) -> Vec<Hunk> {
    let mut numbers = BTreeMap::new();
    let sides = Sides { base: numbered(base, &mut numbers), new: numbered(new, &mut numbers) };
    let whole = sides.trimmed(Hunk { base: 0..base.len(), new: 0..new.len() });
    let gaps =
        if size(&whole) > MAX_COMPARED_TOKENS { sides.gaps(&whole) } else { Vec::from([whole]) };
    gaps.into_iter().flat_map(|gap| sides.compared(sides.trimmed(gap))).collect()
}

/// Equal numbers, equal tokens.
fn numbered<'a>(tokens: &[&'a str], numbers: &mut BTreeMap<&'a str, usize>) -> Vec<usize> {
    let mut number = |token| {
        let next = numbers.len();
        *numbers.entry(token).or_insert(next)
    };
    tokens.iter().map(|token| number(token)).collect()
}

struct Sides {
    base: Vec<usize>,
    new: Vec<usize>,
}

impl Sides {
    fn of(&self, hunk: &Hunk) -> (&[usize], &[usize]) {
        let base = self.base.get(hunk.base.clone()).unwrap_or_default();
        (base, self.new.get(hunk.new.clone()).unwrap_or_default())
    }

    /// Without what is equal at its beginning and its end.
    fn trimmed(&self, hunk: Hunk) -> Hunk {
        let (base, new) = self.of(&hunk);
        let front = base.iter().zip(new).take_while(|(a, b)| a == b).count();
        let rest = base.iter().skip(front).rev().zip(new.iter().skip(front).rev());
        let back = rest.take_while(|(a, b)| a == b).count();
        let inner = |range: Range<usize>| range.start + front..range.end - back;
        Hunk { base: inner(hunk.base), new: inner(hunk.new) }
    }

    fn compared(&self, hunk: Hunk) -> Vec<Hunk> {
        if hunk.base.is_empty() && hunk.new.is_empty() {
            return Vec::new();
        }
        if hunk.base.is_empty() || hunk.new.is_empty() || size(&hunk) > MAX_COMPARED_TOKENS {
            return Vec::from([hunk]);
        }
        let (base, new) = self.of(&hunk);
        capture_diff_slices(Algorithm::Myers, base, new)
            .into_iter()
            .filter(|op| op.tag() != DiffTag::Equal)
            .map(|op| Hunk {
                base: shifted(op.old_range(), hunk.base.start),
                new: shifted(op.new_range(), hunk.new.start),
            })
            .collect()
    }

    /// What lies between the tokens that occur once on both sides, in the longest run of them that has the
    /// same order on both (patience).
    fn gaps(&self, hunk: &Hunk) -> Vec<Hunk> {
        let mut gaps = Vec::new();
        let (mut base, mut new) = (hunk.base.start, hunk.new.start);
        for (at, to) in longest_ascending(&self.once_each(hunk)) {
            gaps.push(Hunk { base: base..at, new: new..to });
            (base, new) = (at + 1, to + 1);
        }
        gaps.push(Hunk { base: base..hunk.base.end, new: new..hunk.new.end });
        gaps
    }

    /// Where the tokens stand that occur once on both sides, in the order of the base.
    fn once_each(&self, hunk: &Hunk) -> Vec<(usize, usize)> {
        let (base, new) = self.of(hunk);
        let (in_base, in_new) = (places(base, hunk.base.start), places(new, hunk.new.start));
        let mut pairs: Vec<(usize, usize)> = in_base
            .into_iter()
            .filter_map(|(token, at)| Some((at?, in_new.get(&token).copied().flatten()?)))
            .collect();
        pairs.sort_unstable();
        pairs
    }
}

fn size(hunk: &Hunk) -> usize {
    hunk.base.len() + hunk.new.len()
}

fn shifted(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// Where each token stands; none if it stands in several places.
fn places(tokens: &[usize], offset: usize) -> BTreeMap<usize, Option<usize>> {
    let mut places = BTreeMap::new();
    for (index, token) in tokens.iter().enumerate() {
        places.entry(*token).and_modify(|place| *place = None).or_insert(Some(index + offset));
    }
    places
}

/// The longest subsequence whose second parts ascend; the first parts ascend already.
fn longest_ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let second = |index: usize| pairs.get(index).map(|pair| pair.1);
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let length = tails.partition_point(|tail| second(*tail) < Some(pair.1));
        before.push(length.checked_sub(1).and_then(|last| tails.get(last).copied()));
        match tails.get_mut(length) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let mut chain: Vec<(usize, usize)> = Vec::with_capacity(tails.len());
    let mut next = tails.last().copied();
    while let Some(index) = next {
        chain.extend(pairs.get(index));
        next = before.get(index).copied().flatten();
    }
    chain.reverse();
    chain
}
