//! A text with a change in it, all other bytes as they were.
//!
//! The libraries that edit write line ends in their own way. So they get a text with plain ones, and
//! what they changed of it is put into the bytes that are there.

/// The mark with which some editors begin a file.
const MARK: &str = "\u{feff}";

/// Edits a text; what the edit leaves alone keeps its bytes.
pub(super) fn edited<E>(raw: &str, edit: impl Fn(&str) -> Result<String, E>) -> Result<String, E> {
    let (mark, body) = match raw.strip_prefix(MARK) {
        Some(body) => (MARK, body),
        None => ("", raw),
    };
    let before = body.replace("\r\n", "\n");
    let after = edit(&before)?;
    let (start, end) = ends(&before, &after);
    let changed = after.get(start..after.len() - end).unwrap_or_default();
    let changed = match body.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => changed.replace('\n', "\r\n"),
        _ => changed.to_owned(),
    };
    let head = body.get(..there(body, start)).unwrap_or_default();
    let tail = body.get(there(body, before.len() - end)..).unwrap_or_default();
    Ok(format!("{mark}{head}{changed}{tail}"))
}

/// How many bytes are the same at the beginning, and at the end.
pub(super) fn ends(before: &str, after: &str) -> (usize, usize) {
    let same = before.chars().zip(after.chars()).take_while(|(a, b)| a == b);
    let start: usize = same.map(|(a, _)| a.len_utf8()).sum();
    let (old, new) = (before.get(start..), after.get(start..));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let same = old.chars().rev().zip(new.chars().rev()).take_while(|(a, b)| a == b);
    (start, same.map(|(a, _)| a.len_utf8()).sum())
}

/// Where a place of the text with plain line ends is in the text as it was.
fn there(body: &str, plain: usize) -> usize {
    let mut seen = 0;
    let mut bytes = body.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        if seen == plain {
            return at;
        }
        let pair = byte == b'\r' && bytes.peek().is_some_and(|(_, next)| *next == b'\n');
        seen += usize::from(!pair);
    }
    body.len()
}

#[cfg(test)]
mod tests;
