//! Writes real changes: an author with a document of its own.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Author, Automerge, ROOT, ReadDoc};
use wattle_context::{Document, Part, Section};
use wattle_protocol::{
    Blob, Change, ContextId, ContextRecord, DocumentKey, Keypair, PublicKey, StoreId,
};

/// The document that all tests write into.
pub(crate) const DOCUMENT: DocumentKey = DocumentKey { scope: 3, item: [0; 16] };

const PART: Part = Part::Section(Section::Tasks);

pub(crate) struct Writer {
    key: Keypair,
    context: ContextId,
    doc: Automerge,
    count: u64,
}

/// The keys that own the context of a test, by their numbers; its first one orders the access log.
const OWNERS: [u8; 5] = [1, 2, 3, 200, 201];

/// A context, named apart from those of other tests by its nonce.
pub(crate) fn record(nonce: u8, owner: &Keypair) -> ContextRecord {
    ContextRecord {
        version: 1,
        nonce: [nonce; 16],
        name: "test".to_owned(),
        owners: OWNERS.map(|number| keypair(number).public()).to_vec(),
        sequencer: owner.public(),
    }
}

pub(crate) fn keypair(number: u8) -> Keypair {
    Keypair::from_secret(&[number; 32])
}

/// One of many stores.
pub(crate) fn store(number: u64) -> StoreId {
    let mut id = [77; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    StoreId(id)
}

pub(crate) fn genesis() -> Change {
    Change::parse(Blob::from(Document::genesis(PART)), None).expect("it is a change")
}

impl Writer {
    pub(crate) fn new(key: Keypair, context: ContextId) -> Self {
        let mut doc = Automerge::load(Document::genesis(PART)).expect("it loads");
        let PublicKey(author) = key.public();
        let actor = wattle_protocol::ActorId::of(&context, &key.public(), [1; 6]);
        // In this order: an author that is set gets an actor of its own.
        doc.set_author(Some(Author::from(author.to_vec())));
        doc.set_actor(ActorId::from(actor.0));
        Self { key, context, doc, count: 0 }
    }

    /// The next change: puts a text of so many bytes under a key of its own.
    pub(crate) fn write(&mut self, bytes: usize) -> Change {
        self.count += 1;
        let key = format!("{}/{}", self.doc.get_actor(), self.count % 64);
        let value = format!("{}{}", self.count, "x".repeat(bytes));
        let written = self
            .doc
            .transact_with::<_, _, automerge::AutomergeError, _>(
                |()| CommitOptions::default().with_time(0),
                |tx| tx.put(ROOT, key, value),
            )
            .expect("it is written");
        let hash = written.hash.expect("there is a change");
        let change = self.doc.get_change_by_hash(&hash).expect("it is there");
        let bytes = Blob::from(change.raw_bytes());
        let mut change = Change::parse(bytes, None).expect("it is a change");
        change.seal = Some(self.key.seal(&self.context, &DOCUMENT, &change.header, 1));
        change
    }
}
