use super::*;

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

#[test]
fn the_field_says_what_a_typed_value_is() {
    for (verb, path, typed, expected) in [
        (Verb::Add, "rules", "No deploys", map(&[("statement", "No deploys".into())])),
        (Verb::Add, "tools", "42", map(&[("pattern", "42".into())])),
        (
            Verb::Add,
            "tasks",
            r#"{"title": "Ship it", "priority": 2}"#,
            map(&[("title", "Ship it".into()), ("priority", 2.into())]),
        ),
        (Verb::Set, "tasks/ship/priority", "2", 2.into()),
        (Verb::Set, "tasks/ship/priority", "high", "high".into()),
        (Verb::Set, "tasks/ship/title", "2", "2".into()),
        (Verb::Set, "rules/x/enabled", "false", false.into()),
        (Verb::Set, "people/ana/preferences/tabs", "4", 4.into()),
        (Verb::Set, "people/ana/preferences/tabs", "\"4\"", "4".into()),
        (Verb::Set, "people/ana/preferences/language", "Dutch", "Dutch".into()),
        (Verb::Append, "tasks/ship/notes", "[1] done", "[1] done".into()),
        (Verb::Set, "documents/api/tags", r#"["a", "b"]"#, vec!["a".into(), "b".into()].into()),
        (Verb::Set, "documents/api/body", "true", "true".into()),
        (Verb::Set, "rules/x", r#"{"severity": "must"}"#, map(&[("severity", "must".into())])),
        (Verb::Set, "policies/rules/severity", "last-writer", "last-writer".into()),
    ] {
        assert_eq!(value(verb, path, typed).unwrap(), expected, "{path} {typed}");
    }
}

#[test]
fn a_file_is_text_whatever_it_holds() {
    let file = std::env::temp_dir().join(format!("wattle-typed-{}", std::process::id()));
    std::fs::write(&file, "42\n").unwrap();
    let typed = format!("@{}", file.display());
    let read = value(Verb::Set, "tasks/ship/priority", &typed);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(read.unwrap(), "42\n".into());
    assert!(matches!(
        value(Verb::Set, "tasks/ship/priority", &typed),
        Err(Failure::Unreadable { .. })
    ));
}
