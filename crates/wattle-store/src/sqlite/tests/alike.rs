//! Whatever is done to them, SQLite and memory answer alike.

use proptest::prelude::*;
use wattle_protocol::access::proposal_hash;
use wattle_protocol::identity::{Receipt, Signature};
use wattle_protocol::io::Snapshot;
use wattle_protocol::{Blob, Change, ContextId, DocumentKey, Position, PublicKey, StoreId};

use crate::sqlite::tests::place;
use crate::testing::{change, hash, known};
use crate::{Append, MemoryStore, SqliteStore, Store};

/// Writer, number, and what is odd about the change.
type Made = (u8, u64, u8);

/// One thing that is done to both.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(u8, Vec<Made>)>),
    Snapshot { document: u8, upto: u64, prune: bool },
    Access { from: u64, entries: Vec<u8> },
    Remember { document: u8, cursor: u64 },
    Remove { document: u8, changes: Vec<(u8, u64)> },
    Replace { from: u64, entries: Vec<u8> },
    Propose { put: bool, proposal: u8 },
    Receipt { document: u8, key: u8, seq: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let changes = prop::collection::vec((0..3_u8, 1..6_u64, any::<u8>()), 0..5);
    let appends = prop::collection::vec((0..3_u8, changes), 0..4);
    prop_oneof![
        6 => appends.prop_map(Step::Append),
        2 => (0..3_u8, 0..12_u64, any::<bool>())
            .prop_map(|(document, upto, prune)| Step::Snapshot { document, upto, prune }),
        1 => (0..4_u64, prop::collection::vec(0..2_u8, 0..3))
            .prop_map(|(from, entries)| Step::Access { from, entries }),
        1 => (0..3_u8, any::<u64>())
            .prop_map(|(document, cursor)| Step::Remember { document, cursor }),
        3 => (0..3_u8, (0..3_u8, 1..6_u64), any::<bool>())
            .prop_map(|(document, from, all)| Step::Remove { document, changes: gone(from, all) }),
        1 => (0..4_u64, prop::collection::vec(0..2_u8, 0..3))
            .prop_map(|(from, entries)| Step::Replace { from, entries }),
        1 => (any::<bool>(), 0..3_u8).prop_map(|(put, proposal)| Step::Propose { put, proposal }),
        1 => (0..3_u8, 0..2_u8, 1..6_u64)
            .prop_map(|(document, key, seq)| Step::Receipt { document, key, seq }),
    ]
}

/// From this change on: of its writer, or of all, on whose changes others may build.
fn gone((writer, from): (u8, u64), all: bool) -> Vec<(u8, u64)> {
    let writers = (0..3).filter(|other| all || *other == writer);
    writers.flat_map(|writer| (from..6).map(move |seq| (writer, seq))).collect()
}

fn key(document: u8) -> (ContextId, DocumentKey) {
    (ContextId([document / 2; 32]), DocumentKey { scope: 1, item: [document; 16] })
}

/// A change that may build on another writer's, lack its predecessor, or be a forgery.
fn made((writer, seq, twist): Made) -> Change {
    let mut change = change(writer, seq);
    if twist % 8 == 1 {
        change.header.deps.push(hash((writer + 1) % 3, seq));
    }
    if twist % 32 == 2 {
        change.header.hash.0[31] ^= 1;
    }
    if twist % 4 == 3 {
        change.seal = Some(wattle_protocol::Seal {
            epoch: u64::from(twist),
            key: PublicKey([writer; 32]),
            signature: Signature([twist; 64]),
        });
    }
    change.header.author = (seq == 1).then_some(PublicKey([writer; 32]));
    change.bytes = Blob::from(vec![writer; usize::from(twist)]);
    change
}

