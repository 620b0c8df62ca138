//! Leases: at most one holder at a time, granted by the sequencer of a context.
//!
//! What a lease is on is opaque here: a scope and sixteen bytes. Whether one is granted is a pure
//! function of the lease that is there and of the sequencer's clock ([`Wanted::judge`]); both stores call
//! it inside the transaction that also counts, so several processes on one store grant as one.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ContextId, LinkId, PublicKey};
use crate::identity::{self, Keypair, Signature};
use crate::limits::{LEASE_PASSED_S, LEASE_TTL_S_MAX};
use crate::message::Refusal;

/// The name that its holder gives to a claim. All zeros is none: nobody claims by that.
pub type ClaimName = [u8; 16];

/// What a lease is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Whoever holds it must be allowed to write this scope.
    pub scope: u8,
    /// What in it.
    pub item: [u8; 16],
}

/// Which of two leases on one subject is the later one: the greater.
///
/// One sequencer's time to order is named by its term and by the number of the access-log entry that
/// named it, so that no two ever count alike; within it the number only grows, over restarts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The sequencer's term.
    pub term: u32,
    /// The number of the access-log entry that named the sequencer.
    pub entry: u64,
    /// Never given twice by it in one context.
    pub number: u64,
}

/// Who holds what, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// On what.
    pub subject: Subject,
    /// By which claim; none when it was passed to somebody who has not taken it yet.
    pub claim: ClaimName,
    /// Whose.
    pub holder: PublicKey,
    /// The later one is greater.
    pub fence: Fence,
    /// Seconds since 1970, by the sequencer's clock; it ends then.
    pub until: u64,
}

/// A lease with the sequencer's signature: anybody can check it later against the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What is granted.
    pub lease: Lease,
    /// By whom.
    pub sequencer: PublicKey,
    /// Over [`grant_bytes`].
    pub signature: Signature,
}

/// What somebody wants of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Have it, or go on having it: then the fence stays, and the end never comes earlier.
    Take {
        /// For so long.
        ttl_s: u32,
    },
    /// End it.
    Release,
    /// End it in favour of another: for a while nobody else gets it.
    Pass {
        /// Whose it is to be.
        to: PublicKey,
    },
    /// Learn who holds it.
    Look,
}

/// What is asked of a sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// On what.
    pub subject: Subject,
    /// By which claim.
    pub claim: ClaimName,
    /// For whom: who asks, or an agent of theirs.
    pub holder: PublicKey,
    /// What.
    pub ask: Ask,
}

/// What a sequencer answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The claim holds it.
    Granted(Grant),
    /// Another claim does.
    Held {
        /// Whose.
        holder: PublicKey,
        /// By which claim; none when it was passed to them.
        claim: ClaimName,
        /// Seconds since 1970, by the sequencer's clock.
        until: u64,
    },
    /// Nobody does.
    Free,
    /// It was not done.
    Refused(Refusal),
}

/// A request, with what the sequencer's machine adds to it for its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Who waits for the answer: a link, or this replica's own application.
    pub link: Option<LinkId>,
    /// Its number of the request.
    pub number: u64,
    /// Of which context.
    pub context: ContextId,
    /// What.
    pub request: Request,
    /// The sequencer's term, and the entry that named it.
    pub reign: (u32, u64),
    /// Seconds since 1970.
    pub now: u64,
    /// A lease with this fence does not count: its holder may not write there any more.
    pub void: Option<Fence>,
}

/// What the store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The claim holds it.
    Granted(Lease),
    /// Another does.
    Held(Lease),
    /// Nobody does.
    Free,
    /// No more leases than there are can be held at once.
    TooMany,
}

/// What a store has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Stands(Outcome),
    /// Keep this in place of what is there.
    Keep(Lease, Outcome),
    /// Drop what is there.
    Drop,
    /// Count, and keep [`Wanted::lease`] with the number in place of what is there.
    Count,
}

/// What the sequencer's signature of a lease is over: a domain, then every field at its fixed width,
/// big-endian.
pub fn grant_bytes(context: &ContextId, lease: &Lease) -> Vec<u8> {
    let mut bytes = b"wattle/lease/1".to_vec();
    bytes.extend(context.0);
    bytes.push(lease.subject.scope);
    bytes.extend(lease.subject.item);
    bytes.extend(lease.claim);
    bytes.extend(lease.holder.0);
    bytes.extend(lease.fence.term.to_be_bytes());
    bytes.extend(lease.fence.entry.to_be_bytes());
    bytes.extend(lease.fence.number.to_be_bytes());
    bytes.extend(lease.until.to_be_bytes());
    bytes
}

impl Grant {
    /// Signs a lease.
    pub fn sign(keypair: &Keypair, context: &ContextId, lease: Lease) -> Self {
        let signature = keypair.sign(&grant_bytes(context, &lease));
        Self { lease, sequencer: keypair.public(), signature }
    }

    /// Whether its sequencer signed it. Whether that one was the sequencer, the access log tells:
    /// [`Log::sequencers`](crate::access::Log::sequencers).
    pub fn verify(&self, context: &ContextId) -> bool {
        identity::verify(&self.sequencer, &grant_bytes(context, &self.lease), &self.signature)
    }
}

impl Wanted {
    /// What is to be done about a request, given the lease that the store has on its subject.
    pub fn judge(&self, stored: Option<&Lease>) -> Verdict {
        let Request { claim, holder, ask, .. } = self.request;
        let live = |lease: &&Lease| self.now < lease.until && Some(lease.fence) != self.void;
        let Some(lease) = stored.filter(live) else {
            return match ask {
                Ask::Take { .. } => Verdict::Count,
                Ask::Release | Ask::Pass { .. } | Ask::Look => Verdict::Stands(Outcome::Free),
            };
        };
        let own = lease.holder == holder && lease.claim == claim;
        let passed = lease.holder == holder && lease.claim == ClaimName::default();
        let same_reign = (lease.fence.term, lease.fence.entry) == self.reign;
        match ask {
            Ask::Take { .. } if own && same_reign => {
                let until = lease.until.max(self.until());
                let kept = Lease { until, ..*lease };
                Verdict::Keep(kept, Outcome::Granted(kept))
            }
            Ask::Take { .. } if own || passed => Verdict::Count,
            Ask::Release if own => Verdict::Drop,
            Ask::Pass { to } if own => {
                let until = lease.until.min(self.now.saturating_add(LEASE_PASSED_S));
                let claim = ClaimName::default();
                Verdict::Keep(Lease { holder: to, claim, until, ..*lease }, Outcome::Free)
            }
            Ask::Look if own => Verdict::Stands(Outcome::Granted(*lease)),
            Ask::Take { .. } | Ask::Release | Ask::Pass { .. } | Ask::Look => {
                Verdict::Stands(Outcome::Held(*lease))
            }
        }
    }

    /// The lease that it becomes with the next number.
    pub fn lease(&self, number: u64) -> Lease {
        let Request { subject, claim, holder, .. } = self.request;
        let (term, entry) = self.reign;
        let fence = Fence { term, entry, number };
        Lease { subject, claim, holder, fence, until: self.until() }
    }

    fn until(&self) -> u64 {
        let ttl_s = match self.request.ask {
            Ask::Take { ttl_s } => ttl_s.clamp(1, LEASE_TTL_S_MAX),
            Ask::Release | Ask::Pass { .. } | Ask::Look => 0,
        };
        self.now.saturating_add(u64::from(ttl_s))
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.term, self.entry, self.number)
    }
}
