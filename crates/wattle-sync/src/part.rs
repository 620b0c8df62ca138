//! The two names of a document: as a part of a context, and as a key of the protocol.

use wattle_context::{ItemId, Part, Section};
use wattle_protocol::{ChangeHash, DocumentKey};

use crate::hex::hex;

/// The key of a part.
pub fn key_of(part: Part) -> DocumentKey {
    let item = match part {
        Part::Section(_) => [0; 16],
        Part::Body(item) => item.0,
    };
    DocumentKey { scope: part.section().number(), item }
}

/// The part of a key; none when this program knows no such document.
pub fn part_of(key: &DocumentKey) -> Option<Part> {
    let section = Section::from_number(key.scope)?;
    if key.item == [0; 16] {
        return Some(Part::Section(section));
    }
    let text = str::from_utf8(&key.item).ok()?;
    let item: ItemId = text.parse().ok()?;
    (section == Section::Documents).then_some(Part::Body(item))
}

// An edit may need further actors of its author: `wattle_context` derives them, and they stay the key's.
const _: () = assert!(wattle_context::ACTOR_KEY_BYTES == wattle_protocol::ACTOR_KEY_BYTES);

/// The only changes that may build on nothing: the genesis changes of all parts.
pub fn roots() -> Vec<ChangeHash> {
    wattle_context::roots().into_iter().map(ChangeHash).collect()
}

/// A document's name for people to read.
pub fn name_of(key: &DocumentKey) -> String {
    match part_of(key) {
        Some(part) => part.to_string(),
        None => format!("{}-{}", key.scope, hex(&key.item)),
    }
}
