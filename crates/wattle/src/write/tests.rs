use super::*;

#[test]
fn a_file_is_replaced_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.md");
    for text in ["one", "two", ""] {
        replace(&file, text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = replace(&folder.path().join("none/a.md"), b"x").unwrap_err();
    assert!(error.to_string().contains("a.md cannot be written: "), "{error}");
}

#[cfg(unix)]
#[test]
fn a_new_file_has_the_mode_of_any_new_file_and_an_old_one_keeps_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o7777;
    let (any, own) = (folder.path().join("any"), folder.path().join("own"));
    fs::write(&any, "").unwrap();
    replace(&own, b"one").unwrap();
    assert_eq!(mode(&own), mode(&any));
    for kept in [0o600, 0o664, 0o755] {
        fs::set_permissions(&own, fs::Permissions::from_mode(kept)).unwrap();
        replace(&own, b"two").unwrap();
        assert_eq!(mode(&own), kept);
    }
    fs::set_permissions(&own, fs::Permissions::from_mode(0o444)).unwrap();
    let error = replace(&own, b"three").unwrap_err().to_string();
    assert!(error.contains("own cannot be written: it is read-only"), "{error}");
    assert_eq!(fs::read_to_string(&own).unwrap(), "two");
}

#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_written_and_the_link_stays() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "one").unwrap();
    symlink("file", &link).unwrap();
    replace(&link, b"two").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "two");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    fs::remove_file(&file).unwrap();
    let error = replace(&link, b"three").unwrap_err().to_string();
    assert!(error.contains("link cannot be written: it is a link to nothing"), "{error}");
    assert!(!file.exists() && fs::symlink_metadata(&link).unwrap().is_symlink());
}
