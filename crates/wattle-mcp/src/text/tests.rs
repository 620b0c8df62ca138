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
fn a_character_is_not_cut_in_two() {
    assert_eq!(head("äöü", 3), "ä");
}
