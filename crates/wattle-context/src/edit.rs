//! Edits: the one vocabulary of the library, the command and MCP.

use crate::conflict::Conflict;
use crate::path::PathError;
use crate::schema::Part;
use crate::value::Value;

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

/// Who edits, as it enters the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The writer: random per process.
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
    /// The document cannot take the edit: it holds junk there.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Where.
        path: String,
        /// What is wrong.
        what: String,
    },
}
