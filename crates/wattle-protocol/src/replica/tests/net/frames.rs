//! Frames that a test sends itself.

use crate::id::{Blob, ContextId, DocumentKey, Position, PublicKey, StoreId};
use crate::identity::{Seal, Signature};
use crate::message::{Changes, Hello, Message};
use crate::wire;

pub(in super::super) fn hello_of_version(version_min: u16, version_max: u16) -> Vec<u8> {
    let hello = Hello {
        version_min,
        version_max,
        store: StoreId([77; 16]),
        key: PublicKey([7; 32]),
        nonce: [5; 32],
        takes_snapshots: true,
        agent: "nobody".into(),
        token: Blob::from(Vec::new()),
    };
    wire::encode(&Message::Hello(hello)).to_vec()
}

pub(in super::super) fn hello(key: PublicKey, nonce: [u8; 32]) -> Vec<u8> {
    let plain = wire::decode(&hello_of_version(1, 1), 4096).unwrap();
    let Message::Hello(hello) = plain else { panic!("a hello") };
    wire::encode(&Message::Hello(Hello { key, nonce, ..hello })).to_vec()
}

pub(in super::super) fn proof() -> Vec<u8> {
    wire::encode(&Message::Proof { signature: Signature([1; 64]) }).to_vec()
}

pub(in super::super) fn changes(
    context: ContextId,
    document: DocumentKey,
    changes: Vec<(Blob, Option<Seal>)>,
) -> Vec<u8> {
    let cursor = Position::default();
    let changes = Changes { context, document, changes, cursor, done: false };
    wire::encode(&Message::Changes(changes)).to_vec()
}
