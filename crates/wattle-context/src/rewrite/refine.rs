//! From changed lines to changed words.

use similar::DiffableStr;

use crate::rewrite::Hunk;
use crate::rewrite::align::align;

/// The changed stretches of two texts, in bytes.
pub(super) fn hunks(base: &str, new: &str) -> Vec<Hunk> {
    let text = Texts { base, new };
    let base_lines: Vec<&str> = base.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let hunks = align(&base_lines, &new_lines);
    in_bytes(&hunks, &base_lines, &new_lines)
        .into_iter()
        .flat_map(|hunk| {
            let pure = hunk.base.is_empty() || hunk.new.is_empty();
            if pure { Vec::from([hunk]) } else { text.by_words(&hunk) }
        })
        .collect()
}

struct Texts<'a> {
    base: &'a str,
    new: &'a str,
}

impl Texts<'_> {
    fn by_words(&self, hunk: &Hunk) -> Vec<Hunk> {
        let base = self.base.get(hunk.base.clone()).unwrap_or_default();
        let new = self.new.get(hunk.new.clone()).unwrap_or_default();
        let (base_words, new_words) = (base.tokenize_unicode_words(), new.tokenize_unicode_words());
        let mut hunks = joined(align(&base_words, &new_words), &base_words);
        if is_other_text(&hunks, &base_words, &new_words) {
            hunks = covering(hunks);
        }
        let mut hunks = in_bytes(&hunks, &base_words, &new_words);
        for inner in &mut hunks {
            inner.base = inner.base.start + hunk.base.start..inner.base.end + hunk.base.start;
            inner.new = inner.new.start + hunk.new.start..inner.new.end + hunk.new.start;
        }
        hunks
    }
}

/// Two changed words with nothing but blanks or punctuation between them are one change: they were written
/// as one, and a concurrent edit must not come between them.
fn joined(hunks: Vec<Hunk>, base: &[&str]) -> Vec<Hunk> {
    let mut joined: Vec<Hunk> = Vec::with_capacity(hunks.len());
    for hunk in hunks {
        match joined.last_mut() {
            Some(last) if is_seam(base, last, &hunk) => {
                last.base.end = hunk.base.end;
                last.new.end = hunk.new.end;
            }
            Some(_) | None => joined.push(hunk),
        }
    }
    joined
}

fn is_seam(base: &[&str], last: &Hunk, next: &Hunk) -> bool {
    let between = base.get(last.base.end..next.base.start).unwrap_or_default();
    !between.iter().any(|token| is_word(token) || token.contains('\n'))
}

/// Whether so few words of the shorter side stay (less than a third) that they stayed by chance.
fn is_other_text(hunks: &[Hunk], base: &[&str], new: &[&str]) -> bool {
    let length = |tokens: &[&str]| -> usize {
        tokens.iter().filter(|token| is_word(token)).map(|token| token.len()).sum()
    };
    let gone = |hunk: &Hunk| length(base.get(hunk.base.clone()).unwrap_or_default());
    let whole = length(base);
    let kept = whole - hunks.iter().map(gone).sum::<usize>();
    kept * 3 < whole.min(length(new))
}

/// One hunk from the first change to the last.
fn covering(hunks: Vec<Hunk>) -> Vec<Hunk> {
    let ends = hunks.last().map(|last| (last.base.end, last.new.end));
    let starts = hunks.first().map(|first| (first.base.start, first.new.start));
    starts
        .zip(ends)
        .map(|(start, end)| Hunk { base: start.0..end.0, new: start.1..end.1 })
        .into_iter()
        .collect()
}

fn is_word(token: &str) -> bool {
    token.chars().any(char::is_alphanumeric)
}

/// Ascending hunks of tokens as hunks of the bytes that they spell.
fn in_bytes(hunks: &[Hunk], base: &[&str], new: &[&str]) -> Vec<Hunk> {
    let (mut base, mut new) = (Bytes::of(base), Bytes::of(new));
    hunks
        .iter()
        .map(|hunk| Hunk {
            base: base.up_to(hunk.base.start)..base.up_to(hunk.base.end),
            new: new.up_to(hunk.new.start)..new.up_to(hunk.new.end),
        })
        .collect()
}

/// Counts bytes while it walks over tokens.
struct Bytes<'a> {
    tokens: std::slice::Iter<'a, &'a str>,
    passed: usize,
    bytes: usize,
}

impl<'a> Bytes<'a> {
    fn of(tokens: &'a [&'a str]) -> Self {
        Self { tokens: tokens.iter(), passed: 0, bytes: 0 }
    }

    fn up_to(&mut self, token: usize) -> usize {
        let ahead = token.saturating_sub(self.passed);
        self.bytes += self.tokens.by_ref().take(ahead).map(|token| token.len()).sum::<usize>();
        self.passed += ahead;
        self.bytes
    }
}
