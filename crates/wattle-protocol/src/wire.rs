//! The bytes of a message: the only file that names bincode.

use crate::id::Blob;
use crate::identity::ContextRecord;

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
}

pub(crate) fn encode_record(_record: &ContextRecord) -> Blob {
    todo!()
}

pub(crate) fn decode_record(_bytes: &[u8]) -> Result<ContextRecord, WireError> {
    todo!()
}
