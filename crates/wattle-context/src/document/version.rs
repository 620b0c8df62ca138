//! Version tokens: the first sixteen hexadecimal digits of each head, joined by dots.

use automerge::ChangeHash;

use crate::limits::HEAD_DIGITS;
use crate::plain::hex;

pub(super) fn token(heads: &[ChangeHash]) -> String {
    let short = |head: &ChangeHash| short(head);
    heads.iter().map(short).collect::<Vec<_>>().join(".")
}

pub(super) fn short(head: &ChangeHash) -> String {
    hex(head.0.iter().take(HEAD_DIGITS / 2))
}
