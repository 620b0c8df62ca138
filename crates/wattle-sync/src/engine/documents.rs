//! The documents in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use wattle_context::{Context, Document, Part, Section};
use wattle_protocol::{Change, ChangeHash, ContextRecord, DocumentKey, Position};
use wattle_store::{Store, StoreError};

use super::Engine;
use crate::error::ReadError;
use crate::guard::{self, Loaded};
use crate::limits::{IDLE_BODY_MS, NEWS_BYTES_MAX};
use crate::options::Custom;
use crate::part::key_of;
use crate::peer::Parts;

/// The documents that are loaded, and what is known of the others.
pub(super) struct Documents {
    pub(super) context: Context,
    touched: BTreeMap<Part, Instant>,
    /// Changes of loaded documents that no snapshot holds yet.
    pub(super) behind: BTreeMap<Part, u64>,
    /// Documents whose genesis is in the store.
    stored: BTreeSet<DocumentKey>,
}

impl Documents {
    pub(super) fn new(customs: &[(String, Custom)]) -> Self {
        let mut context = Context::new();
        for (name, custom) in customs {
            let custom = Custom::clone(custom);
            context.custom(name, Box::new(move |candidates, base| custom(candidates, base)));
        }
        Self { context, touched: BTreeMap::new(), behind: BTreeMap::new(), stored: BTreeSet::new() }
    }

    pub(super) fn is_loaded(&self, part: &Part) -> bool {
        self.context.document(part).is_some()
    }

    pub(super) fn note_stored(&mut self, document: DocumentKey) {
        self.stored.insert(document);
    }

    pub(super) fn note_gone(&mut self, document: &DocumentKey) {
        self.stored.remove(document);
    }

    pub(super) fn is_stored(&self, document: &DocumentKey) -> bool {
        self.stored.contains(document)
    }

    fn insert(&mut self, part: Part, document: Document, behind: u64) {
        self.context.insert(part, document);
        self.touched.insert(part, Instant::now());
        self.behind.insert(part, behind);
    }

    fn touch(&mut self, part: Part) {
        self.touched.insert(part, Instant::now());
    }

    /// Takes a document out of memory; what the store has of it is the truth.
    pub(super) fn forget(&mut self, part: &Part) {
        self.context.remove(part);
        self.touched.remove(part);
        self.behind.remove(part);
    }

    /// Bodies that nobody has used for a while leave memory.
    pub(super) fn forget_idle(&mut self, now: Instant) {
        let idle = |part: &Part, at: &Instant| {
            matches!(part, Part::Body(_)) && now.duration_since(*at).as_millis() > IDLE_MS
        };
        let idle = self.touched.iter().filter(|(part, at)| idle(part, at));
        let idle: Vec<Part> = idle.map(|(part, _)| *part).collect();
        for part in idle {
            self.forget(&part);
        }
    }
}

const IDLE_MS: u128 = Duration::from_millis(IDLE_BODY_MS).as_millis();

impl Engine {
    /// Makes sure that documents are in memory.
    pub(super) fn load_all(&mut self, parts: &Parts) -> Result<(), ReadError> {
        let sections = Section::ALL.map(Part::Section);
        match parts {
            Parts::These(parts) => self.load_each(parts),
            Parts::Sections => self.load_each(&sections),
            Parts::All => {
                self.load_each(&sections)?;
                let bodies = self.documents.context.body_ids().into_iter().map(Part::Body);
                let bodies = bodies.filter(|body| self.documents.is_stored(&key_of(*body)));
                let bodies: Vec<Part> = bodies.collect();
                self.load_each(&bodies)
            }
        }
    }

    pub(super) fn load_each(&mut self, parts: &[Part]) -> Result<(), ReadError> {
        parts.iter().try_for_each(|part| self.load(*part))
    }

    fn load(&mut self, part: Part) -> Result<(), ReadError> {
        if self.documents.is_loaded(&part) {
            self.documents.touch(part);
            return Ok(());
        }
        let key = key_of(part);
        let snapshot = self.store.snapshot(&self.context, &key)?;
        let upto = snapshot.as_ref().map(|snapshot| snapshot.upto).unwrap_or_default();
        let bytes = snapshot.as_ref().map(|snapshot| &snapshot.bytes[..]);
        let tail = self.changes_after(&key, upto)?;
        let behind = tail.len() as u64;
        let damaged = |source| ReadError::Damaged { part, source };
        let (loaded, changes) = match guard::load(part, bytes, &tail) {
            Ok(loaded) => (loaded, tail),
            Err(error) if upto == Position::default() => return Err(damaged(error)),
            Err(error) => {
                tracing::warn!(%part, %error, "a snapshot cannot be loaded; its changes are used");
                let all = self.changes_after(&key, Position::default())?;
                (guard::load(part, None, &all).map_err(damaged)?, all)
            }
        };
        let Loaded { document, failed } = loaded;
        let failed = changes.iter().filter(|change| failed.contains(&change.header.hash));
        self.quarantine(&key, &failed.collect::<Vec<_>>());
        self.documents.insert(part, document, behind);
        Ok(())
    }

    fn changes_after(
        &mut self,
        key: &DocumentKey,
        mut after: Position,
    ) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        loop {
            let more = self.store.read_after(&self.context, key, after, NEWS_BYTES_MAX)?;
            let Some((last, _)) = more.last() else { return Ok(changes) };
            after = *last;
            changes.extend(more.into_iter().map(|(_, change)| change));
        }
    }

    /// The context's name.
    pub(super) fn name(&mut self) -> Option<String> {
        let access = self.store.access(&self.context).ok()?;
        record(&access).map(|record| record.name)
    }

    /// Applies changes to a document that is loaded; answers which it could not take.
    pub(super) fn apply(&mut self, part: &Part, changes: &[Change]) -> Vec<ChangeHash> {
        let Some(document) = self.documents.context.document_mut(part) else { return Vec::new() };
        let failed = guard::apply(document, changes);
        let applied = (changes.len() - failed.len()) as u64;
        *self.documents.behind.entry(*part).or_default() += applied;
        failed
    }
}

fn record(access: &[wattle_protocol::Blob]) -> Option<ContextRecord> {
    ContextRecord::from_bytes(access.first()?).ok()
}
