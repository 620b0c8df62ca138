use wattle_protocol::access::Closure;
use wattle_protocol::identity::Receipt;
use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::lease::{Outcome, Wanted};
use wattle_protocol::{
    ActorId, Blob, Change, ChangeHash, ContextId, DocumentKey, Header, LinkId, Position, PublicKey,
    StoreId, StoreReply, StoreRequest,
};

use crate::testing::{CONTEXT, DOCUMENT, chain, change, hash, known};
use crate::{Append, MemoryStore, News, Store, StoreError, StoredReceipt, serve};

const LINK: LinkId = LinkId(3);
const REMOTE: StoreId = StoreId([2; 16]);

/// Counts the commits of changes.
struct Counted {
    store: MemoryStore,
    appends: usize,
}

impl Counted {
    fn new() -> Self {
        Self { store: MemoryStore::new(StoreId([1; 16])), appends: 0 }
    }
}

fn append(changes: Vec<Change>) -> StoreRequest {
    StoreRequest::Append { context: CONTEXT, document: DOCUMENT, link: LINK, changes }
}

fn appended(positions: &[(u8, u64, u64)]) -> StoreReply {
    let positions = positions.iter();
    StoreReply::Appended {
        context: CONTEXT,
        document: DOCUMENT,
        positions: positions
            .map(|(writer, seq, at)| (hash(*writer, *seq), Position(*at)))
            .collect(),
        failed: vec![],
    }
}

fn load_graph() -> StoreRequest {
    StoreRequest::LoadGraph { context: CONTEXT, document: DOCUMENT }
}

fn read(positions: &[u64]) -> StoreRequest {
    let positions = positions.iter().copied().map(Position).collect();
    StoreRequest::Read { link: LINK, context: CONTEXT, document: DOCUMENT, positions }
}

#[test]
fn answers_come_in_the_order_of_the_requests() {
    let mut store = Counted::new();
    let snapshot = Snapshot { upto: Position(1), bytes: Blob::from(vec![1]), seals: vec![] };
    serve(&mut store, vec![append(chain(1, 1))]);
    store.put_snapshot(&CONTEXT, &DOCUMENT, &snapshot, false).unwrap();
    let entry = Blob::from(vec![1]);
    let replies = serve(
        &mut store,
        vec![
            StoreRequest::Remember { remote: REMOTE, context: CONTEXT, known: known(1) },
            StoreRequest::LoadRemote { link: LINK, remote: REMOTE, context: CONTEXT },
            read(&[1, 9]),
            append(chain(2, 2)),
            StoreRequest::ReadSnapshot { link: LINK, context: CONTEXT, document: DOCUMENT },
            StoreRequest::AppendAccess { context: CONTEXT, from: 0, entries: vec![entry.clone()] },
            StoreRequest::LoadContext { context: CONTEXT },
            load_graph(),
        ],
    );
    let (first, second) = (change(1, 1), change(1, 2));
    let context = (CONTEXT, DOCUMENT);
    let summary = Summary {
        document: DOCUMENT,
        heads: vec![hash(1, 2)],
        last: Position(2),
        pruned: Position(0),
        snapshot: Position(1),
    };
    let nodes = [first.clone(), second].into_iter().zip([1, 2]);
    let nodes = nodes.map(|(it, at)| (Position(at), it.header, it.bytes.len())).collect();
    let expected = [
        StoreReply::Remote { link: LINK, context: CONTEXT, known: vec![known(1)] },
        StoreReply::Changes {
            link: LINK,
            context: CONTEXT,
            document: DOCUMENT,
            changes: vec![(Position(1), first.bytes, None)],
        },
        appended(&[(1, 2, 2)]),
        StoreReply::Snapshot {
            link: LINK,
            context: CONTEXT,
            document: DOCUMENT,
            snapshot: Some(snapshot),
        },
        StoreReply::AccessAppended { context: CONTEXT, entries: 1 },
        StoreReply::Context { context: CONTEXT, access: vec![entry], documents: vec![summary] },
        StoreReply::Graph { context: context.0, document: context.1, nodes },
    ];
    assert_eq!(replies, expected);
}

#[test]
fn appends_are_committed_together() {
    let mut store = Counted::new();
    let requests = vec![
        append(chain(1, 1)),
        append(chain(2, 3)),
        read(&[1]),
        append(vec![change(2, 1)]),
        load_graph(),
        append(vec![change(2, 2)]),
    ];
    let replies = serve(&mut store, requests);
    assert_eq!(store.appends, 2);
    assert_eq!(replies.len(), 6);
    assert_eq!(replies[1], appended(&[(1, 2, 2), (1, 3, 3)]));
    assert_eq!(replies[3], appended(&[(2, 1, 4)]));
    assert_eq!(replies[5], appended(&[(2, 2, 5)]));
}

