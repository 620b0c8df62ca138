//! The always-on replica: it checks, stores and passes on the changes of any number of contexts.
//!
//! [`Relay::start`] runs one inside any tokio program; the `wattle-relay` binary is that call, with
//! settings and signals around it. A relay never opens an Automerge document on the way of a change:
//! only its compactor does, apart, in the background.

mod audit;
mod compactor;
pub mod config;
mod disk;
mod door;
mod engine;
mod health;
mod http;
mod inbox;
pub mod limits;
mod link;
mod login;
mod metrics;
mod quota;
pub mod relay;
pub mod stats;

pub use config::{Compaction, Config, Limits, Mode, TokenKeys};
pub use login::KeysError;
pub use relay::{Relay, RelayHandle, StartError};
pub use stats::Stats;
