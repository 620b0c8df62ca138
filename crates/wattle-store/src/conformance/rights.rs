//! What rights are told by, and what waits for them.

use wattle_protocol::access::{Closure, proposal_hash};
use wattle_protocol::identity::{Receipt, Signature};
use wattle_protocol::{ActorId, Blob, Change, Header, PublicKey};

use crate::conformance::made::{CONTEXT, ELSEWHERE, RULES, TASKS, append, change, hash};
use crate::conformance::{Clause, Open, Unmet, equal, refused};
use crate::error::StoreError;
use crate::store::{Append, StoredReceipt};

/// What this file tries.
pub(super) const CLAUSES: &[Clause] = &[
    ("a cutoff names the newest number of each actor of a key", cutoffs),
    ("a cutoff counts what was pruned, and not what was removed", cutoffs_after),
    ("entries take the place of others, which are kept apart", replaced),
    ("entries that are equal stay", replaced_again),
    ("the first entry stays, and a log that is replaced has no gap", replace_refused),
    ("proposals are kept once, in the order in which they came, until they are dropped", proposals),
    ("the newest receipt of a key for a document takes the place of the one before", receipts),
];

const KEY: PublicKey = PublicKey([200; 32]);
const OTHER: PublicKey = PublicKey([100; 32]);

/// Changes from 1 to a number of an actor of a key, with hashes from `first` on.
fn own(actor: u8, key: PublicKey, (first, count): (u8, u8)) -> Vec<Change> {
    let made = (0..count).map(|n| {
        let before = (n > 0).then(|| first + n - 1);
        let change = change(first + n, before.as_slice());
        let author = (n == 0).then_some(key);
        let (actor, seq) = (ActorId([actor; 16]), u64::from(n) + 1);
        Change { header: Header { actor, seq, author, ..change.header.clone() }, ..change }
    });
    made.collect()
}

fn cutoffs(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let rules = [own(9, KEY, (1, 3)), own(2, KEY, (11, 1)), own(5, OTHER, (21, 2))].concat();
    let tasks = Append { document: TASKS, ..append(own(9, KEY, (1, 5))) };
    let elsewhere = Append { context: ELSEWHERE, ..append(own(9, KEY, (1, 7))) };
    store.append(&[append(rules), tasks, elsewhere])?;
    let of_key = vec![
        (TASKS, vec![(ActorId([9; 16]), 5)]),
        (RULES, vec![(ActorId([2; 16]), 1), (ActorId([9; 16]), 3)]),
    ];
    let of_other = vec![(RULES, vec![(ActorId([5; 16]), 2)])];
    let nobody = PublicKey([1; 32]);
    let expected = vec![
        Closure { key: nobody, upto: vec![] },
        Closure { key: OTHER, upto: of_other },
        Closure { key: KEY, upto: of_key },
    ];
    equal(store.cutoffs(&CONTEXT, &[nobody, OTHER, KEY])?, expected)?;
    equal(store.cutoffs(&CONTEXT, &[])?, vec![])
}

fn cutoffs_after(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append(&[append(own(9, KEY, (1, 4)))])?;
    for upto in [2, 3] {
        let snapshot = crate::conformance::made::snapshot(upto);
        store.put_snapshot(&CONTEXT, &RULES, &snapshot, true)?;
    }
    store.remove(&CONTEXT, &RULES, &[hash(4)])?;
    let upto = vec![(RULES, vec![(ActorId([9; 16]), 3)])];
    equal(store.cutoffs(&CONTEXT, &[KEY])?, vec![Closure { key: KEY, upto }])
}

fn replaced(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append_access(&CONTEXT, 0, &entries(&[0, 1, 2, 3]))?;
    store.append_access(&ELSEWHERE, 0, &entries(&[0, 1]))?;
    equal(store.replace_access(&CONTEXT, 2, &entries(&[7]))?, 3)?;
    equal(store.access(&CONTEXT)?, entries(&[0, 1, 7]))?;
    equal(store.replace_access(&CONTEXT, 2, &entries(&[8, 9]))?, 4)?;
    equal(store.append_access(&CONTEXT, 4, &entries(&[10]))?, 5)?;
    drop(store);
    let mut store = open();
    equal(store.access(&CONTEXT)?, entries(&[0, 1, 8, 9, 10]))?;
    equal(store.access(&ELSEWHERE)?, entries(&[0, 1]))?;
    let void = [2, 3, 2].into_iter().zip(entries(&[2, 3, 7])).collect();
    equal(store.void_access(&CONTEXT)?, void)?;
    equal(store.void_access(&ELSEWHERE)?, vec![])
}

