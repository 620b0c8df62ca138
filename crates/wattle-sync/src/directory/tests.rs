use super::*;

fn settings() -> Settings {
    Settings { context: ContextId([7; 32]), remotes: vec!["wattle://a:1".to_owned()] }
}

#[test]
fn settings_survive_and_are_founded_once() {
    let home = tempfile::tempdir().unwrap();
    let directory = Directory::new(&home.path().join("a/.wattle"));
    assert!(matches!(directory.read(), Err(OpenError::NotFound { .. })));
    directory.make().unwrap();
    directory.found(&settings()).unwrap();
    assert_eq!(directory.read().unwrap(), settings());
    assert!(matches!(directory.found(&settings()), Err(OpenError::Exists { .. })));
    assert!(matches!(directory.make(), Err(OpenError::Exists { .. })));
    let more = Settings { remotes: Vec::new(), ..settings() };
    directory.rewrite(&more).unwrap();
    assert_eq!(directory.read().unwrap(), more);
}

#[test]
fn settings_of_a_newer_program_and_nonsense_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let directory = Directory::new(home.path());
    for (text, sentence) in [
        (r#"{"format":2}"#, "has format 2; this program knows formats up to 1: use a newer one"),
        (r#"{"format":1,"context":"x"}"#, "cannot be understood: it names no context"),
    ] {
        fs::write(directory.settings(), text).unwrap();
        let error = directory.read().unwrap_err().to_string();
        assert!(error.ends_with(sentence), "{error}");
    }
}
