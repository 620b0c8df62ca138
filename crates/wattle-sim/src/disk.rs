//! A disk that takes its time, and forgets in a crash what it has not written yet.

use std::collections::VecDeque;

use wattle_protocol::io::{Snapshot, StoreReply, StoreRequest};
use wattle_protocol::{ChangeHash, ContextId, DocumentKey, Position, StoreId};
use wattle_store::{Append, MemoryStore, Store, StoreError, serve};

use crate::rng::Rng;

/// A bug that is put in on purpose, to see whether the checkers notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A relay answers that changes are durable before its disk has them.
    AckBeforeDisk,
    /// A relay answers that changes are durable and forgets one batch in forty.
    ForgetsChanges,
    /// A peer tells its caller that an edit is saved before its disk has it.
    EditBeforeDisk,
    /// A peer keeps one edit in twenty from its machine.
    KeepsEdits,
    /// A relay shows its presence again whenever time passes.
    Chatters,
    /// A peer goes on showing what lies beyond a cutoff.
    IgnoresCutoffs,
}

/// What a disk is asked to do.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// By the machine; these of its changes could not be applied.
    Request(StoreRequest, Vec<ChangeHash>),
    /// By a caller of a peer.
    Commit(Vec<Append>),
    /// By the compactor.
    Compact(ContextId, DocumentKey, Snapshot),
}

/// What it has done.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    /// To be told to the machine.
    Reply(StoreReply),
    /// Positions of each append.
    Committed(Vec<Append>, Vec<Vec<Position>>),
    /// Up to where bytes are dropped now, and up to where the snapshot reaches.
    Compacted(ContextId, DocumentKey, Position, Position),
    /// It could not.
    Failed(StoreError),
}

/// A store with a queue of what is not durable yet.
pub(crate) struct Disk {
    /// What is readable.
    pub(crate) store: MemoryStore,
    queue: VecDeque<Job>,
    /// So many of the queue are being written.
    writing: usize,
    rng: Rng,
    bug: Option<Bug>,
    /// Under [`Bug::AckBeforeDisk`]: everything that was ever written, and how much of it a crash leaves.
    written: Vec<Job>,
    synced: usize,
}

/// As many jobs as one commit takes.
const GROUP_MAX: usize = 64;

impl Disk {
    pub(crate) fn new(id: StoreId, rng: Rng, bug: Option<Bug>) -> Self {
        let store = MemoryStore::new(id);
        Self { store, queue: VecDeque::new(), writing: 0, rng, bug, written: Vec::new(), synced: 0 }
    }

    /// The bug that was put in here.
    pub(crate) fn bug(&self) -> Option<Bug> {
        self.bug
    }

    pub(crate) fn submit(&mut self, job: Job) {
        self.queue.push_back(job);
    }

