//! Disks that are full, files that are damaged, taken away or not to be written.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use wattle_protocol::io::Snapshot;
use wattle_protocol::{Blob, Position, StoreId};

use crate::sqlite::tests::place;
use crate::testing::{CONTEXT, DOCUMENT, append, chain, known};
use crate::{SqliteStore, Store, StoreError};

#[test]
fn a_full_store_says_so_and_keeps_what_it_has() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    store.append(&[append(chain(1, 10))]).unwrap();
    let pages: i64 = pragma(&store, "page_count");
    let connection = store.connection.as_ref().unwrap();
    connection.pragma_update(None, "max_page_count", pages + 8).unwrap();
    let error = store.append(&[append(chain(11, 5_000))]).unwrap_err();
    assert_eq!(error, StoreError::Full { path });
    assert_eq!(store.last(), Ok(Position(10)));
    store.verify().unwrap();
    // The file was opened anew, and there is room again.
    store.append(&[append(chain(11, 5_000))]).unwrap();
    assert_eq!(store.last(), Ok(Position(5_000)));
}

#[test]
fn a_file_that_may_not_be_written_any_more_says_so() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    store.append(&[append(chain(1, 3))]).unwrap();
    store.connection.as_ref().unwrap().pragma_update(None, "query_only", true).unwrap();
    let error = store.append(&[append(chain(4, 4))]).unwrap_err();
    assert_eq!(error, StoreError::ReadOnly { path });
    assert_eq!(store.last(), Ok(Position(3)));
}

#[test]
fn after_a_failure_a_handle_still_sees_what_others_commit() {
    let (_directory, path) = place();
    let (mut ours, mut theirs) =
        (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    let before = ours.data_version().unwrap();
    ours.connection.as_ref().unwrap().pragma_update(None, "query_only", true).unwrap();
    ours.append(&[append(chain(1, 1))]).unwrap_err();
    theirs.append(&[append(chain(1, 1))]).unwrap();
    assert_ne!(ours.data_version().unwrap(), before);
    assert_eq!(ours.append(&[append(chain(1, 2))]), Ok(vec![vec![Position(1), Position(2)]]));
}

#[test]
fn a_refused_request_does_not_cost_the_connection() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    store.append(&[append(chain(5, 5))]).unwrap_err();
    assert!(store.connection.is_some());
    assert_eq!(store.reopened, 0);
}

#[test]
fn every_commit_is_synchronised_also_after_something_was_remembered() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    let full = 2_i64;
    assert_eq!(pragma::<i64>(&store, "synchronous"), full);
    store.remember(&StoreId([1; 16]), &CONTEXT, &[known(1)]).unwrap();
    assert_eq!(pragma::<i64>(&store, "synchronous"), full);
    assert_eq!(pragma::<String>(&store, "journal_mode"), "wal");
}

#[test]
fn a_file_that_was_removed_is_not_written_any_more() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    store.append(&[append(chain(1, 3))]).unwrap();
    fs::remove_file(&path).unwrap();
    let error = store.append(&[append(chain(4, 4))]).unwrap_err();
    assert_eq!(error, StoreError::Missing { path: path.clone() });
    let mut other = SqliteStore::open(&path).unwrap();
    let error = store.append(&[append(chain(4, 4))]).unwrap_err();
    assert_eq!(error, StoreError::Replaced { path });
    other.append(&[append(chain(1, 1))]).unwrap();
}

#[test]
fn a_file_that_was_replaced_is_not_written_any_more() {
    let (directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    let another = directory.path().join("another.db");
    drop(SqliteStore::open(&another).unwrap());
    fs::rename(&another, &path).unwrap();
    let error = store.append(&[append(chain(1, 1))]).unwrap_err();
    assert_eq!(error, StoreError::Replaced { path: path.clone() });
}

#[test]
fn damage_is_found_wherever_it_is() {
    let pages = {
        let (_directory, path) = place();
        fs::metadata(filled(&path)).unwrap().len() / 4096
    };
    assert!(pages > 20);
    for page in 1..pages {
        let (_directory, path) = place();
        overwrite(filled(&path), page * 4096, &[0xa5; 64]);
        let error = SqliteStore::open(&path)
            .and_then(|mut store| store.verify())
            .expect_err("damage on a page is found");
        assert!(matches!(error, StoreError::Corrupt { .. }), "page {page}: {error:?}");
    }
}

#[test]
fn a_damaged_first_page_is_not_taken_for_a_new_store() {
    let (_directory, path) = place();
    overwrite(filled(&path), 0, &[0; 100]);
    assert_eq!(SqliteStore::open(&path).unwrap_err(), StoreError::Foreign { path });
}

#[test]
fn a_truncated_file_is_damaged_wherever_it_was_cut() {
    let length = {
        let (_directory, path) = place();
        fs::metadata(filled(&path)).unwrap().len()
    };
    for cut in (1..8).map(|part| length * part / 8 / 512 * 512) {
        let (_directory, path) = place();
        fs::OpenOptions::new().write(true).open(filled(&path)).unwrap().set_len(cut).unwrap();
        let error = SqliteStore::open(&path)
            .and_then(|mut store| store.verify())
            .expect_err("a cut is found");
        assert!(matches!(error, StoreError::Corrupt { .. }), "cut at {cut}: {error:?}");
        assert_eq!(fs::metadata(&path).unwrap().len(), cut);
    }
}

#[test]
fn rows_that_contradict_each_other_are_damage() {
    let cases = [
        "UPDATE doc SET heads = x'00'",
        "UPDATE doc SET heads = zeroblob(32)",
        "UPDATE doc SET last = last - 1",
        "UPDATE log SET bytes = NULL WHERE id = 5",
        "UPDATE log SET deps = x'0102' WHERE id = 5",
        "UPDATE log SET author = x'01' WHERE id = 5",
        "DELETE FROM log WHERE id = 8",
        "DELETE FROM snapshot",
        "DELETE FROM doc",
    ];
    for case in cases {
        let (_directory, path) = place();
        let mut store = SqliteStore::open(filled(&path)).unwrap();
        store.verify().unwrap();
        let connection = store.connection.as_ref().unwrap();
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {case}")).unwrap();
        let error = store.verify().expect_err(case);
        assert!(matches!(error, StoreError::Corrupt { .. }), "{case}: {error:?}");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_damage_and_no_panic() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(filled(&path)).unwrap();
    let connection = store.connection.as_ref().unwrap();
    connection.execute_batch("UPDATE log SET seal = x'01' WHERE id = 5").unwrap();
    let error = store.read(&CONTEXT, &DOCUMENT, &[Position(5)]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert_eq!(store.read(&CONTEXT, &DOCUMENT, &[Position(6)]).unwrap().len(), 1);
}

/// A closed store with a few hundred changes, the first two without their bytes.
fn filled(path: &Path) -> &Path {
    let mut store = SqliteStore::open(path).unwrap();
    store.append(&[append(chain(1, 300))]).unwrap();
    for upto in [2, 9] {
        let bytes = Blob::from(vec![1; 9_000]);
        let snapshot = Snapshot { upto: Position(upto), bytes, seals: vec![] };
        store.put_snapshot(&CONTEXT, &DOCUMENT, &snapshot, true).unwrap();
    }
    path
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

fn pragma<T: rusqlite::types::FromSql>(store: &SqliteStore, name: &str) -> T {
    let connection = store.connection.as_ref().unwrap();
    connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}
