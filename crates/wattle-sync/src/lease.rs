//! Leases, as an application sees them: who holds what, by the word of the context's sequencer.

use wattle_protocol::ContextId;
use wattle_protocol::access::Log;
pub use wattle_protocol::lease::{
    Answer, Ask, ClaimName, Fence, Grant, Lease, Request, Subject, grant_bytes,
};

/// Who orders the access log of a context, and who did: what the signature of a lease is checked with.
#[derive(Clone, Debug)]
pub struct Sequencers {
    pub(crate) context: ContextId,
    pub(crate) log: Option<Log>,
}

impl Sequencers {
    /// Whether a lease was granted by whom it says, who was the sequencer then. Needs nobody else.
    pub fn granted(&self, grant: &Grant) -> bool {
        let Fence { term, entry, .. } = grant.lease.fence;
        let of = self.log.as_ref().and_then(|log| log.sequencer_of(term, entry));
        of == Some(grant.sequencer) && grant.verify(&self.context)
    }

    /// Who was the sequencer, having been named by this entry in this term.
    pub fn of(&self, fence: &Fence) -> Option<wattle_protocol::PublicKey> {
        self.log.as_ref()?.sequencer_of(fence.term, fence.entry)
    }
}
