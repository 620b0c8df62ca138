//! Leases, as an application sees them: who holds what, by the word of the context's sequencer.

use std::collections::BTreeMap;

pub use wattle_protocol::lease::{
    Answer, Ask, ClaimName, Fence, Grant, Lease, Request, Subject, grant_bytes,
};
use wattle_protocol::{ContextId, PublicKey};

/// Who orders the access log of a context, and who did: what the signature of a lease is checked with.
#[derive(Clone, Debug)]
pub struct Sequencers {
    pub(crate) context: ContextId,
    /// By term, and by the entry that named them in it; none before the log is here.
    pub(crate) named: BTreeMap<(u32, u64), PublicKey>,
}

impl Sequencers {
    /// Whether a lease was granted by whom it says, who was the sequencer then. Needs nobody else.
    pub fn granted(&self, grant: &Grant) -> bool {
        self.of(&grant.lease.fence) == Some(grant.sequencer) && grant.verify(&self.context)
    }

    /// Who was the sequencer, having been named by this entry in this term.
    pub fn of(&self, fence: &Fence) -> Option<PublicKey> {
        self.named.get(&(fence.term, fence.entry)).copied()
    }
}
