//! Times for people.

use std::time::{SystemTime, UNIX_EPOCH};

use wattle_context::json::timestamp;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    u64::try_from(now_ms() / 1000).unwrap_or_default()
}

/// Seconds since 1970, so many from now.
pub(crate) fn in_seconds(seconds: u64) -> u64 {
    now_s().saturating_add(seconds)
}

/// A time to the minute, in UTC; of seconds since 1970.
pub(crate) fn minute(seconds: u64) -> String {
    let time = timestamp(i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
    let told: String = time.chars().take(16).collect();
    format!("{} UTC", told.replace('T', " "))
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

/// The time of day, in UTC.
pub(crate) fn clock(time_ms: i64) -> String {
    timestamp(time_ms).chars().skip(11).take(8).collect()
}

#[cfg(test)]
mod tests;
