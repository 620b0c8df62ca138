//! The names of things: fixed-size identifiers, each a type of its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Names a context: the SHA-256 of its [`ContextRecord`](crate::ContextRecord) (32 bytes, shown as hex).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContextId(pub [u8; 32]);

/// Names a document: derived from its context and its [`DocumentKey`] (16 bytes, shown as an automerge URL).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId(pub [u8; 16]);

/// What a document's id is derived from, so that replicas that create it apart create the same one.
///
/// `scope` is the unit in which roles are granted (a section's number); `item` is zero for the
/// section itself and the item's id for a body. The protocol gives neither a meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct DocumentKey {
    /// The section's number.
    pub scope: u8,
    /// Zero for the section's own document, else the item's id.
    pub item: [u8; 16],
}

/// Names a change: the SHA-256 of its chunk, as Automerge defines it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChangeHash(pub [u8; 32]);

/// Names one writer in one process: whose it is, and what is random; see [`ActorId::of`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActorId(pub [u8; 16]);

/// Names one store on one disk; cursors are valid only for the store that gave them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StoreId(pub [u8; 16]);

/// An Ed25519 public key: a principal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

/// A link of this replica; given by the driver, never used twice in one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// Where a store has put a change: grows with every change of that store, never used twice.
///
/// The position of the last change of a document that a reader has is its *cursor*.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Position(pub u64);

/// Immutable bytes that are shared, not copied.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(pub Arc<[u8]>);

/// So many bytes at the beginning of an actor id say whose it is; the others are random.
pub const ACTOR_KEY_BYTES: usize = 10;

impl ActorId {
    /// An actor of a key in a context. What is random tells the actors of the key apart.
    ///
    /// No other key has it: [`admit`](crate::admit::admit) refuses an actor's first change unless
    /// the id is its author's.
    pub fn of(context: &ContextId, key: &PublicKey, random: [u8; 16 - ACTOR_KEY_BYTES]) -> Self {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(whose(context, key).into_iter().chain(random)) {
            *to = from;
        }
        Self(id)
    }

    /// Whether it is an actor of a key in a context.
    pub fn is_of(&self, context: &ContextId, key: &PublicKey) -> bool {
        self.0.first_chunk() == Some(&whose(context, key))
    }
}

/// What the ids of a key's actors begin with.
fn whose(context: &ContextId, key: &PublicKey) -> [u8; ACTOR_KEY_BYTES] {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(b"wattle/actor-of/1")
        .chain_update(context.0)
        .chain_update(key.0)
        .finalize()
        .into();
    hash.first_chunk().copied().unwrap_or_default()
}

impl PublicKey {
    /// The first eight digits, for people who have the whole elsewhere.
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl DocumentKey {
    /// The document's id: the first 16 bytes of SHA-256 over a domain, the context and this key.
    pub fn id(&self, context: &ContextId) -> DocumentId {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(b"wattle/document/1")
            .chain_update(context.0)
            .chain_update([self.scope])
            .chain_update(self.item)
            .finalize()
            .into();
        DocumentId(hash.first_chunk().copied().unwrap_or_default())
    }
}

impl DocumentId {
    /// The id as an automerge URL: `automerge:` and base58 with a four-byte checksum.
    pub fn url(&self) -> String {
        format!("automerge:{}", bs58::encode(self.0).with_check().into_string())
    }
}

/// A text that is not an identifier: the wrong length, or not hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of {bytes} bytes in hexadecimal")]
pub struct ParseIdError {
    /// How long it should be.
    pub bytes: usize,
}

macro_rules! hex_id {
    ($($name:ident: $length:literal),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = ParseIdError { bytes: $length };
                if text.len() != 2 * $length || !text.is_ascii() {
                    return Err(error);
                }
                let mut bytes = [0; $length];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let pair = str::from_utf8(pair).map_err(|_| error)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| error)?;
                }
                Ok(Self(bytes))
            }
        }
    )*};
}

hex_id!(ContextId: 32, DocumentId: 16, ChangeHash: 32, ActorId: 16, StoreId: 16, PublicKey: 32);

impl std::ops::Deref for Blob {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor).map(Self::from)
    }
}

/// Takes in bytes of any length.
pub(crate) struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }
    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}
