//! What is stored beside the changes.

use wattle_protocol::{Blob, StoreId};

use crate::conformance::made::{CONTEXT, ELSEWHERE, REMOTE, RULES, TASKS, known};
use crate::conformance::{Clause, Open, Unmet, equal, refused};
use crate::error::StoreError;

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("the access log grows at its end", access),
    ("entries that are there may come again, if they are equal", access_again),
    ("an access log has no gap and does not fork", access_refused),
    ("what is remembered of another store replaces what was, document by document", remembered),
    ("a note is kept under its name", notes),
];

fn access(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    equal(store.access(&CONTEXT)?, vec![])?;
    equal(store.append_access(&CONTEXT, 0, &entries(0, 2))?, 2)?;
    equal(store.append_access(&CONTEXT, 2, &entries(2, 3))?, 3)?;
    equal(store.access(&CONTEXT)?, entries(0, 3))?;
    equal(store.access(&ELSEWHERE)?, vec![])?;
    equal(store.contexts()?, vec![CONTEXT])
}

fn access_again(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append_access(&CONTEXT, 0, &entries(0, 3))?;
    equal(store.append_access(&CONTEXT, 1, &entries(1, 2))?, 3)?;
    equal(store.append_access(&CONTEXT, 1, &entries(1, 5))?, 5)?;
    equal(store.append_access(&CONTEXT, 5, &[])?, 5)?;
    equal(store.access(&CONTEXT)?, entries(0, 5))?;
    equal(store.append_access(&ELSEWHERE, 0, &[])?, 0)?;
    equal(store.contexts()?, vec![CONTEXT])
}

fn access_refused(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append_access(&CONTEXT, 0, &entries(0, 3))?;
    let gap = |from| StoreError::AccessGap { context: CONTEXT, from, entries: 3 };
    refused(store.append_access(&CONTEXT, 4, &entries(4, 5)), gap(4))?;
    refused(store.append_access(&CONTEXT, u64::MAX, &[]), gap(u64::MAX))?;
    let other = [entries(1, 2), entries(7, 9)].concat();
    let differs = StoreError::AccessDiffers { context: CONTEXT, number: 2 };
    refused(store.append_access(&CONTEXT, 1, &other), differs)?;
    equal(store.access(&CONTEXT)?, entries(0, 3))
}

fn remembered(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let other = StoreId([1; 16]);
    equal(store.remotes()?, vec![])?;
    store.remember(&REMOTE, &CONTEXT, &[known(RULES, 1), known(TASKS, 2)])?;
    store.remember(&REMOTE, &CONTEXT, &[known(RULES, u64::MAX)])?;
    store.remember(&other, &ELSEWHERE, &[known(RULES, 4)])?;
    let expected = vec![known(TASKS, 2), known(RULES, u64::MAX)];
    equal(store.remote(&REMOTE, &CONTEXT)?, expected)?;
    equal(store.remote(&REMOTE, &ELSEWHERE)?, vec![])?;
    equal(store.remotes()?, vec![other, REMOTE])
}

fn notes(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    equal(store.note("name")?, None)?;
    store.put_note("name", b"first")?;
    store.put_note("name", b"")?;
    store.put_note("other \u{1f33f}", &[0, 255])?;
    equal(store.note("name")?, Some(vec![]))?;
    equal(store.note("other \u{1f33f}")?, Some(vec![0, 255]))
}

fn entries(from: u8, to: u8) -> Vec<Blob> {
    (from..to).map(|n| Blob::from(vec![n; 3])).collect()
}
