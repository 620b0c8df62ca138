//! Changes made by hand, for the unit tests.

use wattle_protocol::io::Known;
use wattle_protocol::{
    ActorId, Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position,
};

use crate::Append;

pub(crate) const CONTEXT: ContextId = ContextId([7; 32]);
pub(crate) const DOCUMENT: DocumentKey = DocumentKey { scope: 6, item: [0; 16] };

/// Change `seq` of a writer, on its change before.
pub(crate) fn change(writer: u8, seq: u64) -> Change {
    let deps = if seq > 1 { vec![hash(writer, seq - 1)] } else { vec![] };
    let header = Header {
        hash: hash(writer, seq),
        deps,
        actor: ActorId([writer; 16]),
        seq,
        start_op: seq,
        ops: 1,
        time: 0,
        author: None,
    };
    Change { header, bytes: bytes(writer, seq), seal: None }
}

pub(crate) fn hash(writer: u8, seq: u64) -> ChangeHash {
    let mut hash = [writer; 32];
    hash[..8].copy_from_slice(&seq.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    ChangeHash(hash)
}

fn bytes(writer: u8, seq: u64) -> Blob {
    [&[writer][..], &seq.to_be_bytes(), &[0; 191]].concat().into()
}

/// The changes of writer 1, from one number to another.
pub(crate) fn chain(from: u64, to: u64) -> Vec<Change> {
    (from..=to).map(|seq| change(1, seq)).collect()
}

pub(crate) fn append(changes: Vec<Change>) -> Append {
    Append { context: CONTEXT, document: DOCUMENT, changes }
}

pub(crate) fn known(cursor: u64) -> Known {
    Known { document: DOCUMENT, cursor: Position(cursor), durable: vec![hash(1, 1)] }
}
