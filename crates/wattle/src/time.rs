//! Times for people.

use std::time::{SystemTime, UNIX_EPOCH};

use wattle_context::json::timestamp;

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

/// The time of day, in UTC.
pub(crate) fn clock(time_ms: i64) -> String {
    timestamp(time_ms).chars().skip(11).take(8).collect()
}

#[cfg(test)]
mod tests;
