//! Telling the watchers.

use std::collections::BTreeSet;

use wattle_context::{LogFilter, Part};
use wattle_protocol::ChangeHash;

use super::Engine;
use crate::watch::{Changed, Origin};

impl Engine {
    /// Tells the watchers about changes of a document, oldest first.
    pub(super) fn tell(&mut self, part: Part, changes: &[ChangeHash], origin: Origin) {
        if self.changes.receiver_count() == 0 {
            return;
        }
        if let Err(error) = self.load_each(&[part]) {
            tracing::warn!(%part, %error, "watchers were not told of a change");
            return;
        }
        let mut wanted: BTreeSet<String> = changes.iter().map(ToString::to_string).collect();
        let filter = LogFilter { section: Some(part.section()), ..LogFilter::default() };
        let entries = self.documents.context.log(&filter).into_iter();
        let mut entries: Vec<_> =
            entries.filter(|entry| entry.part == part && wanted.remove(&entry.change)).collect();
        entries.reverse();
        for entry in entries {
            let changed = Changed {
                part,
                change: entry.change,
                paths: entry.paths,
                by: entry.by,
                key: entry.key,
                why: entry.why,
                time_ms: entry.time_ms,
                origin,
            };
            // Without a watcher nobody misses it.
            self.changes.send(changed).ok();
        }
    }
}
