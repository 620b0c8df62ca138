//! What a scenario calls things: aliases of items, marks of versions.

use std::collections::BTreeMap;

use wattle_context::edit::Edit;
use wattle_context::path::{Path, PathError};
use wattle_context::schema::{Part, Section};
use wattle_context::{Conflict, Context};

use crate::scenario::Line;

/// Aliases and marks, as far as the scenario has come.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Alias to id.
    items: BTreeMap<String, String>,
    /// Mark to the versions of all documents.
    marks: BTreeMap<String, BTreeMap<Part, String>>,
}

/// The field that names an item of a section.
pub fn name_field(section: &str) -> Option<&'static str> {
    section.parse().ok().map(Section::title)
}

impl Names {
    /// Gives a name to the versions that a peer sees now.
    pub fn mark(&mut self, name: &str, context: &Context) {
        let versions =
            context.parts().filter_map(|part| Some((*part, context.document(part)?.version())));
        self.marks.insert(name.to_owned(), versions.collect());
    }

    /// Gives a name to the item at a path that an edit has answered.
    pub fn learn(&mut self, line: &Line, path: &str) {
        if let (Some(alias), Some(id)) = (&line.alias, path.split('/').nth(1)) {
            self.items.insert(alias.clone(), id.to_owned());
        }
    }

    /// A path with the id in place of an alias.
    pub fn path(&self, path: &str) -> String {
        let mut parts: Vec<&str> = path.split('/').collect();
        let item = if parts.first() == Some(&"policies") { None } else { parts.get_mut(1) };
        if let Some(item) = item
            && let Some(id) = self.items.get(*item)
        {
            *item = id;
        }
        parts.join("/")
    }

    /// The edit that a line stands for.
    pub fn edit(&self, line: &Line, context: &Context) -> Result<Edit, NameError> {
        let path = self.path(&line.path);
        let base = line.base.as_ref().map(|mark| self.version(mark, &path, context)).transpose()?;
        let (op, value, old) = (line.op, line.value.clone(), line.old.clone());
        Ok(Edit { op, path, value, old, base, if_unchanged: false })
    }

    /// The open conflict at a path.
    pub fn conflict(&self, path: &str, context: &Context) -> Result<Conflict, NameError> {
        let path = context.locate(&self.path(path))?.to_string();
        let mut conflicts = context.conflicts().into_iter();
        conflicts.find(|conflict| conflict.path == path).ok_or(NameError::NoConflict { path })
    }

    fn version(&self, mark: &str, path: &str, context: &Context) -> Result<String, NameError> {
        let unknown = || NameError::NoMark { mark: mark.to_owned() };
        let versions = self.marks.get(mark).ok_or_else(unknown)?;
        versions.get(&part_of(&context.locate(path)?)).cloned().ok_or_else(unknown)
    }
}

/// The document that a path lies in.
pub fn part_of(path: &Path) -> Part {
    match (path.section, &path.item, path.field.as_deref()) {
        (Section::Documents, Some(item), Some("body")) => Part::Body(*item),
        (section, _, _) => Part::Section(section),
    }
}

/// Why a line stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The path names nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// No such mark, or it was set before the document was there.
    #[error("no mark {mark:?} of this document")]
    NoMark {
        /// The name.
        mark: String,
    },
    /// Nothing to settle.
    #[error("no conflict at {path}")]
    NoConflict {
        /// Where.
        path: String,
    },
}