fn replaced_again(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append_access(&CONTEXT, 0, &entries(&[0, 1, 2, 3]))?;
    for _ in 0..2 {
        equal(store.replace_access(&CONTEXT, 1, &entries(&[1, 7, 8]))?, 4)?;
        equal(store.access(&CONTEXT)?, entries(&[0, 1, 7, 8]))?;
        let void = [2, 3].into_iter().zip(entries(&[2, 3])).collect();
        equal(store.void_access(&CONTEXT)?, void)?;
    }
    equal(store.replace_access(&CONTEXT, 4, &entries(&[9]))?, 5)?;
    equal(store.void_access(&CONTEXT)?.len(), 2)
}

fn replace_refused(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    store.append_access(&CONTEXT, 0, &entries(&[0, 1]))?;
    let gap = StoreError::AccessGap { context: CONTEXT, from: 3, entries: 2 };
    refused(store.replace_access(&CONTEXT, 3, &entries(&[3])), gap)?;
    let differs = StoreError::AccessDiffers { context: CONTEXT, number: 0 };
    refused(store.replace_access(&CONTEXT, 0, &entries(&[5, 1])), differs.clone())?;
    refused(store.replace_access(&CONTEXT, 0, &[]), differs)?;
    equal(store.replace_access(&CONTEXT, 0, &entries(&[0, 6]))?, 2)?;
    equal(store.access(&CONTEXT)?, entries(&[0, 6]))?;
    equal(store.void_access(&CONTEXT)?, vec![(1, Blob::from(vec![1; 3]))])
}

fn proposals(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let [first, second, third] = [9, 4, 7].map(|n| Blob::from(vec![n; 20]));
    for proposal in [&first, &second, &first, &third, &second] {
        store.put_proposal(&CONTEXT, proposal)?;
    }
    store.put_proposal(&ELSEWHERE, &second)?;
    equal(store.proposals(&CONTEXT)?, vec![first.clone(), second.clone(), third.clone()])?;
    for _ in 0..2 {
        store.drop_proposal(&CONTEXT, &proposal_hash(&second))?;
        equal(store.proposals(&CONTEXT)?, vec![first.clone(), third.clone()])?;
    }
    store.drop_proposal(&CONTEXT, &proposal_hash(&third))?;
    store.put_proposal(&CONTEXT, &second)?;
    drop(store);
    let mut store = open();
    equal(store.proposals(&CONTEXT)?, vec![first, second.clone()])?;
    equal(store.proposals(&ELSEWHERE)?, vec![second])?;
    equal(store.contexts()?, vec![])
}

fn receipts(mut open: Open) -> Result<(), Unmet> {
    let mut store = open();
    let receipt = |document, key: PublicKey, n: u8| StoredReceipt {
        document,
        heads: vec![hash(n), hash(n + 1)],
        receipt: Receipt { epoch: u64::MAX - u64::from(n), key, signature: Signature([n; 64]) },
    };
    for it in [
        receipt(RULES, KEY, 1),
        receipt(RULES, OTHER, 2),
        receipt(TASKS, KEY, 3),
        receipt(RULES, KEY, 4),
    ] {
        store.put_receipt(&CONTEXT, &it.document, &it.heads, &it.receipt)?;
    }
    let it = receipt(RULES, KEY, 5);
    store.put_receipt(&ELSEWHERE, &it.document, &it.heads, &it.receipt)?;
    let expected = vec![receipt(TASKS, KEY, 3), receipt(RULES, OTHER, 2), receipt(RULES, KEY, 4)];
    equal(store.receipts(&CONTEXT)?, expected)?;
    equal(store.receipts(&ELSEWHERE)?, vec![it])
}

fn entries(numbers: &[u8]) -> Vec<Blob> {
    numbers.iter().map(|n| Blob::from(vec![*n; 3])).collect()
}
