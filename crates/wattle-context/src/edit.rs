//! Edits: the one vocabulary of the library, the command and MCP.

mod check;
mod landed;
mod pen;
mod plan;
mod write;

use std::collections::BTreeMap;

use crate::conflict::Conflict;
use crate::context::Context;
use crate::document::Document;
use crate::limits::{NAME_BYTES_MAX, WHY_BYTES_MAX};
use crate::path::{Path, PathError};
use crate::read::Reading;
use crate::rewrite::Splice;
use crate::schema::{Kind, Part};
use crate::value::{ItemId, Value};

use plan::{Deed, Step};

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Gives a field its value; a text is compared with the text it is based on, and only what differs is written.
    Set,
    /// Adds an item to a section.
    Add,
    /// Replaces a passage of a text that occurs exactly once.
    Replace,
    /// Appends to a text or a log, or adds an element to a set.
    Append,
    /// Removes an element of a set or an entry of a map.
    Remove,
    /// Deletes an item.
    Delete,
}

/// One edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What it does.
    pub op: Op,
    /// To what: `rules/<id>/statement`; for `add` the section.
    pub path: String,
    /// With what.
    pub value: Value,
    /// For `replace`: the passage.
    pub old: Option<String>,
    /// The version that its author had read.
    pub base: Option<String>,
    /// Refuse if what it touches has changed since `base`.
    pub if_unchanged: bool,
}

/// So many bytes of a writer's id are its key's. The further writers that an author needs keep them.
pub const ACTOR_KEY_BYTES: usize = 10;

/// Who edits, as it enters the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The writer: its first [`ACTOR_KEY_BYTES`] bytes say whose it is, the others are random per process.
    pub actor: [u8; 16],
    /// The principal's key.
    pub key: [u8; 32],
    /// For people to read.
    pub name: String,
    /// The program.
    pub client: String,
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
}

/// An edit by somebody else that an edit met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Who, for people to read.
    pub by: String,
    /// When, in milliseconds since 1970; the author's word.
    pub time: i64,
    /// Why, as the author said.
    pub why: String,
    /// The change.
    pub change: [u8; 32],
}

/// How an edit met what happened since its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landed {
    /// Nothing happened since.
    OnTop,
    /// Something happened elsewhere; both hold.
    Merged {
        /// What, newest first.
        with: Vec<Touch>,
    },
    /// Somebody wrote the same field, or the same lines of the text.
    Overlapping {
        /// What, newest first.
        with: Vec<Touch>,
    },
}

/// What became of one edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The full path, with the id of a new item.
    pub path: String,
    /// How it met what happened since its base.
    pub landed: Landed,
    /// Of an edit without a base: what was there before.
    pub replaced: Option<Value>,
    /// A conflict that is now open at the path.
    pub conflict: Option<Conflict>,
    /// The version of the document after the edit.
    pub version: String,
}

