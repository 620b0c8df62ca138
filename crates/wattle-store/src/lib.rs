//! What survives a crash: a small blocking, fallible storage trait and its two implementations.
//!
//! Start reading at [`Store`]: its documentation is the contract, and [`conformance`] holds both
//! [`SqliteStore`] and [`MemoryStore`] to it.

pub mod conformance;
pub mod error;
pub mod memory;
pub mod serve;
pub mod sqlite;
pub mod store;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use serve::serve;
pub use sqlite::SqliteStore;
pub use store::{Append, News, Store, StoredReceipt};

#[cfg(test)]
mod testing;
