use super::*;

#[test]
fn what_is_cut_says_so() {
    assert_eq!(brief("one\n two", 20), "one two");
    assert_eq!(brief("abcdef", 4), "abc…");
    assert_eq!(short("rules/0123456789abcdef/statement"), "rules/01234567/statement");
    assert_eq!(clean("a\u{202e}b\u{7}"), "a\u{fffd}b\u{fffd}");
}

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
}
