//! Whether an item is deleted. Who deletes an item that somebody else edits at the same time does not
//! delete that edit: the item stays, with a conflict.

use std::collections::BTreeSet;

use automerge::legacy::{Key, ObjectId, OpId};
use automerge::{ChangeHash, ObjId, ValueRef};

use super::item::{DELETED, DELETED_BODY, is_mark};
use super::{Contest, Reader, Reading, content, scalar};
use crate::conflict::{Candidate, Conflict, ConflictKind};
use crate::document::Document;
use crate::path::Path;
use crate::policy::Policy;
use crate::schema::{Part, Section};
use crate::value::{ItemId, Value};

impl Reading<'_> {
    /// None if the item is deleted; otherwise the conflict about that, if there is one.
    pub(super) fn life(&mut self, id: &ItemId, item: &ObjId) -> Option<Option<Conflict>> {
        let path = Path::item(self.section, *id).to_string();
        let policy = Policy::KeepAll;
        let mark = format!("{path}/{DELETED}");
        let contest = Contest { object: item, key: DELETED, path: mark, policy: &policy };
        let mut candidates = self.candidates(&contest, |value| value.bool().is_some());
        let deletes: Vec<ChangeHash> = candidates
            .iter()
            .filter(|candidate| candidate.value == Value::Bool(true))
            .map(|candidate| ChangeHash(candidate.change))
            .collect();
        if deletes.is_empty() {
            return Some(None);
        }
        if deletes.len() == candidates.len() {
            let item_edited = self.edited_since(&deletes, item);
            let body_edit = self.body_edit(id, item);
            if !item_edited && body_edit.is_none() {
                return None;
            }
            candidates.extend(if item_edited { self.edit_since(&deletes, item) } else { None });
            candidates.extend(body_edit);
            candidates.sort();
        }
        let in_force = vec![Value::Bool(false)];
        let id = Conflict::id(&path, &candidates);
        let kind = ConflictKind::EditDelete;
        let base = Value::Bool(false);
        Some(Some(Conflict { id, kind, path, candidates, base, policy, in_force }))
    }

    /// Whether an item holds something else than a version of it. Mostly no change has touched it since.
    fn edited_since(&self, seen: &[ChangeHash], item: &ObjId) -> bool {
        let doc = self.document.automerge();
        let heads = self.reader.at().map_or_else(|| doc.get_heads(), <[ChangeHash]>::to_vec);
        let untouched =
            doc.diff_obj(item, seen, &heads, true).is_ok_and(|patches| patches.is_empty());
        !untouched && content(Reader::as_of(doc, seen), item) != content(self.reader, item)
    }

    /// The latest edit of the item that the deletions had not seen.
    fn edit_since(&self, deletes: &[ChangeHash], item: &ObjId) -> Option<Candidate> {
        let objects = self.objects(item);
        let changes = self.document.automerge().get_changes(deletes);
        let touching =
            changes.iter().filter(|change| self.covers(&change.hash())).filter(|change| {
                change.decode().operations.iter().any(|op| {
                    let marks = matches!(&op.key, Key::Map(key) if is_mark(key));
                    objects.contains(&op.obj) && !marks
                })
            });
        let latest = touching.max_by_key(|change| (change.timestamp(), change.hash()))?;
        self.document.candidate(&latest.hash(), Value::Bool(false), self.context)
    }

    /// An edit of the body, where it is loaded, that no deletion had seen.
    fn body_edit(&self, id: &ItemId, item: &ObjId) -> Option<Candidate> {
        if self.section != Section::Documents {
            return None;
        }
        let body = self.context.document(&Part::Body(*id))?;
        let stored = self.reader.get_all(item, DELETED_BODY);
        let texts = stored.iter().filter_map(|(value, _)| scalar(value));
        let seen: BTreeSet<String> = texts
            .filter_map(|value| value.text().map(str::to_owned))
            .flat_map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let heads = body.automerge().get_heads();
        let unseen = heads
            .iter()
            .rfind(|head| !seen.contains(&Document::token(std::slice::from_ref(*head))))?;
        body.candidate(unseen, Value::Bool(false), self.context)
    }

    /// Whether this reading, which may be as of a version, has a change.
    fn covers(&self, change: &ChangeHash) -> bool {
        self.reader.at().is_none_or(|heads| self.document.graph().has(heads, change))
    }

    /// The item's own object and those of its fields, as operations name them.
    fn objects(&self, item: &ObjId) -> Vec<ObjectId> {
        let fields = self.reader.entries(item);
        let fields = fields.filter(|entry| matches!(entry.value, ValueRef::Object(_)));
        let objects = fields.map(|entry| entry.id()).chain([item.clone()]);
        objects.map(|object| named(&object)).collect()
    }
}

/// An object as the operations of a change name it.
pub(crate) fn named(object: &ObjId) -> ObjectId {
    match object {
        ObjId::Root => ObjectId::Root,
        ObjId::Id(counter, actor, _) => ObjectId::Id(OpId::new(*counter, actor)),
    }
}
