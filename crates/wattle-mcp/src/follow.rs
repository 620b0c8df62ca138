//! What clients that follow resources are told.

use std::collections::BTreeSet;

use tokio::time::{Instant, timeout_at};
use wattle_sync::{Notice, Watch};

use crate::address::Address;
use crate::limits::GATHER;

/// Changes that came within a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    paths: BTreeSet<String>,
    /// Whether some were missed: then everything may have changed.
    missed: bool,
}

/// The next changes; none when the context is closed.
pub(crate) async fn gathered(news: &mut Watch) -> Option<Gathered> {
    let first = news.next().await?;
    Some(gathered_with(first, news).await)
}

/// A change, and what comes within a moment after it.
pub(crate) async fn gathered_with(first: Notice, news: &mut Watch) -> Gathered {
    let mut gathered = Gathered::default();
    gathered.take(first);
    let until = Instant::now() + GATHER;
    while let Ok(Some(notice)) = timeout_at(until, news.next()).await {
        gathered.take(notice);
    }
    gathered
}

impl Gathered {
    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Changed(changed) => self.paths.extend(changed.paths),
            // What was taken out is told by no path.
            Notice::TakenOut(_) | Notice::Lagged { .. } => self.missed = true,
        }
    }

    /// Whether what an address shows may be another now.
    pub(crate) fn concerns(&self, uri: &str, name: &str) -> bool {
        let Some(address) = Address::parse(uri, name) else { return false };
        self.missed || self.paths.iter().any(|path| address.shows(path))
    }

    /// Whether other resources may be listed now.
    pub(crate) fn changes_the_list(&self) -> bool {
        let listed = |path: &String| {
            let mut parts = path.split('/');
            parts.next() == Some("documents")
                && matches!(parts.nth(1), None | Some("pinned" | "title"))
        };
        self.missed || self.paths.iter().any(listed)
    }
}
