//! Change sets: Automerge change chunks of which only the header is read.

mod columns;
mod parse;
#[cfg(test)]
pub(crate) mod tests;

use crate::id::{ActorId, Blob, ChangeHash, PublicKey};
use crate::identity::Seal;
use crate::message::Code;

/// What the header of a change chunk says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// SHA-256 of the chunk.
    pub hash: ChangeHash,
    /// The changes that it builds on.
    pub deps: Vec<ChangeHash>,
    /// Who wrote it.
    pub actor: ActorId,
    /// Its number among the changes of that actor, from 1.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// How many operations it declares.
    pub ops: u64,
    /// When, in seconds since 1970; the author's word.
    pub time: i64,
    /// The author's key; only on an actor's first change.
    pub author: Option<PublicKey>,
}

/// A change as it is stored and sent: opaque bytes, their header, and a signature where one was made.
///
/// One signature on an actor's newest change of a flush covers those before it, because each
/// names its predecessor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was read from `bytes`.
    pub header: Header,
    /// An uncompressed Automerge change chunk (type 1).
    pub bytes: Blob,
    /// The author's signature.
    pub seal: Option<Seal>,
}

impl Change {
    /// Reads a chunk's header; the bytes are kept as they are.
    pub fn parse(bytes: Blob, seal: Option<Seal>) -> Result<Self, HeaderError> {
        Ok(Self { header: Header::parse(&bytes)?, bytes, seal })
    }
}

impl Header {
    /// Reads and checks the header of a change chunk, without allocating for what is only announced.
    ///
    /// Operations are not read, only counted: the run lengths of every column are summed and bounded.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        parse::header(bytes)
    }

    /// The counter of its last operation, or of its dependencies' last one when it has none.
    pub fn max_op(&self) -> u64 {
        (self.start_op + self.ops).saturating_sub(1)
    }
}

/// Why bytes are not a change chunk that this replica takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than announced.
    #[error("the chunk ends early")]
    Truncated,
    /// More bytes than announced.
    #[error("{bytes} bytes follow the chunk")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// The chunk is too long.
    #[error("the change has {bytes} bytes, over the limit of {}", crate::limits::CHANGE_BYTES_MAX)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It does not begin as an Automerge chunk does.
    #[error("not an Automerge chunk")]
    Magic,
    /// A document, a compressed change, a bundle, or something unknown.
    #[error("chunk type {kind}; only uncompressed changes are taken")]
    ChunkType {
        /// The type.
        kind: u8,
    },
    /// The checksum is not the beginning of the hash.
    #[error("the checksum does not match")]
    Checksum,
    /// A number that is not in its shortest form, or does not fit.
    #[error("a number is not in its shortest form or too large")]
    Number,
    /// Too many dependencies.
    #[error("{count} dependencies, over the limit of {}", crate::limits::CHANGE_DEPS_MAX)]
    Deps {
        /// How many.
        count: u64,
    },
    /// The dependencies are not in ascending order, or one is there twice.
    #[error("the dependencies are not in ascending order")]
    DepsOrder,
    /// Too many other actors.
    #[error("{count} other actors, over the limit of {}", crate::limits::CHANGE_ACTORS_MAX)]
    Actors {
        /// How many.
        count: u64,
    },
    /// An actor's id is not 16 bytes long.
    #[error("an actor id of {bytes} bytes, not 16")]
    ActorLength {
        /// Its length.
        bytes: u64,
    },
    /// Sequence numbers begin with 1.
    #[error("sequence number 0")]
    SeqZero,
    /// Operation counters begin with 1.
    #[error("operation counter 0")]
    StartOpZero,
    /// The last operation's counter is too high.
    #[error("the operations reach {max_op}, over the limit of {}", crate::limits::OP_COUNTER_MAX)]
    OpCounter {
        /// Where they would end.
        max_op: u64,
    },
    /// The message is not UTF-8.
    #[error("the message is not UTF-8")]
    Message,
    /// A column that changes do not have.
    #[error("unknown column {spec}")]
    UnknownColumn {
        /// Its specification.
        spec: u64,
    },
    /// The columns are not in ascending order, or one is there twice.
    #[error("column {spec} is out of order")]
    ColumnOrder {
        /// Its specification.
        spec: u64,
    },
    /// A column declares more values than a change may have operations, or than this one has.
    #[error("column {spec} declares {count} values, over the limit of {limit}")]
    ColumnCount {
        /// Its specification.
        spec: u64,
        /// How many values.
        count: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// A column's runs cannot be read.
    #[error("column {spec} is malformed")]
    Column {
        /// Its specification.
        spec: u64,
    },
    /// An operation names an actor or an action that does not exist.
    #[error("column {spec} holds {value}, over the limit of {limit}")]
    ColumnValue {
        /// Its specification.
        spec: u64,
        /// The value.
        value: u64,
        /// The highest that is allowed.
        limit: u64,
    },
    /// The bytes after the columns are not an author.
    #[error("the bytes after the operations are not an author's key")]
    Footer,
    /// Only an actor's first change may name its author.
    #[error("change {seq} of its actor names an author; only the first may")]
    LateAuthor {
        /// Its number.
        seq: u64,
    },
}

impl HeaderError {
    /// The kind of refusal.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. }
            | Self::Deps { .. }
            | Self::Actors { .. }
            | Self::OpCounter { .. }
            | Self::ColumnCount { .. } => Code::TooLarge,
            Self::Truncated
            | Self::Trailing { .. }
            | Self::Magic
            | Self::ChunkType { .. }
            | Self::Checksum
            | Self::Number
            | Self::DepsOrder
            | Self::ActorLength { .. }
            | Self::SeqZero
            | Self::StartOpZero
            | Self::Message
            | Self::UnknownColumn { .. }
            | Self::ColumnOrder { .. }
            | Self::Column { .. }
            | Self::ColumnValue { .. }
            | Self::Footer
            | Self::LateAuthor { .. } => Code::Invalid,
        }
    }
}
