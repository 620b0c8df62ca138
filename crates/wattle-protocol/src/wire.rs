//! The bytes of a message: the only file that names bincode.
//!
//! `docs/protocol.md` specifies them, so that another codec or language can take its place.

#[cfg(test)]
mod tests;

use bincode::config::{Configuration, Limit};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::Blob;
use crate::identity::ContextRecord;
use crate::limits::{
    CONTEXT_OWNERS_MAX, FRAME_BEFORE_PROOF_BYTES_MAX, FRAME_BYTES_MAX, NAME_BYTES_MAX,
};
use crate::message::Message;

/// The name of the WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "wattle.1";
/// The first byte of every frame: how the rest is coded.
pub const FRAME_VERSION: u8 = 1;
/// The version of a context's record that is written and read.
pub const RECORD_VERSION: u16 = 1;

/// The longest record: as much as a frame before the proof may carry.
const RECORD_BYTES_MAX: usize = FRAME_BEFORE_PROOF_BYTES_MAX;

/// Numbers at their full width count against bincode's limit, so it stands above the frame's own.
const CONFIG: Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    Limit<{ 4 * FRAME_BYTES_MAX }>,
> = bincode::config::standard().with_limit::<{ 4 * FRAME_BYTES_MAX }>();

/// Why bytes are not a frame of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Over the limit.
    #[error("{bytes} bytes, over the limit of {bytes_max}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// No byte at all.
    #[error("an empty frame")]
    Empty,
    /// The first byte names another coding.
    #[error("frames of version {version}, not {FRAME_VERSION}")]
    Version {
        /// The version that it names.
        version: u8,
    },
    /// Not the coding of a value, or one with a field over its limit.
    #[error("the bytes do not decode, or a field is over its limit")]
    Undecodable,
    /// Bytes follow the value.
    #[error("{bytes} bytes follow the message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A longer coding of a value that has a shorter one.
    #[error("not in the one canonical form")]
    NotCanonical,
    /// A context's record that this version does not know.
    #[error("a record of version {version}, not {RECORD_VERSION}")]
    RecordVersion {
        /// Its version.
        version: u16,
    },
    /// A context's record that breaks its own rules.
    #[error("the record's name, or the number of its owners, is over the limit")]
    RecordContent,
}

/// The frame of a message.
pub fn encode(message: &Message) -> Blob {
    let mut bytes = vec![FRAME_VERSION];
    write(message, &mut bytes);
    bytes.into()
}

/// Reads a frame of at most `bytes_max` bytes; fails on anything but the exact bytes of `encode`.
pub fn decode(frame: &[u8], bytes_max: usize) -> Result<Message, WireError> {
    if frame.len() > bytes_max {
        return Err(WireError::TooLarge { bytes: frame.len(), bytes_max });
    }
    let (version, body) = frame.split_first().ok_or(WireError::Empty)?;
    if *version != FRAME_VERSION {
        return Err(WireError::Version { version: *version });
    }
    read(body)
}

/// How many changes a frame carries, told from its first bytes alone; for counting what passes.
pub fn count_changes(frame: &[u8]) -> u64 {
    const CHANGES: u8 = 4;
    // Version, kind, context, document: then a number in bincode's shortest form.
    const COUNT_AT: usize = 1 + 1 + 32 + 1 + 16;
    match (frame.get(1), frame.get(COUNT_AT..)) {
        (Some(&CHANGES), Some([251, low, high, ..])) => {
            u64::from(u16::from_le_bytes([*low, *high]))
        }
        (Some(&CHANGES), Some([count, ..])) if *count < 251 => u64::from(*count),
        _ => 0,
    }
}

/// The bytes of a part of the access log.
pub(crate) fn encode_value<T: Serialize>(value: &T) -> Blob {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes.into()
}

/// Reads a part of the access log; fails on anything but the exact bytes of `encode_value`.
pub(crate) fn decode_value<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    read(bytes)
}

pub(crate) fn encode_record(record: &ContextRecord) -> Blob {
    let mut bytes = Vec::new();
    write(record, &mut bytes);
    bytes.into()
}

pub(crate) fn decode_record(bytes: &[u8]) -> Result<ContextRecord, WireError> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(WireError::TooLarge { bytes: bytes.len(), bytes_max: RECORD_BYTES_MAX });
    }
    let record: ContextRecord = read(bytes)?;
    if record.version != RECORD_VERSION {
        return Err(WireError::RecordVersion { version: record.version });
    }
    if record.name.len() > NAME_BYTES_MAX
        || record.owners.is_empty()
        || record.owners.len() > CONTEXT_OWNERS_MAX
    {
        return Err(WireError::RecordContent);
    }
    Ok(record)
}

fn write<T: Serialize>(value: &T, bytes: &mut Vec<u8>) {
    #[expect(
        clippy::expect_used,
        reason = "every sequence knows its length and memory takes all bytes"
    )]
    bincode::serde::encode_into_std_write(value, bytes, CONFIG).expect("it encodes");
}

fn read<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let (value, read) = bincode::serde::borrow_decode_from_slice::<T, _>(bytes, CONFIG)
        .map_err(|_| WireError::Undecodable)?;
    if read < bytes.len() {
        return Err(WireError::Trailing { bytes: bytes.len() - read });
    }
    bincode::serde::encode_into_writer(&value, Same(bytes), CONFIG)
        .map_err(|_| WireError::NotCanonical)?;
    Ok(value)
}

/// Takes only the bytes that it holds: re-encodes for comparison, without a copy.
struct Same<'a>(&'a [u8]);

impl Writer for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.strip_prefix(bytes).ok_or(EncodeError::UnexpectedEnd)?;
        Ok(())
    }
}