#[test]
fn what_is_asked_after_an_append_sees_it() {
    let mut store = Counted::new();
    let replies = serve(&mut store, vec![append(chain(1, 2)), load_graph()]);
    assert!(matches!(&replies[1], StoreReply::Graph { nodes, .. } if nodes.len() == 2));
    let replies = serve(&mut store, vec![load_graph(), append(chain(3, 3))]);
    assert!(matches!(&replies[0], StoreReply::Graph { nodes, .. } if nodes.len() == 2));
}

#[test]
fn cutoffs_see_every_append_that_was_asked_for_before_and_none_after() {
    let mut store = Counted::new();
    let key = PublicKey([8; 32]);
    let mut own = chain(1, 4);
    own[0].header.author = Some(key);
    let last = own.split_off(3);
    let cutoffs = StoreRequest::Cutoffs { context: CONTEXT, keys: vec![key] };
    let requests = vec![append(own[..1].to_vec()), append(own.clone()), cutoffs, append(last)];
    let replies = serve(&mut store, requests);
    let upto = vec![(DOCUMENT, vec![(ActorId([1; 16]), 3)])];
    let closes = vec![Closure { key, upto }];
    assert_eq!(replies[2], StoreReply::Cutoffs { context: CONTEXT, closes });
    assert_eq!(replies[3], appended(&[(1, 4, 4)]));
    assert_eq!(store.appends, 2);
}

#[test]
fn a_removal_is_answered_when_it_is_done_and_fails_alone() {
    let mut store = Counted::new();
    let remove = |seq| StoreRequest::Remove {
        context: CONTEXT,
        document: DOCUMENT,
        changes: vec![hash(1, seq)],
    };
    let requests = vec![append(chain(1, 3)), remove(2), remove(3), append(chain(3, 3))];
    let replies = serve(&mut store, requests);
    let reason = StoreError::BuiltUpon { change: hash(1, 2), by: hash(1, 3) }.to_string();
    assert_eq!(replies[1], StoreReply::Failed { request: remove(2), reason });
    assert_eq!(replies[2], StoreReply::Removed { context: CONTEXT, document: DOCUMENT });
    assert_eq!(replies[3], appended(&[(1, 3, 4)]));
}

#[test]
fn entries_that_are_replaced_are_answered_as_those_that_are_added() {
    let mut store = Counted::new();
    let entries = |entries: &[u8]| entries.iter().map(|n| Blob::from(vec![*n])).collect::<Vec<_>>();
    let requests = vec![
        StoreRequest::AppendAccess { context: CONTEXT, from: 0, entries: entries(&[1, 2, 3]) },
        StoreRequest::ReplaceAccess { context: CONTEXT, from: 1, entries: entries(&[4]) },
    ];
    let replies = serve(&mut store, requests);
    assert_eq!(replies[1], StoreReply::AccessAppended { context: CONTEXT, entries: 2 });
    assert_eq!(store.store.access(&CONTEXT), Ok(entries(&[1, 4])));
}

#[test]
fn one_bad_append_fails_alone() {
    let mut store = Counted::new();
    let bad = append(vec![change(2, 9)]);
    let replies = serve(&mut store, vec![append(chain(1, 1)), bad.clone(), append(chain(2, 2))]);
    let reason = StoreError::MissingDependency { change: hash(2, 9), dependency: hash(2, 8) };
    let failed = StoreReply::Failed { request: bad, reason: reason.to_string() };
    assert_eq!(replies, [appended(&[(1, 1, 1)]), failed, appended(&[(1, 2, 2)])]);
    assert_eq!(store.appends, 4);
}

#[test]
fn a_full_disk_fails_all_and_nothing_is_tried_again() {
    let mut store = Counted::new();
    let full = StoreError::Full { path: "here".into() };
    store.store.fail_next(full.clone());
    let requests = vec![append(chain(1, 1)), append(chain(2, 2))];
    let replies = serve(&mut store, requests.clone());
    let failed = |request: &StoreRequest| StoreReply::Failed {
        request: request.clone(),
        reason: full.to_string(),
    };
    assert_eq!(replies, requests.iter().map(failed).collect::<Vec<_>>());
    assert_eq!(store.appends, 1);
    assert_eq!(store.last(), Ok(Position(0)));
}

#[test]
fn a_disk_that_fails_while_each_is_tried_alone_ends_the_trying() {
    let mut store = Counted::new();
    let bad = || append(vec![change(2, 9)]);
    // The first commit fails by the bad request; the fault is due after it.
    let replies = {
        let mut breaking = Breaking { store: &mut store, after: 2 };
        serve(&mut breaking, vec![append(chain(1, 1)), bad(), append(chain(2, 2)), bad()])
    };
    assert_eq!(replies[0], appended(&[(1, 1, 1)]));
    for reply in &replies[1..] {
        assert!(matches!(reply, StoreReply::Failed { reason, .. } if reason.contains("full")));
    }
    assert_eq!(store.last(), Ok(Position(1)));
}

