//! What a context is: typed sections mapped onto Automerge documents, edits anchored to a version,
//! conflicts, merge policies and history. Functions over documents; no sockets, clock or randomness.

pub mod value;
pub mod schema;
pub mod policy;
pub mod conflict;

pub use conflict::{Candidate, Conflict, ConflictKind};
pub use policy::Policy;
pub use schema::{Field, Kind, Part, Section};
pub use value::{ItemId, Value};
