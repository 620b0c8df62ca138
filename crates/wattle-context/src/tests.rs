//! Scenarios, properties and figures that span the crate.

mod figures;
mod genesis;
mod junk;
mod properties;
mod scenario;
mod scenarios;
