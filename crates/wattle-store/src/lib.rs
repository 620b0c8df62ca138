//! What survives a crash: a small blocking, fallible storage trait and its two implementations.

pub mod store;
pub mod memory;
pub mod sqlite;
pub mod serve;
pub mod conformance;

pub use store::{Append, Store, StoreError};
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;
