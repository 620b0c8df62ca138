use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_token_opens_until_it_is_removed_and_no_other_does() {
    let folder = folder();
    let tokens = Tokens::of(folder.path());
    assert_eq!(tokens.list().unwrap(), []);
    let agent = Some(("bot".to_owned(), "00ff".to_owned()));
    let (first, made) = tokens.add(TokenTerms { agent, until_s: None }).unwrap();
    let (second, other) = tokens.add(TokenTerms::default()).unwrap();
    assert_eq!(tokens.find(&first).unwrap().as_ref(), Some(&made));
    assert_eq!(tokens.find(&second).unwrap().as_ref(), Some(&other));
    assert!(tokens.still(&made) && !made.is_over());
    let mixed = format!("{}_{}", &first[..15], &second[16..]);
    let upper = first.to_uppercase();
    for wrong in ["", "wattle_", "wattle_../../x_00", &mixed, &upper, &first[..first.len() - 1]] {
        assert_eq!(tokens.find(wrong).unwrap(), None, "{wrong}");
    }
    assert_eq!(tokens.remove(&first).unwrap(), made.id);
    assert!(!tokens.still(&made));
    assert_eq!(tokens.find(&first).unwrap(), None);
    assert_eq!(tokens.list().unwrap(), [other]);
    assert!(matches!(tokens.remove("../settings"), Err(TokenError::Unknown { .. })));
}

#[test]
fn only_a_digest_is_kept_and_only_for_its_owner() {
    let folder = folder();
    let tokens = Tokens::of(folder.path());
    let (token, made) = tokens.add(TokenTerms { agent: None, until_s: Some(1) }).unwrap();
    assert!(made.is_over() && !tokens.still(&made));
    let path = tokens.path(&made.id);
    let kept = fs::read_to_string(&path).unwrap();
    let (_, secret) = parts(&token).unwrap();
    assert!(!kept.contains(secret), "{kept}");
    fs::write(&path, "{}").unwrap();
    assert!(matches!(tokens.find(&token), Err(TokenError::Malformed { .. })));
    assert!(matches!(tokens.list(), Err(TokenError::Malformed { .. })));
    tokens.remove(&made.id).unwrap();
    assert_eq!(tokens.list().unwrap(), []);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_open_to_others_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let tokens = Tokens::of(folder.path());
    let (token, made) = tokens.add(TokenTerms::default()).unwrap();
    let path = tokens.path(&made.id);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&tokens.folder)), (0o600, 0o700));
    for open in [0o666, 0o640] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let found = tokens.find(&token);
        assert!(matches!(found, Err(TokenError::TooOpen { mode, .. }) if mode == open), "{open:o}");
    }
}
