//! How a step met what others did since its base.

use automerge::{ChangeHash, ObjId, ObjType, ROOT, ReadDoc};

use super::plan::{Deed, Step};
use super::{EditError, Landed, Touch};
use crate::document::{BODY, Document};
use crate::limits::TOUCHES_MAX;
use crate::read::{DELETED, Reader, content, named};
use crate::rewrite::{overlaps, rewrite};
use crate::schema::{Field, Kind};
use crate::value::ItemId;

/// How a step met what happened since its base. `text` is the text that it made of the base.
pub(super) fn landed(document: &Document, step: &Step, text: Option<&str>) -> Landed {
    let Some(base) = step.base.as_deref() else { return Landed::OnTop };
    let doc = document.automerge();
    let since: Vec<ChangeHash> = doc.get_changes_meta(base).iter().map(|meta| meta.hash).collect();
    if since.is_empty() {
        return Landed::OnTop;
    }
    let met = met(document, step, base).filter(|_| same_lines(document, step, text));
    match met {
        Some(changes) => Landed::Overlapping { with: touches(document, &changes) },
        None => Landed::Merged { with: touches(document, &since) },
    }
}

/// Refuses a step that must not meet anything.
pub(super) fn refuse_if_changed(
    document: &Document,
    step: &Step,
    version: &str,
) -> Result<(), EditError> {
    let Some(base) = step.base.as_deref().filter(|_| step.if_unchanged) else { return Ok(()) };
    match met(document, step, base) {
        Some(changes) => Err(EditError::Changed {
            path: step.path.to_string(),
            version: version.to_owned(),
            with: touches(document, &changes),
        }),
        None => Ok(()),
    }
}

/// The changes since a base that touched the same field, if any did.
fn met(document: &Document, step: &Step, base: &[ChangeHash]) -> Option<Vec<ChangeHash>> {
    let now = Reader::new(document.automerge());
    let then = Reader::as_of(document.automerge(), base);
    match &step.deed {
        // Whoever types sees where others type; that is no reason to stop.
        Deed::Create(..) | Deed::Splice(..) => None,
        Deed::Policy(field, _) => {
            keys(document, (now, then), &now.policies()?, &[field.name.to_owned()])
        }
        Deed::Put(id, field, key, _) => {
            let map = now.object(&now.item(id)?, field.name, ObjType::Map)?;
            keys(document, (now, then), &map, std::slice::from_ref(key))
        }
        Deed::Mark { item, .. } => {
            let item = now.item(item)?;
            if content(now, &item) != content(then, &item) {
                return Some(writers(document, base, &object_tree(now, &item)));
            }
            keys(document, (now, then), &item, &[DELETED.to_owned()])
        }
        Deed::Fill(id, field, _) | Deed::Replace(id, field, ..) | Deed::Append(id, field, _) => {
            whole(document, (now, then), (id, field), base)
        }
    }
}

type Readers<'a> = (Reader<'a, automerge::Automerge>, Reader<'a, automerge::Automerge>);

fn whole(
    document: &Document,
    (now, then): Readers<'_>,
    (id, field): (&ItemId, &Field),
    base: &[ChangeHash],
) -> Option<Vec<ChangeHash>> {
    match field.kind {
        Kind::Register => keys(document, (now, then), &now.item(id)?, &[field.name.to_owned()]),
        Kind::Set | Kind::Map => {
            let map = now.object(&now.item(id)?, field.name, ObjType::Map)?;
            let all: Vec<String> = now.entries(&map).map(|entry| entry.key.into_owned()).collect();
            keys(document, (now, then), &map, &all)
        }
        Kind::Text | Kind::Body => {
            let text = text_of(now, id, field)?;
            (now.text(&text) != then.text(&text)).then(|| writers(document, base, &[text]))
        }
        Kind::Log => None,
    }
}

/// The changes that wrote what stands at keys now and did not stand there then.
fn keys(
    document: &Document,
    (now, then): Readers<'_>,
    object: &ObjId,
    keys: &[String],
) -> Option<Vec<ChangeHash>> {
    let mut changes = Vec::new();
    for key in keys {
        let before: Vec<ObjId> = then.get_all(object, key).into_iter().map(|(_, op)| op).collect();
        let new = now.get_all(object, key).into_iter().filter(|(_, op)| !before.contains(op));
        changes.extend(new.filter_map(|(_, op)| document.automerge().hash_for_opid(&op)));
    }
    changes.dedup();
    (!changes.is_empty()).then_some(changes)
}

/// The changes since a base that wrote in objects.
fn writers(document: &Document, base: &[ChangeHash], objects: &[ObjId]) -> Vec<ChangeHash> {
    let objects: Vec<_> = objects.iter().map(named).collect();
    let changes = document.automerge().get_changes(base);
    let writing = changes
        .iter()
        .filter(|change| change.decode().operations.iter().any(|op| objects.contains(&op.obj)));
    writing.map(automerge::Change::hash).collect()
}

/// An item's own object and those of its fields.
fn object_tree(reader: Reader<'_, automerge::Automerge>, item: &ObjId) -> Vec<ObjId> {
    let fields = reader.entries(item);
    let fields = fields.filter(|entry| matches!(entry.value, automerge::ValueRef::Object(_)));
    fields.map(|entry| entry.id()).chain([item.clone()]).collect()
}

/// The object of a text field, or of a body.
pub(super) fn text_of<D: ReadDoc>(
    reader: Reader<'_, D>,
    id: &ItemId,
    field: &Field,
) -> Option<ObjId> {
    if field.kind == Kind::Body {
        return reader.object(&ROOT, BODY, ObjType::Text);
    }
    reader.object(&reader.item(id)?, field.name, ObjType::Text)
}

/// Of two edits of one text: whether both touched the same lines. Always true of other fields.
fn same_lines(document: &Document, step: &Step, text: Option<&str>) -> bool {
    let (Some(base), Some(mine)) = (step.base.as_deref(), text) else { return true };
    let (Deed::Fill(id, field, _) | Deed::Replace(id, field, ..) | Deed::Append(id, field, _)) =
        &step.deed
    else {
        return true;
    };
    let now = Reader::new(document.automerge());
    let Some(object) = text_of(now, id, field) else { return true };
    let before = Reader::as_of(document.automerge(), base).text(&object);
    let theirs = rewrite(&before, &now.text(&object));
    overlaps(&rewrite(&before, mine), &theirs, &before)
}

/// The newest first; they come each after those it builds on.
fn touches(document: &Document, changes: &[ChangeHash]) -> Vec<Touch> {
    let newest = changes.iter().rev().take(TOUCHES_MAX);
    newest.filter_map(|change| document.touch(change)).collect()
}
