//! The crate that apps embed: a context on disk that is edited, watched and kept equal with others.
//!
//! Start at [`Peer`]: it opens a context in a directory, edits and reads it, tells what changes, and
//! dials and listens. Several processes may have one directory open; they see each other's edits
//! through its store, and one of them holds the uplink to the remotes.

pub mod access;
pub mod address;
pub mod audit;
pub mod clock;
pub mod error;
pub mod guard;
pub mod identity;
pub mod lease;
pub mod limits;
pub mod link;
pub mod options;
pub mod pack;
pub mod part;
pub mod peer;
pub mod private;
pub mod role;
pub mod status;
pub mod task;
pub mod tls;
pub mod watch;

mod directory;
mod engine;
mod hex;

pub use access::{
    GrantTerms, Invitation, InviteTerms, Member, Members, Outcome, Passing, Waiting, Whoami,
};
pub use address::{Address, InvitationSecret, JoinLink};
pub use audit::{Again, AuditLine, Audited, Known, Principal, Problem, Verification};
pub use clock::Clock;
pub use error::{
    AccessFailed, AddressError, EditFailed, IdentityError, ListenError, NotSettled, OpenError,
    ReadError, ResolveFailed, RoleError, VerifyError,
};
pub use identity::Identity;
pub use options::{Options, Uplink};
pub use peer::{Parts, Peer, Typing};
pub use role::Role;
pub use status::{
    DocumentStatus, Heads, LinkState, LinkStatus, Present, Quarantined, Received, RemoteStatus,
    Status, Uncounted, UplinkStatus,
};
pub use watch::{Changed, Notice, Origin, TakenOut, Watch};
pub use wattle_protocol::access::{End, Kind};
pub use wattle_protocol::message::{Code, Refusal};
pub use wattle_protocol::{ChangeHash, ContextId, DocumentKey, LinkId, PublicKey, StoreId};
