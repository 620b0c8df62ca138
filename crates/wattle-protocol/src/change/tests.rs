//! The parser against Automerge's own, and against what Automerge should never see.

pub(crate) mod chunk;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId as Actor, Author, Automerge, ObjType, ROOT, ReadDoc, ScalarValue};
use proptest::prelude::*;

use self::chunk::Chunk;
use crate::change::{Header, HeaderError};
use crate::id::{ActorId, ChangeHash, PublicKey};
use crate::limits::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX, OP_COUNTER_MAX};

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8, i64),
    Text(u8, String),
    Splice(u8, u8, u8, String),
    Counter(u8, i64),
    List(u8, Vec<bool>),
    Mark(u8, u8),
    Delete(u8, u8),
    Bytes(u8, Vec<u8>),
    Merge(u8, u8),
    Empty(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let text = "[a-zäß😀 \n]{0,12}";
    prop_oneof![
        (0..3u8, 0..4u8, any::<i64>()).prop_map(|(a, k, v)| Step::Put(a, k, v)),
        (0..3u8, text).prop_map(|(a, t)| Step::Text(a, t)),
        (0..3u8, any::<u8>(), 0..4u8, text).prop_map(|(a, at, del, t)| Step::Splice(a, at, del, t)),
        (0..3u8, any::<i64>()).prop_map(|(a, v)| Step::Counter(a, v)),
        (0..3u8, prop::collection::vec(any::<bool>(), 0..9)).prop_map(|(a, v)| Step::List(a, v)),
        (0..3u8, 0..8u8).prop_map(|(a, m)| Step::Mark(a, m)),
        (0..3u8, 0..4u8).prop_map(|(a, k)| Step::Delete(a, k)),
        (0..3u8, prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(a, b)| Step::Bytes(a, b)),
        (0..3u8, 0..3u8).prop_map(|(a, b)| Step::Merge(a, b)),
        (0..3u8).prop_map(Step::Empty),
    ]
}

fn actor(number: u8) -> Actor {
    Actor::from([number + 1; 16])
}

fn replay(steps: &[Step]) -> Vec<Automerge> {
    let mut root = Automerge::new().with_actor(actor(9));
    root.transact::<_, _, automerge::AutomergeError>(|tx| {
        let text = tx.put_object(ROOT, "text", ObjType::Text)?;
        tx.splice_text(&text, 0, 0, "hello, world")?;
        tx.put_object(ROOT, "list", ObjType::List)?;
        tx.put(ROOT, "counter", ScalarValue::counter(1))
    })
    .unwrap();
    let mut docs: Vec<Automerge> = (0..3)
        .map(|number| {
            let mut doc = root.fork();
            doc.set_author(Some(Author::from(vec![number; 32])));
            doc.set_actor(actor(number));
            doc
        })
        .collect();
    for (time, step) in steps.iter().enumerate() {
        apply(&mut docs, step, time as i64 - 3);
    }
    docs
}

fn apply(docs: &mut [Automerge], step: &Step, time: i64) {
    if let Step::Merge(a, b) = step {
        let mut other = docs[*b as usize].clone();
        docs[*a as usize].merge(&mut other).unwrap();
        return;
    }
    let (Step::Put(a, ..)
    | Step::Text(a, ..)
    | Step::Splice(a, ..)
    | Step::Counter(a, ..)
    | Step::List(a, ..)
    | Step::Mark(a, ..)
    | Step::Delete(a, ..)
    | Step::Bytes(a, ..)
    | Step::Merge(a, ..)
    | Step::Empty(a)) = step;
    let doc = &mut docs[*a as usize];
    let text = doc.get(ROOT, "text").unwrap().unwrap().1;
    let list = doc.get(ROOT, "list").unwrap().unwrap().1;
    let length = doc.length(&text);
    let options = CommitOptions::default().with_time(time).with_message(format!("{time}"));
    if matches!(step, Step::Empty(_)) {
        doc.empty_commit(options);
        return;
    }
    doc.transact_with::<_, _, automerge::AutomergeError, _>(
        |()| options,
        |tx| match step {
            Step::Put(_, key, value) => tx.put(ROOT, format!("k{key}"), *value),
            Step::Text(_, new) => tx.update_text(&text, new),
            Step::Splice(_, at, delete, new) => {
                let at = *at as usize % (length + 1);
                let delete = (*delete as usize).min(length - at);
                tx.splice_text(&text, at, delete as isize, new)
            }
            Step::Counter(_, by) => tx.increment(ROOT, "counter", *by % 1000),
            Step::List(_, values) => values.iter().try_for_each(|v| tx.insert(&list, 0, *v)),
            Step::Mark(_, end) => {
                let end = (*end as usize).min(length);
                let mark = automerge::marks::Mark::new("bold".into(), true, 0, end);
                tx.mark(&text, mark, automerge::marks::ExpandMark::After)
            }
            Step::Delete(_, key) => tx.delete(ROOT, format!("k{key}")),
            Step::Bytes(_, bytes) => tx.put(ROOT, "bytes", bytes.clone()),
            Step::Merge(..) | Step::Empty(_) => Ok(()),
        },
    )
    .unwrap();
}

