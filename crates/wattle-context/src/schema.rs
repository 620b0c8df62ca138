//! The six sections and their fields, as data.

use crate::policy::Policy;
use crate::value::ItemId;

/// A section of a context: one Automerge document. The number is part of document ids and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// System instructions for the agents.
    Instructions = 1,
    /// User profiles.
    People = 2,
    /// Knowledge: documents and short notes.
    Documents = 3,
    /// Active tasks and goals.
    Tasks = 4,
    /// Tool access.
    Tools = 5,
    /// Rules and constraints.
    Rules = 6,
}

/// A document of a context: a section, or the body of an item of `documents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The section's own document.
    Section(Section),
    /// The body of a knowledge document.
    Body(ItemId),
}

/// How a field is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value; concurrent ones are all kept.
    Register,
    /// A text that is merged.
    Text,
    /// A set of texts: per element a register that says whether it is in.
    Set,
    /// Named registers.
    Map,
    /// Texts that are only ever appended.
    Log,
    /// A text in a document of its own.
    Body,
}

/// A field of a section's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in paths.
    pub name: &'static str,
    /// How it is stored.
    pub kind: Kind,
    /// How concurrent values are read, unless the context says otherwise.
    pub policy: Policy,
}
