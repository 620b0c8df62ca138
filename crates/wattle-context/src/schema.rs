//! The six sections and their fields, as data.

use std::fmt;
use std::str::FromStr;

use crate::limits::{
    BODY_BYTES_MAX, STATEMENT_CHARS_MAX, TEXT_BYTES_MAX, TITLE_CHARS_MAX, WORD_CHARS_MAX,
};
use crate::policy::Policy;
use crate::value::{ItemId, Value};

mod table;

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

/// What a register, or an entry of a map, may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text of so many characters (Unicode code points) at most.
    Line {
        /// The most characters.
        chars: usize,
    },
    /// A text of so many bytes at most.
    Text {
        /// The most bytes.
        bytes: usize,
    },
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A principal's key: 64 hexadecimal digits.
    Key,
    /// A text, a whole number, or true or false.
    Scalar,
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
    /// What it may hold; of texts, sets and logs only the size matters.
    pub shape: Shape,
}

impl Section {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Instructions, Self::People, Self::Documents, Self::Tasks, Self::Tools, Self::Rules];

    /// The section's number: the scope of its documents.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The section of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.number() == number)
    }

    /// Its name in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::People => "people",
            Self::Documents => "documents",
            Self::Tasks => "tasks",
            Self::Tools => "tools",
            Self::Rules => "rules",
        }
    }

    /// The fields of its items.
    pub fn fields(self) -> &'static [Field] {
        table::fields(self)
    }

    /// A field by its name.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The field that names an item for people: the first one.
    pub fn title(self) -> &'static str {
        self.fields().first().map_or("title", |field| field.name)
    }
}

impl Part {
    /// The section whose rights hold for the document.
    pub const fn section(&self) -> Section {
        match self {
            Self::Section(section) => *section,
            Self::Body(_) => Section::Documents,
        }
    }
}

impl Shape {
    /// A title or name.
    pub(crate) const TITLE: Self = Self::Line { chars: TITLE_CHARS_MAX };
    /// The statement of a rule.
    pub(crate) const STATEMENT: Self = Self::Line { chars: STATEMENT_CHARS_MAX };
    /// A word.
    pub(crate) const WORD: Self = Self::Line { chars: WORD_CHARS_MAX };
    /// A longer text.
    pub(crate) const TEXT: Self = Self::Text { bytes: TEXT_BYTES_MAX };
    /// A body.
    pub(crate) const BODY: Self = Self::Text { bytes: BODY_BYTES_MAX };

    /// Whether a value is of this shape, whatever its length. Everything may be unset.
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (Self::Line { .. } | Self::Text { .. } | Self::Scalar, Value::Text(_))
            | (Self::Int | Self::Scalar, Value::Int(_))
            | (Self::Bool | Self::Scalar, Value::Bool(_)) => true,
            (Self::OneOf(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Key, Value::Text(text)) => {
                text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            (
                Self::Line { .. }
                | Self::Text { .. }
                | Self::Int
                | Self::Bool
                | Self::OneOf(_)
                | Self::Key
                | Self::Scalar,
                Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::List(_) | Value::Map(_),
            ) => false,
        }
    }
}

impl Field {
    /// Whether a policy can read the field.
    pub fn takes(&self, policy: &Policy) -> bool {
        match policy {
            Policy::Merge => matches!(self.kind, Kind::Text | Kind::Body | Kind::Log),
            Policy::AddWins | Policy::RemoveWins => self.kind == Kind::Set,
            Policy::KeepAll
            | Policy::Counter
            | Policy::Smallest
            | Policy::Largest
            | Policy::Strictest { .. }
            | Policy::Furthest { .. }
            | Policy::FirstWriter
            | Policy::LastWriter
            | Policy::Authority
            | Policy::Custom { .. } => matches!(self.kind, Kind::Register | Kind::Map),
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sections are instructions, people, documents, tasks, tools and rules")]
pub struct UnknownSection;

impl FromStr for Section {
    type Err = UnknownSection;
    fn from_str(name: &str) -> Result<Self, UnknownSection> {
        Self::ALL.into_iter().find(|section| section.name() == name).ok_or(UnknownSection)
    }
}

/// Not the name of a document of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("documents are named as sections are, or body-<id>")]
pub struct UnknownPart;

impl FromStr for Part {
    type Err = UnknownPart;
    fn from_str(name: &str) -> Result<Self, UnknownPart> {
        match name.strip_prefix("body-") {
            Some(item) => item.parse().map(Self::Body).map_err(|_| UnknownPart),
            None => name.parse().map(Self::Section).map_err(|_| UnknownPart),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Section(section) => section.fmt(f),
            Self::Body(item) => write!(f, "body-{item}"),
        }
    }
}

/// What a field takes, for messages.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { chars } => write!(f, "a text of at most {chars} characters"),
            Self::Text { bytes } => write!(f, "a text of at most {bytes} bytes"),
            Self::Int => f.write_str("a whole number"),
            Self::Bool => f.write_str("true or false"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::Key => f.write_str("a key of 64 hexadecimal digits"),
            Self::Scalar => f.write_str("a text, a whole number, or true or false"),
        }
    }
}
