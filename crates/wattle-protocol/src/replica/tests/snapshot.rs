//! What a snapshot costs to check: one signature for each author, however long their histories are.

use std::collections::BTreeSet;

use super::net::{Net, PEER, document, key_of};
use crate::change::tests::chunk::Chunk;
use crate::id::{ActorId, Blob, ChangeHash, Position};
use crate::identity::Seal;
use crate::limits::SNAPSHOT_PART_BYTES;
use crate::message::{Changes, Has, Message, Opened, SnapshotPart};
use crate::wire;

const AUTHORS: u8 = 5;
const EACH: u64 = 2_000;
const SECTION: u8 = 1;

/// A genesis change, and on it the changes of each author, one on the other.
fn histories() -> (Chunk, Vec<Vec<Chunk>>) {
    let context = founded().0.context();
    let root = Chunk { actor: ActorId([0; 16]), ..Chunk::example() };
    let history = |author: u8| {
        let mut before = root.header();
        let next = |seq| {
            let chunk = Chunk {
                deps: vec![before.hash],
                actor: ActorId::of(&context, &key_of(author).public(), [1; 6]),
                seq,
                start_op: before.max_op() + 1,
                author: (seq == 1).then(|| key_of(author).public()),
                ..Chunk::example()
            };
            before = chunk.header();
            chunk
        };
        (1..=EACH).map(next).collect()
    };
    let histories = (1..=AUTHORS).map(history).collect();
    (root, histories)
}

/// A peer that dialled is sent all of it as a snapshot, with these signatures.
fn sent(net: &mut Net, node: usize, bytes: &[u8], seals: &[(ChangeHash, Seal)]) {
    let (context, document) = (net.context(), document(SECTION));
    let link = net.welcome_raw(node);
    let mut frame = |message: Message| {
        net.raw(node, link, wire::encode(&message).to_vec());
        net.run();
    };
    let cursor = Position(10_001);
    let heads = seals.iter().map(|(hash, _)| *hash).collect();
    let documents = vec![Has { document, cursor, heads, sends: true }];
    let (access_entries, access_head, more) = (1, context.0, false);
    frame(Message::Opened(Opened { context, access_entries, access_head, documents, more }));
    let total = bytes.len() as u64;
    let mut offset = 0;
    for part in bytes.chunks(SNAPSHOT_PART_BYTES) {
        let seals = if offset == 0 { seals.to_vec() } else { vec![] };
        let bytes = Blob::from(part);
        let part = SnapshotPart { context, document, offset, total, bytes, seals, cursor };
        frame(Message::Snapshot(part));
        offset = (offset + SNAPSHOT_PART_BYTES as u64).min(total);
    }
    let changes = vec![];
    frame(Message::Changes(Changes { context, document, changes, cursor, done: true }));
}

fn founded() -> (Net, usize) {
    let mut net = Net::new();
    let node = net.add(PEER);
    net.found(node);
    (net, node)
}

fn seal(net: &Net, author: u8, chunk: &Chunk) -> (ChangeHash, Seal) {
    let header = chunk.header();
    let seal = key_of(author).seal(&net.context(), &document(SECTION), &header, 1);
    (header.hash, seal)
}

#[test]
fn ten_thousand_changes_by_five_authors_take_five_signatures() {
    let (root, histories) = histories();
    let all = || [&root].into_iter().chain(histories.iter().flatten());
    let bytes: Vec<u8> = all().flat_map(|chunk| chunk.bytes().to_vec()).collect();
    let hashes: BTreeSet<ChangeHash> = all().map(|chunk| chunk.header().hash).collect();
    assert_eq!(hashes.len(), 10_001);
    let (mut net, node) = founded();
    let newest = (1..).zip(&histories).map(|(author, theirs)| (author, theirs.last().unwrap()));
    let mut seals: Vec<_> = newest.map(|(author, chunk)| seal(&net, author, chunk)).collect();
    sent(&mut net, node, &bytes, &seals);
    assert_eq!((seals.len(), net.changes(node, SECTION)), (5, hashes.clone()));

    // Without one of them, what that author wrote is not taken in, and nothing else is missing.
    let (mut net, node) = founded();
    seals.remove(2);
    sent(&mut net, node, &bytes, &seals);
    let theirs = histories[2].iter().map(|chunk| chunk.header().hash).collect();
    let rest: BTreeSet<ChangeHash> = hashes.difference(&theirs).copied().collect();
    assert_eq!(net.changes(node, SECTION), rest);
}

#[test]
fn a_signature_that_comes_later_covers_a_whole_snapshot() {
    let (root, histories) = histories();
    let first = &histories[0];
    let bytes = [&root].into_iter().chain(first).flat_map(|chunk| chunk.bytes().to_vec());
    let (mut net, node) = founded();
    sent(&mut net, node, &bytes.collect::<Vec<u8>>(), &[]);
    assert_eq!(net.changes(node, SECTION).len(), 1, "the genesis change");

    let newest = first.last().unwrap().header();
    let (deps, start_op) = (vec![newest.hash], newest.max_op() + 1);
    let more = Chunk { deps, seq: EACH + 1, start_op, author: None, ..first[0].clone() };
    let (context, document) = (net.context(), document(SECTION));
    let mut changes: Vec<_> = first.iter().map(|chunk| (chunk.bytes(), None)).collect();
    changes.push((more.bytes(), Some(seal(&net, 1, &more).1)));
    let link = net.greet_raw(node);
    let (cursor, done) = (Position(0), false);
    let changes = Changes { context, document, changes, cursor, done };
    net.raw(node, link, wire::encode(&Message::Changes(changes)).to_vec());
    net.run();
    assert_eq!(net.changes(node, SECTION).len(), 2_002);
}
