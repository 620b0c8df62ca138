//! Between the documents of a context and the keys, changes and snapshots of the protocol.

use std::collections::BTreeMap;

use wattle_context::{Context, Document, ItemId, Part, Section};
use wattle_protocol::io::Snapshot;
use wattle_protocol::{Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, Seal};
use wattle_store::{MemoryStore, Store};

/// The key of a part.
pub(crate) fn key_of(part: &Part) -> DocumentKey {
    let scope = part.section().number();
    match part {
        Part::Section(_) => DocumentKey { scope, item: [0; 16] },
        Part::Body(item) => DocumentKey { scope, item: item.0 },
    }
}

/// The part of a key; none for a key that no version of this program makes.
pub(crate) fn part_of(key: &DocumentKey) -> Option<Part> {
    let section = Section::from_number(key.scope)?;
    match (section, key.item == [0; 16]) {
        (section, true) => Some(Part::Section(section)),
        (Section::Documents, false) => Some(Part::Body(ItemId(key.item))),
        (_, false) => None,
    }
}

/// A context with its six sections, empty.
pub(crate) fn empty_context() -> Context {
    let mut context = Context::new();
    for section in Section::ALL {
        context.insert(Part::Section(section), Document::new(Part::Section(section)));
    }
    context
}

/// The document of a part, made if it is not there.
pub(crate) fn document_mut(context: &mut Context, part: Part) -> Option<&mut Document> {
    if context.document(&part).is_none() {
        context.insert(part, Document::new(part));
    }
    context.document_mut(&part)
}

/// Whether nobody has written to a document yet.
pub(crate) fn is_empty(document: &Document) -> bool {
    document.heads() == Document::new(document.part()).heads()
}

/// The genesis change of a part, without which a store takes no other.
pub(crate) fn genesis(part: Part) -> Result<Change, String> {
    let bytes = Blob::from(Document::genesis(part));
    Change::parse(bytes, None).map_err(|error| format!("the genesis of {part}: {error}"))
}

/// All documents that a store has.
pub(crate) fn load(store: &mut MemoryStore, id: &ContextId) -> Result<Context, String> {
    let mut context = empty_context();
    let say = |error: wattle_store::StoreError| error.to_string();
    for summary in store.documents(id).map_err(say)? {
        let part = part_of(&summary.document).ok_or("a document of no section")?;
        context.insert(part, restore(store, id, part)?);
    }
    Ok(context)
}

/// A document from its snapshot and the changes since.
pub(crate) fn restore(
    store: &mut MemoryStore,
    id: &ContextId,
    part: Part,
) -> Result<Document, String> {
    let say = |error: wattle_store::StoreError| error.to_string();
    let key = key_of(&part);
    let snapshot = store.snapshot(id, &key).map_err(say)?;
    let mut document = match &snapshot {
        Some(snapshot) => {
            Document::load(part, &snapshot.bytes).map_err(|error| error.to_string())?
        }
        None => Document::new(part),
    };
    let mut after = snapshot.map_or(Position(0), |snapshot| snapshot.upto);
    loop {
        let changes = store.read_after(id, &key, after, 1 << 20).map_err(say)?;
        let Some((last, _)) = changes.last() else { return Ok(document) };
        after = *last;
        let bytes: Vec<&[u8]> = changes.iter().map(|(_, change)| &change.bytes[..]).collect();
        document.apply(&bytes).map_err(|error| format!("{part} on disk: {error}"))?;
    }
}

/// A snapshot of what a store has of a document, loaded back and compared.
pub(crate) fn snapshot(
    store: &mut MemoryStore,
    id: &ContextId,
    key: &DocumentKey,
) -> Result<Snapshot, String> {
    let say = |error: wattle_store::StoreError| error.to_string();
    let part = part_of(key).ok_or("a document of no section")?;
    let document = restore(store, id, part)?;
    let bytes = document.save();
    let back = Document::load(part, &bytes).map_err(|error| error.to_string())?;
    if back.heads() != document.heads() {
        return Err(format!("a snapshot of {part} does not give back its heads"));
    }
    let previous = store.snapshot(id, key).map_err(say)?.map(|snapshot| snapshot.seals);
    let graph = store.graph(id, key).map_err(say)?;
    let upto = graph.last().map_or(Position(0), |(position, _, _)| *position);
    let positions: Vec<Position> = graph.iter().map(|(position, _, _)| *position).collect();
    let mut seals: BTreeMap<ChangeHash, Seal> = previous.into_iter().flatten().collect();
    for (_, change) in store.read(id, key, &positions).map_err(say)? {
        seals.extend(change.seal.map(|seal| (change.header.hash, seal)));
    }
    // The graph is in order, so the last sealed change of an actor wins.
    let mut newest = BTreeMap::new();
    for (_, header, _) in &graph {
        if let Some(seal) = seals.get(&header.hash) {
            newest.insert(header.actor, (header.hash, *seal));
        }
    }
    Ok(Snapshot { upto, bytes: bytes.into(), seals: newest.into_values().collect() })
}

/// The changes within a snapshot, each with its seal where one came along.
pub(crate) fn expand(
    key: &DocumentKey,
    bytes: &[u8],
    seals: &[(ChangeHash, Seal)],
) -> Result<Vec<(Blob, Option<Seal>)>, String> {
    let part = part_of(key).ok_or("a document of no section")?;
    let document = Document::load(part, bytes).map_err(|error| error.to_string())?;
    let seals: BTreeMap<ChangeHash, Seal> = seals.iter().copied().collect();
    let genesis = Document::genesis(part).to_vec();
    let chunks = std::iter::once(genesis).chain(document.changes());
    chunks
        .map(|chunk| {
            let header = Header::parse(&chunk).map_err(|error| error.to_string())?;
            Ok((Blob::from(chunk), seals.get(&header.hash).copied()))
        })
        .collect()
}
