//! Appending.

use wattle_protocol::io::Summary;
use wattle_protocol::{ActorId, Change, ChangeHash, Header, Position};

use crate::conformance::made::{
    CONTEXT, ELSEWHERE, RULES, TASKS, append, chain, change, hash, positions, seal,
};
use crate::conformance::{Clause, Open, Unmet, equal, refused};
use crate::error::StoreError;
use crate::store::{Append, Store};

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("what was appended is read back whole", whole),
    ("positions grow by one order over all documents", one_order),
    ("a change that is there keeps its position", duplicates),
    ("a change that is there gets the seal that it lacks, and keeps the one it has", seals),
    ("a change whose dependency is missing fails the whole batch", missing_dependency),
    ("a dependency in another document does not count", dependency_elsewhere),
    ("a second change of one actor and number fails the whole batch", equivocation),
    ("a failed batch leaves no trace", no_trace),
    ("heads are what no change builds on, in order", heads),
    ("an empty append changes nothing", empty),
];

fn whole(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let sealed = Change { seal: Some(seal(4)), ..change(4, &[1, 2, 3]) };
    let mut changes = chain(1, 3);
    changes.push(sealed);
    equal(store.append(&[append(changes.clone())])?, vec![positions(1, 4)])?;
    let found = store.read(&CONTEXT, &RULES, &positions(1, 4))?;
    equal(found, positions(1, 4).into_iter().zip(changes).collect())
}

fn one_order(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let tasks = Append { document: TASKS, ..append(chain(1, 2)) };
    let elsewhere = Append { context: ELSEWHERE, ..append(chain(1, 1)) };
    let batch = [append(chain(1, 2)), tasks, elsewhere, append(chain(3, 3))];
    let at = store.append(&batch)?;
    let expected = vec![positions(1, 2), positions(3, 4), positions(5, 5), positions(6, 6)];
    equal(at, expected)?;
    equal(store.last()?, Position(6))?;
    equal(store.contexts()?, vec![ELSEWHERE, CONTEXT])?;
    let documents: Vec<_> = store.documents(&CONTEXT)?.iter().map(|it| it.document).collect();
    equal(documents, vec![TASKS, RULES])
}

fn duplicates(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 3))])?;
    equal(store.append(&[append(chain(2, 4))])?, vec![positions(2, 4)])?;
    let twice = [append(chain(5, 5)), append(chain(4, 6))];
    equal(store.append(&twice)?, vec![positions(5, 5), positions(4, 6)])?;
    equal(store.graph(&CONTEXT, &RULES)?.len(), 6)
}

fn seals(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let sealed = |n| Change { seal: Some(seal(n)), ..change(1, &[]) };
    store.append(&[append(vec![change(1, &[])])])?;
    store.append(&[append(vec![sealed(8)])])?;
    store.append(&[append(vec![sealed(9)])])?;
    store.append(&[append(vec![change(1, &[])])])?;
    equal(store.read(&CONTEXT, &RULES, &positions(1, 1))?, vec![(Position(1), sealed(8))])
}

fn missing_dependency(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let batch = [append(chain(1, 2)), append(vec![change(4, &[2, 3])])];
    let expected = StoreError::MissingDependency { change: hash(4), dependency: hash(3) };
    refused(store.append(&batch), expected)?;
    untouched(&mut *store)
}

fn dependency_elsewhere(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[Append { document: TASKS, ..append(chain(1, 1)) }])?;
    let expected = StoreError::MissingDependency { change: hash(2), dependency: hash(1) };
    refused(store.append(&[append(chain(2, 2))]), expected)
}

fn equivocation(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let forged = |n: u8| {
        let header = Header { hash: ChangeHash([n; 32]), ..change(1, &[]).header };
        Change { header, ..change(1, &[]) }
    };
    let used = |stored| StoreError::SequenceUsed {
        actor: ActorId([1; 16]),
        seq: u64::MAX - 1,
        stored,
        offered: ChangeHash([201; 32]),
    };
    let within = [append(vec![forged(200), change(2, &[]), forged(201)])];
    refused(store.append(&within), used(ChangeHash([200; 32])))?;
    untouched(&mut *store)?;
    store.append(&[append(chain(1, 1))])?;
    refused(store.append(&[append(vec![change(2, &[]), forged(201)])]), used(hash(1)))?;
    equal(store.last()?, Position(1))?;
    let tasks = Append { document: TASKS, ..append(vec![forged(201)]) };
    equal(store.append(&[tasks])?, vec![positions(2, 2)])
}

fn no_trace(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(vec![change(1, &[])])])?;
    let sealed = Change { seal: Some(seal(1)), ..change(1, &[]) };
    let other = Append { document: TASKS, ..append(chain(1, 1)) };
    let batch = [other, append(vec![sealed, change(2, &[1]), change(9, &[8])])];
    let expected = StoreError::MissingDependency { change: hash(9), dependency: hash(8) };
    refused(store.append(&batch), expected)?;
    let first = vec![(Position(1), change(1, &[]))];
    equal(store.read_after(&CONTEXT, &RULES, Position(0), usize::MAX)?, first)?;
    equal(store.documents(&CONTEXT)?.len(), 1)?;
    equal(store.append(&[append(chain(2, 2))])?, vec![positions(2, 2)])
}

fn heads(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let fork = vec![change(1, &[]), change(2, &[1]), change(3, &[1]), change(4, &[])];
    store.append(&[append(fork)])?;
    let mut expected = vec![hash(2), hash(3), hash(4)];
    expected.sort();
    let summary = |heads, last| Summary {
        document: RULES,
        heads,
        last: Position(last),
        pruned: Position(0),
        snapshot: Position(0),
    };
    equal(store.documents(&CONTEXT)?, vec![summary(expected, 4)])?;
    store.append(&[append(vec![change(5, &[2, 3, 4])])])?;
    equal(store.documents(&CONTEXT)?, vec![summary(vec![hash(5)], 5)])
}

fn empty(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    equal(store.append(&[])?, vec![])?;
    equal(store.append(&[append(vec![])])?, vec![vec![]])?;
    untouched(&mut *store)
}

fn untouched(store: &mut dyn Store) -> Result<(), Unmet> {
    equal(store.contexts()?, vec![])?;
    equal(store.documents(&CONTEXT)?, vec![])?;
    equal(store.graph(&CONTEXT, &RULES)?, vec![])?;
    equal(store.news(Position(0), usize::MAX)?, vec![])?;
    equal(store.last()?, Position(0))
}
