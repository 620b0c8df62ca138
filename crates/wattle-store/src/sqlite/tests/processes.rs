//! Several writers at once, and writers that are killed.
//!
//! A test that needs another process runs this test binary again, with a variable that tells
//! `as_another_process` what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use wattle_protocol::Position;

use crate::sqlite::tests::place;
use crate::testing::{CONTEXT, DOCUMENT, append, change};
use crate::{SqliteStore, Store, StoreError};

const TASK: &str = "WATTLE_STORE_TEST_TASK";
const PATH: &str = "WATTLE_STORE_TEST_PATH";

#[test]
fn as_another_process() {
    let (Ok(task), Ok(path)) = (std::env::var(TASK), std::env::var(PATH)) else { return };
    match task.split_once(' ').unwrap() {
        ("write", writer) => write_for_ever(Path::new(&path), writer.parse().unwrap()),
        ("once", writer) => write_once(Path::new(&path), writer.parse().unwrap()),
        ("refused", _) => println!("\n{:?}", SqliteStore::open(&path).err()),
        (task, _) => panic!("{task} is no task"),
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there() {
    let (_directory, path) = place();
    for round in 0..20 {
        let mut child = start(&path, &format!("write {round}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        // Killed in the middle of writing, after a number of acknowledgements that differs by round.
        while acknowledged < 5 + 7 * u64::from(round) {
            acknowledged = numbers(&lines.next().unwrap().unwrap(), acknowledged);
        }
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            acknowledged = numbers(&line, acknowledged);
        }
        child.wait().unwrap();
        let mut store = SqliteStore::open(&path).unwrap();
        store.verify().unwrap();
        let stored = store.read_after(&CONTEXT, &DOCUMENT, Position(0), usize::MAX).unwrap();
        let stored = stored.into_iter().map(|(_, stored)| stored);
        let stored: Vec<_> = stored.filter(|stored| stored.header.actor.0 == [round; 16]).collect();
        assert!(stored.len() as u64 >= acknowledged, "round {round}");
        for (stored, seq) in stored.iter().zip(1..) {
            assert_eq!(*stored, change(round, seq));
        }
    }
}

#[test]
fn eight_processes_create_and_write_one_file_at_once() {
    let (_directory, path) = place();
    let children: Vec<_> = (0..8).map(|writer| start(&path, &format!("once {writer}"))).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    complete(&path, 8, 25);
}

#[test]
fn eight_threads_write_one_file_at_once() {
    let (_directory, path) = place();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || write_once(path, writer));
        }
    });
    complete(&path, 8, 25);
}

#[test]
#[cfg(unix)]
fn where_nothing_may_be_written_opening_says_so() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let set = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let mut cases =
        vec![(true, 0o444, 0o777), (true, 0o444, 0o555), (true, 0o666, 0o555), (false, 0, 0o555)];
    if is_privileged(place().0.path()) {
        // What belongs to another user.
        cases.extend([(true, 0o644, 0o755), (false, 0, 0o755)]);
    }
    for (exists, file, above) in cases {
        let (directory, path) = place();
        if exists {
            drop(SqliteStore::open(&path).unwrap());
            set(&path, file);
        }
        set(directory.path(), above);
        let output = start_unprivileged(&path, "refused -").wait_with_output().unwrap();
        set(directory.path(), 0o777);
        let output = String::from_utf8(output.stdout).unwrap();
        let expected = format!("{:?}", Some(StoreError::ReadOnly { path: path.clone() }));
        assert!(output.contains(&expected), "{exists} {file:o} {above:o}: {output}");
    }
}

fn complete(path: &Path, writers: u8, changes: u64) {
    let mut store = SqliteStore::open(path).unwrap();
    store.verify().unwrap();
    let mut expected: Vec<_> =
        (0..writers).flat_map(|writer| (1..=changes).map(move |seq| change(writer, seq))).collect();
    let stored = store.read_after(&CONTEXT, &DOCUMENT, Position(0), usize::MAX).unwrap();
    let mut stored: Vec<_> = stored.into_iter().map(|(_, change)| change).collect();
    expected.sort_by_key(|change| change.header.hash);
    stored.sort_by_key(|change| change.header.hash);
    assert_eq!(stored, expected);
    let documents = store.documents(&CONTEXT).unwrap();
    assert_eq!(documents[0].heads.len(), usize::from(writers));
    assert_eq!(documents[0].last, Position(u64::from(writers) * changes));
}

fn write_once(path: &Path, writer: u8) {
    let mut store = SqliteStore::open(path).unwrap();
    for seq in 1..=25 {
        store.append(&[append(vec![change(writer, seq)])]).unwrap();
    }
}

fn write_for_ever(path: &Path, writer: u8) {
    let mut store = SqliteStore::open(path).unwrap();
    let mut out = std::io::stdout();
    for seq in 1.. {
        store.append(&[append(vec![change(writer, seq)])]).unwrap();
        writeln!(out, "\nacknowledged {seq}").unwrap();
        out.flush().unwrap();
    }
}

/// The newest number acknowledged.
fn numbers(line: &str, before: u64) -> u64 {
    line.strip_prefix("acknowledged ").map_or(before, |number| number.parse().unwrap())
}

fn start(path: &Path, task: &str) -> Child {
    command(path, task).spawn().unwrap()
}

/// As a user without rights of its own when this one may do anything.
#[cfg(unix)]
fn start_unprivileged(path: &Path, task: &str) -> Child {
    use std::os::unix::process::CommandExt;
    let mut command = command(path, task);
    let nobody = 65_534;
    if is_privileged(path.parent().unwrap()) {
        command.uid(nobody).gid(nobody);
    }
    command.spawn().unwrap()
}

/// Whether this process may do anything; what it has created tells whose it is.
#[cfg(unix)]
fn is_privileged(created: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(created).unwrap().uid() == 0
}

fn command(path: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["sqlite::tests::processes::as_another_process", "--exact", "--nocapture"])
        .env(TASK, task)
        .env(PATH, path)
        .stdout(Stdio::piped());
    command
}
