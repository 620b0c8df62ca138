//! Taking changes out of a document.

use wattle_protocol::io::{Snapshot, Summary};
use wattle_protocol::{Blob, Change, Position};

use crate::conformance::made::{
    CONTEXT, ELSEWHERE, REMOTE, RULES, TASKS, append, chain, change, hash, known, positions, seal,
    snapshot,
};
use crate::conformance::{Clause, Open, Unmet, equal, refused};
use crate::error::StoreError;
use crate::store::{Append, Store};

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("what was removed is in no answer but the one that asks for it", removed),
    ("what builds on a change is removed with it, or nothing is", built_upon),
    ("removing what is not there is no change", again),
    ("positions do not go back when the newest change is removed", positions_stay),
    ("a change that was removed may come again, at a new position", comes_again),
    ("a number that was removed is free for another change", number_again),
    ("a document of which nothing is left is not listed", nothing_left),
    ("snapshots that reach a removed change are dropped", snapshots),
    ("a document whose bytes are in a dropped snapshot alone goes as a whole", pruned),
    ("a snapshot from before a removal is refused after it", late_snapshot),
    ("a removal forgets what others were known to have of the document", remembered),
    ("a removal stays when the storage is opened again, and other handles see it", handles),
];

fn removed(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let sealed = Change { seal: Some(seal(4)), ..change(4, &[2]) };
    let fork = vec![change(1, &[]), change(2, &[1]), change(3, &[1]), sealed.clone()];
    store.append(&[append(fork), Append { document: TASKS, ..append(chain(1, 2)) }])?;
    store.remove(&CONTEXT, &RULES, &[hash(2), hash(4)])?;
    let kept = vec![(Position(1), change(1, &[])), (Position(3), change(3, &[1]))];
    equal(store.read_after(&CONTEXT, &RULES, Position(0), usize::MAX)?, kept.clone())?;
    equal(store.read(&CONTEXT, &RULES, &positions(1, 4))?, kept)?;
    let graph: Vec<_> = store.graph(&CONTEXT, &RULES)?.iter().map(|node| node.0.0).collect();
    equal(graph, vec![1, 3])?;
    let news: Vec<_> = store.news(Position(0), usize::MAX)?.iter().map(|it| it.0.0).collect();
    equal(news, vec![1, 3, 5, 6])?;
    equal(summary(&mut *store)?, Some((vec![hash(3)], 3, 0, 0)))?;
    equal(store.removed(&CONTEXT)?, vec![(RULES, change(2, &[1])), (RULES, sealed)])?;
    equal(store.removed(&ELSEWHERE)?, vec![])
}

fn built_upon(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    let expected = StoreError::BuiltUpon { change: hash(3), by: hash(4) };
    refused(store.remove(&CONTEXT, &RULES, &[hash(3), hash(5)]), expected)?;
    equal(store.graph(&CONTEXT, &RULES)?.len(), 5)?;
    equal(store.removed(&CONTEXT)?, vec![])?;
    equal(summary(&mut *store)?, Some((vec![hash(5)], 5, 0, 0)))
}

fn again(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.remove(&CONTEXT, &RULES, &[])?;
    store.remove(&CONTEXT, &RULES, &[hash(9)])?;
    store.remove(&ELSEWHERE, &RULES, &[hash(5)])?;
    store.remove(&CONTEXT, &TASKS, &[hash(5)])?;
    equal(store.removed(&CONTEXT)?, vec![])?;
    for _ in 0..2 {
        store.remove(&CONTEXT, &RULES, &[hash(5), hash(9)])?;
        equal(store.removed(&CONTEXT)?, vec![(RULES, change(5, &[4]))])?;
        equal(summary(&mut *store)?, Some((vec![hash(4)], 4, 0, 0)))?;
    }
    Ok(())
}

fn positions_stay(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.remove(&CONTEXT, &RULES, &[hash(4), hash(5)])?;
    equal(store.last()?, Position(5))?;
    drop(store);
    let mut store = open();
    equal(store.last()?, Position(5))?;
    equal(store.append(&[append(vec![change(6, &[3])])])?, vec![positions(6, 6)])?;
    equal(store.last()?, Position(6))
}

fn comes_again(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.remove(&CONTEXT, &RULES, &[hash(4), hash(5)])?;
    let expected = StoreError::MissingDependency { change: hash(5), dependency: hash(4) };
    refused(store.append(&[append(chain(5, 5))]), expected)?;
    equal(store.append(&[append(chain(3, 4))])?, vec![vec![Position(3), Position(6)]])?;
    equal(store.removed(&CONTEXT)?, vec![(RULES, change(5, &[4]))])?;
    equal(summary(&mut *store)?, Some((vec![hash(4)], 6, 0, 0)))?;
    store.remove(&CONTEXT, &RULES, &[hash(4)])?;
    equal(store.removed(&CONTEXT)?.len(), 2)?;
    equal(summary(&mut *store)?, Some((vec![hash(3)], 3, 0, 0)))
}

fn number_again(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.remove(&CONTEXT, &RULES, &[hash(5)])?;
    let mut other = change(5, &[4]);
    other.header.hash.0 = [250; 32];
    equal(store.append(&[append(vec![other])])?, vec![positions(6, 6)])
}

