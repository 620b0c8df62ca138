//! Scenarios and properties that span the crate.

mod bounds;
mod claiming;
mod claims;
mod genesis;
mod junk;
mod properties;
mod redo;
pub(crate) mod scenario;
mod scenarios;
