//! Between rows and the types of the protocol.

use rusqlite::Row;
use rusqlite::types::Type;
use wattle_protocol::identity::Signature;
use wattle_protocol::{ActorId, Blob, Change, ChangeHash, Header, Position, PublicKey, Seal};

/// The columns that [`header`] reads, first in their query.
pub(super) const HEADER: &str = "log.id, hash, actor, seq, start_op, ops, time, author, deps";
/// The columns that [`change`] reads.
pub(super) const CHANGE: &str =
    "log.id, hash, actor, seq, start_op, ops, time, author, deps, seal, bytes";
/// The first column after [`HEADER`].
pub(super) const AFTER_HEADER: usize = 9;
/// The first column after [`CHANGE`].
pub(super) const AFTER_CHANGE: usize = 11;

const SEAL_BYTES: usize = 8 + 32 + 64;

/// A position and the header there, from the columns of [`HEADER`].
pub(super) fn header(row: &Row<'_>) -> rusqlite::Result<(Position, Header)> {
    let header = Header {
        hash: ChangeHash(row.get(1)?),
        actor: ActorId(row.get(2)?),
        seq: row.get::<_, i64>(3)?.cast_unsigned(),
        start_op: row.get::<_, i64>(4)?.cast_unsigned(),
        ops: row.get::<_, i64>(5)?.cast_unsigned(),
        time: row.get(6)?,
        author: row.get::<_, Option<[u8; 32]>>(7)?.map(PublicKey),
        deps: hashes(row, 8)?,
    };
    Ok((position(row, 0)?, header))
}

/// A position and the change there, from the columns of [`CHANGE`].
pub(super) fn change(row: &Row<'_>) -> rusqlite::Result<(Position, Change)> {
    let (position, header) = header(row)?;
    let seal = row.get_ref(9)?.as_blob_or_null()?.map(|bytes| seal(bytes, 9)).transpose()?;
    let bytes = Blob::from(row.get_ref(10)?.as_blob()?);
    Ok((position, Change { header, bytes, seal }))
}

/// A position in a column.
pub(super) fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<Position> {
    row.get::<_, i64>(column).map(|position| Position(position.cast_unsigned()))
}

/// A position as SQLite compares it; none lies beyond 63 bits.
pub(super) fn bound(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// A list of hashes in a column.
pub(super) fn hashes(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<ChangeHash>> {
    let bytes = row.get_ref(column)?.as_blob()?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(malformed(column, "not a list of hashes"));
    }
    Ok(hashes.iter().copied().map(ChangeHash).collect())
}

/// A list of hashes as it is stored: one after the other.
pub(super) fn hash_bytes<'a>(hashes: impl IntoIterator<Item = &'a ChangeHash>) -> Vec<u8> {
    hashes.into_iter().flat_map(|hash| hash.0).collect()
}

/// A seal as it is stored: epoch in 8 bytes big-endian, key, signature.
pub(super) fn seal_bytes(seal: &Seal) -> Vec<u8> {
    [&seal.epoch.to_be_bytes()[..], &seal.key.0, &seal.signature.0].concat()
}

/// The seals of a snapshot as they are stored: hash and seal, one pair after the other.
pub(super) fn seals_bytes(seals: &[(ChangeHash, Seal)]) -> Vec<u8> {
    seals.iter().flat_map(|(hash, seal)| [&hash.0[..], &seal_bytes(seal)].concat()).collect()
}

/// The seals of a snapshot in a column.
pub(super) fn seals(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<(ChangeHash, Seal)>> {
    let bytes = row.get_ref(column)?.as_blob()?;
    let (pairs, rest) = bytes.as_chunks::<{ 32 + SEAL_BYTES }>();
    if !rest.is_empty() {
        return Err(malformed(column, "not a list of seals"));
    }
    pairs
        .iter()
        .map(|pair| {
            let (hash, rest) = pair.split_first_chunk().ok_or_else(|| short(column))?;
            Ok((ChangeHash(*hash), seal(rest, column)?))
        })
        .collect()
}

fn seal(bytes: &[u8], column: usize) -> rusqlite::Result<Seal> {
    let (epoch, rest) = bytes.split_first_chunk().ok_or_else(|| short(column))?;
    let (key, rest) = rest.split_first_chunk().ok_or_else(|| short(column))?;
    let signature = rest.try_into().map_err(|_| short(column))?;
    let epoch = u64::from_be_bytes(*epoch);
    Ok(Seal { epoch, key: PublicKey(*key), signature: Signature(signature) })
}

fn short(column: usize) -> rusqlite::Error {
    malformed(column, "not a seal")
}

fn malformed(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, what.into())
}
