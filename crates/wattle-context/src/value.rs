//! Values of fields, and the ids of items.

use std::collections::BTreeMap;

/// A value that a register can hold, or that a read gives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing was ever set, or it was unset.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// A list of texts: a set in the order of its elements, or an append-only list in its own order.
    List(Vec<String>),
    /// Named values: a map of registers.
    Map(BTreeMap<String, Value>),
}

/// Names an item: 16 characters of Crockford's base 32, lower case (80 random bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub [u8; 16]);
