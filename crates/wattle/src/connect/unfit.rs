//! Why a configuration cannot be edited.

/// Why a configuration cannot be edited. It stays as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// It is not the format that its client reads.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Something else stands where entries belong.
    #[error("{} is no object", key.as_deref().map_or("the whole", |key| key))]
    NoObject {
        /// Where; none for the whole file.
        key: Option<String>,
    },
    /// Something else stands where hooks belong.
    #[error("hooks.{event} is no list")]
    NoList {
        /// The event.
        event: &'static str,
    },
    /// Bytes that are no text.
    #[error("it is not UTF-8 from byte {at} on")]
    NotText {
        /// Where.
        at: usize,
    },
}
