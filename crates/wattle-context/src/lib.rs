//! What a context is: typed sections mapped onto Automerge documents, edits anchored to a version,
//! conflicts, merge policies and history. Functions over documents; no sockets, clock or randomness.

pub mod claim;
pub mod conflict;
pub mod context;
pub mod document;
pub mod edit;
mod export;
pub mod history;
pub mod json;
pub mod limits;
pub mod path;
pub mod plain;
pub mod policy;
mod read;
pub mod redo;
pub mod rewrite;
pub mod schema;
pub mod secrets;
pub mod settle;
pub mod value;
pub mod view;

pub use conflict::{Candidate, Conflict, ConflictKind};
pub use context::Context;
pub use document::{ApplyError, Document, LoadError, roots};
pub use edit::{
    ACTOR_KEY_BYTES, Answer, Author, Edit, EditError, Edited, Landed, Op, Touch, Typed,
};
pub use history::{Difference, LogEntry, LogFilter, VersionError};
pub use path::{Path, PathError};
pub use policy::Policy;
pub use redo::{Redo, Run, Source};
pub use rewrite::Splice;
pub use schema::{Field, Kind, Part, Section, Shape};
pub use settle::{ResolveError, Settlement};
pub use value::{ItemId, Value};
pub use view::{Defect, FieldView, ItemView, SectionView};

#[cfg(test)]
mod tests;
