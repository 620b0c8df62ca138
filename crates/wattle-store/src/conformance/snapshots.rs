//! Snapshots.

use wattle_protocol::io::Snapshot;
use wattle_protocol::{Blob, ContextId, Position};

use crate::conformance::made::{CONTEXT, RULES, TASKS, append, chain, positions, snapshot};
use crate::conformance::{Clause, Open, Unmet, equal, refused};
use crate::error::StoreError;
use crate::store::{Append, Store};

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("the newest snapshot is answered", newest),
    ("pruning drops the bytes that the previous snapshot covers, and no others", generations),
    ("the bytes of a context are those of its changes and snapshots", bytes),
    ("without prune nothing is dropped", kept),
    ("an older snapshot does not take the place of a newer one", older),
    ("a snapshot put twice is no generation", twice),
    ("a snapshot of what is not there is refused", outside),
    ("a change without bytes keeps its place, its header and its rights", headers_stay),
];

fn newest(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    equal(store.snapshot(&CONTEXT, &RULES)?, None)?;
    for upto in [2, 3, 5] {
        store.put_snapshot(&CONTEXT, &RULES, &snapshot(upto), false)?;
        equal(store.snapshot(&CONTEXT, &RULES)?, Some(snapshot(upto)))?;
    }
    equal(store.snapshot(&CONTEXT, &TASKS)?, None)?;
    marks(&mut *store, 0, 5)
}

fn generations(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.append(&[Append { document: TASKS, ..append(chain(1, 1)) }])?;
    store.append(&[append(chain(6, 8))])?;
    for (upto, pruned) in [(3, 0), (5, 3), (9, 5)] {
        let at = store.put_snapshot(&CONTEXT, &RULES, &snapshot(upto), true)?;
        equal(at, Position(pruned))?;
        marks(&mut *store, pruned, upto)?;
        let rest = store.read_after(&CONTEXT, &RULES, Position(0), usize::MAX)?;
        let rest: Vec<_> = rest.into_iter().map(|(position, _)| position.0).collect();
        let expected = (pruned + 1..=9).filter(|position| *position != 6).collect();
        equal(rest, expected)?;
    }
    equal(store.read(&CONTEXT, &TASKS, &positions(6, 6))?.len(), 1)
}

fn bytes(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    let each: Vec<u64> = chain(1, 5).iter().map(|change| change.bytes.len() as u64).collect();
    equal(store.bytes(&CONTEXT)?, each.iter().sum())?;
    let held = |upto| snapshot(upto).bytes.len() as u64;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(2), true)?;
    equal(store.bytes(&CONTEXT)?, each.iter().sum::<u64>() + held(2))?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(4), true)?;
    equal(store.bytes(&CONTEXT)?, each.iter().skip(2).sum::<u64>() + held(2) + held(4))?;
    equal(store.bytes(&ContextId([0; 32]))?, 0)
}

fn kept(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    for upto in [2, 4, 5] {
        equal(store.put_snapshot(&CONTEXT, &RULES, &snapshot(upto), false)?, Position(0))?;
    }
    equal(store.read(&CONTEXT, &RULES, &positions(1, 5))?.len(), 5)?;
    equal(store.put_snapshot(&CONTEXT, &RULES, &snapshot(5), true)?, Position(4))
}

fn older(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(4), true)?;
    equal(store.put_snapshot(&CONTEXT, &RULES, &snapshot(2), true)?, Position(0))?;
    equal(store.snapshot(&CONTEXT, &RULES)?, Some(snapshot(4)))?;
    marks(&mut *store, 0, 4)
}

fn twice(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(4), true)?;
    let again = Snapshot { bytes: Blob::from(vec![8; 100_000]), seals: vec![], ..snapshot(4) };
    equal(store.put_snapshot(&CONTEXT, &RULES, &again, true)?, Position(0))?;
    equal(store.snapshot(&CONTEXT, &RULES)?, Some(again))
}

fn outside(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    for (document, upto, last) in
        [(RULES, 6, 5), (RULES, 0, 5), (TASKS, 1, 0), (RULES, u64::MAX, 5)]
    {
        let (upto, last) = (Position(upto), Position(last));
        let snapshot = Snapshot { upto, ..snapshot(1) };
        let result = store.put_snapshot(&CONTEXT, &document, &snapshot, true);
        refused(result, StoreError::SnapshotOutside { document, upto, last })?;
    }
    equal(store.snapshot(&CONTEXT, &RULES)?, None)
}

fn headers_stay(mut open: Open) -> Result<(), Unmet> {
    let mut store = five(&mut open)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(2), true)?;
    store.put_snapshot(&CONTEXT, &RULES, &snapshot(5), true)?;
    let nodes = store.graph(&CONTEXT, &RULES)?;
    let lengths: Vec<_> = nodes.iter().map(|(_, _, length)| *length).collect();
    equal(lengths, vec![0, 0, 10, 10, 10])?;
    let headers: Vec<_> = nodes.into_iter().map(|(_, header, _)| header).collect();
    equal(headers, chain(1, 5).into_iter().map(|change| change.header).collect())?;
    equal(store.append(&[append(chain(1, 6))])?, vec![positions(1, 6)])?;
    equal(store.read(&CONTEXT, &RULES, &positions(1, 6))?.len(), 4)?;
    equal(store.news(Position(0), usize::MAX)?.len(), 4)
}

fn five(open: &mut Open) -> Result<Box<dyn Store>, Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 5))])?;
    Ok(store)
}

fn marks(store: &mut dyn Store, pruned: u64, snapshot: u64) -> Result<(), Unmet> {
    let found = store.documents(&CONTEXT)?.into_iter().find(|it| it.document == RULES);
    let found = found.map(|it| (it.pruned.0, it.snapshot.0));
    equal(found, Some((pruned, snapshot)))
}
