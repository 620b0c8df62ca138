//! Paths: `rules/<id>/statement`, `people/<id>/preferences/language`, `policies/rules/severity`.

mod locate;

pub(crate) use locate::locate;

use std::fmt;

use crate::schema::Section;
use crate::value::ItemId;

/// A place in a context, with the item's id found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// Which section.
    pub section: Section,
    /// Which item; without one the section itself, or, with a field, the policy of that field.
    pub item: Option<ItemId>,
    /// Which field.
    pub field: Option<String>,
    /// Below the field: the key of a map, the element of a set.
    pub rest: Vec<String>,
}

impl Path {
    /// The section itself.
    pub const fn section(section: Section) -> Self {
        Self { section, item: None, field: None, rest: Vec::new() }
    }

    /// An item.
    pub const fn item(section: Section, item: ItemId) -> Self {
        Self { section, item: Some(item), field: None, rest: Vec::new() }
    }

    /// A field of an item.
    pub fn field(section: Section, item: ItemId, field: &str) -> Self {
        Self { section, item: Some(item), field: Some(field.to_owned()), rest: Vec::new() }
    }

    /// The policy of a field.
    pub fn policy(section: Section, field: &str) -> Self {
        Self { section, item: None, field: Some(field.to_owned()), rest: Vec::new() }
    }

    /// One level deeper: the key of a map, the element of a set.
    #[must_use]
    pub fn below(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.rest.push(key.to_owned());
        path
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.item.is_none() && self.field.is_some() {
            write!(f, "policies/")?;
        }
        write!(f, "{}", self.section)?;
        if let Some(item) = &self.item {
            write!(f, "/{item}")?;
        }
        if let Some(field) = &self.field {
            write!(f, "/{field}")?;
        }
        self.rest.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

/// Why a path names nothing, or not one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is empty, too long, or has an empty part.
    #[error("{path:?} is not a path: write section/item/field, as in rules/<id>/statement")]
    Malformed {
        /// What was given.
        path: String,
    },
    /// No such section.
    #[error(
        "there is no section {name:?}: there are instructions, people, documents, tasks, tools and rules"
    )]
    UnknownSection {
        /// What was given.
        name: String,
    },
    /// No such item.
    #[error("there is no item {item:?} in {section}")]
    UnknownItem {
        /// In which section.
        section: Section,
        /// What was given.
        item: String,
    },
    /// Several items.
    #[error("{item:?} names several items of {section}: {}", candidates.join(", "))]
    Ambiguous {
        /// In which section.
        section: Section,
        /// What was given.
        item: String,
        /// Their paths.
        candidates: Vec<String>,
    },
    /// The section has no such field.
    #[error("items of {section} have no field {field:?}; they have {}", known.join(", "))]
    UnknownField {
        /// In which section.
        section: Section,
        /// What was given.
        field: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// Nothing lies below this field.
    #[error("nothing lies below {path}")]
    TooDeep {
        /// How far the path makes sense.
        path: String,
    },
}