/// What became of a list of edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// One answer per edit.
    pub answers: Vec<Answer>,
    /// The new changes, uncompressed, each after those it builds on.
    pub changes: Vec<(Part, Vec<u8>)>,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path names nothing, or not one thing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A document is needed that is not loaded.
    #[error("{part} is not loaded")]
    NotLoaded {
        /// Which.
        part: Part,
    },
    /// More edits than one call may have.
    #[error("{actual} edits in one call; at most {limit}")]
    TooManyEdits {
        /// How many there are.
        actual: usize,
        /// How many may be.
        limit: usize,
    },
    /// A value is too long.
    #[error("{field} has {actual} {unit}; at most {limit}")]
    TooLong {
        /// Of which field.
        field: String,
        /// How long it is.
        actual: usize,
        /// How long it may be.
        limit: usize,
        /// In what.
        unit: &'static str,
    },
    /// A field is given a value that it cannot hold.
    #[error("{field} takes {expected}")]
    WrongValue {
        /// Which field.
        field: String,
        /// What it takes.
        expected: String,
    },
    /// The operation does not fit what the path names.
    #[error("{op} does not fit {path}: {hint}")]
    Unfit {
        /// The operation.
        op: &'static str,
        /// The path.
        path: String,
        /// What fits.
        hint: &'static str,
    },
    /// The passage to be replaced does not occur exactly once.
    #[error("the passage occurs {found} times in {path}; it must occur exactly once")]
    Passage {
        /// In which text.
        path: String,
        /// How often it occurs.
        found: usize,
    },
    /// The base is not a version of this document.
    #[error(
        "{version:?} is no known version of {part}: read it again and base the edit on the version of that read"
    )]
    UnknownVersion {
        /// What was given.
        version: String,
        /// Of which document.
        part: Part,
    },
    /// What the edit touches has changed since its base.
    #[error("{path} has changed since {version}")]
    Changed {
        /// What.
        path: String,
        /// The base.
        version: String,
        /// By whom.
        with: Vec<Touch>,
    },
    /// A splice beyond the end of the text.
    #[error("{path} has {length} characters: none to replace from {at} for {delete}")]
    OutOfText {
        /// Which text.
        path: String,
        /// Where the splice begins.
        at: usize,
        /// How much it deletes.
        delete: usize,
        /// How long the text is there.
        length: usize,
    },
    /// `if_unchanged` without a base.
    #[error("if_unchanged needs the base that {path} must not have changed since")]
    NoBase {
        /// Which path.
        path: String,
    },
    /// The item is deleted.
    #[error("{path} is deleted; set {path}/deleted to false to bring it back")]
    Deleted {
        /// Which item.
        path: String,
    },
    /// What would be written holds a secret. It is not repeated here.
    #[error(
        "line {line} of {path} holds {kind} ({masked}): a context is kept by everyone for ever; say where the secret is found instead"
    )]
    Secret {
        /// Of which item or field.
        path: String,
        /// The line of the value, from 1 on.
        line: usize,
        /// What it is.
        kind: &'static str,
        /// Enough of it to find it again.
        masked: String,
    },
    /// The document cannot take the edit: it holds junk there.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Where.
        path: String,
        /// What is wrong.
        what: String,
    },
}

impl Op {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Remove => "remove",
            Self::Delete => "delete",
        }
    }
}

/// The parts that edits need and that are not loaded.
pub(crate) fn needs(context: &Context, edits: &[Edit]) -> Result<Vec<Part>, EditError> {
    plan::needs(context, edits)
}

/// Makes edits, all or none.
pub(crate) fn edit(
    context: &mut Context,
    edits: &[Edit],
    (by, why): (&Author, &str),
    ids: &mut dyn FnMut() -> ItemId,
) -> Result<Edited, EditError> {
    short_enough(by, why)?;
    let steps = plan::plan(context, edits, ids)?;
    carry_out(context, (edits, &steps), (by, why))
}

/// What an editor does to a text, keystroke by keystroke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed<'a> {
    /// The text: `documents/<id>/body`.
    pub path: &'a str,
    /// Positions in Unicode code points, each in the text as the splices before it have left it.
    pub splices: &'a [Splice],
    /// The version that the positions are meant for; the current one if there is none.
    pub base: Option<&'a str>,
}

/// Changes a text at exactly these positions, as of the version that they are meant for.
pub(crate) fn splice(
    context: &mut Context,
    typed: &Typed<'_>,
    (by, why): (&Author, &str),
) -> Result<Edited, EditError> {
    short_enough(by, why)?;
    let step = plan::splices(context, typed)?;
    let edit = Edit {
        op: Op::Set,
        path: typed.path.to_owned(),
        value: Value::Null,
        old: None,
        base: typed.base.map(str::to_owned),
        if_unchanged: false,
    };
    carry_out(context, (&[edit], &[step]), (by, why))
}

/// Carries out steps on copies of the documents, and puts these in place if all went well.
fn carry_out(
    context: &mut Context,
    (edits, steps): (&[Edit], &[Step]),
    (by, why): (&Author, &str),
) -> Result<Edited, EditError> {
    let replaced: Vec<Option<Value>> =
        steps.iter().map(|step| before(context, step)).collect::<Result<_, _>>()?;
    let mut by_part: BTreeMap<Part, Vec<usize>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        by_part.entry(step.part).or_default().push(index);
    }
    let (mut landings, mut changes, mut documents) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (part, indices) in by_part {
        let document = document_of(context, steps, part)?;
        let own: Vec<&Step> = indices.iter().filter_map(|index| steps.get(*index)).collect();
        for step in &own {
            let version = edits.get(step.edit).and_then(|edit| edit.base.as_deref());
            landed::refuse_if_changed(&document, step, version.unwrap_or_default())?;
        }
        let written = write::write(&document, &own, (by, why))?;
        for ((index, step), text) in indices.iter().zip(&own).zip(&written.texts) {
            landings.insert(*index, landed::landed(&document, step, text.as_deref()));
        }
        changes.extend(written.changes.into_iter().map(|change| (part, change)));
        documents.push((part, document, written.doc));
    }
    for (part, mut document, doc) in documents {
        document.replace(doc);
        context.insert(part, document);
    }
    let mut answers: Vec<Answer> = Vec::with_capacity(edits.len());
    for (index, (step, replaced)) in steps.iter().zip(replaced).enumerate() {
        // The body of a new document is a second step of the edit that adds it.
        if answers.len() == step.edit {
            let landed = landings.remove(&index).unwrap_or(Landed::OnTop);
            answers.push(answer(context, step, (landed, replaced)));
        }
    }
    Ok(Edited { answers, changes })
}

