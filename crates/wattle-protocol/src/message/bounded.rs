//! Fields whose length is checked before anything is allocated for them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::id::{Blob, BytesVisitor};

pub(super) fn vec<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(AtMost::<T, MAX>(PhantomData))
}

pub(super) fn blobs<'de, D, const COUNT_MAX: usize, const BYTES_MAX: usize>(
    deserializer: D,
) -> Result<Vec<Blob>, D::Error>
where
    D: Deserializer<'de>,
{
    let blobs: Vec<Blob> = vec::<D, Blob, COUNT_MAX>(deserializer)?;
    if blobs.iter().any(|blob| blob.len() > BYTES_MAX) {
        return Err(D::Error::custom("too long"));
    }
    Ok(blobs)
}

pub(super) fn blob<'de, D, const BYTES_MAX: usize>(deserializer: D) -> Result<Blob, D::Error>
where
    D: Deserializer<'de>,
{
    let bytes = deserializer.deserialize_bytes(BytesVisitor)?;
    if bytes.len() > BYTES_MAX {
        return Err(D::Error::custom("too long"));
    }
    Ok(bytes.into())
}

pub(super) fn text<'de, D, const BYTES_MAX: usize>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.len() > BYTES_MAX {
        return Err(D::Error::custom("too long"));
    }
    Ok(text)
}

/// Refuses the announced length itself, before the first element.
struct AtMost<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for AtMost<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        if seq.size_hint().is_some_and(|length| length > MAX) {
            return Err(A::Error::custom("too many"));
        }
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}
