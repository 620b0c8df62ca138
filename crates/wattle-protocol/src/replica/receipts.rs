//! Receipts: a store's signature that it has changes, durably.

use super::Replica;
use super::follow::At;
use crate::id::ChangeHash;
use crate::identity::Receipt;
use crate::io::{Event, Output};
use crate::message::{Code, Refusal};

impl Replica {
    /// This replica's signature that it has these changes. The same for every link that learns the same.
    pub(super) fn receipt(&mut self, at: At, heads: &[ChangeHash]) -> Option<Receipt> {
        let there = self.contexts.get_mut(&at.context)?;
        let epoch = there.access.len() as u64;
        let here = there.documents.get_mut(&at.document)?;
        match &here.receipt {
            Some((signed, receipt)) if signed == heads && receipt.epoch == epoch => {
                Some(receipt.clone())
            }
            Some(_) | None => {
                let place = (&at.context, &at.document);
                let receipt = Receipt::sign(&self.config.key, place, heads, epoch);
                here.receipt = Some((heads.to_vec(), receipt.clone()));
                Some(receipt)
            }
        }
    }

    /// Whether what the other side says about its store may be believed: without a signature it is
    /// its word, a signature that does not hold is a lie.
    pub(super) fn receipt_holds(
        &mut self,
        at: At,
        heads: &[ChangeHash],
        receipt: Option<Receipt>,
    ) -> bool {
        let Some(proved) = self.links.get(&at.link).and_then(super::link::Link::proved) else {
            return false;
        };
        let Some(receipt) = receipt else { return true };
        if self.follow(at).is_none() {
            return true;
        }
        let At { link, context, document } = at;
        if receipt.key != proved.key || !receipt.verify((&context, &document), heads) {
            let reason = "the receipt is not signed by the key of this link";
            self.refuse(link, Refusal::new(Code::BadSignature, reason));
            return false;
        }
        let (remote, heads) = (proved.store, heads.to_vec());
        let event = Event::Receipt { remote, context, document, heads, receipt };
        self.outbox.push_back(Output::Event(event));
        true
    }
}