fn answer(context: &Context, step: &Step, (landed, replaced): (Landed, Option<Value>)) -> Answer {
    let field = || step.path.field.as_ref().and_then(|_| context.field(&step.path));
    let conflict = match &step.deed {
        Deed::Mark { .. } => context.deletion(&step.path),
        // For every keystroke, that would be dear; the conflicts of a context are listed elsewhere.
        Deed::Splice(..) => None,
        Deed::Create(..)
        | Deed::Fill(..)
        | Deed::Put(..)
        | Deed::Replace(..)
        | Deed::Append(..)
        | Deed::Policy(..) => {
            field().and_then(|field| field.conflict).or_else(|| context.deletion(&step.path))
        }
    };
    let version = context.document(&step.part).map(Document::version).unwrap_or_default();
    Answer { path: step.path.to_string(), landed, replaced, conflict, version }
}

/// The document of a part; that of a new item's body is new, too.
fn document_of(context: &Context, steps: &[Step], part: Part) -> Result<Document, EditError> {
    if let Some(document) = context.document(&part) {
        return Ok(document.clone());
    }
    let created =
        |step: &Step| matches!(&step.deed, Deed::Create(id, _) if Part::Body(*id) == part);
    if steps.iter().any(created) {
        Ok(Document::new(part))
    } else {
        Err(EditError::NotLoaded { part })
    }
}

/// What stands where a step writes, if it has no base. Fails if its item is deleted.
fn before(context: &Context, step: &Step) -> Result<Option<Value>, EditError> {
    let part = Part::Section(step.path.section);
    let document = context.document(&part).ok_or(EditError::NotLoaded { part })?;
    let base = step.base.as_deref().filter(|_| step.part == part);
    let mut reading = match base {
        Some(heads) => Reading::as_of(context, step.path.section, document, heads),
        None => Reading::new(context, step.path.section, document),
    };
    let (item, field) = match &step.deed {
        Deed::Create(..) | Deed::Mark { .. } => return Ok(None),
        Deed::Policy(field, _) => {
            let value = reading.policy_of(field.name).value;
            return Ok(Some(value).filter(|_| step.base.is_none()));
        }
        Deed::Fill(item, field, _)
        | Deed::Put(item, field, ..)
        | Deed::Replace(item, field, ..)
        | Deed::Append(item, field, _)
        | Deed::Splice(item, field, _) => (item, field),
    };
    match reading.is_live(item) {
        None if step.part != part && context.document(&step.part).is_none() => return Ok(None),
        None => {
            let (section, item) = (step.path.section, item.to_string());
            return Err(PathError::UnknownItem { section, item }.into());
        }
        Some(false) => {
            let path = Path::item(step.path.section, *item).to_string();
            return Err(EditError::Deleted { path });
        }
        Some(true) => {}
    }
    let partial = matches!(&step.deed, Deed::Replace(..) | Deed::Append(..) | Deed::Splice(..));
    if step.base.is_some() || partial {
        return Ok(None);
    }
    if field.kind == Kind::Body {
        return Ok(context.body(item).map(Value::Text));
    }
    let key = step.path.rest.first().map(String::as_str);
    Ok(reading.field(item, field.name, key).map(|field| field.value))
}

fn short_enough(by: &Author, why: &str) -> Result<(), EditError> {
    let long = [
        ("the reason", why.len(), WHY_BYTES_MAX),
        ("the author's name", by.name.len(), NAME_BYTES_MAX),
        ("the client's name", by.client.len(), NAME_BYTES_MAX),
    ];
    match long.into_iter().find(|(_, actual, limit)| actual > limit) {
        Some((field, actual, limit)) => {
            Err(EditError::TooLong { field: field.to_owned(), actual, limit, unit: "bytes" })
        }
        None => Ok(()),
    }
}