fn chunks(docs: &[Automerge]) -> Vec<automerge::Change> {
    docs.iter().flat_map(|doc| doc.get_changes(&[])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn says_what_automerge_says(steps in prop::collection::vec(step(), 0..40)) {
        for change in chunks(&replay(&steps)) {
            let header = Header::parse(change.raw_bytes()).unwrap();
            prop_assert_eq!(header.hash, ChangeHash(change.hash().0));
            let deps: Vec<_> = change.deps().iter().map(|dep| ChangeHash(dep.0)).collect();
            prop_assert_eq!(&header.deps, &deps);
            prop_assert_eq!(&header.actor.0[..], change.actor_id().to_bytes());
            prop_assert_eq!(header.seq, change.seq());
            prop_assert_eq!(header.start_op, change.start_op().get());
            prop_assert_eq!(header.ops, change.len() as u64);
            prop_assert_eq!(header.max_op(), change.max_op());
            prop_assert_eq!(header.time, change.timestamp());
            let author = change.author().map(|author| author.as_bytes().to_vec());
            prop_assert_eq!(header.author.map(|key| key.0.to_vec()), author);
        }
    }

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Header::parse(&bytes).is_err());
        // Behind a right prefix and checksum, too.
        prop_assert!(Header::parse(&chunk::seal_body(1, &bytes)).is_err() || bytes.len() > 20);
    }

    #[test]
    fn survives_changed_bytes(
        steps in prop::collection::vec(step(), 1..12),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for change in chunks(&replay(&steps)) {
            let mut body = chunk::body(change.raw_bytes()).to_vec();
            for (index, byte) in &changes {
                let index = index.index(body.len());
                body[index] = *byte;
            }
            if let Ok(header) = Header::parse(&chunk::seal_body(1, &body)) {
                prop_assert!(header.ops <= CHANGE_OPS_MAX);
                prop_assert!(header.max_op() < OP_COUNTER_MAX);
            }
        }
    }
}

#[test]
fn no_truncation_and_no_flipped_bit_parses() {
    let change = Chunk { author: Some(PublicKey([7; 32])), ..Chunk::example() }.bytes();
    Header::parse(&change).unwrap();
    for length in 0..change.len() {
        assert!(Header::parse(&change[..length]).is_err(), "cut at {length}");
    }
    for bit in 0..change.len() * 8 {
        let mut flipped = change.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Header::parse(&flipped).is_err(), "bit {bit}");
    }
    let longer = [&change[..], &[0]].concat();
    assert_eq!(Header::parse(&longer), Err(HeaderError::Trailing { bytes: 1 }));
}

fn columns(columns: Vec<(u64, Vec<u8>)>) -> Chunk {
    Chunk { columns, ..Chunk::example() }
}

/// A column that says `count` times the same in a few bytes.
fn run(count: i64, value: u64) -> Vec<u8> {
    [chunk::sleb(count), chunk::leb(value)].concat()
}

