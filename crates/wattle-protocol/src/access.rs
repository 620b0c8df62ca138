//! Who may change what: the access log of a context, and the rights that follow from it.
//!
//! A context has one linear, hash-chained log. Entry 0 is its [`ContextRecord`](crate::ContextRecord);
//! each further [`Entry`] holds a [`Proposal`] signed by its author, ordered and signed by the
//! context's *sequencer*. Rights are a pure function of the log ([`Log`]), so replicas with equal logs
//! judge every change alike, whatever the order in which it arrived. `docs/access.md` states the cases.
//!
//! The design follows «Epoch-Resolved Arbitration for Duelling Admins» (arXiv 2601.22963): concurrent
//! acts on rights are ordered by an arbiter, edits are not.

mod entry;
mod log;
mod proposal;
mod rights;
#[cfg(test)]
mod tests;

pub use entry::{Closure, Entry, entry_hash};
pub use log::{End, Invited, Log, Member};
pub use proposal::{
    Action, Contested, Grant, Invitation, Kind, Proposal, proposal_hash, redeem_bytes, rotate_bytes,
};
pub use rights::{Power, Rights, Scopes};
