//! Why something was not done: one enum per operation.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use wattle_context::{EditError, LoadError, Part, Section};
use wattle_protocol::PublicKey;
use wattle_protocol::access::End;
use wattle_protocol::message::Refusal;
use wattle_store::StoreError;

use crate::role::Role;

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

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no home directory to put it in.
    #[error("no place for the identity: set WATTLE_CONFIG_DIR or HOME")]
    NoPlace,
    /// It cannot be read.
    #[error("the identity {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the identity {} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not an identity.
    #[error("{} is not an identity: a name and a secret key are expected", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others on this machine can read it.
    #[error("{} can be read by others (mode {mode:o}): `chmod 600` it, and consider another key", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is protected, and no passphrase was given.
    #[error("{} is protected by a passphrase: give it in WATTLE_PASSPHRASE", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// No such agent has a key here.
    #[error("no agent {name} has a key on this machine: {}", known_agents(known))]
    NoAgent {
        /// Which was asked for.
        name: String,
        /// Those that have one.
        known: Vec<String>,
    },
    /// There is an agent of that name already.
    #[error("an agent {name} has a key on this machine already")]
    AgentExists {
        /// The name.
        name: String,
    },
    /// Not the name of an agent.
    #[error("{name:?} is no name for an agent: letters, digits, - and _, at most 64 bytes")]
    AgentName {
        /// What was given.
        name: String,
    },
    /// No new key waits.
    #[error("there is no new key in {}", path.display())]
    NoRotation {
        /// Where it would be.
        path: PathBuf,
    },
    /// Not the text of a recovery key, or with a mistake in it.
    #[error(
        "not a recovery key: it has 58 letters and digits, and one of these is mistaken or missing"
    )]
    Recovery,
    /// The key cannot be made of the passphrase.
    #[error("no memory for the protection of the key: 64 MiB are needed")]
    NoMemory,
    /// The system gives no randomness for a new key.
    #[error("the system gives no randomness for a new key")]
    NoRandomness,
}

fn known_agents(known: &[String]) -> String {
    match known {
        [] => "make one with `wattle agent add NAME`".to_owned(),
        known => format!("{} have", known.join(", ")),
    }
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

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EditFailed {
    /// The edits do not fit the context.
    #[error(transparent)]
    Refused(#[from] EditError),
    /// What they build on could not be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Together they make a change that no replica would take.
    #[error("the edits make a change that no replica takes: {source}")]
    TooMuch {
        /// What is wrong with it.
        source: wattle_protocol::change::HeaderError,
    },
    /// The role does not allow it. Every replica would refuse it, so it is not made.
    #[error("a role that allows only {role} writes no {section}: {}", who_may(section, may))]
    NotAllowed {
        /// What the key may do.
        role: Role,
        /// What it may not write.
        section: Section,
        /// Members that may, by name, where they have one.
        may: Vec<String>,
    },
    /// The invitation has not been taken up yet.
    #[error(
        "not a member yet: the invitation has not been taken up, because nobody who can do that was reached"
    )]
    NotYetMember,
    /// The key is no member's.
    #[error(
        "the key {key} has no role in this context: ask for an invitation, or for a grant to it"
    )]
    NoMember {
        /// The key that would edit.
        key: PublicKey,
    },
    /// The key's rights have ended, for ever.
    #[error("the rights of this key have ended ({}): who comes back comes with another key", how_ended(*how, *entry))]
    Ended {
        /// How; none when those of its sponsor have.
        how: Option<End>,
        /// By which entry of the access log; that of the sponsor's end is not known here.
        entry: Option<u64>,
    },
    /// The end date is past; the entry that says so is on its way.
    #[error("the rights of this key ended {} s ago, at their date", now.saturating_sub(*until))]
    Past {
        /// The end: seconds since 1970.
        until: u64,
        /// Now: seconds since 1970.
        now: u64,
    },
    /// More edits than the key may make in a minute.
    #[error(
        "the budget of {per_minute} edits per minute is used up: the next one is possible in {wait_ms} ms"
    )]
    OverBudget {
        /// The budget.
        per_minute: u32,
        /// How long until there is some again.
        wait_ms: u64,
    },
    /// The system gives no randomness for the id of an item.
    #[error("the system gives no randomness for the id of an item")]
    NoRandomness,
    /// Automerge gave up.
    #[error("the edits bring Automerge to panic")]
    Panicked,
    /// The peer is closed.
    #[error("the peer is closed")]
    Closed,
}

fn who_may(section: &Section, may: &[String]) -> String {
    let roles: Vec<String> = Role::writers(*section).map(|role| role.to_string()).collect();
    let roles = roles.join(", ");
    match may {
        [] => format!("that takes one of {roles}"),
        names => format!("that takes one of {roles}; here {} may", names.join(", ")),
    }
}

fn how_ended(how: Option<End>, entry: Option<u64>) -> String {
    let how = match how {
        Some(End::Revoked) => "revoked",
        Some(End::Rotated) => "replaced by another key",
        Some(End::Expired) => "their end date came",
        Some(End::Frozen) => "it signed two changes in one place",
        None => "those of its sponsor have",
    };
    match entry {
        Some(entry) => format!("{how}, entry {entry} of the access log"),
        None => how.to_owned(),
    }
}

/// Why a conflict was not settled.
#[derive(Debug, thiserror::Error)]
pub enum ResolveFailed {
    /// The conflict or the settlement is not there.
    #[error(transparent)]
    Refused(#[from] wattle_context::ResolveError),
    /// It could not be written.
    #[error(transparent)]
    Failed(#[from] EditFailed),
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
