//! Access logs, and what waits for them or has come of them.

use wattle_protocol::access::proposal_hash;
use wattle_protocol::{Blob, ChangeHash, ContextId};

use super::State;
use crate::error::StoreError;
use crate::store::{StoredReceipt, access_to_add, access_to_replace};

impl State {
    pub(in crate::memory) fn access(&self, context: &ContextId) -> Vec<Blob> {
        self.access.get(context).cloned().unwrap_or_default()
    }

    pub(in crate::memory) fn append_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError> {
        let mut stored = self.access(context);
        stored.extend_from_slice(access_to_add(context, &stored, from, entries)?);
        Ok(self.put_access(context, stored))
    }

    pub(in crate::memory) fn replace_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError> {
        let mut stored = self.access(context);
        let (kept, added) = access_to_replace(context, &stored, from, entries)?;
        let void = stored.drain(kept..).zip(kept as u64..);
        self.void.extend(void.map(|(entry, number)| (*context, number, entry)));
        stored.extend_from_slice(added);
        Ok(self.put_access(context, stored))
    }

    fn put_access(&mut self, context: &ContextId, entries: Vec<Blob>) -> u64 {
        let length = entries.len() as u64;
        if length > 0 {
            self.access.insert(*context, entries);
        }
        length
    }

    pub(in crate::memory) fn void_access(&self, context: &ContextId) -> Vec<(u64, Blob)> {
        let void = self.void.iter().filter(|(of, ..)| of == context);
        void.map(|(_, number, entry)| (*number, entry.clone())).collect()
    }

    pub(in crate::memory) fn put_proposal(&mut self, context: &ContextId, proposal: &Blob) {
        let proposal = (*context, proposal.clone());
        if !self.proposals.contains(&proposal) {
            self.proposals.push(proposal);
        }
    }

    pub(in crate::memory) fn proposals(&self, context: &ContextId) -> Vec<Blob> {
        let proposals = self.proposals.iter().filter(|(of, _)| of == context);
        proposals.map(|(_, proposal)| proposal.clone()).collect()
    }

    pub(in crate::memory) fn drop_proposal(&mut self, context: &ContextId, hash: &ChangeHash) {
        self.proposals.retain(|(of, proposal)| of != context || proposal_hash(proposal) != *hash);
    }

    pub(in crate::memory) fn put_receipt(&mut self, context: &ContextId, receipt: StoredReceipt) {
        self.receipts.insert((*context, receipt.document, receipt.receipt.key), receipt);
    }

    pub(in crate::memory) fn receipts(&self, context: &ContextId) -> Vec<StoredReceipt> {
        let receipts = self.receipts.iter().filter(|((of, ..), _)| of == context);
        receipts.map(|(_, receipt)| receipt.clone()).collect()
    }
}
