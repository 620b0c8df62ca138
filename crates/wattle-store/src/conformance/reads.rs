//! Reading.

use wattle_protocol::Position;

use crate::conformance::made::{CONTEXT, ELSEWHERE, RULES, TASKS, append, chain, positions};
use crate::conformance::{Clause, Open, Unmet, equal};
use crate::store::Append;

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("the graph has every header with the length of its bytes", graph),
    ("changes are read in the order asked for, without those unknown", by_position),
    ("what follows a position is limited by its bytes, and is at least one change", after),
    ("news are the changes of all documents after a position", news),
    ("a position beyond the last is no error", beyond),
];

fn graph(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 3)), Append { document: TASKS, ..append(chain(1, 1)) }])?;
    let headers = chain(1, 3).into_iter().map(|change| change.header);
    let nodes = positions(1, 3).into_iter().zip(headers);
    let expected = nodes.map(|(position, header)| (position, header, 10)).collect();
    equal(store.graph(&CONTEXT, &RULES)?, expected)?;
    equal(store.graph(&ELSEWHERE, &RULES)?, vec![])
}

fn by_position(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 3)), Append { document: TASKS, ..append(chain(1, 1)) }])?;
    let asked = [3, 9, 1, 4, 0, u64::MAX].map(Position);
    let found = store.read(&CONTEXT, &RULES, &asked)?;
    let found: Vec<_> = found.into_iter().map(|(position, _)| position).collect();
    equal(found, vec![Position(3), Position(1)])
}

fn after(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 1)), Append { document: TASKS, ..append(chain(1, 1)) }])?;
    store.append(&[append(chain(2, 4))])?;
    let cases = [
        (0, usize::MAX, vec![1, 3, 4, 5]),
        (1, 20, vec![3, 4]),
        (1, 29, vec![3, 4]),
        (2, 10, vec![3]),
        (2, 0, vec![3]),
        (5, 0, vec![]),
    ];
    for (after, bytes_max, expected) in cases {
        let found = store.read_after(&CONTEXT, &RULES, Position(after), bytes_max)?;
        let found: Vec<_> = found.into_iter().map(|(position, _)| position.0).collect();
        equal(found, expected)?;
    }
    Ok(())
}

fn news(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 2)), Append { document: TASKS, ..append(chain(1, 1)) }])?;
    store.append(&[Append { context: ELSEWHERE, ..append(chain(1, 1)) }])?;
    let [first, second] = &chain(1, 2)[..] else { return Ok(()) };
    let all = vec![
        (Position(2), CONTEXT, RULES, second.clone()),
        (Position(3), CONTEXT, TASKS, first.clone()),
        (Position(4), ELSEWHERE, RULES, first.clone()),
    ];
    equal(store.news(Position(1), usize::MAX)?, all.clone())?;
    equal(store.news(Position(1), 25)?, all.iter().take(2).cloned().collect())?;
    equal(store.news(Position(1), 0)?, all.into_iter().take(1).collect())
}

fn beyond(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(chain(1, 2))])?;
    for after in [2, 3, u64::MAX].map(Position) {
        equal(store.news(after, usize::MAX)?, vec![])?;
        equal(store.read_after(&CONTEXT, &RULES, after, usize::MAX)?, vec![])?;
    }
    Ok(())
}
