//! Reading a chunk from its first byte to its last.

use sha2::{Digest, Sha256};

use super::columns::{self, Shape};
use super::{Header, HeaderError};
use crate::id::{ActorId, ChangeHash, PublicKey};
use crate::limits::{CHANGE_ACTORS_MAX, CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, OP_COUNTER_MAX};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE: u8 = 1;
const AUTHOR_FOOTER: u64 = 1;

pub(super) fn header(bytes: &[u8]) -> Result<Header, HeaderError> {
    if bytes.len() > CHANGE_BYTES_MAX {
        return Err(HeaderError::TooLong { bytes: bytes.len() });
    }
    let mut chunk = Reader(bytes);
    if chunk.array()? != MAGIC {
        return Err(HeaderError::Magic);
    }
    let checksum: [u8; 4] = chunk.array()?;
    let hashed = chunk.0;
    let [kind] = chunk.array()?;
    if kind != CHANGE {
        return Err(HeaderError::ChunkType { kind });
    }
    let length = chunk.length()?;
    let body = Reader(chunk.take(length)?);
    if !chunk.0.is_empty() {
        return Err(HeaderError::Trailing { bytes: chunk.0.len() });
    }
    let hash = ChangeHash(Sha256::digest(hashed).into());
    if hash.0.first_chunk() != Some(&checksum) {
        return Err(HeaderError::Checksum);
    }
    read_body(hash, body)
}

fn read_body(hash: ChangeHash, mut body: Reader<'_>) -> Result<Header, HeaderError> {
    let deps = read_deps(&mut body)?;
    let actor = read_actor(&mut body)?;
    let seq = body.unsigned()?;
    if seq == 0 {
        return Err(HeaderError::SeqZero);
    }
    let start_op = body.unsigned()?;
    if start_op == 0 {
        return Err(HeaderError::StartOpZero);
    }
    let time = body.signed()?;
    let length = body.length()?;
    str::from_utf8(body.take(length)?).map_err(|_| HeaderError::Message)?;
    let others = body.unsigned()?;
    if others > CHANGE_ACTORS_MAX as u64 {
        return Err(HeaderError::Actors { count: others });
    }
    for _ in 0..others {
        read_actor(&mut body)?;
    }
    let ops = columns::count(&mut body, &Shape { actors: others + 1 })?;
    let max_op = start_op.saturating_add(ops);
    if max_op > OP_COUNTER_MAX {
        return Err(HeaderError::OpCounter { max_op });
    }
    let author = read_footer(body, seq)?;
    Ok(Header { hash, deps, actor, seq, start_op, ops, time, author })
}

fn read_deps(body: &mut Reader<'_>) -> Result<Vec<ChangeHash>, HeaderError> {
    let count = body.unsigned()?;
    if count > CHANGE_DEPS_MAX as u64 {
        return Err(HeaderError::Deps { count });
    }
    let deps = (0..count).map(|_| Ok(ChangeHash(body.array()?))).collect::<Result<Vec<_>, _>>()?;
    if !deps.is_sorted_by(|a, b| a < b) {
        return Err(HeaderError::DepsOrder);
    }
    Ok(deps)
}

fn read_actor(body: &mut Reader<'_>) -> Result<ActorId, HeaderError> {
    let bytes = body.unsigned()?;
    if bytes != 16 {
        return Err(HeaderError::ActorLength { bytes });
    }
    Ok(ActorId(body.array()?))
}

/// Automerge leaves unknown bytes after the columns alone; here they are an author's key or nothing.
fn read_footer(mut rest: Reader<'_>, seq: u64) -> Result<Option<PublicKey>, HeaderError> {
    if rest.0.is_empty() {
        return Ok(None);
    }
    if rest.unsigned()? != AUTHOR_FOOTER || rest.unsigned()? != 32 {
        return Err(HeaderError::Footer);
    }
    let key = PublicKey(rest.array().map_err(|_| HeaderError::Footer)?);
    if !rest.0.is_empty() {
        return Err(HeaderError::Footer);
    }
    // Automerge 0.12 panics on an author in any but the first change of an actor.
    if seq != 1 {
        return Err(HeaderError::LateAuthor { seq });
    }
    Ok(Some(key))
}

/// The bytes not yet read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], HeaderError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(HeaderError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(HeaderError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A length of bytes that must follow; larger ones than memory are simply not there.
    pub(super) fn length(&mut self) -> Result<usize, HeaderError> {
        usize::try_from(self.unsigned()?).map_err(|_| HeaderError::Truncated)
    }

    /// LEB128, in its shortest form.
    pub(super) fn unsigned(&mut self) -> Result<u64, HeaderError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return Err(HeaderError::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let overlong = shift > 0 && byte == 0;
                return if overlong { Err(HeaderError::Number) } else { Ok(value) };
            }
        }
        Err(HeaderError::Number)
    }

    /// Signed LEB128, in its shortest form.
    pub(super) fn signed(&mut self) -> Result<i64, HeaderError> {
        let mut value = 0;
        let mut before = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let negative = byte & 0x40 != 0;
                let overlong = shift > 0
                    && ((byte == 0 && before & 0x40 == 0) || (byte == 0x7f && before & 0x40 != 0));
                let too_large = shift == 63 && byte != 0 && byte != 0x7f;
                if overlong || too_large {
                    return Err(HeaderError::Number);
                }
                return Ok(if negative && shift < 57 {
                    value | (-1 << (shift + 7))
                } else {
                    value
                });
            }
            before = byte;
        }
        Err(HeaderError::Number)
    }
}
