//! How replicas agree on a context: a sans-IO state machine over opaque change sets.
//!
//! Nothing here knows tokio, sockets, files, the time, Automerge, or what a document means.
//! Start reading at [`Replica`]: its documentation is the contract that every driver follows.

pub mod id;
pub mod limits;
pub mod change;
pub mod identity;
pub mod message;
pub mod wire;
pub mod io;
pub mod graph;
pub mod admit;
pub mod replica;

pub use change::{Change, Header};
pub use id::{ActorId, Blob, ChangeHash, ContextId, DocumentId, DocumentKey, LinkId, Position, PublicKey, StoreId};
pub use identity::{ContextRecord, Keypair, Seal};
pub use io::{Event, Input, Output, StoreReply, StoreRequest};
pub use replica::Replica;
