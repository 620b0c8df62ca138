//! What this replica waits for, and what others have signed for: proposals and receipts.

use rusqlite::{Connection, params};
use wattle_protocol::access::proposal_hash;
use wattle_protocol::identity::{Receipt, Signature};
use wattle_protocol::{Blob, ChangeHash, ContextId, DocumentKey, PublicKey};

use crate::sqlite::failure::Failure;
use crate::sqlite::rows;
use crate::store::StoredReceipt;

/// Keeps a proposal.
pub(super) fn put_proposal(
    connection: &Connection,
    context: &ContextId,
    proposal: &Blob,
) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO proposal (context, hash, bytes) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![context.0, proposal_hash(proposal).0, &proposal[..]])?;
    Ok(())
}

/// The proposals, in the order in which they came.
pub(super) fn proposals(
    connection: &Connection,
    context: &ContextId,
) -> Result<Vec<Blob>, Failure> {
    let mut query =
        connection.prepare_cached("SELECT bytes FROM proposal WHERE context = ?1 ORDER BY id")?;
    let proposals =
        query.query_map([context.0], |row| Ok(Blob::from(row.get_ref(0)?.as_blob()?)))?;
    Ok(proposals.collect::<Result<_, _>>()?)
}

/// Drops a proposal.
pub(super) fn drop_proposal(
    connection: &Connection,
    context: &ContextId,
    proposal: &ChangeHash,
) -> Result<(), Failure> {
    connection
        .prepare_cached("DELETE FROM proposal WHERE context = ?1 AND hash = ?2")?
        .execute(params![context.0, proposal.0])?;
    Ok(())
}

/// Keeps a receipt in place of the one before.
pub(super) fn put_receipt(
    connection: &Connection,
    (context, document): (&ContextId, &DocumentKey),
    heads: &[ChangeHash],
    receipt: &Receipt,
) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO receipt (context, scope, item, key, epoch, signature, heads)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            context.0,
            document.scope,
            document.item,
            receipt.key.0,
            receipt.epoch.cast_signed(),
            receipt.signature.0,
            rows::hash_bytes(heads),
        ])?;
    Ok(())
}

/// The newest receipt of each key for each document.
pub(super) fn receipts(
    connection: &Connection,
    context: &ContextId,
) -> Result<Vec<StoredReceipt>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT scope, item, key, epoch, signature, heads FROM receipt
         WHERE context = ?1 ORDER BY scope, item, key",
    )?;
    let receipts = query.query_map([context.0], |row| {
        let receipt = Receipt {
            epoch: row.get::<_, i64>(3)?.cast_unsigned(),
            key: PublicKey(row.get(2)?),
            signature: Signature(row.get(4)?),
        };
        let document = DocumentKey { scope: row.get(0)?, item: row.get(1)? };
        Ok(StoredReceipt { document, heads: rows::hashes(row, 5)?, receipt })
    })?;
    Ok(receipts.collect::<Result<_, _>>()?)
}
