//! Text of others, made fit to stand in an answer.

use wattle_context::json::timestamp;
use wattle_context::{ItemId, Value};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Characters of an id in an answer: more than enough to find the item.
const ID_CHARS: usize = 8;

/// Without control characters, and without marks that turn the direction of the text.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The beginning of a text, on one line.
pub(crate) fn brief(text: &str, chars_max: usize) -> String {
    let line = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, chars_max)
}

/// The beginning of a text.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

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

/// A path with the ids in it cut short: still an address.
pub(crate) fn short(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.parse::<ItemId>() {
        Ok(_) => part.chars().take(ID_CHARS).collect(),
        Err(_) => clean(part),
    });
    parts.collect::<Vec<String>>().join("/")
}

/// Whether a value is nothing, or holds nothing.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(_) | Value::Int(_) => false,
    }
}

/// How long ago, or the day when it is longer than a week.
pub(crate) fn ago(time_ms: i64, now_ms: i64) -> String {
    let past = now_ms.saturating_sub(time_ms);
    match past {
        ..MINUTE_MS => "just now".to_owned(),
        MINUTE_MS..HOUR_MS => format!("{} min ago", past / MINUTE_MS),
        HOUR_MS..DAY_MS => format!("{} h ago", past / HOUR_MS),
        _ if past < 7 * DAY_MS => format!("{} d ago", past / DAY_MS),
        _ => timestamp(time_ms).chars().take(10).collect(),
    }
}

/// A reason behind what it is the reason of.
pub(crate) fn because(why: &str) -> String {
    let why = brief(why, 120);
    if why.is_empty() { why } else { format!(": {why}") }
}

/// So many of something.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests;
