//! Text of others, made fit to be shown: to a person at a terminal, or to an agent.

use crate::edit::Touch;
use crate::json::timestamp;
use crate::value::ItemId;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Others that a line on an edit names.
const TOUCHES_MAX: usize = 3;
/// Characters of an id that is cut short: more than enough to find the item.
const ID_CHARS: usize = 8;

/// Without control characters, and without marks that turn the direction of the text.
pub fn clean(text: &str) -> String {
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
pub fn brief(text: &str, chars_max: usize) -> String {
    let line = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, chars_max)
}

/// The beginning of a text.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A path with the ids in it cut short: still an address.
pub fn short(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.parse::<ItemId>() {
        Ok(_) => part.chars().take(ID_CHARS).collect(),
        Err(_) => clean(part),
    });
    parts.collect::<Vec<String>>().join("/")
}

/// Bytes as hexadecimal digits, two for each.
pub fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A reason behind what it is the reason of; nothing where there is none.
pub fn because(why: &str, chars_max: usize) -> String {
    let why = brief(why, chars_max);
    if why.is_empty() { why } else { format!(": {why}") }
}

/// Who else wrote, when and why, on one line. `who` and `why` are the characters that there is room for.
pub fn touches(with: &[Touch], (who, why): (usize, usize), now_ms: i64) -> String {
    let mut told: Vec<String> = Vec::new();
    for touch in with {
        let (by, when) = (brief(&touch.by, who), ago(touch.time, now_ms));
        let line = format!("{by} ({when}{})", because(&touch.why, why));
        if !told.contains(&line) {
            told.push(line);
        }
    }
    let more = told.len().saturating_sub(TOUCHES_MAX);
    told.truncate(TOUCHES_MAX);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    told.join(", ")
}

/// How long ago a time was (both in milliseconds since 1970), or the day when it is longer than a week.
pub fn ago(time_ms: i64, now_ms: i64) -> String {
    let past = now_ms.saturating_sub(time_ms);
    match past {
        ..MINUTE_MS => "just now".to_owned(),
        MINUTE_MS..HOUR_MS => format!("{} min ago", past / MINUTE_MS),
        HOUR_MS..DAY_MS => format!("{} h ago", past / HOUR_MS),
        _ if past < 7 * DAY_MS => format!("{} d ago", past / DAY_MS),
        _ => timestamp(time_ms).chars().take(10).collect(),
    }
}

#[cfg(test)]
mod tests;
