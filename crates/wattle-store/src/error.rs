//! Why the store did not do it: one situation each, in one sentence that says what to do.

use std::path::PathBuf;

use wattle_protocol::{ActorId, ChangeHash, ContextId, DocumentKey, Position};

/// Why the store did not do it. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room for what was to be written.
    #[error("the disk that holds {} is full: free some space and try again", path.display())]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// The file, its directory or its file system may not be written.
    #[error("{} cannot be written: it and its directory must be writable for this user, on a file system that is not mounted read-only", path.display())]
    ReadOnly {
        /// The store.
        path: PathBuf,
    },
    /// The file is ours, and its content is damaged.
    #[error("{} is damaged ({found}): restore it from a backup, or fetch the context again into a new directory", path.display())]
    Corrupt {
        /// The store.
        path: PathBuf,
        /// What gave it away.
        found: String,
    },
    /// Another process has held the lock the whole time.
    #[error("{} was locked by another process for {waited_s} seconds: end that process or try again", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
        /// How long this process has waited.
        waited_s: u64,
    },
    /// The file belongs to another program, or is no database.
    #[error("{} is not a Wattle store: move it away, or name another path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later release of this program has made or migrated the file.
    #[error("{} has format {version}, and this program knows formats up to {supported}: use a newer release of Wattle", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its format.
        version: u32,
        /// The newest format that this program knows.
        supported: u32,
    },
    /// Its changes are from before the ids of actors were tied to keys: no replica would take them.
    #[error("{} was written by a Wattle from before writer ids were tied to keys, and no replica takes what is in it: export it with the program that wrote it, and begin a new context with that", path.display())]
    Unbound {
        /// The store.
        path: PathBuf,
    },
    /// There is no such file, or no directory to create it in.
    #[error("{} does not exist: check the path, or create it first", path.display())]
    Missing {
        /// The file or the directory.
        path: PathBuf,
    },
    /// The path names another file than the one that was opened.
    #[error("{} was removed or replaced while it was open: start again on what is there now", path.display())]
    Replaced {
        /// The store.
        path: PathBuf,
    },
    /// The operating system has refused something else.
    #[error("{} cannot be used ({found}): check the disk, then start again", path.display())]
    Io {
        /// The store.
        path: PathBuf,
        /// What the system said.
        found: String,
    },
    /// A change builds on one that is not there.
    #[error("change {change} builds on {dependency}, which is not stored: send that one first")]
    MissingDependency {
        /// The change offered.
        change: ChangeHash,
        /// What it lacks.
        dependency: ChangeHash,
    },
    /// Two different changes with one actor and number; the first one stays.
    #[error(
        "change {offered} has number {seq} of actor {actor}, as the stored {stored} has: one of them is forged"
    )]
    SequenceUsed {
        /// Whose.
        actor: ActorId,
        /// Which number.
        seq: u64,
        /// The change that has it.
        stored: ChangeHash,
        /// The change that was refused.
        offered: ChangeHash,
    },
    /// A snapshot that claims changes that the document does not have.
    #[error("a snapshot up to {} does not fit document {:?}, whose last change is at {}", upto.0, document, last.0)]
    SnapshotOutside {
        /// Of which document.
        document: DocumentKey,
        /// Up to where the snapshot was said to go.
        upto: Position,
        /// The document's newest change; zero when there is none.
        last: Position,
    },
    /// A snapshot that was taken before a change in it was removed.
    #[error(
        "a snapshot of document {document:?} holds change {change}, which was removed: take a new one"
    )]
    SnapshotHoldsRemoved {
        /// Of which document.
        document: DocumentKey,
        /// The change.
        change: ChangeHash,
    },
    /// A change is to be removed, and one that builds on it is not.
    #[error("change {by} builds on {change}: it must be removed too")]
    BuiltUpon {
        /// The change to be removed.
        change: ChangeHash,
        /// What builds on it.
        by: ChangeHash,
    },
    /// Entries that do not follow on those that are there.
    #[error("the access log of {context} has {entries} entries, so it cannot go on at {from}")]
    AccessGap {
        /// Of which context.
        context: ContextId,
        /// The number of the first entry offered.
        from: u64,
        /// How many there are.
        entries: u64,
    },
    /// An entry differs from the one that is there; the log has forked.
    #[error("entry {number} of the access log of {context} is already another one")]
    AccessDiffers {
        /// Of which context.
        context: ContextId,
        /// Which entry.
        number: u64,
    },
}

impl StoreError {
    /// Whether the request was wrong, so that others may well succeed: not so when the storage itself fails.
    pub fn is_of_request(&self) -> bool {
        match self {
            Self::MissingDependency { .. }
            | Self::SequenceUsed { .. }
            | Self::SnapshotOutside { .. }
            | Self::SnapshotHoldsRemoved { .. }
            | Self::BuiltUpon { .. }
            | Self::AccessGap { .. }
            | Self::AccessDiffers { .. } => true,
            Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Corrupt { .. }
            | Self::Busy { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Unbound { .. }
            | Self::Missing { .. }
            | Self::Replaced { .. }
            | Self::Io { .. } => false,
        }
    }
}
