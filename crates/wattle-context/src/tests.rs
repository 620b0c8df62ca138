//! Scenarios and properties that span the crate.

mod genesis;
mod junk;
mod properties;
mod scenario;
mod scenarios;
