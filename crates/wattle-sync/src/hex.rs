//! Bytes as hexadecimal digits, for files and for people.

pub(crate) use wattle_context::plain::hex;

/// The bytes of what [`hex`] writes.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}
