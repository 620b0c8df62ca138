//! Cursors: how far a caller has read, in a word that any process on the replica understands.
//!
//! `rules:0123456789abcdef;tasks:…;bodies:k1f3a;at:18c2f0a`: the version of each section that was ever
//! changed; a digest of the bodies by the first letter of their ids, because one version each would
//! grow without bound; and the time, which tells which of the bodies behind a digest has news.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use wattle_context::plain::hex;
use wattle_context::{Context, ItemId, Part, Section, roots};
use wattle_sync::Heads;

/// Hexadecimal digits of a digest.
const DIGITS: usize = 4;

/// How far a caller has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    sections: BTreeMap<Section, String>,
    bodies: BTreeMap<char, String>,
    at_ms: i64,
}

impl Cursor {
    /// The sections as they are read, and the bodies as they were before.
    pub(crate) fn now(context: &Context, heads: &Heads, at_ms: i64) -> Self {
        let sections = Section::ALL.into_iter().filter_map(|section| {
            let document = context.document(&Part::Section(section))?;
            let fresh = document.heads().iter().all(|head| roots().contains(head));
            (!fresh).then(|| (section, document.version()))
        });
        Self { sections: sections.collect(), bodies: digests(heads), at_ms }
    }

    /// Reads a cursor; none if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut cursor = Self::default();
        for entry in text.trim().split(';') {
            match entry.split_once(':')? {
                ("at", time) => cursor.at_ms = i64::from_str_radix(time, 16).ok()?,
                ("bodies", digests) => cursor.bodies = parse_digests(digests)?,
                (section, version) => {
                    cursor.sections.insert(section.parse().ok()?, version.to_owned());
                }
            }
        }
        Some(cursor)
    }

    /// The version of a section; none if it was empty.
    pub(crate) fn section(&self, section: Section) -> Option<&str> {
        self.sections.get(&section).map(String::as_str)
    }

    /// When it was given out.
    pub(crate) const fn at_ms(&self) -> i64 {
        self.at_ms
    }

    /// The bodies that may have changed since.
    pub(crate) fn bodies_since(&self, heads: &Heads) -> Vec<ItemId> {
        let now = digests(heads);
        let changed = |id: &ItemId| bucket(id).is_some_and(|b| now.get(&b) != self.bodies.get(&b));
        heads.keys().filter_map(body).filter(changed).collect()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (section, version) in &self.sections {
            write!(f, "{section}:{version};")?;
        }
        if !self.bodies.is_empty() {
            write!(f, "bodies:")?;
            self.bodies.iter().try_for_each(|(bucket, digest)| write!(f, "{bucket}{digest}"))?;
            write!(f, ";")?;
        }
        write!(f, "at:{:x}", self.at_ms)
    }
}

fn body(part: &Part) -> Option<ItemId> {
    match part {
        Part::Section(_) => None,
        Part::Body(id) => Some(*id),
    }
}

fn bucket(id: &ItemId) -> Option<char> {
    id.to_string().chars().next()
}

fn digests(heads: &Heads) -> BTreeMap<char, String> {
    let mut hashes: BTreeMap<char, Sha256> = BTreeMap::new();
    for (part, heads) in heads {
        let Some((id, bucket)) = body(part).and_then(|id| Some((id, bucket(&id)?))) else {
            continue;
        };
        let hash = hashes.entry(bucket).or_default();
        hash.update(id.0);
        heads.iter().for_each(|head| hash.update(head));
    }
    let digest = |hash: Sha256| hex(hash.finalize().iter().take(DIGITS / 2));
    hashes.into_iter().map(|(bucket, hash)| (bucket, digest(hash))).collect()
}

fn parse_digests(text: &str) -> Option<BTreeMap<char, String>> {
    let characters: Vec<char> = text.chars().collect();
    let mut digests = BTreeMap::new();
    for entry in characters.chunks(DIGITS + 1) {
        let (bucket, digest) = entry.split_first().filter(|(_, digest)| digest.len() == DIGITS)?;
        digests.insert(*bucket, digest.iter().collect());
    }
    Some(digests)
}

#[cfg(test)]
mod tests;
