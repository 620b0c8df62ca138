//! Writes change chunks, well formed and otherwise.

use sha2::{Digest, Sha256};

use crate::change::{Change, Header};
use crate::id::{ActorId, Blob, ChangeHash, PublicKey};

/// The parts of a chunk, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) deps: Vec<ChangeHash>,
    pub(crate) actor: ActorId,
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
    pub(crate) message: Vec<u8>,
    pub(crate) others: Vec<ActorId>,
    pub(crate) columns: Vec<(u64, Vec<u8>)>,
    pub(crate) author: Option<PublicKey>,
    pub(crate) footer: Vec<u8>,
}

impl Chunk {
    /// One operation, no dependencies.
    pub(crate) fn example() -> Self {
        Self {
            deps: vec![],
            actor: ActorId([9; 16]),
            seq: 1,
            start_op: 1,
            message: vec![],
            others: vec![],
            columns: vec![(0x15, b"\x01\x01x".to_vec()), (0x34, vec![1]), (0x42, vec![1, 1])],
            author: None,
            footer: vec![],
        }
    }

    pub(crate) fn bytes(&self) -> Blob {
        let mut body = leb(self.deps.len() as u64);
        self.deps.iter().for_each(|dep| body.extend(dep.0));
        body.push(16);
        body.extend(self.actor.0);
        body.extend(leb(self.seq));
        body.extend(leb(self.start_op));
        body.extend(sleb(-7));
        body.extend(leb(self.message.len() as u64));
        body.extend(&self.message);
        body.extend(leb(self.others.len() as u64));
        for other in &self.others {
            body.push(16);
            body.extend(other.0);
        }
        body.extend(leb(self.columns.len() as u64));
        for (spec, data) in &self.columns {
            body.extend(leb(*spec));
            body.extend(leb(data.len() as u64));
        }
        self.columns.iter().for_each(|(_, data)| body.extend(data));
        if let Some(author) = &self.author {
            body.extend([1, 32]);
            body.extend(author.0);
        }
        body.extend(&self.footer);
        seal_body(1, &body).into()
    }

    pub(crate) fn header(&self) -> Header {
        Header::parse(&self.bytes()).unwrap()
    }

    pub(crate) fn change(&self) -> Change {
        Change::parse(self.bytes(), None).unwrap()
    }
}

/// A chunk of any type around a body, with its right length and checksum.
pub(crate) fn seal_body(kind: u8, body: &[u8]) -> Vec<u8> {
    let hashed = [&[kind][..], &leb(body.len() as u64), body].concat();
    let hash = Sha256::digest(&hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &hash[..4], &hashed].concat()
}

/// What is in a chunk behind its length.
pub(crate) fn body(chunk: &[u8]) -> &[u8] {
    let length = chunk[9..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    &chunk[9 + length..]
}

pub(crate) fn leb(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub(crate) fn sleb(mut value: i64) -> Vec<u8> {
    let mut bytes = vec![];
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        let done = (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0);
        bytes.push(if done { byte } else { byte | 0x80 });
        if done {
            return bytes;
        }
    }
}
