//! What is left of a document when changes are taken out of it.

use std::collections::BTreeSet;

use wattle_protocol::{ChangeHash, Header, Position};

use crate::error::StoreError;

/// A document without some of its changes.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    /// Where the changes were, in order.
    pub(crate) removed: Vec<Position>,
    /// What no change builds on then.
    pub(crate) heads: BTreeSet<ChangeHash>,
    /// The newest position that stays; zero when nothing does.
    pub(crate) last: Position,
}

/// Takes these changes out of a document; fails when something that stays builds on one of them.
pub(crate) fn remains<'a>(
    nodes: impl Iterator<Item = (Position, &'a Header)>,
    changes: &[ChangeHash],
) -> Result<Remains, StoreError> {
    let changes: BTreeSet<&ChangeHash> = changes.iter().collect();
    let mut remains = Remains::default();
    for (position, header) in nodes {
        if changes.contains(&header.hash) {
            remains.removed.push(position);
            continue;
        }
        if let Some(change) = header.deps.iter().find(|dependency| changes.contains(dependency)) {
            return Err(StoreError::BuiltUpon { change: *change, by: header.hash });
        }
        for dependency in &header.deps {
            remains.heads.remove(dependency);
        }
        remains.heads.insert(header.hash);
        remains.last = position;
    }
    Ok(remains)
}

impl Remains {
    /// Whether the change here was removed.
    pub(crate) fn takes(&self, position: Position) -> bool {
        self.removed.binary_search(&position).is_ok()
    }

    /// Whether a snapshot up to here has something of what was removed.
    pub(crate) fn spoils(&self, upto: Position) -> bool {
        self.removed.first().is_some_and(|first| *first <= upto)
    }
}
