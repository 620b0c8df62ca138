//! What somebody has changed in a managed block since it was written.

use similar::{Algorithm, DiffOp, TextDiff, capture_diff_slices};

use super::parse::{self, Piece, Said};
use super::render::{self, Entry, Rendered};
use crate::import::likeness;

/// How alike two pieces must be that stand alone in one place.
const ALIKE_IN_PLACE: f32 = 0.3;

/// One thing that was changed by hand. Lines count from the first mark on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A piece says something else.
    Edited { entry: Entry, line: usize, was: Said, is: Said },
    /// A piece is gone.
    Deleted { entry: Entry, was: Said },
    /// A piece is new.
    Added { line: usize, is: Said },
    /// A quotation was changed: it is not clear what that should mean.
    Unclear { entry: Entry, line: usize },
}

/// What differs between what was written and what stands there now.
pub(crate) fn taken(base: &Rendered, inner: &str) -> Vec<Taken> {
    let old = render::paired(base);
    let new = parse::pieces(inner);
    let pairs = pairs(&old, &new);
    let mut taken = Vec::new();
    for (piece, pair) in new.iter().zip(&pairs) {
        let Some((was, entry)) = pair.and_then(|at| old.get(at)) else {
            taken.push(Taken::Added { line: piece.line, is: piece.said(0) });
            continue;
        };
        if was.text == piece.text && was.group == piece.group {
            continue;
        }
        if entry.quoted && piece.is_quoted() {
            taken.push(Taken::Unclear { entry: (*entry).clone(), line: piece.line });
            continue;
        }
        taken.push(Taken::Edited {
            entry: (*entry).clone(),
            line: piece.line,
            was: was.said(entry.deeper),
            is: piece.said(entry.deeper),
        });
    }
    let gone = old.iter().enumerate().filter(|(at, _)| !pairs.contains(&Some(*at)));
    taken.extend(gone.map(|(_, (was, entry))| Taken::Deleted {
        entry: (*entry).clone(),
        was: was.said(entry.deeper),
    }));
    taken
}

/// For each new piece the old one that it is.
fn pairs(old: &[(Piece, &Entry)], new: &[Piece]) -> Vec<Option<usize>> {
    let texts = |pieces: &mut dyn Iterator<Item = &Piece>| -> Vec<String> {
        pieces.map(|piece| format!("{:?}\n{}", piece.group, piece.text)).collect()
    };
    let before = texts(&mut old.iter().map(|(piece, _)| piece));
    let after = texts(&mut new.iter());
    let mut pairs = vec![None; new.len()];
    let mut set = |at: usize, pair: usize| {
        if let Some(place) = pairs.get_mut(at) {
            *place = Some(pair);
        }
    };
    let mut places = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &before, &after) {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                (0..len).for_each(|at| set(new_index + at, old_index + at));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                places.push((old_index..old_index + old_len, new_index..new_index + new_len));
            }
            DiffOp::Delete { .. } | DiffOp::Insert { .. } => {}
        }
    }
    let fits = |at: usize, one: usize, least: f32| match (old.get(at), new.get(one)) {
        (Some((was, _)), Some(is)) => same_kind(was, is) && resembles(was, is, least),
        _ => false,
    };
    for (was, is) in places {
        let alone = was.len() == 1 && is.len() == 1;
        let least = if alone { ALIKE_IN_PLACE } else { likeness::ALIKE_MIN };
        for one in is {
            let free = |at: &usize| !pairs.contains(&Some(*at));
            let quoted = |at: usize| alone && old.get(at).is_some_and(|(_, entry)| entry.quoted);
            if let Some(at) =
                was.clone().filter(free).find(|at| quoted(*at) || fits(*at, one, least))
                && let Some(place) = pairs.get_mut(one)
            {
                *place = Some(at);
            }
        }
    }
    // What was moved, perhaps to where it is less binding.
    for one in 0..new.len() {
        if pairs.get(one) != Some(&None) {
            continue;
        }
        let free = |at: &usize| !pairs.contains(&Some(*at));
        let found = (0..old.len()).filter(free).find(|at| fits(*at, one, likeness::ALIKE_MIN));
        if let (Some(place), Some(at)) = (pairs.get_mut(one), found) {
            *place = Some(at);
        }
    }
    pairs
}

fn same_kind(one: &Piece, other: &Piece) -> bool {
    std::mem::discriminant(&one.group) == std::mem::discriminant(&other.group)
}

fn resembles(one: &Piece, other: &Piece, least: f32) -> bool {
    let titled = |piece: &Piece| {
        piece.text.lines().next().filter(|line| line.starts_with("### ")).map(str::to_owned)
    };
    titled(one).is_some_and(|title| titled(other) == Some(title))
        || TextDiff::from_words(&one.text, &other.text).ratio() >= least
}

#[cfg(test)]
mod tests;
