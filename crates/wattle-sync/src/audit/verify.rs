//! Checking a store offline: every signature, role, cutoff and receipt in it.

use std::path::{Path, PathBuf};
use std::thread;

use wattle_protocol::access::{Entry, Log, entry_hash};
use wattle_protocol::{Blob, ChangeHash, ContextId, ContextRecord, DocumentKey};
use wattle_store::{SqliteStore, Store};

use super::document::Checked;
use super::{Problem, Verification};
use crate::error::VerifyError;
use crate::limits::{ENGINE_STACK_BYTES, PROBLEMS_MAX};
use crate::part::{name_of, roots};

/// Checks everything that a store can prove of itself, without asking anybody.
///
/// `path` is the directory of a context or of a relay, or the file of a store.
pub fn verify(path: &Path) -> Result<Verification, VerifyError> {
    let file = file_of(path)?;
    let checked = thread::scope(|scope| {
        // Automerge walks nested values by recursion.
        let thread = thread::Builder::new().stack_size(ENGINE_STACK_BYTES);
        let thread = thread.spawn_scoped(scope, || check(&file));
        thread.map(|running| running.join())
    });
    match checked {
        Ok(Ok(verification)) => verification,
        Ok(Err(_)) => Err(VerifyError::Panicked { path: file }),
        Err(source) => Err(VerifyError::NoThread { source }),
    }
}

fn file_of(path: &Path) -> Result<PathBuf, VerifyError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let files = ["context.db", "relay.db"].map(|name| path.join(name));
    let found = files.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| VerifyError::NotFound { path: path.to_owned() })
}

fn check(file: &Path) -> Result<Verification, VerifyError> {
    let mut store = SqliteStore::open_existing(file)?;
    store.verify()?;
    let mut checker = Checker { verification: Verification::default(), store, roots: roots() };
    for context in checker.store.contexts()? {
        checker.context(&context)?;
    }
    Ok(checker.verification)
}

/// What has been checked so far.
pub(super) struct Checker {
    pub(super) verification: Verification,
    pub(super) store: SqliteStore,
    pub(super) roots: Vec<ChangeHash>,
}

/// Where something is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    pub(super) context: &'a ContextId,
    pub(super) document: Option<&'a DocumentKey>,
}

impl Checker {
    /// Notes something that does not hold.
    pub(super) fn problem(&mut self, spot: Spot<'_>, change: Option<ChangeHash>, what: &str) {
        let problem = Problem {
            context: spot.context.to_string(),
            document: spot.document.map(name_of),
            entry: None,
            change: change.map(|change| change.to_string()),
            what: what.to_owned(),
        };
        self.note(problem);
    }

    fn entry_problem(&mut self, context: &ContextId, entry: u64, what: &str) {
        let context = context.to_string();
        let what = what.to_owned();
        self.note(Problem { context, document: None, entry: Some(entry), change: None, what });
    }

    fn note(&mut self, problem: Problem) {
        if self.verification.problems.len() < PROBLEMS_MAX {
            self.verification.problems.push(problem);
        }
    }

    fn context(&mut self, context: &ContextId) -> Result<(), VerifyError> {
        self.verification.contexts += 1;
        let entries = self.store.access(context)?;
        let Some(log) = self.log(context, &entries) else { return Ok(()) };
        for (number, bytes) in self.store.void_access(context)? {
            self.verification.void += 1;
            if let Err(refusal) = Entry::read(&bytes) {
                self.entry_problem(context, number, &format!("void, and {}", refusal.reason));
            }
        }
        let mut documents = Vec::new();
        for summary in self.store.documents(context)? {
            self.verification.documents += 1;
            let checked = Checked::of(self, (context, &summary.document), &log)?;
            documents.push((summary.document, checked));
        }
        self.removed(context)?;
        self.receipts(context, &documents, &log)
    }

    /// Folds the access log, as far as it holds.
    fn log(&mut self, context: &ContextId, entries: &[Blob]) -> Option<Log> {
        let Some((first, rest)) = entries.split_first() else {
            self.entry_problem(context, 0, "there are changes and no access log");
            return None;
        };
        let record = ContextRecord::from_bytes(first).ok();
        let Some(record) = record.filter(|_| entry_hash(first) == context.0) else {
            self.entry_problem(context, 0, "it is not the record that the context is named after");
            return None;
        };
        let mut log = Log::begin(&record);
        self.verification.entries += 1;
        for (bytes, number) in rest.iter().zip(1..) {
            if let Err(refusal) = log.append(bytes) {
                let left = entries.len() as u64 - number - 1;
                let what = format!("{}; {left} entries after it cannot be checked", refusal.reason);
                self.entry_problem(context, number, &what);
                break;
            }
            self.verification.entries += 1;
            self.verification.proposals += 1;
        }
        Some(log)
    }

    /// What was taken out counts for nothing; it is only to be what it says it is.
    fn removed(&mut self, context: &ContextId) -> Result<(), VerifyError> {
        for (document, change) in self.store.removed(context)? {
            self.verification.removed += 1;
            let spot = Spot { context, document: Some(&document) };
            if !change.bytes.is_empty() {
                super::document::same(self, spot, &change);
            }
        }
        Ok(())
    }

    fn receipts(
        &mut self,
        context: &ContextId,
        documents: &[(DocumentKey, Checked)],
        log: &Log,
    ) -> Result<(), VerifyError> {
        let removed = self.store.removed(context)?;
        for stored in self.store.receipts(context)? {
            let (document, receipt) = (stored.document, &stored.receipt);
            let spot = Spot { context, document: Some(&document) };
            let signer = receipt.key.short();
            if !receipt.verify((context, &document), &stored.heads) {
                let what = format!("the receipt of {signer} is not signed by it");
                self.problem(spot, None, &what);
                continue;
            }
            self.verification.receipts += 1;
            if receipt.epoch > log.entries() {
                self.behind(spot, None, receipt.epoch, log);
            }
            let checked = documents.iter().find(|(key, _)| *key == document);
            for head in &stored.heads {
                let there = checked.is_some_and(|(_, checked)| checked.has(head));
                let apart = removed.iter().any(|(_, change)| change.header.hash == *head);
                if !there && !apart {
                    let what = format!("{signer} has signed to have it, and it is not here");
                    self.problem(spot, Some(*head), &what);
                }
            }
        }
        Ok(())
    }

    /// Somebody has signed that there were more entries than there are.
    pub(super) fn behind(
        &mut self,
        spot: Spot<'_>,
        change: Option<ChangeHash>,
        knew: u64,
        log: &Log,
    ) {
        let here = log.entries();
        let what =
            format!("its signer knew {knew} entries of the access log; {here} are here and hold");
        self.problem(spot, change, &what);
    }
}
