//! Writes changes: as whom, as of which version, and cut to a size that a change may have.

use std::collections::BTreeSet;

use automerge::transaction::{CommitOptions, OwnedTransaction, Transactable};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ChangeHash, ObjId, ObjType, ReadDoc, ScalarValue,
};
use sha2::{Digest, Sha256};

use super::{ACTOR_KEY_BYTES, Author};
use crate::document::introduction;
use crate::limits::{CHANGE_ACTORS_MAX, CHANGE_BYTES_TARGET, DEPS_MAX, SEEKS_AS_OF_MAX};
use crate::value::Value;

/// An open transaction, and the changes that were made before it.
pub(super) struct Pen<'a> {
    pub(super) tx: OwnedTransaction,
    by: &'a Author,
    why: &'a str,
    /// Whether it writes as of an earlier version.
    earlier: bool,
    /// The document, if the pen writes in a copy of it that stops at an earlier version.
    whole: Option<Automerge>,
    /// Whether this is the actor's first change in the document.
    first: bool,
    /// The most operations of one change.
    most: usize,
    ops: usize,
    bytes: usize,
    made: Made,
}

/// The changes that were made.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) changes: Vec<Change>,
    /// One of them names more actors than a change may.
    pub(super) crowded: bool,
}

impl<'a> Pen<'a> {
    /// Begins to write in a document: on top, or as of a version. `seeks` says how many
    /// places of texts it will seek.
    ///
    /// As of a version, Automerge takes some milliseconds per place in a longer text; a copy that
    /// stops at the version is dear to make, but then as quick as ever.
    pub(super) fn new(
        doc: Automerge,
        base: Option<&[ChangeHash]>,
        (by, why, most): (&'a Author, &'a str, usize),
        seeks: usize,
    ) -> Result<Self, AutomergeError> {
        let heads = doc.get_heads();
        let earlier = base.is_some_and(|base| base != heads) || heads.len() > DEPS_MAX;
        let mut heads = base.map_or(heads, <[ChangeHash]>::to_vec);
        heads.truncate(DEPS_MAX);
        let as_of = earlier.then_some(heads.as_slice());
        let (actor, first) = writer(&doc, as_of, by);
        let made = Made::default();
        let pen = |tx, earlier, whole| Self {
            tx,
            by,
            why,
            earlier,
            whole,
            first,
            most,
            ops: 0,
            bytes: 0,
            made,
        };
        if earlier && seeks > SEEKS_AS_OF_MAX {
            let copy = doc.fork_at(&heads)?;
            return Ok(pen(open(copy, None, (by, actor))?, false, Some(doc)));
        }
        Ok(pen(open(doc, as_of, (by, actor))?, earlier, None))
    }

    pub(super) fn put(
        mut self,
        object: &ObjId,
        key: &str,
        value: &Value,
    ) -> Result<Self, AutomergeError> {
        let bytes = key.len() + value.text().map_or(8, str::len);
        self = self.with_room(1, bytes)?;
        // Automerge writes nothing for the value that it shows already. To settle is to write it again.
        if self.tx.get_all(object, key)?.len() > 1 {
            let other =
                if value.is_null() { ScalarValue::Boolean(false) } else { ScalarValue::Null };
            self.tx.put(object, key, other)?;
        }
        self.tx.put(object, key, scalar(value))?;
        Ok(self)
    }

    pub(super) fn make(
        mut self,
        object: &ObjId,
        key: &str,
        kind: ObjType,
    ) -> Result<(Self, ObjId), AutomergeError> {
        self.ops += 1;
        self.bytes += key.len();
        let made = self.tx.put_object(object, key, kind)?;
        Ok((self, made))
    }

    /// Appends to a list.
    pub(super) fn push(mut self, list: &ObjId, text: &str) -> Result<Self, AutomergeError> {
        self = self.with_room(1, text.len())?;
        let end = self.tx.length(list);
        self.tx.insert(list, end, text)?;
        Ok(self)
    }

    /// Replaces a stretch of a text; a long one in several changes.
    pub(super) fn splice(
        mut self,
        text: &ObjId,
        (at, mut delete): (usize, usize),
        mut insert: &str,
    ) -> Result<Self, AutomergeError> {
        let mut at = at;
        while delete > 0 || !insert.is_empty() {
            self = self.with_room(1, 1)?;
            let room = self.most.saturating_sub(self.ops).max(1);
            let deleted = delete.min(room);
            let piece = head(insert, room - deleted);
            self.tx.splice_text(text, at, deleted.try_into().unwrap_or(isize::MAX), piece)?;
            let inserted = piece.chars().count();
            self.ops += deleted + inserted;
            self.bytes += piece.len();
            delete -= deleted;
            at += inserted;
            insert = insert.get(piece.len()..).unwrap_or_default();
        }
        Ok(self)
    }

