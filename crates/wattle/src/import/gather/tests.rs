use super::*;

#[test]
fn the_first_heading_names_a_document() {
    for (body, title) in [
        ("# API\n\ntext", Some("API")),
        ("intro\n\n## Second level ##\n", Some("Second level")),
        ("---\ntitle: # not this\n---\n# This\n", Some("This")),
        ("```\n# a comment\n```\n# After the code\n", Some("After the code")),
        ("#hashtag\n", None),
        ("#\n# \n", None),
        ("####### seven\n", None),
        ("", None),
        ("\u{e9}\n# \u{e9}t\u{e9}\n", Some("\u{e9}t\u{e9}")),
    ] {
        assert_eq!(heading(body), title, "{body:?}");
    }
}

#[test]
fn sources_are_paths_below_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("docs/node_modules")).unwrap();
    fs::create_dir_all(root.join("docs/.hidden")).unwrap();
    for (name, body) in [
        ("docs/b.txt", "plain"),
        ("docs/a.md", "# A title\n"),
        ("docs/picture.png", "no text file by its name"),
        ("docs/node_modules/x.md", "# made by a tool"),
        ("docs/.hidden/x.md", "# hidden"),
    ] {
        fs::write(root.join(name), body).unwrap();
    }
    fs::write(root.join("docs/latin.txt"), [0xe9, 0x74, 0xe9]).unwrap();
    let gathered = gather(&[root.join("docs"), root.join("docs/./a.md")], root).unwrap();
    let found: Vec<_> = gathered
        .texts
        .iter()
        .map(|text| (text.source.as_str(), text.title.as_str(), text.media_type))
        .collect();
    assert_eq!(
        found,
        [("docs/a.md", "A title", "text/markdown"), ("docs/b.txt", "b", "text/plain")]
    );
    assert_eq!(gathered.binary, [root.join("docs/latin.txt")]);
}

#[test]
fn a_name_that_is_not_there_is_said() {
    let missing = gather(&["no such file".into()], Path::new("."));
    assert!(matches!(missing, Err(Failure::Unreadable { .. })));
}
