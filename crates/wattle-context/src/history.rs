//! History: who changed what, when and why.

mod log;
mod versions;

pub(crate) use log::{log, touched};
pub(crate) use versions::{at, diff, empty};

use crate::schema::{Part, Section};
use crate::value::{ItemId, Value};

/// Which entries of the log are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only of this section.
    pub section: Option<Section>,
    /// Only of this item.
    pub item: Option<ItemId>,
    /// Only of this field.
    pub field: Option<String>,
    /// At most so many; all without.
    pub limit: Option<usize>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its hash, in hexadecimal.
    pub change: String,
    /// In which document.
    pub part: Part,
    /// What it touched.
    pub paths: Vec<String>,
    /// Who, for people to read.
    pub by: String,
    /// The principal's key, in hexadecimal; empty if the change names none.
    pub key: String,
    /// The program.
    pub client: String,
    /// When, in milliseconds since 1970; the author's word.
    pub time_ms: i64,
    /// Why, as the author said.
    pub why: String,
    /// Where it has taken the place of several values that stood side by side, or of a deletion.
    pub settled: Vec<String>,
}

/// A field that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which field.
    pub path: String,
    /// What it was.
    pub before: Value,
    /// What it is.
    pub after: Value,
}

/// Why a version cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not a version of this context, or one that has not arrived here.
    #[error("{version:?} is no known version of {part}")]
    Unknown {
        /// What was given.
        version: String,
        /// Of which document.
        part: Part,
    },
    /// Not a version at all.
    #[error("{version:?} is not a version: versions look like rules:0123456789abcdef;tasks:…")]
    Malformed {
        /// What was given.
        version: String,
    },
}
