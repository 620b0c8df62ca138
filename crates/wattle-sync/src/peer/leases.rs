//! Leases.

use super::Peer;
use crate::engine::Command;
use crate::lease::{Answer, Ask, ClaimName, Request, Sequencers, Subject};

impl Peer {
    /// Asks the context's sequencer for a lease, for the one who edits here. None when it is out of
    /// reach, which is known after 2.5 seconds at most; what a claim is worth then, the records of all
    /// claims say when replicas meet.
    pub async fn lease(&self, subject: Subject, claim: ClaimName, ask: Ask) -> Option<Answer> {
        let request = Request { subject, claim, holder: self.shared.key, ask };
        self.ask(|reply| Command::Lease { request, reply }).await.flatten()
    }

    /// Who holds a lease, by the word of the sequencer; none when it is out of reach.
    pub async fn check_lease(&self, subject: Subject, claim: ClaimName) -> Option<Answer> {
        self.lease(subject, claim, Ask::Look).await
    }

    /// Who orders the access log and who did, to check the signatures of leases with.
    pub async fn sequencers(&self) -> Option<Sequencers> {
        self.ask(Command::Sequencers).await
    }
}
