use super::*;

#[test]
fn what_has_no_room_is_counted() {
    let mut page = Page::new(Some(200));
    let lines: Vec<String> = (0..50).map(|number| format!("line number {number}")).collect();
    page.block("heading", &lines, "ask for it");
    let text = page.end(&["foot".to_owned()]);
    let shown = text.lines().filter(|line| line.starts_with("line")).count();
    assert!(shown > 5 && shown < 30, "{text}");
    assert!(text.contains(&format!("… {} more: ask for it", 50 - shown)), "{text}");
    assert!(text.ends_with("\nfoot") && text.len() <= 200 * TOKEN_BYTES, "{text}");
}

#[test]
fn nothing_has_no_heading() {
    let mut page = Page::new(None);
    page.block("heading", &[], "");
    assert_eq!(page.end(&[]), "");
}
