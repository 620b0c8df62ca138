use std::path::PathBuf;

use tempfile::TempDir;

use crate::SqliteStore;
use crate::conformance::{Open, conformance};

mod alike;
mod faults;
mod format;
mod processes;

/// A directory that goes away with the test, and the path of a store in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

#[test]
fn sqlite_keeps_the_contract() {
    let mut make = || -> Open {
        let (directory, path) = place();
        Box::new(move || {
            assert!(directory.path().is_dir());
            Box::new(SqliteStore::open(&path).unwrap())
        })
    };
    conformance(&mut make).unwrap();
}