fn take(store: &mut dyn Store, step: &Step) -> String {
    let context = ContextId([0; 32]);
    match step {
        Step::Append(appends) => {
            let batch = appends.iter().map(|(document, changes)| Append {
                context: key(*document).0,
                document: key(*document).1,
                changes: changes.iter().copied().map(made).collect(),
            });
            format!("{:?}", store.append(&batch.collect::<Vec<_>>()))
        }
        Step::Snapshot { document, upto, prune } => {
            let upto = Position(*upto);
            let snapshot = Snapshot { upto, bytes: Blob::from(vec![1]), seals: vec![] };
            let (context, document) = key(*document);
            format!("{:?}", store.put_snapshot(&context, &document, &snapshot, *prune))
        }
        Step::Access { from, entries } => {
            let entries: Vec<_> = entries.iter().map(|n| Blob::from(vec![*n])).collect();
            format!("{:?}", store.append_access(&context, *from, &entries))
        }
        Step::Remember { document, cursor } => {
            let mut known = known(*cursor);
            known.document = key(*document).1;
            format!("{:?}", store.remember(&StoreId([*document; 16]), &context, &[known]))
        }
        Step::Remove { document, changes } => {
            let changes: Vec<_> = changes.iter().map(|(writer, seq)| hash(*writer, *seq)).collect();
            let (context, document) = key(*document);
            format!("{:?}", store.remove(&context, &document, &changes))
        }
        Step::Replace { from, entries } => {
            let entries: Vec<_> = entries.iter().map(|n| Blob::from(vec![*n])).collect();
            format!("{:?}", store.replace_access(&context, *from, &entries))
        }
        Step::Propose { put, proposal } => {
            let proposal = Blob::from(vec![*proposal]);
            let result = if *put {
                store.put_proposal(&context, &proposal)
            } else {
                store.drop_proposal(&context, &proposal_hash(&proposal))
            };
            format!("{result:?}")
        }
        Step::Receipt { document, key: signer, seq } => {
            let receipt = Receipt {
                epoch: *seq,
                key: PublicKey([*signer; 32]),
                signature: Signature([*signer; 64]),
            };
            let (context, document) = key(*document);
            format!("{:?}", store.put_receipt(&context, &document, &[hash(0, *seq)], &receipt))
        }
    }
}

/// Everything that can be asked.
fn content(store: &mut dyn Store, after: u64, bytes_max: usize) -> Vec<String> {
    let mut all = vec![
        format!("{:?}", store.contexts()),
        format!("{:?}", store.last()),
        format!("{:?}", store.remotes()),
        format!("{:?}", store.news(Position(after), bytes_max)),
        format!("{:?}", store.news(Position(0), usize::MAX)),
    ];
    let keys = [0, 1, 2].map(|writer| PublicKey([writer; 32]));
    for document in 0..3 {
        let (context, key) = key(document);
        let asked: Vec<_> = (0..20).rev().map(Position).collect();
        all.extend([
            format!("{:?}", store.documents(&context)),
            format!("{:?}", store.graph(&context, &key)),
            format!("{:?}", store.read(&context, &key, &asked)),
            format!("{:?}", store.read_after(&context, &key, Position(after), bytes_max)),
            format!("{:?}", store.snapshot(&context, &key)),
            format!("{:?}", store.access(&context)),
            format!("{:?}", store.remote(&StoreId([document; 16]), &context)),
            format!("{:?}", store.cutoffs(&context, &keys)),
            format!("{:?}", store.removed(&context)),
            format!("{:?}", store.void_access(&context)),
            format!("{:?}", store.proposals(&context)),
            format!("{:?}", store.receipts(&context)),
        ]);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_steps_have_equal_answers(
        steps in prop::collection::vec(step(), 1..30),
        after in 0..10_u64,
        bytes_max in 0..600_usize,
    ) {
        let (_directory, path) = place();
        let mut sqlite = SqliteStore::open(path).unwrap();
        let mut memory = MemoryStore::new(sqlite.id());
        for step in &steps {
            prop_assert_eq!(take(&mut sqlite, step), take(&mut memory, step));
        }
        prop_assert_eq!(
            content(&mut sqlite, after, bytes_max),
            content(&mut memory, after, bytes_max)
        );
        sqlite.verify().unwrap();
    }
}
