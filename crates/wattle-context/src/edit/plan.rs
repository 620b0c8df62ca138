//! What edits are to do, checked as far as can be without the documents' texts.

use automerge::ChangeHash;

use super::check::{check, fields_of, text_of, texts_of};
use super::{Edit, EditError, Op, Typed};
use crate::context::Context;
use crate::limits::EDITS_MAX;
use crate::path::{Path, locate};
use crate::policy::Policy;
use crate::read::DELETED;
use crate::rewrite::Splice;
use crate::schema::{Field, Kind, Part, Section};
use crate::value::{ItemId, Value};

/// One thing to be done in one document.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Of which edit of the list.
    pub(super) edit: usize,
    pub(super) part: Part,
    pub(super) path: Path,
    pub(super) base: Option<Vec<ChangeHash>>,
    pub(super) if_unchanged: bool,
    pub(super) deed: Deed,
}

#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// A new item with these fields.
    Create(ItemId, Vec<(&'static Field, Value)>),
    /// Gives a field its value.
    Fill(ItemId, &'static Field, Value),
    /// Gives an entry of a map, or an element of a set, its value.
    Put(ItemId, &'static Field, String, Value),
    /// Replaces the one passage that reads so.
    Replace(ItemId, &'static Field, String, String),
    /// Appends to a text, or entries to a log.
    Append(ItemId, &'static Field, Vec<String>),
    /// Changes a text as an editor does: each splice in the text as those before it have left it.
    Splice(ItemId, &'static Field, Vec<Splice>),
    /// Marks an item as deleted, or takes the mark away.
    Mark {
        item: ItemId,
        deleted: bool,
        /// The version of its body that its author had, if it may have one.
        body: Option<String>,
    },
    /// Sets the policy of a field, or goes back to the default.
    Policy(&'static Field, Option<Policy>),
}

/// The ids of new items.
pub(super) type Ids<'a> = &'a mut dyn FnMut() -> ItemId;

pub(super) fn plan(
    context: &Context,
    edits: &[Edit],
    ids: Ids<'_>,
) -> Result<Vec<Step>, EditError> {
    if edits.len() > EDITS_MAX {
        return Err(EditError::TooManyEdits { actual: edits.len(), limit: EDITS_MAX });
    }
    let mut steps = Vec::with_capacity(edits.len());
    for (index, edit) in edits.iter().enumerate() {
        let path = locate(context, &edit.path)?;
        let deeds = deeds(context, edit, &path, ids)?;
        if edit.if_unchanged && edit.base.is_none() {
            return Err(EditError::NoBase { path: path.to_string() });
        }
        for (part, path, deed) in deeds {
            let fresh = matches!(&deed, Deed::Fill(..)) && edit.op == Op::Add;
            let base = if fresh { None } else { base(context, edit.base.as_deref(), part)? };
            let if_unchanged = edit.if_unchanged;
            steps.push(Step { edit: index, part, path, base, if_unchanged, deed });
        }
    }
    Ok(steps)
}

/// The one step of an editor's keystroke.
pub(super) fn splices(context: &Context, typed: &Typed<'_>) -> Result<Step, EditError> {
    let path = locate(context, typed.path)?;
    let field = path.field.as_deref().and_then(|name| path.section.field(name));
    let text = field.filter(|field| matches!(field.kind, Kind::Text | Kind::Body));
    let (Some(item), Some(field), true) = (path.item, text, path.rest.is_empty()) else {
        let (path, hint) = (path.to_string(), "name a text of an item");
        return Err(EditError::Unfit { op: "splice", path, hint });
    };
    let part = match field.kind {
        Kind::Body => Part::Body(item),
        Kind::Register | Kind::Text | Kind::Set | Kind::Map | Kind::Log => {
            Part::Section(path.section)
        }
    };
    let base = base(context, typed.base, part)?;
    let deed = Deed::Splice(item, field, typed.splices.to_vec());
    Ok(Step { edit: 0, part, path, base, if_unchanged: false, deed })
}

/// The parts that edits need and that are not loaded.
pub(super) fn needs(context: &Context, edits: &[Edit]) -> Result<Vec<Part>, EditError> {
    let mut parts = Vec::new();
    for edit in edits {
        let section = edit.path.split('/').find(|word| *word != "policies").unwrap_or_default();
        if let Ok(section) = section.parse::<Section>() {
            let part = Part::Section(section);
            if context.document(&part).is_none() {
                parts.push(part);
                continue;
            }
        }
        let path = locate(context, &edit.path)?;
        let body = edit.op == Op::Delete
            || path.field.as_deref().is_some_and(|field| field == "body" || field == DELETED);
        if let (Section::Documents, Some(item), true) = (path.section, path.item, body) {
            parts.push(Part::Body(item));
        }
    }
    parts.sort();
    parts.dedup();
    parts.retain(|part| context.document(part).is_none());
    Ok(parts)
}

/// The heads that an edit is based on. A version of the whole context names each document's own.
fn base(
    context: &Context,
    version: Option<&str>,
    part: Part,
) -> Result<Option<Vec<ChangeHash>>, EditError> {
    let Some(version) = version else { return Ok(None) };
    let document = context.document(&part).ok_or(EditError::NotLoaded { part })?;
    let unknown = || EditError::UnknownVersion { version: version.to_owned(), part };
    let own = version_of(version, part).ok_or_else(unknown)?;
    document.resolve(own).map(Some).ok_or_else(unknown)
}

/// The token of one document in the version of a context, or the token itself.
fn version_of(version: &str, part: Part) -> Option<&str> {
    if !version.contains(':') {
        return Some(version);
    }
    let name = part.to_string();
    let mut tokens = version.split(';').filter_map(|entry| entry.split_once(':'));
    tokens.find(|(of, _)| *of == name).map(|(_, token)| token)
}

type Deeds = Vec<(Part, Path, Deed)>;

fn deeds(context: &Context, edit: &Edit, path: &Path, ids: Ids<'_>) -> Result<Deeds, EditError> {
    let part = Part::Section(path.section);
    let Some(item) = path.item else {
        return match path.field.as_deref() {
            Some(field) => Ok(vec![(part, path.clone(), policy(edit, path, field)?)]),
            None => add(edit, path, ids),
        };
    };
    let Some(name) = path.field.as_deref() else {
        return match edit.op {
            Op::Delete => Ok(vec![(part, path.clone(), mark(context, path, true)?)]),
            Op::Set | Op::Add | Op::Replace | Op::Append | Op::Remove => {
                Err(unfit(edit, path, "delete the item, or edit one of its fields"))
            }
        };
    };
    let Some(field) = path.section.field(name) else {
        let deleted = edit.value.bool().filter(|_| edit.op == Op::Set);
        let deleted = deleted.ok_or_else(|| unfit(edit, path, "set it to true or false"))?;
        return Ok(vec![(part, path.clone(), mark(context, path, deleted)?)]);
    };
    let part = if field.kind == Kind::Body { Part::Body(item) } else { part };
    let deed = match path.rest.first() {
        Some(key) => entry(edit, path, (item, field, key))?,
        None => whole(edit, path, (item, field))?,
    };
    Ok(vec![(part, path.clone(), deed)])
}

/// A deletion says which version of the body it has seen.
pub(super) fn mark(context: &Context, path: &Path, deleted: bool) -> Result<Deed, EditError> {
    let item = path.item.unwrap_or(ItemId([b'0'; 16]));
    let part = Part::Body(item);
    let body = if path.section == Section::Documents && deleted {
        let body = context.document(&part).ok_or(EditError::NotLoaded { part })?;
        Some(body.version())
    } else {
        None
    };
    Ok(Deed::Mark { item, deleted, body })
}

fn policy(edit: &Edit, path: &Path, name: &str) -> Result<Deed, EditError> {
    let fits = "set it to a policy, or remove it to go back to the default";
    let field = path.section.field(name).ok_or_else(|| unfit(edit, path, fits))?;
    let policy = match (edit.op, &edit.value) {
        (Op::Remove, _) | (Op::Set, Value::Null) => None,
        (Op::Set, Value::Text(text)) => {
            let wrong = |expected| EditError::WrongValue { field: path.to_string(), expected };
            let policy = text.parse::<Policy>().map_err(|error| wrong(error.to_string()))?;
            if !field.takes(&policy) {
                return Err(wrong(format!("no {policy}: that reads another kind of field")));
            }
            Some(policy)
        }
        (Op::Set | Op::Add | Op::Replace | Op::Append | Op::Delete, _) => {
            return Err(unfit(edit, path, fits));
        }
    };
    Ok(Deed::Policy(field, policy))
}

fn add(edit: &Edit, path: &Path, ids: Ids<'_>) -> Result<Deeds, EditError> {
    if edit.op != Op::Add {
        return Err(unfit(edit, path, "add an item to the section, or edit one of its items"));
    }
    let section = path.section;
    let (bodies, fields): (Vec<_>, Vec<_>) = fields_of(section, &edit.value)?
        .into_iter()
        .partition(|(field, _)| field.kind == Kind::Body);
    let id = ids();
    let path = Path::item(section, id);
    let mut deeds = vec![(Part::Section(section), path, Deed::Create(id, fields))];
    for (field, value) in bodies {
        let path = Path::field(section, id, field.name);
        deeds.push((Part::Body(id), path, Deed::Fill(id, field, value)));
    }
    Ok(deeds)
}

/// An edit of an element of a set, or of an entry of a map.
fn entry(
    edit: &Edit,
    path: &Path,
    (item, field, key): (ItemId, &'static Field, &str),
) -> Result<Deed, EditError> {
    let value = match (edit.op, field.kind) {
        (Op::Set, Kind::Map) => edit.value.clone(),
        (Op::Set, _) if edit.value.bool().is_some() => edit.value.clone(),
        (Op::Append | Op::Add, Kind::Set) => Value::Bool(true),
        (Op::Remove, Kind::Map) => Value::Null,
        (Op::Remove, _) => Value::Bool(false),
        (Op::Set | Op::Add | Op::Append | Op::Replace | Op::Delete, _) => {
            return Err(unfit(edit, path, "set or remove it"));
        }
    };
    check(field, Some(key), &value)?;
    Ok(Deed::Put(item, field, key.to_owned(), value))
}

/// An edit of a field as a whole.
fn whole(
    edit: &Edit,
    path: &Path,
    (item, field): (ItemId, &'static Field),
) -> Result<Deed, EditError> {
    match (edit.op, field.kind) {
        (Op::Set, Kind::Log) => Err(unfit(edit, path, "append to it; what is there stays")),
        (Op::Set, _) => {
            let value = check(field, None, &edit.value)?;
            Ok(Deed::Fill(item, field, value))
        }
        (Op::Replace, Kind::Text | Kind::Body | Kind::Register) => {
            let old = edit.old.clone().filter(|old| !old.is_empty());
            let old = old.ok_or_else(|| unfit(edit, path, "say the old passage"))?;
            Ok(Deed::Replace(item, field, old, text_of(field, &edit.value)?))
        }
        (Op::Append, Kind::Text | Kind::Body) => {
            Ok(Deed::Append(item, field, vec![text_of(field, &edit.value)?]))
        }
        (Op::Append | Op::Add, Kind::Log) => {
            Ok(Deed::Append(item, field, texts_of(field, &edit.value)?))
        }
        (Op::Append | Op::Add | Op::Remove, Kind::Set) => {
            let key = text_of(field, &edit.value)?;
            let value = Value::Bool(edit.op != Op::Remove);
            check(field, Some(&key), &value)?;
            Ok(Deed::Put(item, field, key, value))
        }
        (Op::Remove, Kind::Map) => {
            let key = text_of(field, &edit.value)?;
            check(field, Some(&key), &Value::Null)?;
            Ok(Deed::Put(item, field, key, Value::Null))
        }
        (Op::Remove, Kind::Register) => Ok(Deed::Fill(item, field, Value::Null)),
        (Op::Add | Op::Replace | Op::Append | Op::Remove | Op::Delete, _) => {
            Err(unfit(edit, path, hint(field.kind)))
        }
    }
}

const fn hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Register => "set it",
        Kind::Text | Kind::Body => "set it, replace a passage, or append to it",
        Kind::Set => "set it to a list, append or remove an element",
        Kind::Map => "set or remove one of its entries",
        Kind::Log => "append to it; what is there stays",
    }
}

fn unfit(edit: &Edit, path: &Path, hint: &'static str) -> EditError {
    EditError::Unfit { op: edit.op.name(), path: path.to_string(), hint }
}
