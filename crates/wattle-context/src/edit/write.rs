//! Carries out the steps of one document.

use automerge::{AutomergeError, ObjId, ObjType, ROOT};

use super::check::{fits, within};
use super::landed::text_of;
use super::pen::Pen;
use super::plan::{Deed, Step};
use super::{Author, EditError};
use crate::document::{BODY, Document};
use crate::limits::{
    CHANGE_ACTORS_MAX, CHANGE_OPS_TARGET, ELEMENTS_MAX, ITEMS_MAX, LOG_ENTRIES_MAX,
};
use crate::path::PathError;
use crate::read::{DELETED, DELETED_BODY, Reader, scalar};
use crate::rewrite::{self, Splice};
use crate::schema::{Field, Kind, Section, Shape};
use crate::value::{ItemId, Value};

/// What steps made of a document.
pub(super) struct Written {
    pub(super) doc: automerge::Automerge,
    pub(super) changes: Vec<Vec<u8>>,
    /// By step: the text as the author left it, where the step wrote a text.
    pub(super) texts: Vec<Option<String>>,
}

/// Carries out steps of one document that come one after the other; those on one base in one change.
pub(super) fn write(
    document: &Document,
    steps: &[&Step],
    (by, why): (&Author, &str),
) -> Result<Written, EditError> {
    // Smaller changes name fewer actors.
    for most in [CHANGE_OPS_TARGET, 2_000] {
        let (written, crowded) = attempt(document, steps, (by, why, most))?;
        if !crowded {
            return Ok(written);
        }
    }
    Ok(attempt(document, steps, (by, why, CHANGE_ACTORS_MAX / 4))?.0)
}

/// Whether one of the changes names more actors than it may is the second part of the answer.
fn attempt(
    document: &Document,
    steps: &[&Step],
    (by, why, most): (&Author, &str, usize),
) -> Result<(Written, bool), EditError> {
    let doc = document.automerge().clone();
    let mut written = Written { doc, changes: Vec::new(), texts: Vec::new() };
    let mut crowded = false;
    for group in steps.chunk_by(|one, next| one.base == next.base) {
        let base = group.first().and_then(|step| step.base.as_deref());
        let failed = |error| damaged(group.first().copied(), &error);
        let seeks = group.iter().map(|step| seeks(document, step)).sum();
        let mut pen = Pen::new(written.doc, base, (by, why, most), seeks).map_err(failed)?;
        for step in group {
            let text;
            (pen, text) = carry_out(pen, step)?;
            written.texts.push(text);
        }
        let (doc, made) = pen.finish().map_err(failed)?;
        written.doc = doc;
        crowded |= made.crowded;
        written.changes.extend(made.changes.iter().map(|change| change.raw_bytes().to_vec()));
    }
    Ok((written, crowded))
}

/// How many places a step as of an earlier version will seek: one per splice and per deleted character.
fn seeks(document: &Document, step: &Step) -> usize {
    let sought = |splices: &[Splice]| splices.iter().map(|splice| 1 + splice.delete).sum();
    match (&step.deed, step.base.as_deref()) {
        (Deed::Splice(_, _, splices), Some(_)) => sought(splices),
        (Deed::Replace(_, _, old, new), Some(_)) => sought(&rewrite::rewrite(old, new)),
        (Deed::Fill(id, field, Value::Text(new)), Some(base))
            if base != document.automerge().get_heads() =>
        {
            let reader = Reader::as_of(document.automerge(), base);
            let text = text_of(reader, id, field);
            text.map_or(1, |text| sought(&rewrite::rewrite(&reader.text(&text), new)))
        }
        _ => 1,
    }
}

/// The pen, and the text that was written, if one was.
type Done<'a> = Result<(Pen<'a>, Option<String>), EditError>;

