//! Times for people.

use wattle_context::json::timestamp;
use wattle_sync::clock::now_s;

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