    /// The same, and also where nothing changes: a mark says what its author has seen.
    pub(super) fn mark(
        mut self,
        item: &ObjId,
        key: &str,
        value: bool,
    ) -> Result<Self, AutomergeError> {
        self = self.with_room(2, 0)?;
        self.tx.put(item, key, ScalarValue::Null)?;
        self.put(item, key, &Value::Bool(value))
    }

    /// How many entries an object has.
    pub(super) fn length(&self, object: &ObjId) -> usize {
        self.tx.length(object)
    }

    /// Ends writing: the document, and the changes that were made.
    pub(super) fn finish(mut self) -> Result<(Automerge, Made), AutomergeError> {
        let whole = self.whole.take();
        let (doc, _, made) = self.commit();
        let Some(mut whole) = whole else { return Ok((doc, made)) };
        whole.apply_changes(made.changes.iter().cloned())?;
        Ok((whole, made))
    }

    /// Ends the change and begins another one on top of it, if this one has no room.
    fn with_room(mut self, ops: usize, bytes: usize) -> Result<Self, AutomergeError> {
        let full = self.ops + ops > self.most || self.bytes + bytes > CHANGE_BYTES_TARGET;
        if !full || self.ops == 0 {
            return Ok(Self { ops: self.ops + ops, bytes: self.bytes + bytes, ..self });
        }
        let (by, why, earlier, most) = (self.by, self.why, self.earlier, self.most);
        let (first, whole) = (self.first, self.whole.take());
        let (doc, hash, made) = self.commit();
        let heads: Vec<ChangeHash> = hash.into_iter().collect();
        let heads = (earlier && !heads.is_empty()).then_some(heads.as_slice());
        let tx = doc.into_transaction(None, heads).map_err(|_| AutomergeError::Fail)?;
        let first = first && hash.is_none();
        Ok(Self { tx, by, why, earlier, whole, first, most, ops, bytes, made })
    }

    fn commit(mut self) -> (Automerge, Option<ChangeHash>, Made) {
        let message = if self.first {
            introduction(self.why, &self.by.name, &self.by.client)
        } else {
            self.why.to_owned()
        };
        let options = CommitOptions::default().with_time(self.by.time_ms).with_message(message);
        let (doc, hash, _) = self.tx.commit_with(options);
        if let Some(change) = hash.and_then(|hash| doc.get_change_by_hash(&hash)) {
            self.made.crowded |= change.other_actor_ids().len() > CHANGE_ACTORS_MAX;
            self.made.changes.push(change);
        }
        (doc, hash, self.made)
    }
}

/// The actor under which an author writes, and whether this is its first change in the document.
///
/// An actor's changes form a chain. Where a version does not have the last one of an author's
/// actor, the author goes on under another actor, derived from the first.
fn writer(doc: &Automerge, heads: Option<&[ChangeHash]>, by: &Author) -> (ActorId, bool) {
    let since = heads.map(|heads| doc.get_changes_meta(heads)).unwrap_or_default();
    let ahead: BTreeSet<ActorId> = since.into_iter().map(|meta| meta.actor.into_owned()).collect();
    let mut levels = (0_u32..).map(|level| actor(by, level));
    let actor = levels.find(|actor| !ahead.contains(actor)).unwrap_or_else(|| actor(by, u32::MAX));
    let author = automerge::Author::from(by.key.as_slice());
    let first = !doc.get_actors_for_author(&author).contains(&actor);
    (actor, first)
}

fn open(
    mut doc: Automerge,
    heads: Option<&[ChangeHash]>,
    (by, actor): (&Author, ActorId),
) -> Result<OwnedTransaction, AutomergeError> {
    doc.set_author(Some(automerge::Author::from(by.key.as_slice()).into_owned()));
    // Setting the author has set a random actor.
    doc.set_actor(actor);
    doc.into_transaction(None, heads).map_err(|_| AutomergeError::Fail)
}

fn actor(by: &Author, level: u32) -> ActorId {
    if level == 0 {
        return ActorId::from(by.actor.as_slice());
    }
    let hash = Sha256::new()
        .chain_update(b"wattle/actor/1")
        .chain_update(by.actor)
        .chain_update(level.to_be_bytes())
        .finalize();
    // It stays the key's: only what is random is another.
    let whose = by.actor.iter().take(ACTOR_KEY_BYTES);
    let actor: Vec<u8> = whose.chain(&hash).take(by.actor.len()).copied().collect();
    ActorId::from(actor)
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Bool(value) => ScalarValue::Boolean(*value),
        Value::Int(value) => ScalarValue::Int(*value),
        Value::Text(text) => ScalarValue::Str(text.as_str().into()),
        Value::Null | Value::List(_) | Value::Map(_) => ScalarValue::Null,
    }
}

/// The first characters of a text.
fn head(text: &str, chars: usize) -> &str {
    let end = text.char_indices().nth(chars).map_or(text.len(), |(byte, _)| byte);
    text.get(..end).unwrap_or_default()
}
