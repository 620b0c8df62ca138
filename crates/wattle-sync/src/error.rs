//! Why something was not done: one enum per operation.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use wattle_context::{LoadError, Part};
use wattle_protocol::PublicKey;
use wattle_protocol::message::Refusal;
use wattle_store::StoreError;

mod edit;
mod identity;

pub use edit::{EditFailed, ResolveFailed};
pub use identity::IdentityError;

/// Why a text is no address or no link to join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// An unknown scheme, or none.
    #[error("{address} is no address: it begins with wattle:// or wattles://")]
    Scheme {
        /// What was given.
        address: String,
    },
    /// No host, or one with characters that no host has.
    #[error("{address} names no host")]
    Host {
        /// What was given.
        address: String,
    },
    /// A port that is no number, or too large.
    #[error("{address} has no port between 0 and 65535")]
    Port {
        /// What was given.
        address: String,
    },
    /// A path.
    #[error("{address} has the path {path}; an address has none")]
    Path {
        /// What was given.
        address: String,
        /// The path.
        path: String,
    },
    /// A link to join without a context.
    #[error("{link} names no context: a link to join ends in /CONTEXT")]
    NoContext {
        /// What was given.
        link: String,
    },
    /// Not the id of a context.
    #[error("{found:?} is no context: 64 hexadecimal digits are")]
    Context {
        /// What was given.
        found: String,
    },
    /// What follows the `#` is no secret of an invitation. It is not shown: it may be most of one.
    #[error(
        "the link's secret has {length} characters; it has 64 hexadecimal digits: was the link cut off?"
    )]
    Secret {
        /// How long it is.
        length: usize,
    },
}

/// Why a text names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// Not a role.
    #[error(
        "{found:?} is no role: reader, contributor, editor, maintainer, owner, or read=SECTIONS;write=SECTIONS"
    )]
    Unknown {
        /// What was given.
        found: String,
    },
    /// Not a section.
    #[error("{found:?} is no section: instructions, people, documents, tasks, tools and rules are")]
    Section {
        /// What was given.
        found: String,
    },
    /// A selection of nothing.
    #[error("a role that allows nothing: to take rights, revoke them")]
    Nothing,
}

/// Why a wish for the access log will not be done. Nothing waits.
#[derive(Debug, thiserror::Error)]
pub enum AccessFailed {
    /// The log does not allow it, or the sequencer has refused it.
    #[error("{}", refusal.reason)]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The log has not arrived: who joined offline is no member yet.
    #[error("not a member yet: the access log of the context has not arrived")]
    NotYet,
    /// Too much waits already.
    #[error("{waiting} wishes wait for the sequencer already")]
    TooMany {
        /// How many.
        waiting: usize,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
}

/// Why a context was not opened. What is on the disk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("no context in {}: make one with `wattle init`, or join one with `wattle join LINK`", directory.display())]
    NotFound {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// There is one already.
    #[error("there is a context in {} already", directory.display())]
    Exists {
        /// Where.
        directory: PathBuf,
    },
    /// The settings beside the store cannot be understood.
    #[error("the settings {} cannot be understood: {problem}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The settings come from a newer program.
    #[error("{} has format {found}; this program knows formats up to {known}: use a newer one", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that is known.
        known: u64,
    },
    /// The directory cannot be made, read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Directory {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The context's name is too long, or empty.
    #[error("a context's name has 1 to {bytes_max} bytes, this has {bytes}")]
    Name {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A remote to dial is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address to listen on cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Certificates or keys for TLS are unusable.
    #[error(transparent)]
    Tls(#[from] crate::tls::TlsError),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
    /// The invitation cannot be taken up. Nothing is left of the attempt.
    #[error("{}", refusal.reason)]
    NotAdmitted {
        /// Why, with its code: unknown, used up, expired, revoked.
        refusal: Refusal,
    },
    /// The system gives no thread.
    #[error("no thread for the engine: {source}")]
    NoThread {
        /// Why.
        source: io::Error,
    },
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored document cannot be loaded.
    #[error("{part} cannot be loaded: {source}")]
    Damaged {
        /// Which.
        part: Part,
        /// Why.
        source: LoadError,
    },
    /// What was to be done with the context panicked.
    #[error("the view panicked")]
    Panicked,
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
}

/// Why the peer does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Unavailable {
        /// Which.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
}

/// Why it is not certain that everything is everywhere.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// There is nobody to agree with.
    #[error("no remote is known: dial one, or join with a link that names a relay")]
    NoRemote,
    /// A remote could not be reached in time.
    #[error("{remote} was not reached within {} ms: {reason}", timeout.as_millis())]
    Unreached {
        /// Which.
        remote: String,
        /// Why not, so far.
        reason: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// A remote was reached, but something is still under way.
    #[error("{pending} changes are not durable at {remote} after {} ms", timeout.as_millis())]
    Pending {
        /// Where to.
        remote: String,
        /// How many changes.
        pending: u64,
        /// How long was waited.
        timeout: Duration,
    },
    /// The invitation with which this context was joined cannot be taken up.
    #[error("{}", refusal.reason)]
    NotAdmitted {
        /// Why, with its code.
        refusal: Refusal,
    },
    /// The only remote does not have this context, or not for this key, and nothing of it is here.
    #[error(
        "{remote} has no such context for this key: ask a member for an invitation, or to give the key {key} a role (`wattle grant`)"
    )]
    Unknown {
        /// Which.
        remote: String,
        /// The key with which links are proved.
        key: PublicKey,
    },
    /// The rights of the key with which links are proved have ended.
    #[error(
        "the rights of this key have ended: nothing is exchanged with it any more (`wattle audit` says who took them)"
    )]
    Ended,
    /// A remote was reached, and may read nothing: it is no member, and does not order the log.
    #[error(
        "{remote} keeps nothing of this context: it has no role in it, and does not order its access log"
    )]
    NoRole {
        /// Which.
        remote: String,
    },
    /// A remote was reached, but what it has is still on its way here.
    #[error("not everything of {remote} was here after {} ms", timeout.as_millis())]
    Arriving {
        /// From where.
        remote: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
}

/// Why a store could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no store.
    #[error("no store in {}: name the directory of a context or a relay, or the file itself", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The store cannot be read, or its file is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored brings the check to panic.
    #[error("what {} holds brings the check to panic", path.display())]
    Panicked {
        /// The store.
        path: PathBuf,
    },
    /// The system gives no thread.
    #[error("no thread for the check: {source}")]
    NoThread {
        /// Why.
        source: io::Error,
    },
}