#[test]
fn columns_that_only_a_hostile_writer_makes() {
    use HeaderError as E;
    let limit = CHANGE_OPS_MAX;
    let most = i64::MAX as u64;
    let three = || (0x42, run(3, 1));
    let cases = [
        (
            columns(vec![(0x42, run(limit as i64 + 1, 1))]),
            E::ColumnCount { spec: 0x42, count: limit + 1, limit },
        ),
        (
            columns(vec![(0x42, run(i64::MAX, 1))]),
            E::ColumnCount { spec: 0x42, count: most, limit },
        ),
        (
            columns(vec![(0x34, chunk::leb(u64::MAX)), three()]),
            E::ColumnCount { spec: 0x34, count: u64::MAX, limit: 3 },
        ),
        (
            columns(vec![three(), (0x70, run(3, limit))]),
            E::ColumnCount { spec: 0x70, count: 3 * limit, limit },
        ),
        (columns(vec![three(), (0x4a, run(3, 1))]), E::UnknownColumn { spec: 0x4a }),
        (columns(vec![three(), three()]), E::ColumnOrder { spec: 0x42 }),
        (
            columns(vec![(0x01, vec![3, 5]), three()]),
            E::ColumnValue { spec: 0x01, value: 5, limit: 0 },
        ),
        (columns(vec![(0x42, vec![3, 9])]), E::ColumnValue { spec: 0x42, value: 9, limit: 7 }),
        (columns(vec![(0x42, vec![0x40])]), E::Column { spec: 0x42 }),
        (
            columns(vec![(0x42, run(1, 1)), (0x56, vec![1, 0x46]), (0x57, b"no".to_vec())]),
            E::Column { spec: 0x57 },
        ),
    ];
    for (chunk, error) in cases {
        assert_eq!(Header::parse(&chunk.bytes()), Err(error), "{chunk:?}");
    }
}

#[test]
fn headers_that_only_a_hostile_writer_makes() {
    use HeaderError as E;
    let example = Chunk::example;
    let author = Some(PublicKey([1; 32]));
    let near = u64::from(u32::MAX) - 1;
    let long = Chunk { message: vec![b'x'; CHANGE_BYTES_MAX], ..example() };
    let bytes = long.bytes().len();
    let cases = [
        (Chunk { start_op: near, ..example() }, E::OpCounter { max_op: near + 1 }),
        (Chunk { start_op: u64::MAX, ..example() }, E::OpCounter { max_op: u64::MAX }),
        (Chunk { start_op: 0, ..example() }, E::StartOpZero),
        (Chunk { seq: 0, ..example() }, E::SeqZero),
        (Chunk { seq: 2, author, ..example() }, E::LateAuthor { seq: 2 }),
        (Chunk { deps: vec![ChangeHash([1; 32]); 65], ..example() }, E::Deps { count: 65 }),
        (Chunk { deps: vec![ChangeHash([1; 32]); 2], ..example() }, E::DepsOrder),
        (Chunk { others: vec![ActorId([1; 16]); 257], ..example() }, E::Actors { count: 257 }),
        (Chunk { message: vec![0xff], ..example() }, E::Message),
        (Chunk { footer: vec![2, 1, 0], ..example() }, E::Footer),
        (Chunk { footer: vec![1, 31], ..example() }, E::Footer),
        (long, E::TooLong { bytes }),
    ];
    for (chunk, error) in cases {
        assert_eq!(Header::parse(&chunk.bytes()), Err(error), "{chunk:?}");
    }
}

#[test]
fn chunks_that_are_no_change() {
    let body = chunk::body(&Chunk::example().bytes()).to_vec();
    for kind in [0, 2, 3, 200] {
        let parsed = Header::parse(&chunk::seal_body(kind, &body));
        assert_eq!(parsed, Err(HeaderError::ChunkType { kind }));
    }
    let mut unsummed = Chunk::example().bytes().to_vec();
    unsummed[4] ^= 1;
    assert_eq!(Header::parse(&unsummed), Err(HeaderError::Checksum));
    let mut announced = b"\x85\x6f\x4a\x83\0\0\0\0\x01".to_vec();
    announced.extend(chunk::leb(u64::MAX));
    assert_eq!(Header::parse(&announced), Err(HeaderError::Truncated));
    announced[0] = 0;
    assert_eq!(Header::parse(&announced), Err(HeaderError::Magic));
}
