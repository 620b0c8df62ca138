use super::*;

#[test]
fn the_recent_past_is_told_in_words() {
    let now = 1_709_164_799_000;
    for (past, told) in [
        (-5_000, "just now"),
        (59_999, "just now"),
        (60_000, "1 min ago"),
        (3 * HOUR_MS, "3 h ago"),
        (6 * DAY_MS, "6 d ago"),
        (7 * DAY_MS, "2024-02-21"),
    ] {
        assert_eq!(ago(now - past, now), told);
    }
    assert_eq!(ago(i64::MIN, i64::MAX), "0000-01-01");
    assert_eq!(clock(now), "23:59:59");
}