fn carry_out<'a>(pen: Pen<'a>, step: &Step) -> Done<'a> {
    let failed = |error| damaged(Some(step), &error);
    let pen = match &step.deed {
        Deed::Create(id, fields) => create(pen, step, (id, fields))?,
        Deed::Policy(field, policy) => {
            let policies = Reader::new(&pen.tx).policies().ok_or_else(|| missing(step))?;
            let value = policy.as_ref().map_or(Value::Null, |policy| policy.to_string().into());
            pen.put(&policies, field.name, &value).map_err(failed)?
        }
        Deed::Mark { item, deleted, body } => {
            let item = item_of(&pen, step, item)?;
            let body = body.as_ref().map(|body| Value::from(body.as_str()));
            let pen = match body {
                Some(body) => pen.put(&item, DELETED_BODY, &body).map_err(failed)?,
                None => pen,
            };
            pen.mark(&item, DELETED, *deleted).map_err(failed)?
        }
        Deed::Put(id, field, key, value) => {
            let map = object(&pen, step, (id, field))?;
            if Reader::new(&pen.tx).get(&map, key).is_none() {
                within(field, (pen.length(&map) + 1, ELEMENTS_MAX), "entries")?;
            }
            match value.bool().filter(|_| field.kind == Kind::Set) {
                // Who adds what is in already means it to stay, whoever removes it meanwhile.
                Some(is_in) => pen.mark(&map, key, is_in).map_err(failed)?,
                None => pen.put(&map, key, value).map_err(failed)?,
            }
        }
        Deed::Fill(id, field, value) => match field.kind {
            Kind::Text | Kind::Body => {
                let new = value.text().unwrap_or_default();
                return retype(pen, step, (id, field), |old| Ok(rewrite::rewrite(old, new)));
            }
            Kind::Register => {
                let item = item_of(&pen, step, id)?;
                pen.put(&item, field.name, value).map_err(failed)?
            }
            Kind::Set | Kind::Map | Kind::Log => {
                let object = object(&pen, step, (id, field))?;
                fill(pen, &object, (field, value)).map_err(failed)?
            }
        },
        Deed::Replace(id, field, old, new) if field.kind == Kind::Register => {
            replace_value(pen, step, (id, field), (old, new))?
        }
        Deed::Replace(id, field, old, new) => {
            return retype(pen, step, (id, field), |text| passage(text, (old, new), step));
        }
        Deed::Splice(id, field, splices) => type_in(pen, step, (id, field), splices)?,
        Deed::Append(id, field, texts) if field.kind == Kind::Log => {
            let list = object(&pen, step, (id, field))?;
            let entries = Reader::new(&pen.tx).texts(&list).0.len();
            within(field, (entries + texts.len(), LOG_ENTRIES_MAX), "entries")?;
            fill(pen, &list, (field, &Value::List(texts.clone()))).map_err(failed)?
        }
        Deed::Append(id, field, texts) => {
            let insert = texts.concat();
            return retype(pen, step, (id, field), |old| {
                Ok(vec![Splice { at: old.chars().count(), delete: 0, insert }])
            });
        }
    };
    Ok((pen, None))
}

/// A new item, with all objects that its fields will ever need: nobody may create them later.
fn create<'a>(
    pen: Pen<'a>,
    step: &Step,
    (id, given): (&ItemId, &[(&'static Field, Value)]),
) -> Result<Pen<'a>, EditError> {
    let failed = |error| damaged(Some(step), &error);
    let items = Reader::new(&pen.tx).items().ok_or_else(|| missing(step))?;
    let count = pen.length(&items);
    if count >= ITEMS_MAX {
        let field = step.path.section.name().to_owned();
        let (actual, limit) = (count + 1, ITEMS_MAX);
        return Err(EditError::TooLong { field, actual, limit, unit: "items" });
    }
    let (mut pen, item) = pen.make(&items, &id.to_string(), ObjType::Map).map_err(failed)?;
    let mut objects = Vec::new();
    for field in step.path.section.fields() {
        if let Some(kind) = stored_as(field.kind) {
            let made;
            (pen, made) = pen.make(&item, field.name, kind).map_err(failed)?;
            objects.push((field.name, made));
        }
    }
    for (field, value) in given {
        let object = objects.iter().find(|(name, _)| *name == field.name);
        let object = object.map_or(&item, |(_, object)| object);
        pen = fill(pen, object, (field, value)).map_err(failed)?;
    }
    Ok(pen)
}

/// Gives a field its whole value: a register of an item, or the object of another field.
fn fill<'a>(
    mut pen: Pen<'a>,
    object: &ObjId,
    (field, value): (&Field, &Value),
) -> Result<Pen<'a>, AutomergeError> {
    let there: Vec<String> =
        Reader::new(&pen.tx).entries(object).map(|entry| entry.key.into_owned()).collect();
    match (field.kind, value) {
        (Kind::Text, Value::Text(text)) => pen.splice(object, (0, 0), text),
        (Kind::Log, Value::List(entries)) => {
            entries.iter().try_fold(pen, |pen, entry| pen.push(object, entry))
        }
        (Kind::Set, Value::List(elements)) => {
            for gone in there.iter().filter(|element| !elements.contains(element)) {
                pen = pen.put(object, gone, &Value::Bool(false))?;
            }
            elements.iter().try_fold(pen, |pen, element| pen.put(object, element, &true.into()))
        }
        (Kind::Map, Value::Map(entries)) => {
            for gone in there.iter().filter(|key| !entries.contains_key(*key)) {
                pen = pen.put(object, gone, &Value::Null)?;
            }
            entries.iter().try_fold(pen, |pen, (key, value)| pen.put(object, key, value))
        }
        (Kind::Register, value) => pen.put(object, field.name, value),
        (Kind::Text | Kind::Log | Kind::Set | Kind::Map | Kind::Body, _) => Ok(pen),
    }
}

