//! What keeps a relay from starting: one sentence, exit 1, and the data as it was.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::tempdir;

use crate::process::{Relay, command, fails};

fn sentence(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn fails_with(command: &mut Command, expected: &str) {
    let text = sentence(&fails(command.args(["--listen", "127.0.0.1:0"])));
    assert!(text.contains(expected), "{expected:?} in {text}");
}

/// A directory in which a relay has run.
fn used() -> tempfile::TempDir {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    relay.terminate();
    assert!(relay.wait().0.success());
    data
}

fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_port_in_use() {
    let data = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = sentence(&fails(command(data.path()).args(["--listen", &address])));
    assert!(text.contains(&format!("cannot listen on {address}: ")), "{text}");
    assert!(text.contains("in use"), "{text}");
}

#[test]
fn an_address_that_is_none() {
    let data = tempdir().unwrap();
    let text = sentence(&fails(command(data.path()).args(["--listen", "nowhere"])));
    assert!(text.contains("cannot listen on nowhere: "), "{text}");
}

#[test]
fn a_directory_that_another_relay_uses() {
    let data = tempdir().unwrap();
    let _relay = Relay::start(data.path());
    fails_with(&mut command(data.path()), "another relay runs on");
}

#[test]
fn a_file_in_place_of_the_directory() {
    let data = tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "mine").unwrap();
    fails_with(&mut command(&file), "cannot be used: ");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_directory_that_may_not_be_written() {
    let data = used();
    let before = content(data.path());
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o555)).unwrap();
    for entry in fs::read_dir(data.path()).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o444)).unwrap();
    }
    let mut command = command(data.path());
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        // Permissions do not bind root.
        command.uid(65534).gid(65534);
    }
    fails_with(&mut command, "cannot be ");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(content(data.path()), before);
}

#[test]
fn a_damaged_file() {
    let data = used();
    let path = data.path().join("relay.db");
    let mut bytes = fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(100).step_by(3) {
        *byte ^= 0x5a;
    }
    fs::write(&path, &bytes).unwrap();
    fails_with(&mut command(data.path()), "is damaged");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_of_another_program() {
    let data = used();
    let path = data.path().join("relay.db");
    fs::write(&path, "a shopping list, longer than the header of a database would be. ".repeat(9))
        .unwrap();
    fails_with(&mut command(data.path()), "is not a Wattle store");
}

#[test]
fn a_file_of_a_later_release() {
    let data = used();
    let path = data.path().join("relay.db");
    let mut bytes = fs::read(&path).unwrap();
    // Where SQLite keeps `user_version`, the number of the format.
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    fails_with(&mut command(data.path()), "has format 999, and this program knows formats up to");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_key_that_is_none() {
    let data = used();
    fs::write(data.path().join("relay.key"), "not a key").unwrap();
    fails_with(&mut command(data.path()), "is not a relay's key");
}

#[test]
fn the_key_is_kept_and_for_its_owner_only() {
    let data = used();
    let path = data.path().join("relay.key");
    let before = fs::read(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(Relay::start(data.path()));
    assert_eq!(fs::read(&path).unwrap(), before);
}
