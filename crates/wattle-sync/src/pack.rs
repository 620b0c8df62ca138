//! All that a replica has of a context, as a value that can be carried in a file: every change with the
//! signature of its author, and the log of rights. What is unpacked is checked as what an audit checks.

use std::path::Path;

use wattle_protocol::change::HeaderError;
use wattle_protocol::{Blob, Change, ContextId, DocumentKey, Position};
use wattle_store::{Append, SqliteStore, Store, StoreError};

use crate::audit;
use crate::directory::{Directory, Settings};
use crate::error::{OpenError, VerifyError};
use crate::limits::NEWS_BYTES_MAX;
use crate::part::name_of;

mod json;

pub use json::{MalformedPack, from_json, to_json};

/// All that a replica has of a context.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Which context.
    pub context: ContextId,
    /// The log of rights, from the record that the context is named after.
    pub access: Vec<Blob>,
    /// The changes of each document, each after those it builds on; documents in the order of their keys.
    pub documents: Vec<(DocumentKey, Vec<Change>)>,
}

/// Why a context was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is none.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Some changes are only in a snapshot here.
    #[error("{missing} changes of {document} are not kept one by one here: pack it where they are")]
    Pruned {
        /// Of which document.
        document: String,
        /// How many.
        missing: usize,
    },
}

/// Why a pack was not unpacked. Nothing is left of the attempt.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// There is a context already, or the directory cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store refuses: a change is missing on which another builds, or two are in one place.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was unpacked cannot be checked.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A change that no replica takes.
    #[error("change {number} of {document} is damaged: {source}")]
    Damaged {
        /// Of which document.
        document: String,
        /// Which, from 1 on.
        number: usize,
        /// What is wrong with it.
        source: HeaderError,
    },
    /// A signature, role or cutoff that does not hold.
    #[error("{problems} facts do not hold, the first: {first}")]
    Untrue {
        /// How many.
        problems: usize,
        /// The first of them.
        first: String,
    },
}

/// Packs the context of a directory. Other processes may have it open.
pub fn pack(directory: &Path) -> Result<Pack, PackError> {
    let directory = Directory::new(directory);
    let context = directory.read()?.context;
    let mut store = SqliteStore::open_existing(directory.store())?;
    let mut documents = Vec::new();
    for summary in store.documents(&context)? {
        let known = store.graph(&context, &summary.document)?.len();
        let changes = changes(&mut store, (&context, &summary.document), summary.last)?;
        if let Some(missing) = known.checked_sub(changes.len()).filter(|missing| *missing > 0) {
            return Err(PackError::Pruned { document: name_of(&summary.document), missing });
        }
        documents.push((summary.document, changes));
    }
    // Last, so that it has every entry that a change names.
    let access = store.access(&context)?;
    Ok(Pack { context, access, documents })
}

/// Makes the directory of a replica that has what was packed.
pub fn unpack(directory: &Path, pack: &Pack) -> Result<(), UnpackError> {
    let place = Directory::new(directory);
    place.make()?;
    let filled = fill(&place, pack);
    if filled.is_err() {
        // What went wrong says more than that something was left.
        place.give_back().ok();
    }
    filled
}

fn fill(place: &Directory, pack: &Pack) -> Result<(), UnpackError> {
    let mut store = SqliteStore::open(place.store())?;
    store.append_access(&pack.context, 0, &pack.access)?;
    for (document, changes) in &pack.documents {
        let changes = changes.iter().enumerate().map(|(index, change)| {
            // What the header says is read again: a pack is made by anybody.
            let again = Change::parse(change.bytes.clone(), change.seal);
            let document = || name_of(document);
            again.map_err(|source| UnpackError::Damaged {
                document: document(),
                number: index + 1,
                source,
            })
        });
        let changes = changes.collect::<Result<_, _>>()?;
        store.append(&[Append { context: pack.context, document: *document, changes }])?;
    }
    drop(store);
    let found = audit::verify(&place.store())?;
    if let Some(first) = found.problems.first() {
        let first = first.what.clone();
        return Err(UnpackError::Untrue { problems: found.problems.len(), first });
    }
    Ok(place.found(&Settings { context: pack.context, remotes: Vec::new() })?)
}

fn changes(
    store: &mut SqliteStore,
    (context, document): (&ContextId, &DocumentKey),
    last: Position,
) -> Result<Vec<Change>, StoreError> {
    let (mut all, mut after) = (Vec::new(), Position::default());
    loop {
        let read = store.read_after(context, document, after, NEWS_BYTES_MAX)?;
        let Some((position, _)) = read.last() else { return Ok(all) };
        after = *position;
        // What comes in meanwhile is left for the next time.
        all.extend(read.into_iter().filter(|(at, _)| *at <= last).map(|(_, change)| change));
    }
}
