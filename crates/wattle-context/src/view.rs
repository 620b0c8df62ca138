//! What reads give.

use std::collections::BTreeMap;

use crate::conflict::{Candidate, Conflict};
use crate::schema::Section;
use crate::value::{ItemId, Value};

/// A field as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldView {
    /// What is in force; the first value if there are several.
    pub value: Value,
    /// All that is in force: several values only while a conflict is open.
    pub in_force: Vec<Value>,
    /// Concurrent values, also where a policy has decided between them; empty if there are none.
    pub candidates: Vec<Candidate>,
    /// The conflict, if one is open.
    pub conflict: Option<Conflict>,
    /// The entries of a map, each as it is read.
    pub entries: BTreeMap<String, Self>,
    /// The version of the document.
    pub version: String,
}

/// An item as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemView {
    /// In which section.
    pub section: Section,
    /// Its id.
    pub id: ItemId,
    /// Its fields that were ever set; a body is not among them.
    pub fields: BTreeMap<String, FieldView>,
    /// One deleted it while another edited it.
    pub conflict: Option<Conflict>,
    /// The version of the document.
    pub version: String,
}

/// A section as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionView {
    /// Which.
    pub section: Section,
    /// Its items: by `order` where they have one, then in the order in which they were added.
    pub items: Vec<ItemView>,
    /// The policies that the context has set, by field.
    pub policies: BTreeMap<String, FieldView>,
    /// What is not well formed.
    pub defects: Vec<Defect>,
    /// The version of the document.
    pub version: String,
}

/// Something in a document that is not well formed. It is listed, not shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    /// Where.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

impl SectionView {
    pub(crate) const fn empty(section: Section) -> Self {
        Self {
            section,
            items: Vec::new(),
            policies: BTreeMap::new(),
            defects: Vec::new(),
            version: String::new(),
        }
    }

    /// The conflicts that are open in the section.
    pub fn into_conflicts(self) -> Vec<Conflict> {
        let policies = self.policies.into_values().flat_map(FieldView::into_conflicts);
        policies.chain(self.items.into_iter().flat_map(ItemView::into_conflicts)).collect()
    }
}

impl ItemView {
    /// The conflicts that are open in the item.
    pub fn into_conflicts(self) -> Vec<Conflict> {
        let fields = self.fields.into_values().flat_map(FieldView::into_conflicts);
        self.conflict.into_iter().chain(fields).collect()
    }
}

impl FieldView {
    /// The conflicts that are open in the field: its own, or those of its entries.
    pub fn into_conflicts(self) -> Vec<Conflict> {
        let entries = self.entries.into_values().filter_map(|entry| entry.conflict);
        self.conflict.into_iter().chain(entries).collect()
    }
}
