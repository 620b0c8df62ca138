use crate::{Document, ItemId, Part, Section, roots};

/// Every replica must make these bytes. A change here makes all existing contexts unreadable.
#[test]
fn genesis_is_pinned() {
    let hashes: Vec<String> = roots()
        .iter()
        .map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    assert_eq!(
        hashes,
        [
            "5c47cad51f2b6523fb2fb784e06230e2ccd1f6d544c3c36609651f9c2cf330ba",
            "274e87c979f6df14aca47e96e36fdcda7ab99d6e6356f3d2f82497f1c11c9511",
        ]
    );
    let section = Document::new(Part::Section(Section::Rules));
    let body = Document::new(Part::Body(ItemId([b'0'; 16])));
    assert_eq!(vec![section.heads()[0], body.heads()[0]], roots());
    for section in Section::ALL {
        let part = Part::Section(section);
        assert_eq!(Document::genesis(part), Document::genesis(Part::Section(Section::Rules)));
        let mut raw = automerge::Automerge::new();
        raw.load_incremental(Document::genesis(part)).unwrap();
        assert_eq!(Document::load(part, &raw.save()).unwrap().heads(), [roots()[0]]);
    }
}

#[test]
fn a_foreign_document_is_refused() {
    let body = Document::new(Part::Body(ItemId([b'0'; 16])));
    let rules = Part::Section(Section::Rules);
    assert_eq!(Document::load(rules, &body.save()).unwrap_err(), crate::LoadError::Foreign);
    assert_eq!(Document::load(rules, b"nonsense").unwrap_err(), crate::LoadError::Unreadable);
}
