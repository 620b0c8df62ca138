//! Values of fields, and the ids of items.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A value that a register can hold, or that a read gives.
///
/// The order of values is total: nothing, then booleans, numbers, texts, lists and maps; within a
/// kind as Rust orders them (texts by code point).
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
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list of texts",
            Self::Map(_) => "an object",
        }
    }

    /// Whether it is nothing, or holds nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Bool(_) | Self::Int(_) => false,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// True or false, if it is that.
    pub fn bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, if it is one.
    pub fn int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The list, if it is one.
    pub fn list(&self) -> Option<&[String]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// Whether nothing is set.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// As people read it; not made to be read back.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
            Self::List(list) => f.write_str(&list.join(", ")),
            Self::Map(map) => {
                for (index, (name, value)) in map.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{name}: {value}")?;
                }
                Ok(())
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for Value {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

impl From<BTreeMap<String, Self>> for Value {
    fn from(map: BTreeMap<String, Self>) -> Self {
        Self::Map(map)
    }
}

/// Names an item: 16 characters of Crockford's base 32, lower case (80 random bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub [u8; 16]);

/// Crockford's: no `i`, `l`, `o` and `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl ItemId {
    /// The id that spells these 80 bits.
    pub fn from_bytes(bytes: [u8; 10]) -> Self {
        let mut id = [0; 16];
        let (mut bits, mut held, mut next) = (0_u32, 0_u32, bytes.into_iter());
        for character in &mut id {
            if held < 5 {
                bits = (bits << 8) | u32::from(next.next().unwrap_or_default());
                held += 8;
            }
            held -= 5;
            let digit = (bits >> held) as usize & 31;
            *character = ALPHABET.get(digit).copied().unwrap_or(b'0');
        }
        Self(id)
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.map(char::from).iter().collect::<String>())
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not the id of an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemIdError {
    /// Not 16 characters.
    #[error("an item's id has 16 characters, this has {characters}")]
    Length {
        /// How many it has.
        characters: usize,
    },
    /// A character that no id has.
    #[error(
        "{found:?} is in no item's id: digits and lower case letters without i, l, o and u are"
    )]
    Character {
        /// The first such character.
        found: char,
    },
}

/// Strict, because ids are keys in documents: no item may have two spellings.
impl FromStr for ItemId {
    type Err = ItemIdError;

    fn from_str(text: &str) -> Result<Self, ItemIdError> {
        let foreign = |c: &char| !u8::try_from(*c).is_ok_and(|c| ALPHABET.contains(&c));
        if let Some(found) = text.chars().find(foreign) {
            return Err(ItemIdError::Character { found });
        }
        match text.as_bytes().try_into() {
            Ok(id) => Ok(Self(id)),
            Err(_) => Err(ItemIdError::Length { characters: text.len() }),
        }
    }
}

#[cfg(test)]
mod tests;
