//! Files of other programs, and of other versions of this one.

use std::fs;

use rusqlite::{Connection, params};
use wattle_protocol::access::Closure;
use wattle_protocol::{ActorId, Position, PublicKey, StoreId};

use crate::sqlite::schema::{self, Format, STEPS};
use crate::sqlite::tests::place;
use crate::testing::{CONTEXT, DOCUMENT, append, chain, hash};
use crate::{SqliteStore, Store, StoreError};

#[test]
fn a_foreign_database_is_refused_and_left_as_it_was() {
    let (_directory, path) = place();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE bookmarks (url TEXT); PRAGMA application_id = 77").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    for _ in 0..2 {
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error, StoreError::Foreign { path: path.clone() });
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_database_that_says_nothing_of_itself_is_foreign_too() {
    let (_directory, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap_err(), StoreError::Foreign { path });
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
    for content in ["x".repeat(3), "a letter\n".repeat(50), "a longer letter\n".repeat(1_000)] {
        let (_directory, path) = place();
        fs::write(&path, &content).unwrap();
        for open in [SqliteStore::open, SqliteStore::open_existing] {
            assert_eq!(open(&path).unwrap_err(), StoreError::Foreign { path: path.clone() });
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn an_existing_store_must_exist() {
    let (directory, path) = place();
    let missing = SqliteStore::open_existing(&path).unwrap_err();
    assert_eq!(missing, StoreError::Missing { path: path.clone() });
    fs::write(&path, "").unwrap();
    let empty = SqliteStore::open_existing(&path).unwrap_err();
    assert_eq!(empty, StoreError::Foreign { path: path.clone() });
    // Somebody may have made room for it, or a crash may have come before the first commit.
    SqliteStore::open(&path).unwrap();
    SqliteStore::open_existing(&path).unwrap();
    let nowhere = directory.path().join("no/such/store.db");
    let parent = nowhere.parent().unwrap().to_owned();
    assert_eq!(SqliteStore::open(&nowhere).unwrap_err(), StoreError::Missing { path: parent });
    let directory = directory.path().to_owned();
    let itself = SqliteStore::open(&directory).unwrap_err();
    assert_eq!(itself, StoreError::Foreign { path: directory });
}

#[test]
fn a_newer_format_is_refused_by_number_and_left_as_it_was() {
    let (_directory, path) = place();
    SqliteStore::open(&path).unwrap().append(&[append(chain(1, 3))]).unwrap();
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    drop(newer);
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error, StoreError::Newer { path: path.clone(), version: 7, supported: 3 });
    assert!(error.to_string().contains("has format 7, and this program knows formats up to 2"));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_first_format_has_not_changed() {
    let connection = Connection::open_in_memory().unwrap();
    schema::migrate(&connection, &STEPS[..1], StoreId([1; 16])).unwrap();
    let mut query = connection
        .prepare("SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1")
        .unwrap();
    let names = query.query_map([], |row| row.get(0)).unwrap();
    let names: Vec<String> = names.collect::<Result<_, _>>().unwrap();
    let expected = "access doc log log_doc meta note remote snapshot sqlite_sequence";
    assert_eq!(names.join(" "), expected);
    assert_eq!(schema::format(&connection, STEPS).unwrap(), Format::Ours);
}

#[test]
fn a_file_of_the_first_format_is_migrated_and_can_do_what_the_second_can() {
    let (_directory, path) = place();
    let connection = Connection::open(&path).unwrap();
    schema::migrate(&connection, &STEPS[..1], StoreId([1; 16])).unwrap();
    let actor = [4_u8; 16];
    connection
        .execute(
            "INSERT INTO doc VALUES (1, ?1, 6, ?2, ?3, 2, 0, 0)",
            params![CONTEXT.0, DOCUMENT.item, hash(1, 2).0],
        )
        .unwrap();
    for (seq, deps) in [(1_i64, vec![]), (2, hash(1, 1).0.to_vec())] {
        let author = (seq == 1).then_some([8_u8; 32]);
        connection
            .execute(
                "INSERT INTO log VALUES (?1, 1, ?2, ?3, ?1, ?1, 1, 0, ?4, ?5, NULL, x'01')",
                params![seq, hash(1, seq.cast_unsigned()).0, actor, author, deps],
            )
            .unwrap();
    }
    drop(connection);
    let mut store = SqliteStore::open(&path).unwrap();
    store.verify().unwrap();
    assert_eq!(store.id(), StoreId([1; 16]));
    let (ours, other) = (PublicKey([8; 32]), PublicKey([9; 32]));
    let upto = vec![(DOCUMENT, vec![(ActorId(actor), 2)])];
    let expected = [Closure { key: ours, upto }, Closure { key: other, upto: vec![] }];
    assert_eq!(store.cutoffs(&CONTEXT, &[ours, other]).unwrap(), expected);
    store.remove(&CONTEXT, &DOCUMENT, &[hash(1, 2)]).unwrap();
    assert_eq!(store.removed(&CONTEXT).unwrap().len(), 1);
    assert_eq!(store.documents(&CONTEXT).unwrap()[0].heads, [hash(1, 1)]);
    store.verify().unwrap();
}

#[test]
fn an_older_format_is_migrated_step_by_step_and_keeps_its_content() {
    let (_directory, path) = place();
    let id = {
        let mut store = SqliteStore::open(&path).unwrap();
        store.append(&[append(chain(1, 3))]).unwrap();
        store.id()
    };
    let steps = [
        STEPS[0],
        STEPS[1],
        "ALTER TABLE log ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
        "UPDATE log SET weight = weight + id",
    ];
    let connection = Connection::open(&path).unwrap();
    assert_eq!(schema::format(&connection, &steps).unwrap(), Format::Ours);
    schema::migrate(&connection, &steps, StoreId([9; 16])).unwrap();
    let weights: i64 =
        connection.query_row("SELECT sum(weight) FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(weights, 9);
    assert_eq!(schema::store_id(&connection).unwrap(), id);
    assert_eq!(schema::format(&connection, STEPS).unwrap(), Format::Newer(4));
    // Again is no change: each step runs once.
    schema::migrate(&connection, &steps, StoreId([9; 16])).unwrap();
}

#[test]
fn a_step_that_fails_leaves_the_older_format() {
    let (_directory, path) = place();
    SqliteStore::open(&path).unwrap().append(&[append(chain(1, 3))]).unwrap();
    let steps = [STEPS[0], STEPS[1], "DELETE FROM log", "UPDATE nothing SET there = 1"];
    let connection = Connection::open(&path).unwrap();
    schema::migrate(&connection, &steps, StoreId([9; 16])).unwrap_err();
    drop(connection);
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.last(), Ok(Position(3)));
    store.verify().unwrap();
}
