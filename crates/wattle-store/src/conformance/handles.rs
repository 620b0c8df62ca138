//! Several handles on one storage.

use wattle_protocol::Position;

use crate::conformance::made::{
    CONTEXT, REMOTE, RULES, append, chain, change, known, positions, snapshot,
};
use crate::conformance::{Clause, Open, Unmet, equal, refused};
use crate::error::StoreError;

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("what was written is there when the storage is opened again", reopened),
    ("a storage keeps its name", name),
    ("handles see what each other has committed", seen),
    ("handles share one order of positions and one set of rules", shared),
    ("the data version changes when another handle commits, and only then", data_version),
];

fn reopened(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 3))])?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(2), true)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(3), true)?;
    store.append_access(&CONTEXT, 0, &[vec![1].into()])?;
    store.remember(&REMOTE, &CONTEXT, &[known(RULES, 1)])?;
    store.put_note("name", b"value")?;
    let documents = store.documents(&CONTEXT)?;
    let graph = store.graph(&CONTEXT, &RULES)?;
    drop(store);
    let mut store = open();
    equal(store.documents(&CONTEXT)?, documents)?;
    equal(store.graph(&CONTEXT, &RULES)?, graph)?;
    equal(store.snapshot(&CONTEXT, &RULES)?, Some(snapshot(3)))?;
    equal(store.access(&CONTEXT)?, vec![vec![1].into()])?;
    equal(store.remote(&REMOTE, &CONTEXT)?, vec![known(RULES, 1)])?;
    equal(store.note("name")?, Some(b"value".to_vec()))?;
    equal(store.append(&[append(chain(4, 4))])?, vec![positions(4, 4)])
}

fn name(mut open: Open) -> Result<(), Unmet> {
    let (first, second) = (open(), open());
    equal(first.id(), second.id())?;
    let id = first.id();
    drop((first, second));
    equal(open().id(), id)
}

fn seen(mut open: Open) -> Result<(), Unmet> {
    let (mut ours, mut theirs) = (open(), open());
    equal(theirs.documents(&CONTEXT)?, vec![])?;
    ours.append(&[append(chain(1, 2))])?;
    equal(theirs.last()?, Position(2))?;
    equal(theirs.news(Position(1), usize::MAX)?.len(), 1)?;
    equal(theirs.documents(&CONTEXT)?, ours.documents(&CONTEXT)?)?;
    ours.put_note("name", b"value")?;
    equal(theirs.note("name")?, Some(b"value".to_vec()))
}

fn shared(mut open: Open) -> Result<(), Unmet> {
    let (mut ours, mut theirs) = (open(), open());
    equal(ours.append(&[append(chain(1, 1))])?, vec![positions(1, 1)])?;
    equal(theirs.append(&[append(chain(2, 2))])?, vec![positions(2, 2)])?;
    equal(ours.append(&[append(chain(1, 3))])?, vec![positions(1, 3)])?;
    let mut forged = change(2, &[1]);
    forged.header.hash.0 = [250; 32];
    let expected = StoreError::SequenceUsed {
        actor: forged.header.actor,
        seq: forged.header.seq,
        stored: change(2, &[]).header.hash,
        offered: forged.header.hash,
    };
    refused(ours.append(&[append(vec![forged])]), expected)
}

fn data_version(mut open: Open) -> Result<(), Unmet> {
    let (mut ours, mut theirs) = (open(), open());
    let before = ours.data_version()?;
    equal(ours.data_version()?, before)?;
    ours.append(&[append(chain(1, 1))])?;
    equal(ours.data_version()?, before)?;
    theirs.append(&[append(chain(2, 2))])?;
    let after = ours.data_version()?;
    equal(after == before, false)?;
    ours.append(&[append(chain(3, 3))])?;
    equal(ours.data_version()?, after)?;
    theirs.append_access(&CONTEXT, 0, &[vec![1].into()])?;
    equal(ours.data_version()? == after, false)
}