#[test]
fn what_cannot_be_remembered_is_not_answered() {
    let mut store = Counted::new();
    store.store.fail_all(Some(StoreError::Full { path: "here".into() }));
    let remember = StoreRequest::Remember { remote: REMOTE, context: CONTEXT, known: known(1) };
    assert_eq!(serve(&mut store, vec![remember]), []);
}

/// Has a full disk after some commits.
struct Breaking<'a> {
    store: &'a mut Counted,
    after: usize,
}

macro_rules! pass_on {
    ($of:ty, $($append:tt)*) => {
        impl Store for $of {
            $($append)*
            fn id(&self) -> StoreId { self.store.id() }
            fn contexts(&mut self) -> Result<Vec<ContextId>, StoreError> { self.store.contexts() }
            fn documents(&mut self, c: &ContextId) -> Result<Vec<Summary>, StoreError> { self.store.documents(c) }
            fn bytes(&mut self, c: &ContextId) -> Result<u64, StoreError> { self.store.bytes(c) }
            fn graph(&mut self, c: &ContextId, d: &DocumentKey) -> Result<Vec<(Position, Header, usize)>, StoreError> { self.store.graph(c, d) }
            fn read(&mut self, c: &ContextId, d: &DocumentKey, at: &[Position]) -> Result<Vec<(Position, Change)>, StoreError> { self.store.read(c, d, at) }
            fn read_after(&mut self, c: &ContextId, d: &DocumentKey, after: Position, max: usize) -> Result<Vec<(Position, Change)>, StoreError> { self.store.read_after(c, d, after, max) }
            fn news(&mut self, after: Position, max: usize) -> Result<Vec<News>, StoreError> { self.store.news(after, max) }
            fn last(&mut self) -> Result<Position, StoreError> { self.store.last() }
            fn data_version(&mut self) -> Result<u64, StoreError> { self.store.data_version() }
            fn snapshot(&mut self, c: &ContextId, d: &DocumentKey) -> Result<Option<Snapshot>, StoreError> { self.store.snapshot(c, d) }
            fn put_snapshot(&mut self, c: &ContextId, d: &DocumentKey, s: &Snapshot, prune: bool) -> Result<Position, StoreError> { self.store.put_snapshot(c, d, s, prune) }
            fn access(&mut self, c: &ContextId) -> Result<Vec<Blob>, StoreError> { self.store.access(c) }
            fn append_access(&mut self, c: &ContextId, from: u64, entries: &[Blob]) -> Result<u64, StoreError> { self.store.append_access(c, from, entries) }
            fn remote(&mut self, r: &StoreId, c: &ContextId) -> Result<Vec<Known>, StoreError> { self.store.remote(r, c) }
            fn remember(&mut self, r: &StoreId, c: &ContextId, known: &[Known]) -> Result<(), StoreError> { self.store.remember(r, c, known) }
            fn remotes(&mut self) -> Result<Vec<StoreId>, StoreError> { self.store.remotes() }
            fn replace_access(&mut self, c: &ContextId, from: u64, entries: &[Blob]) -> Result<u64, StoreError> { self.store.replace_access(c, from, entries) }
            fn void_access(&mut self, c: &ContextId) -> Result<Vec<(u64, Blob)>, StoreError> { self.store.void_access(c) }
            fn cutoffs(&mut self, c: &ContextId, keys: &[PublicKey]) -> Result<Vec<Closure>, StoreError> { self.store.cutoffs(c, keys) }
            fn remove(&mut self, c: &ContextId, d: &DocumentKey, changes: &[ChangeHash]) -> Result<(), StoreError> { self.store.remove(c, d, changes) }
            fn removed(&mut self, c: &ContextId) -> Result<Vec<(DocumentKey, Change)>, StoreError> { self.store.removed(c) }
            fn put_proposal(&mut self, c: &ContextId, p: &Blob) -> Result<(), StoreError> { self.store.put_proposal(c, p) }
            fn proposals(&mut self, c: &ContextId) -> Result<Vec<Blob>, StoreError> { self.store.proposals(c) }
            fn drop_proposal(&mut self, c: &ContextId, p: &ChangeHash) -> Result<(), StoreError> { self.store.drop_proposal(c, p) }
            fn put_receipt(&mut self, c: &ContextId, d: &DocumentKey, heads: &[ChangeHash], r: &Receipt) -> Result<(), StoreError> { self.store.put_receipt(c, d, heads, r) }
            fn receipts(&mut self, c: &ContextId) -> Result<Vec<StoredReceipt>, StoreError> { self.store.receipts(c) }
            fn lease(&mut self, wanted: &[Wanted]) -> Result<Vec<Outcome>, StoreError> { self.store.lease(wanted) }
            fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> { self.store.note(name) }
            fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> { self.store.put_note(name, value) }
        }
    };
}

pass_on!(
    Counted,
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.appends += 1;
        self.store.append(batch)
    }
);

pass_on!(
    Breaking<'_>,
    fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError> {
        if self.store.appends == self.after {
            self.store.store.fail_all(Some(StoreError::Full { path: "here".into() }));
        }
        self.store.append(batch)
    }
);
