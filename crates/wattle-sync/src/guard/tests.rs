use super::*;

#[test]
fn an_empty_document_survives_its_snapshot() {
    let part = Part::Section(wattle_context::Section::Rules);
    let document = Document::new(part);
    let bytes = snapshot(&document).unwrap();
    let loaded = load(part, Some(&bytes), &[]).unwrap();
    assert_eq!(loaded.document.heads(), document.heads());
    assert!(loaded.failed.is_empty());
}
