//! Files become documents, once.

use crate::desk::Desk;

#[test]
fn files_become_documents_and_a_second_import_rewrites_them() {
    let ana = Desk::new("ana");
    ana.write("docs/api.md", "# The API\n\none\ntwo\nthree\n");
    ana.write("docs/notes.txt", "just text\n");
    ana.write("docs/picture.png", "not taken");
    let foretold = ana.json(&["import", "--dry-run", "docs"]);
    assert_eq!((&foretold["new"], &foretold["dry_run"]), (&2.into(), &true.into()));
    assert_eq!(ana.json(&["show", "documents"])["items"].as_array().unwrap().len(), 0);
    let first = ana.ok(&["import", "--yes", "docs"]);
    assert!(first.ends_with("2 new, 0 rewritten, 0 unchanged\n"), "{first}");
    let item = ana.json(&["show", "documents/the-api"]);
    assert_eq!(item["fields"]["source"]["value"], "docs/api.md");
    assert_eq!(item["fields"]["media_type"]["value"], "text/markdown");
    assert_eq!(item["body"]["value"], "# The API\n\none\ntwo\nthree\n");
    ana.edit(&["documents/the-api/body", "replace", "--old", "one", "ONE"]);
    let second = ana.ok(&["import", "--yes", "docs"]);
    assert!(second.ends_with("0 new, 0 rewritten, 2 unchanged\n"), "{second}");
    assert_eq!(ana.body("the-api").0, "# The API\n\nONE\ntwo\nthree\n");
    ana.write("docs/api.md", "# The API\n\none\ntwo\nTHREE\n");
    let third = ana.json(&["import", "--yes", "docs/api.md"]);
    assert_eq!(third["rewritten"], 1, "{third}");
    assert_eq!(ana.body("the-api").0, "# The API\n\nONE\ntwo\nTHREE\n");
    assert_eq!(ana.json(&["show", "documents"])["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_file_that_cannot_be_taken_does_not_stop_the_others() {
    let ana = Desk::new("ana");
    ana.write("good.md", "# Good\n");
    std::fs::write(ana.project().join("bad.txt"), [0xff, 0xfe, 0x00]).unwrap();
    std::fs::write(ana.project().join("huge.txt"), vec![b'x'; 5 * 1024 * 1024]).unwrap();
    let done = ana.run(&["import", "--yes", "good.md", "bad.txt", "huge.txt", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let failed: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    let sentence = "2 of the files were not imported; the lines above say why";
    assert_eq!(failed["error"]["message"], sentence);
    let told: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&told["new"], &told["refused"]), (&1.into(), &2.into()));
    assert_eq!(ana.json(&["show", "documents"])["items"].as_array().unwrap().len(), 1);
}
