//! Telling the watchers.

use wattle_context::Part;
use wattle_protocol::ChangeHash;

use super::Engine;
use crate::watch::{Changed, Notice, Origin};

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
        let hashes: Vec<[u8; 32]> = changes.iter().map(|change| change.0).collect();
        let document = self.documents.context.document(&part);
        let entries = document.map(|document| document.entries(&hashes)).unwrap_or_default();
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
            self.changes.send(Notice::Changed(changed)).ok();
        }
    }
}
