//! How replicas agree on a context: a sans-IO state machine over opaque change sets.
//!
//! Nothing here knows tokio, sockets, files, the time, Automerge, or what a document means.
//! Start reading at [`Replica`]: its documentation is the contract that every driver follows.

pub mod access;
pub mod admit;
pub mod change;
pub mod frame;
pub mod graph;
pub mod id;
pub mod identity;
pub mod io;
pub mod lease;
pub mod limits;
pub mod message;
pub mod replica;
pub mod wire;

pub use change::{Change, Header};
pub use frame::Frame;
pub use id::{
    ACTOR_KEY_BYTES, ActorId, Blob, ChangeHash, ContextId, DocumentId, DocumentKey, LinkId,
    Position, PublicKey, StoreId,
};
pub use identity::{ContextRecord, Keypair, Seal};
pub use io::{Event, Input, Output, StoreReply, StoreRequest};
pub use replica::Replica;
