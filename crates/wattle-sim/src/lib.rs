//! Deterministic simulation: real machines, real documents, a network and disks that lie, one thread, one seed.
//!
//! A [plan] or [scenario] is text. A [world](fn@run) carries it out in virtual time: peers and relays are
//! the same state machines and stores as everywhere, driven as `wattle-sync` and `wattle-relay` drive them.
//! The judges stand apart: converged, nothing lost, durable at every crash, silent at the end, own writes
//! readable, heads that only grow, bounded links, nobody refused, one access log, and nothing that it
//! does not allow.

pub mod check;
mod disk;
pub mod expect;
pub mod hostile;
pub mod names;
pub mod plan;
pub mod rng;
pub mod roles;
pub mod scenario;
pub mod shrink;
mod world;

pub use check::Violation;
pub use disk::Bug;
pub use world::{Options, Outcome, Stats, run};
