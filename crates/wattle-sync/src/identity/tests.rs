use super::*;

#[test]
fn the_first_call_makes_it_and_the_next_finds_it() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("a/b");
    let made = Identity::load_or_create(&config, "ana").unwrap();
    let found = Identity::load_or_create(&config, "someone else").unwrap();
    assert_eq!((found.key(), found.name.as_str()), (made.key(), "ana"));
    assert_eq!(fs::read_dir(&config).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    Identity::load_or_create(home.path(), "ana").unwrap();
    let mode = fs::metadata(home.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_is_no_identity_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(FILE), "{}").unwrap();
    let error = Identity::load_or_create(home.path(), "ana").unwrap_err();
    assert!(matches!(error, IdentityError::Malformed { .. }), "{error}");
    assert_eq!(fs::read_to_string(home.path().join(FILE)).unwrap(), "{}");
}

#[test]
fn all_that_begin_at_once_get_the_same_one() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path();
    let keys: Vec<PublicKey> = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Identity::load_or_create(config, "ana").unwrap().key()))
            .collect();
        begun.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}
