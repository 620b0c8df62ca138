//! Changes made by hand: a store looks at nothing but their header, which it is given.

use wattle_protocol::identity::Signature;
use wattle_protocol::io::{Known, Snapshot};
use wattle_protocol::{
    ActorId, Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, PublicKey, Seal,
    StoreId,
};

use crate::store::Append;

/// The context of most clauses.
pub(super) const CONTEXT: ContextId = ContextId([7; 32]);
/// Another one.
pub(super) const ELSEWHERE: ContextId = ContextId([3; 32]);
/// The document of most clauses.
pub(super) const RULES: DocumentKey = DocumentKey { scope: 6, item: [0; 16] };
/// Another one, which comes before it.
pub(super) const TASKS: DocumentKey = DocumentKey { scope: 4, item: [9; 16] };
/// Another store.
pub(super) const REMOTE: StoreId = StoreId([5; 16]);

/// Change `n` of actor `n`, 10 bytes long, on the changes of these numbers.
pub(super) fn change(n: u8, deps: &[u8]) -> Change {
    let header = Header {
        hash: hash(n),
        deps: deps.iter().copied().map(hash).collect(),
        actor: ActorId([n; 16]),
        seq: u64::MAX - u64::from(n),
        start_op: u64::from(n),
        ops: 3,
        time: -5,
        author: n.is_multiple_of(2).then_some(PublicKey([n; 32])),
    };
    Change { header, bytes: Blob::from(vec![n; 10]), seal: None }
}

/// The hash of that change. Their order differs from the order of the numbers.
pub(super) fn hash(n: u8) -> ChangeHash {
    ChangeHash([n.wrapping_mul(151); 32])
}

/// Changes from one number to another, each on the one before.
pub(super) fn chain(from: u8, to: u8) -> Vec<Change> {
    let before = |n: u8| n.checked_sub(1).filter(|before| *before > 0);
    (from..=to).map(|n| change(n, before(n).as_slice())).collect()
}

/// A seal that differs from others by its number.
pub(super) fn seal(n: u8) -> Seal {
    Seal { epoch: u64::from(n), key: PublicKey([n; 32]), signature: Signature([n; 64]) }
}

/// To be appended to the usual document.
pub(super) fn append(changes: Vec<Change>) -> Append {
    Append { context: CONTEXT, document: RULES, changes }
}

/// The positions from one number to another.
pub(super) fn positions(from: u64, to: u64) -> Vec<Position> {
    (from..=to).map(Position).collect()
}

/// A snapshot up to a position.
pub(super) fn snapshot(upto: u64) -> Snapshot {
    let bytes = Blob::from(upto.to_be_bytes().to_vec());
    Snapshot { upto: Position(upto), bytes, seals: vec![(hash(1), seal(1)), (hash(2), seal(2))] }
}

/// What another store may have of a document.
pub(super) fn known(document: DocumentKey, cursor: u64) -> Known {
    Known { document, cursor: Position(cursor), durable: vec![hash(1), hash(2)] }
}
