use std::fs;

use super::*;

const FILE: &str = "identity.json";

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
fn only_its_owner_can_read_it_and_a_file_that_others_can_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    Identity::load_or_create(home.path(), "ana").unwrap();
    Identity::create_agent(home.path(), "bot").unwrap();
    let mode =
        |file: &str| fs::metadata(home.path().join(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("agents"), 0o700);
    for file in [FILE, "agents/bot.json"] {
        let path = home.path().join(file);
        assert_eq!(mode(file), 0o600, "{file}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    let error = Identity::load_or_create(home.path(), "ana").unwrap_err();
    assert!(error.to_string().contains("can be read by others (mode 640): `chmod 600` it"));
    let error = Identity::agent(home.path(), "bot").unwrap_err();
    assert!(matches!(error, IdentityError::TooOpen { .. }), "{error}");
}

#[test]
fn a_file_that_is_no_identity_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE);
    Identity::load_or_create(home.path(), "ana").unwrap();
    fs::write(&path, "{}").unwrap();
    let error = Identity::load_or_create(home.path(), "ana").unwrap_err();
    assert!(matches!(error, IdentityError::Malformed { .. }), "{error}");
    assert_eq!(fs::read_to_string(path).unwrap(), "{}");
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

#[test]
fn a_passphrase_opens_what_it_closed_and_nothing_else_does() {
    let home = tempfile::tempdir().unwrap();
    let open = |passphrase| Identity::load_or_create_with(home.path(), "ana", passphrase);
    let made = open(Some("a long sentence")).unwrap();
    let text = fs::read_to_string(home.path().join(FILE)).unwrap();
    assert!(text.contains("argon2id, xchacha20poly1305"), "{text}");
    assert!(!text.contains(&PublicKey(made.keypair.secret()).to_string()));
    assert_eq!(open(Some("a long sentence")).unwrap().key(), made.key());
    let wrong = open(Some("a long sentense")).unwrap_err();
    assert!(wrong.to_string().starts_with("the passphrase does not open "), "{wrong}");
    let none = open(None).unwrap_err();
    assert!(none.to_string().ends_with("give it in WATTLE_PASSPHRASE"), "{none}");

    made.protect(home.path(), None).unwrap();
    assert_eq!(open(None).unwrap().key(), made.key());
}

#[test]
fn a_lock_that_was_changed_or_asks_for_too_much_stays_shut() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE);
    let open = || Identity::load_or_create_with(home.path(), "ana", Some("secret"));
    open().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let other = Identity::random("eve").unwrap().key().to_string();
    let key: serde_json::Value = serde_json::from_str(&text).unwrap();
    let another_key = text.replace(key["key"].as_str().unwrap(), &other);
    fs::write(&path, another_key).unwrap();
    assert!(matches!(open(), Err(IdentityError::WrongPassphrase { .. })));
    fs::write(&path, text.replace("\"memory_kib\":65536", "\"memory_kib\":4000000000")).unwrap();
    assert!(matches!(open(), Err(IdentityError::Malformed { .. })));
}

#[test]
fn agents_have_keys_of_their_own_beside_that_of_their_person() {
    let home = tempfile::tempdir().unwrap();
    assert!(Identity::agents(home.path()).unwrap().is_empty());
    let bot = Identity::create_agent(home.path(), "bot").unwrap();
    Identity::create_agent(home.path(), "a-2_b").unwrap();
    assert_eq!(Identity::agents(home.path()).unwrap(), ["a-2_b", "bot"]);
    assert_eq!(Identity::agent(home.path(), "bot").unwrap().key(), bot.key());
    let twice = Identity::create_agent(home.path(), "bot").unwrap_err();
    assert!(matches!(twice, IdentityError::AgentExists { .. }), "{twice}");
    let unknown = Identity::agent(home.path(), "bob").unwrap_err().to_string();
    assert_eq!(unknown, "no agent bob has a key on this machine: a-2_b, bot have");
    for name in ["", "../identity", "a/b", "a.b"] {
        let error = Identity::agent(home.path(), name).unwrap_err();
        assert!(matches!(error, IdentityError::AgentName { .. }), "{error}");
    }
}

#[test]
fn a_new_key_replaces_the_old_one_only_when_that_is_said() {
    let home = tempfile::tempdir().unwrap();
    let load = || Identity::load_or_create(home.path(), "ana").unwrap();
    let old = load();
    let none = Identity::conclude_rotation(home.path()).unwrap_err();
    assert!(matches!(none, IdentityError::NoRotation { .. }), "{none}");
    let new = old.prepare_rotation(home.path()).unwrap();
    assert_eq!(old.prepare_rotation(home.path()).unwrap().key(), new.key());
    assert_eq!(load().key(), old.key());
    Identity::conclude_rotation(home.path()).unwrap();
    assert_eq!((load().key(), load().name.as_str()), (new.key(), "ana"));
    assert_eq!(Identity::previous(home.path()).unwrap().unwrap().key(), old.key());
}

#[test]
fn a_recovery_key_survives_paper() {
    let key = Identity::random("ana").unwrap();
    let text = key.recovery_text();
    assert_eq!(text.len(), 58 + 11, "{text}");
    let copied = text.to_lowercase().replace('-', " ").replace('0', "O").replace('1', "l");
    for text in [&text, &copied] {
        let found = Identity::from_recovery(text, "ana again").unwrap();
        assert_eq!((found.key(), found.name.as_str()), (key.key(), "ana again"));
    }
    let first = if text.starts_with('0') { "2" } else { "0" };
    for mistaken in [format!("{first}{}", &text[1..]), text[1..].to_owned(), String::new()] {
        let error = Identity::from_recovery(&mistaken, "ana").unwrap_err();
        assert!(matches!(error, IdentityError::Recovery), "{error}");
    }
}
