//! Whether two rewrites of one base touch the same passage.

use std::ops::RangeInclusive;

use crate::rewrite::Splice;

/// Whether two lists of splices (each ascending) on the same base touch the same lines, or join their lines at
/// the same place. If not, merging them gives lines that one of them wrote or that were there, and no others.
///
/// Whole lines that both insert at the same place do not overlap, unless they are the same lines: they come
/// one after the other.
pub fn overlaps(mine: &[Splice], theirs: &[Splice], base: &str) -> bool {
    let lines = Lines::of(base);
    let theirs: Vec<Zone<'_>> = theirs.iter().map(|splice| lines.zone(splice)).collect();
    mine.iter().map(|splice| lines.zone(splice)).any(|zone| {
        let first = theirs.partition_point(|other| other.span.end() < zone.span.start());
        let near = theirs.iter().skip(first);
        near.take_while(|other| other.span.start() <= zone.span.end())
            .any(|other| zone.collides(other))
    })
}

/// What a splice touches. Line `n` is `2n + 1`; the gap before it is `2n`.
struct Zone<'a> {
    span: RangeInclusive<usize>,
    /// The whole lines that it inserts, if it does nothing else.
    lines: Option<&'a str>,
}

impl Zone<'_> {
    /// For two zones that intersect.
    fn collides(&self, other: &Self) -> bool {
        match (self.lines, other.lines) {
            (Some(own), Some(others)) => own == others,
            (None, _) | (_, None) => true,
        }
    }
}

/// Where the lines of a text begin, and where it has line ends, in code points.
struct Lines {
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    fn of(text: &str) -> Self {
        let mut lines = Self { starts: Vec::from([0]), length: 0 };
        for character in text.chars() {
            lines.length += 1;
            if character == '\n' {
                lines.starts.push(lines.length);
            }
        }
        lines
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    fn is_start(&self, at: usize) -> bool {
        self.starts.binary_search(&at).is_ok()
    }

    fn zone<'a>(&self, splice: &'a Splice) -> Zone<'a> {
        match self.gap(splice) {
            Some(gap) => Zone { span: gap..=gap, lines: Some(&splice.insert) },
            None if splice.delete == 0 => Zone { span: self.inserted(splice), lines: None },
            None => Zone { span: self.replaced(splice), lines: None },
        }
    }

    /// The gap into which a splice puts whole lines, if it does that.
    fn gap(&self, splice: &Splice) -> Option<usize> {
        let at_start = self.is_start(splice.at);
        if splice.delete > 0 {
            None
        } else if at_start && ends_line(splice) {
            Some(2 * self.line_of(splice.at))
        } else if !at_start && splice.at >= self.length && splice.insert.starts_with('\n') {
            Some(2 * self.starts.len())
        } else {
            None
        }
    }

    /// An insertion into a line reaches the gap beside it if it stands at the line's very beginning or at the
    /// end of the text: what others insert there may come before or after it.
    fn inserted(&self, splice: &Splice) -> RangeInclusive<usize> {
        let line = 2 * self.line_of(splice.at) + 1;
        let first = if self.is_start(splice.at) { line - 1 } else { line };
        let last = if splice.at >= self.length { line + 1 } else { line };
        first..=last
    }

    fn replaced(&self, splice: &Splice) -> RangeInclusive<usize> {
        let end = splice.at.saturating_add(splice.delete).min(self.length);
        let (first, last) = (self.line_of(splice.at), self.line_of(end.saturating_sub(1)));
        let joins = self.is_start(end) && end > splice.at && !self.leaves_start(splice);
        // Taking the last lines off leaves the line before them as it was, but for its line end.
        let keeps_first = end == self.length
            && splice.insert.is_empty()
            && last > first
            && self.is_start(splice.at + 1);
        let mixes = self.is_start(splice.at) && !splice.insert.is_empty() && !ends_line(splice);
        let first = match (keeps_first, mixes) {
            (true, _) => 2 * first + 3,
            (false, true) => 2 * first,
            (false, false) => 2 * first + 1,
        };
        first..=if joins { 2 * last + 3 } else { 2 * last + 1 }
    }

    /// Whether what follows the splice begins a line afterwards.
    fn leaves_start(&self, splice: &Splice) -> bool {
        if splice.insert.is_empty() { self.is_start(splice.at) } else { ends_line(splice) }
    }
}

fn ends_line(splice: &Splice) -> bool {
    splice.insert.ends_with('\n')
}