    /// Something is waiting or being written.
    pub(crate) fn busy(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Begins a commit of what waits; answers how long it takes, and nothing if there is nothing to begin.
    pub(crate) fn begin(&mut self, commit_ms: (u64, u64)) -> Option<u64> {
        if self.writing > 0 || self.queue.is_empty() {
            return None;
        }
        self.writing = self.queue.len().min(GROUP_MAX);
        let writes = self.queue.iter().take(self.writing).any(Job::writes);
        let takes_ms = self.rng.within(commit_ms.0..=commit_ms.1);
        Some(if writes && self.bug != Some(Bug::AckBeforeDisk) { takes_ms } else { 0 })
    }

    /// Ends the commit.
    pub(crate) fn finish(&mut self) -> Vec<Done> {
        let jobs: Vec<Job> = self.queue.drain(..self.writing.min(self.queue.len())).collect();
        self.writing = 0;
        if self.bug == Some(Bug::AckBeforeDisk) {
            self.written.extend(jobs.iter().filter(|job| job.writes()).cloned());
        }
        self.perform(jobs)
    }

    /// How much a crash would leave once what is written now has reached the disk.
    pub(crate) fn written(&self) -> usize {
        self.written.len()
    }

    /// So much of what was written has reached the disk.
    pub(crate) fn sync(&mut self, written: usize) {
        self.synced = self.synced.max(written.min(self.written.len()));
    }

    /// What the disk had not written is lost, save perhaps a first part of it, of which nobody was told.
    pub(crate) fn crash(&mut self) {
        let reached = self.rng.within(0..=self.writing as u64);
        let jobs = self.queue.drain(..).take(usize::try_from(reached).unwrap_or(0));
        let jobs: Vec<Job> = jobs.collect();
        self.queue.clear();
        self.writing = 0;
        if self.bug == Some(Bug::AckBeforeDisk) {
            self.written.truncate(self.synced);
            self.store = MemoryStore::new(self.store.id());
            self.perform(self.written.clone());
        } else {
            self.perform(jobs);
        }
        self.store.crash();
    }

    fn perform(&mut self, jobs: Vec<Job>) -> Vec<Done> {
        let mut done = Vec::new();
        let mut jobs = jobs.into_iter().peekable();
        while let Some(job) = jobs.next() {
            let end = match job {
                Job::Request(request, failed) => {
                    let mut group = vec![(request, failed)];
                    while let Some(Job::Request(request, failed)) =
                        jobs.next_if(|job| matches!(job, Job::Request(..)))
                    {
                        group.push((request, failed));
                    }
                    done.extend(self.serve(group));
                    continue;
                }
                Job::Commit(batch) => {
                    let stored = self.store.append(&batch);
                    stored.map(|positions| Done::Committed(batch, positions))
                }
                Job::Compact(context, document, snapshot) => self
                    .store
                    .put_snapshot(&context, &document, &snapshot, true)
                    .map(|pruned| Done::Compacted(context, document, pruned, snapshot.upto)),
            };
            done.push(end.unwrap_or_else(Done::Failed));
        }
        done
    }

    /// Carries out requests of the machine together, as the drivers do.
    fn serve(&mut self, group: Vec<(StoreRequest, Vec<ChangeHash>)>) -> Vec<Done> {
        let mut lies = Vec::new();
        let (mut requests, mut failures) = (Vec::new(), Vec::new());
        for (request, failed) in group {
            let lie = match self.bug {
                Some(Bug::ForgetsChanges) => forget(&request, &mut self.rng),
                Some(Bug::IgnoresCutoffs) => ignore(&request),
                Some(
                    Bug::AckBeforeDisk | Bug::EditBeforeDisk | Bug::KeepsEdits | Bug::Chatters,
                )
                | None => None,
            };
            if let Some(lie) = lie {
                lies.push(Done::Reply(lie));
                continue;
            }
            if !matches!(request, StoreRequest::Remember { .. }) {
                failures.push(failed);
            }
            requests.push(request);
        }
        let replies = serve(&mut self.store, requests).into_iter().zip(failures);
        let replies = replies.map(|(reply, failed)| Done::Reply(with_failed(reply, failed)));
        replies.chain(lies).collect()
    }
}

impl Job {
    fn writes(&self) -> bool {
        match self {
            Self::Commit(_) | Self::Compact(..) => true,
            Self::Request(request, _) => {
                matches!(
                    request,
                    StoreRequest::Append { .. }
                        | StoreRequest::AppendAccess { .. }
                        | StoreRequest::ReplaceAccess { .. }
                        | StoreRequest::Remove { .. }
                        | StoreRequest::Lease { .. }
                )
            }
        }
    }
}

fn with_failed(mut reply: StoreReply, more: Vec<ChangeHash>) -> StoreReply {
    if let StoreReply::Appended { failed, .. } = &mut reply {
        failed.extend(more);
    }
    reply
}

/// An answer as if the changes were taken out.
fn ignore(request: &StoreRequest) -> Option<StoreReply> {
    let StoreRequest::Remove { context, document, .. } = request else { return None };
    Some(StoreReply::Removed { context: *context, document: *document })
}

/// An answer as if the changes were stored.
fn forget(request: &StoreRequest, rng: &mut Rng) -> Option<StoreReply> {
    let StoreRequest::Append { context, document, changes, .. } = request else { return None };
    if !rng.permille(25) {
        return None;
    }
    let positions =
        changes.iter().map(|change| (change.header.hash, Position(u64::from(u32::MAX))));
    Some(StoreReply::Appended {
        context: *context,
        document: *document,
        positions: positions.collect(),
        failed: Vec::new(),
    })
}