/// Changes a text by the splices that `edit` makes of it.
fn retype<'a>(
    mut pen: Pen<'a>,
    step: &Step,
    (id, field): (&ItemId, &Field),
    edit: impl FnOnce(&str) -> Result<Vec<Splice>, EditError>,
) -> Done<'a> {
    let text = object(&pen, step, (id, field))?;
    let before = Reader::new(&pen.tx).text(&text);
    let splices = edit(&before)?;
    let after = rewrite::apply(&before, &splices);
    fits(field, &after)?;
    for splice in splices.iter().rev() {
        let done = pen.splice(&text, (splice.at, splice.delete), &splice.insert);
        pen = done.map_err(|error| damaged(Some(step), &error))?;
    }
    Ok((pen, Some(after)))
}

/// Changes a text by splices, each in the text as those before it have left it.
fn type_in<'a>(
    mut pen: Pen<'a>,
    step: &Step,
    (id, field): (&ItemId, &Field),
    splices: &[Splice],
) -> Result<Pen<'a>, EditError> {
    let text = object(&pen, step, (id, field))?;
    for splice in splices {
        let length = pen.length(&text);
        if splice.at.saturating_add(splice.delete) > length {
            let (path, at) = (step.path.to_string(), splice.at);
            return Err(EditError::OutOfText { path, at, delete: splice.delete, length });
        }
        // A character has at least one byte, so what is refused here is over the limit for sure.
        if let Shape::Text { bytes } = field.shape {
            let inserted = splice.insert.len();
            within(field, (length - splice.delete + inserted, bytes), "bytes")?;
        }
        let done = pen.splice(&text, (splice.at, splice.delete), &splice.insert);
        pen = done.map_err(|error| damaged(Some(step), &error))?;
    }
    Ok(pen)
}

/// The splices that replace a passage that must occur exactly once.
fn passage(text: &str, (old, new): (&str, &str), step: &Step) -> Result<Vec<Splice>, EditError> {
    let starts: Vec<usize> = text.match_indices(old).map(|(start, _)| start).collect();
    let [start] = starts.as_slice() else {
        return Err(EditError::Passage { path: step.path.to_string(), found: starts.len() });
    };
    let at = text.get(..*start).unwrap_or_default().chars().count();
    let inner = rewrite::rewrite(old, new).into_iter();
    Ok(inner.map(|splice| Splice { at: at + splice.at, ..splice }).collect())
}

fn replace_value<'a>(
    pen: Pen<'a>,
    step: &Step,
    (id, field): (&ItemId, &Field),
    (old, new): (&str, &str),
) -> Result<Pen<'a>, EditError> {
    let item = item_of(&pen, step, id)?;
    let stored = Reader::new(&pen.tx).get(&item, field.name);
    let text = stored.and_then(|(value, _)| scalar(&value));
    let text = text.as_ref().and_then(Value::text).unwrap_or_default();
    let after = rewrite::apply(text, &passage(text, (old, new), step)?);
    fits(field, &after)?;
    pen.put(&item, field.name, &after.into()).map_err(|error| damaged(Some(step), &error))
}

const fn stored_as(kind: Kind) -> Option<ObjType> {
    match kind {
        Kind::Register | Kind::Body => None,
        Kind::Text => Some(ObjType::Text),
        Kind::Set | Kind::Map => Some(ObjType::Map),
        Kind::Log => Some(ObjType::List),
    }
}

/// The object of a field.
fn object(pen: &Pen<'_>, step: &Step, (id, field): (&ItemId, &Field)) -> Result<ObjId, EditError> {
    let reader = Reader::new(&pen.tx);
    if field.kind == Kind::Body {
        return reader.object(&ROOT, BODY, ObjType::Text).ok_or_else(|| missing(step));
    }
    let item = item_of(pen, step, id)?;
    let kind = stored_as(field.kind).unwrap_or(ObjType::Map);
    reader.object(&item, field.name, kind).ok_or_else(|| missing(step))
}

/// An item that there was at the base.
fn item_of(pen: &Pen<'_>, step: &Step, id: &ItemId) -> Result<ObjId, EditError> {
    let section: Section = step.path.section;
    let unknown = || PathError::UnknownItem { section, item: id.to_string() };
    Ok(Reader::new(&pen.tx).item(id).ok_or_else(unknown)?)
}

fn missing(step: &Step) -> EditError {
    EditError::Damaged { path: step.path.to_string(), what: "it is not there".to_owned() }
}

fn damaged(step: Option<&Step>, error: &AutomergeError) -> EditError {
    let path = step.map(|step| step.path.to_string()).unwrap_or_default();
    EditError::Damaged { path, what: error.to_string() }
}
