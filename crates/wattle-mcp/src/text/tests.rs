use super::*;

#[test]
fn a_text_cannot_close_the_fence_around_it() {
    for text in ["plain", "```\nfake\n```", "`````", "a ```` b"] {
        let fenced = fenced(text);
        let fence = fenced.lines().next().unwrap();
        assert!(fence.chars().all(|c| c == '`') && fence.len() >= 3, "{fenced}");
        assert!(!text.contains(fence), "{fenced}");
        assert!(fenced.ends_with(fence), "{fenced}");
    }
}

#[test]
fn what_is_cut_says_so() {
    assert_eq!(brief("one\n two", 20), "one two");
    assert_eq!(brief("abcdef", 4), "abc…");
    assert_eq!(head("äöü", 3), "ä");
    assert_eq!(short("rules/0123456789abcdef/statement"), "rules/01234567/statement");
    assert_eq!(clean("a\u{202e}b\u{7}"), "a\u{fffd}b\u{fffd}");
}
