//! What the audit tells: of rights, refusals, settlements, and what was taken out.

use std::collections::{BTreeMap, BTreeSet};

use wattle_context::{LogEntry, LogFilter};
use wattle_protocol::access::{Entry, Log};
use wattle_protocol::{Change, ChangeHash, DocumentKey, PublicKey};
use wattle_store::{Store, StoreError};

use super::Engine;
use super::ledger::hashes;
use super::rebuild::reason;
use crate::audit::told::{Told, told, void};
use crate::audit::{Again, AuditLine, Audited, Known, Principal};
use crate::error::ReadError;
use crate::part::name_of;
use crate::peer::Parts;
use crate::status::Uncounted;

impl Engine {
    /// Everything that the audit tells, sorted by time and then by entry.
    pub(super) fn audit(&mut self) -> Result<Vec<AuditLine>, ReadError> {
        self.refresh()?;
        let entries = self.store.access(&self.context)?;
        self.load_all(&Parts::All)?;
        let history = self.documents.context.log(&LogFilter::default());
        let names = self.names(&history);
        let Told { mut lines, log, times, closed } = told(&entries, &names);
        let log = log.or_else(|| self.access.log.clone());
        let known = Known { log: log.as_ref(), names: &names };
        for (number, bytes) in self.store.void_access(&self.context)? {
            lines.extend(void(known, (number, &bytes)));
        }
        lines.extend(self.refused_lines(known)?);
        lines.extend(self.forked_lines(known)?);
        lines.extend(history.into_iter().filter_map(|entry| settled(known, entry)));
        for line in self.removed_lines(known, &closed)? {
            let at = line.entry.and_then(|entry| times.get(usize::try_from(entry).ok()?));
            lines.push(AuditLine { time: at.copied().unwrap_or(line.time), ..line });
        }
        lines.sort_by_key(|line| (line.time, line.entry));
        Ok(lines)
    }

    /// What the access log says of everybody whom it knows.
    pub(super) fn principals(&mut self) -> Result<BTreeMap<PublicKey, Principal>, ReadError> {
        self.refresh()?;
        self.load_all(&Parts::All)?;
        let names = self.names(&self.documents.context.log(&LogFilter::default()));
        let log = self.access.log.as_ref();
        let known = Known { log, names: &names };
        let members = log.into_iter().flat_map(Log::members).map(|(key, _)| *key);
        let keys: BTreeSet<PublicKey> = members.chain(names.keys().copied()).collect();
        Ok(keys.into_iter().map(|key| (key, known.of(&key))).collect())
    }

    /// What principals call themselves in the history.
    fn names(&self, history: &[LogEntry]) -> BTreeMap<PublicKey, String> {
        let named = history.iter().rev().filter(|entry| !entry.by.is_empty());
        let named = named.filter_map(|entry| Some((entry.key.parse().ok()?, entry.by.clone())));
        let own = (self.identity.key(), self.identity.name.clone());
        named.chain([own]).collect()
    }

    /// Changes of this principal that do not count because its rights have ended.
    pub(super) fn uncounted(&mut self) -> Result<Option<Uncounted>, StoreError> {
        let own = self.identity.key();
        let (mut changes, mut counted) = (0, BTreeMap::new());
        let removed = self.store.removed(&self.context)?;
        for (document, change) in removed {
            counted.entry(document).or_insert_with(Vec::new).push(change);
        }
        for (document, removed) in counted {
            let authors = self.authors(&document, &removed)?;
            let Some(log) = &self.access.log else { return Ok(None) };
            let refused = removed.iter().filter(|change| {
                authors.get(&change.header.actor) == Some(&own)
                    && log.allows(&own, &document, &change.header).is_err()
            });
            changes += refused.count() as u64;
        }
        if changes == 0 {
            return Ok(None);
        }
        let entries = self.store.access(&self.context)?.into_iter();
        let closing = entries.filter_map(|entry| Entry::decode(&entry));
        let closing = closing.filter(|entry| entry.closes.iter().any(|closed| closed.key == own));
        Ok(closing.last().map(|entry| Uncounted { changes, entry: entry.number }))
    }

    fn refused_lines(&mut self, known: Known<'_>) -> Result<Vec<AuditLine>, StoreError> {
        let refused = self.refusals()?.into_iter().map(|refused| AuditLine {
            time: refused.time,
            entry: None,
            by: refused.by.and_then(|key| Some(known.of(&key.parse().ok()?))),
            what: Audited::Refused {
                document: refused.document,
                about: refused.about,
                code: refused.code,
                reason: refused.reason,
            },
        });
        Ok(refused.collect())
    }

    fn forked_lines(&mut self, known: Known<'_>) -> Result<Vec<AuditLine>, StoreError> {
        let forked = self.forks()?.into_iter().map(|forked| {
            let [here, other] = hashes(&forked);
            let entry = Entry::decode(&forked.entries()[0]);
            AuditLine {
                time: forked.time,
                entry: entry.as_ref().map(|entry| entry.number),
                by: entry.map(|entry| known.of(&entry.sequencer)),
                what: Audited::Forked { here, other },
            }
        });
        Ok(forked.collect())
    }

    /// By document and author, because who wrote a change is said by the first one of its actor.
    fn removed_lines(
        &mut self,
        known: Known<'_>,
        closed: &BTreeMap<PublicKey, Vec<u64>>,
    ) -> Result<Vec<AuditLine>, StoreError> {
        let mut by_document: BTreeMap<DocumentKey, Vec<Change>> = BTreeMap::new();
        for (document, change) in self.store.removed(&self.context)? {
            by_document.entry(document).or_default().push(change);
        }
        let mut lines = Vec::new();
        for (document, changes) in by_document {
            let authors = self.authors(&document, &changes)?;
            // What builds on something went with it.
            let mut went: BTreeMap<ChangeHash, Option<u64>> = BTreeMap::new();
            for change in &changes {
                let header = &change.header;
                let author = authors.get(&header.actor);
                let refused = author.is_none_or(|author| {
                    known.log.is_none_or(|log| log.allows(author, &document, header).is_err())
                });
                let own = author.filter(|_| refused).and_then(|author| closed.get(author));
                let own = own.and_then(|entries| entries.last().copied());
                let below = header.deps.iter().filter_map(|dep| went.get(dep).copied().flatten());
                let entry = own.or_else(|| below.max());
                went.insert(header.hash, entry);
                let again = match self.again(&header.hash)? {
                    Again::No if refused => Again::Refused,
                    again @ (Again::No
                    | Again::Refused
                    | Again::Nothing
                    | Again::As(_)
                    | Again::Lost { .. }) => again,
                };
                lines.push(AuditLine {
                    time: u64::try_from(header.time / 1000).unwrap_or_default(),
                    entry,
                    by: author.map(|author| known.of(author)),
                    what: Audited::Removed {
                        document: name_of(&document),
                        change: header.hash.to_string(),
                        reason: reason(
                            known.log,
                            author.unwrap_or(&PublicKey([0; 32])),
                            (&document, &[change]),
                        ),
                        again,
                    },
                });
            }
        }
        Ok(lines)
    }
}

fn settled(known: Known<'_>, entry: LogEntry) -> Option<AuditLine> {
    if entry.settled.is_empty() {
        return None;
    }
    let by = entry.key.parse().ok().map(|key| known.of(&key));
    let (paths, change, why) = (entry.settled, entry.change, entry.why);
    let what = Audited::Settled { paths, change, why };
    let time = u64::try_from(entry.time_ms / 1000).unwrap_or_default();
    Some(AuditLine { time, entry: None, by, what })
}
