//! Text of others, made fit to stand in an answer.

use wattle_context::Value;
use wattle_context::plain::{self, brief, clean};

/// Characters of a reason.
pub(crate) const WHY_CHARS: usize = 120;

/// The beginning of a text that has room in so many bytes.
pub(crate) fn head(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A value on one line, quoted where it is a text.
pub(crate) fn quoted(value: &Value, chars_max: usize) -> String {
    let text = brief(&value.to_string(), chars_max);
    if value.text().is_some() { format!("\"{text}\"") } else { text }
}

/// A text as it is, between fences that nothing in it can close.
pub(crate) fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}", clean(text))
}

/// A reason behind what it is the reason of.
pub(crate) fn because(why: &str) -> String {
    plain::because(why, WHY_CHARS)
}

/// So many of something.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests;