fn nothing_left(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 2)), Append { document: TASKS, ..append(chain(1, 1)) }])?;
    store.remove(&CONTEXT, &RULES, &[hash(1), hash(2)])?;
    equal(summary(&mut *store)?, None)?;
    equal(store.documents(&CONTEXT)?.len(), 1)?;
    equal(store.graph(&CONTEXT, &RULES)?, vec![])?;
    equal(store.removed(&CONTEXT)?.len(), 2)?;
    equal(store.append(&[append(chain(1, 1))])?, vec![positions(4, 4)])?;
    equal(summary(&mut *store)?, Some((vec![hash(1)], 4, 0, 0)))
}

fn snapshots(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(3), true)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(5), true)?;
    store.remove(&CONTEXT, &RULES, &[hash(5)])?;
    equal(store.snapshot(&CONTEXT, &RULES)?, Some(snapshot(3)))?;
    equal(summary(&mut *store)?, Some((vec![hash(4)], 4, 3, 3)))?;
    equal(store.read(&CONTEXT, &RULES, &positions(1, 5))?, vec![(Position(4), change(4, &[3]))])?;
    store.append(&[append(vec![change(6, &[4])])])?;
    equal(store.put_snapshot(&CONTEXT, &RULES, &snapshot(6), true)?, Position(3))?;
    equal(summary(&mut *store)?, Some((vec![hash(6)], 6, 3, 6)))
}

fn pruned(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.append(&[Append { document: TASKS, ..append(chain(1, 1)) }])?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(3), true)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(5), true)?;
    store.remove(&CONTEXT, &RULES, &[hash(3), hash(4), hash(5)])?;
    equal(summary(&mut *store)?, None)?;
    equal(store.snapshot(&CONTEXT, &RULES)?, None)?;
    equal(store.graph(&CONTEXT, &RULES)?, vec![])?;
    let without_bytes = Change { bytes: Blob::from(vec![]), ..change(3, &[2]) };
    let apart = vec![without_bytes, change(4, &[3]), change(5, &[4])];
    equal(store.removed(&CONTEXT)?, apart.into_iter().map(|it| (RULES, it)).collect())?;
    equal(store.append(&[append(chain(1, 3))])?, vec![positions(7, 9)])?;
    store.remove(&CONTEXT, &RULES, &[hash(3)])?;
    let found = store.removed(&CONTEXT)?.into_iter().next();
    equal(found, Some((RULES, change(3, &[2]))))?;
    equal(summary(&mut *store)?, Some((vec![hash(2)], 8, 0, 0)))
}

fn late_snapshot(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.append(&[append(vec![change(6, &[1])])])?;
    let taken = Snapshot { seals: vec![(hash(1), seal(1)), (hash(5), seal(5))], ..snapshot(6) };
    store.remove(&CONTEXT, &RULES, &[hash(5)])?;
    let expected = StoreError::SnapshotHoldsRemoved { document: RULES, change: hash(5) };
    refused(store.put_snapshot(&CONTEXT, &RULES, &taken, true), expected)?;
    equal(store.snapshot(&CONTEXT, &RULES)?, None)?;
    let anew = Snapshot { seals: vec![(hash(1), seal(1)), (hash(4), seal(4))], ..snapshot(6) };
    store.put_snapshot(&CONTEXT, &RULES, &anew, true)?;
    equal(store.snapshot(&CONTEXT, &RULES)?, Some(anew))?;
    store.append(&[append(chain(5, 5))])?;
    let back = Snapshot { upto: Position(7), ..taken };
    equal(store.put_snapshot(&CONTEXT, &RULES, &back, false)?, Position(0))
}

fn remembered(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.remember(&REMOTE, &CONTEXT, &[known(RULES, 1), known(TASKS, 2)])?;
    store.remember(&REMOTE, &ELSEWHERE, &[known(RULES, 3)])?;
    store.remove(&CONTEXT, &RULES, &[hash(5)])?;
    equal(store.remote(&REMOTE, &CONTEXT)?, vec![known(TASKS, 2)])?;
    equal(store.remote(&REMOTE, &ELSEWHERE)?, vec![known(RULES, 3)])
}

fn handles(mut open: Open) -> Result<(), Unmet> {
    let (mut ours, mut theirs) = (five(&mut open)?, open());
    let before = theirs.data_version()?;
    ours.remove(&CONTEXT, &RULES, &[hash(4), hash(5)])?;
    equal(theirs.data_version()? == before, false)?;
    equal(theirs.documents(&CONTEXT)?, ours.documents(&CONTEXT)?)?;
    drop((ours, theirs));
    let mut store = open();
    equal(summary(&mut *store)?, Some((vec![hash(3)], 3, 0, 0)))?;
    equal(store.removed(&CONTEXT)?.len(), 2)
}

fn five(open: &mut Open) -> Result<Box<dyn Store>, Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 5))])?;
    Ok(store)
}

type Row = (Vec<wattle_protocol::ChangeHash>, u64, u64, u64);

/// Heads, last, pruned and snapshot of the usual document.
fn summary(store: &mut dyn Store) -> Result<Option<Row>, Unmet> {
    let found = store.documents(&CONTEXT)?.into_iter().find(|it| it.document == RULES);
    Ok(found
        .map(|Summary { heads, last, pruned, snapshot, .. }| (heads, last.0, pruned.0, snapshot.0)))
}
