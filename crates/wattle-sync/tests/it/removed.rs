//! What is taken out of the store under a peer, as another process of its directory does it.

use std::path::Path;

use wattle_context::{Author, Context, Document, ItemId, Op, Part, Section};
use wattle_protocol::io::Summary;
use wattle_protocol::{ActorId, Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Keypair};
use wattle_store::{Append, SqliteStore, Store};
use wattle_sync::{Again, Audited, Notice, Parts, Peer, Watch};

use crate::support::{PATIENCE, add_rule, create, edit, export, options, until as until_so};

const RULES: DocumentKey = DocumentKey { scope: 6, item: [0; 16] };

/// A second handle on the store of a peer.
struct Other {
    store: SqliteStore,
    context: ContextId,
}

impl Other {
    fn open(directory: &Path, of: &Peer) -> Self {
        let store = SqliteStore::open_existing(directory.join("context.db")).unwrap();
        Self { store, context: of.context_id() }
    }

    fn changes(&mut self) -> Vec<Change> {
        let changes =
            self.store.read_after(&self.context, &RULES, wattle_protocol::Position(0), usize::MAX);
        changes.unwrap().into_iter().map(|(_, change)| change).collect()
    }

    /// Stores an edit of somebody who has no right to it. Answers its hash.
    fn forge(&mut self, path: &str, value: &str) -> ChangeHash {
        let mut document = Document::new(Part::Section(Section::Rules));
        let changes = self.changes();
        let bytes: Vec<&[u8]> = changes.iter().map(|change| &change.bytes[..]).collect();
        document.apply(&bytes).unwrap();
        let mut context = Context::new();
        context.insert(document.part(), document);
        let keys = Keypair::from_secret(&[66; 32]);
        let by = Author {
            actor: ActorId::of(&self.context, &keys.public(), [66; 6]).0,
            key: keys.public().0,
            name: "mallory".to_owned(),
            client: "test".to_owned(),
            time_ms: 1,
        };
        let edits = [edit(Op::Set, path, value)];
        let mut ids = || ItemId([b'0'; 16]);
        let edited = context.edit(&edits, "forged", &by, &mut ids).unwrap();
        let mut change = Change::parse(Blob::from(&edited.changes[0].1[..]), None).unwrap();
        change.seal = Some(keys.seal(&self.context, &RULES, &change.header, 1));
        let hash = change.header.hash;
        let (context, document) = (self.context, RULES);
        self.store.append(&[Append { context, document, changes: vec![change] }]).unwrap();
        hash
    }

    /// Takes a change out with everything that builds on it.
    fn purge(&mut self, change: ChangeHash) -> Vec<ChangeHash> {
        let mut out = vec![change];
        for (_, Header { hash, deps, .. }, _) in self.store.graph(&self.context, &RULES).unwrap() {
            if deps.iter().any(|dep| out.contains(dep)) {
                out.push(hash);
            }
        }
        self.store.remove(&self.context, &RULES, &out).unwrap();
        out
    }

    fn heads(&mut self) -> Vec<ChangeHash> {
        let summaries = self.store.documents(&self.context).unwrap().into_iter();
        summaries.filter(|summary| summary.document == RULES).flat_map(of).collect()
    }
}

fn of(summary: Summary) -> Vec<ChangeHash> {
    summary.heads
}

async fn until(watch: &mut Watch, wanted: impl Fn(&Notice) -> bool) -> Notice {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let notice = watch.next().await.unwrap();
            if wanted(&notice) {
                return notice;
            }
        }
    })
    .await
    .unwrap()
}

async fn field(peer: &Peer, path: &str) -> String {
    let path = path.to_owned();
    let read = peer.view(Parts::Sections, move |context| {
        let path = context.locate(&path).unwrap();
        context.field(&path).unwrap().value.to_string()
    });
    read.await.unwrap()
}

async fn replays(peer: &Peer) -> usize {
    let log = peer.view(Parts::All, |context| context.log(&wattle_context::LogFilter::default()));
    log.await.unwrap().iter().filter(|entry| entry.why.contains("Replays: ")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_work_is_written_again_once() {
    let directory = tempfile::tempdir().unwrap();
    let ana = create(directory.path(), "ana").await;
    let rule = add_rule(&ana, "deploys need a review").await;
    let rationale = format!("{rule}/rationale");
    let text = "one\ntwo\nthree\n";
    ana.edit(vec![edit(Op::Set, &rationale, text)], "a start").await.unwrap();
    let mut other = Other::open(directory.path(), &ana);
    let mut watch = ana.watch();
    let forged = other.forge(&rationale, "one\nforged\ntwo\nthree\n");
    until(
        &mut watch,
        |notice| matches!(notice, Notice::Changed(changed) if changed.by == "mallory"),
    )
    .await;
    assert_eq!(field(&ana, &rationale).await, "one\nforged\ntwo\nthree\n");
    let rewritten = "one\nforged\ntwo\nfour\n";
    ana.edit(vec![edit(Op::Set, &rationale, rewritten)], "count on").await.unwrap();
    ana.edit(vec![edit(Op::Set, &format!("{rule}/severity"), "must")], "strict").await.unwrap();

    let out = other.purge(forged);
    assert_eq!(out.len(), 3);
    let told = until(&mut watch, |notice| matches!(notice, Notice::TakenOut(taken) if !taken.own));
    let Notice::TakenOut(taken) = told.await else { unreachable!() };
    assert_eq!((taken.changes, taken.part), (1, Part::Section(Section::Rules)));
    until(&mut watch, |notice| matches!(notice, Notice::Changed(changed) if changed.why.starts_with("strict\n\nReplays: ")))
        .await;
    assert_eq!(field(&ana, &rationale).await, "one\ntwo\nfour\n");
    assert_eq!(field(&ana, &format!("{rule}/severity")).await, "must");
    assert_eq!(replays(&ana).await, 2);
    let shown = ana.view(Parts::Sections, |context| {
        context.document(&Part::Section(Section::Rules)).unwrap().heads()
    });
    let stored: Vec<[u8; 32]> = other.heads().into_iter().map(|head| head.0).collect();
    assert_eq!(shown.await.unwrap(), stored);

    let audit = ana.audit().await.unwrap();
    let again = |change: &ChangeHash| {
        let lines = audit.iter().filter_map(|line| {
            let Audited::Removed { change: of, again, .. } = &line.what else { return None };
            (*of == change.to_string()).then_some(again)
        });
        lines.cloned().collect::<Vec<_>>()
    };
    assert_eq!(again(&forged), [Again::Refused]);
    assert!(out[1..].iter().all(|own| matches!(again(own)[..], [Again::As(_)])));
    ana.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_nothing_is_written_twice() {
    let directory = tempfile::tempdir().unwrap();
    let ana = create(directory.path(), "ana").await;
    let rule = add_rule(&ana, "deploys need a review").await;
    let mut other = Other::open(directory.path(), &ana);
    let forged = other.forge(&format!("{rule}/severity"), "may");
    let examples = format!("{rule}/examples");
    ana.edit(vec![edit(Op::Append, &examples, "one")], "first").await.unwrap();
    ana.edit(vec![edit(Op::Append, &examples, "two")], "second").await.unwrap();
    ana.close().await;

    // The process that took it out has ended before anything was written again.
    let out = other.purge(forged);
    let ana = Peer::open(options(directory.path(), "ana")).await.unwrap();
    until_so(async || replays(&ana).await == 2).await;
    let before = export(&ana).await;
    ana.close().await;

    // It has ended before it could note what it had written.
    for change in &out {
        other.store.put_note(&format!("wattle/again/{change}"), b"").unwrap();
    }
    let [one, two] = [
        Peer::open(options(directory.path(), "ana")).await.unwrap(),
        Peer::open(options(directory.path(), "ana")).await.unwrap(),
    ];
    let noted = |store: &mut SqliteStore| {
        out[1..].iter().all(|change| {
            let note = store.note(&format!("wattle/again/{change}")).unwrap();
            note.is_some_and(|note| !note.is_empty())
        })
    };
    let noting = async {
        while !noted(&mut other.store) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, noting).await.unwrap();
    assert_eq!((replays(&one).await, replays(&two).await), (2, 2));
    assert_eq!(export(&one).await, before);
    assert_eq!(export(&two).await, before);
    one.close().await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_again_is_kept_apart_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let ana = create(directory.path(), "ana").await;
    let rule = add_rule(&ana, "deploys need a review").await;
    let mut other = Other::open(directory.path(), &ana);
    let keys = Keypair::from_secret(&[66; 32]);
    let forged = {
        let mut document = Document::new(Part::Section(Section::Rules));
        let changes = other.changes();
        let bytes: Vec<&[u8]> = changes.iter().map(|change| &change.bytes[..]).collect();
        document.apply(&bytes).unwrap();
        let mut context = Context::new();
        context.insert(document.part(), document);
        let by = Author {
            actor: ActorId::of(&ana.context_id(), &keys.public(), [66; 6]).0,
            key: keys.public().0,
            name: "mallory".to_owned(),
            client: "test".to_owned(),
            time_ms: 1,
        };
        let mut ids = || ItemId([b'9'; 16]);
        let edited =
            context.edit(&[edit(Op::Add, "rules", "forged")], "forged", &by, &mut ids).unwrap();
        let change = Change::parse(Blob::from(&edited.changes[0].1[..]), None).unwrap();
        let hash = change.header.hash;
        let (context, document) = (ana.context_id(), RULES);
        other.store.append(&[Append { context, document, changes: vec![change] }]).unwrap();
        hash
    };
    let path = "rules/9999999999999999/severity";
    ana.edit(vec![edit(Op::Set, path, "must")], "on what is forged").await.unwrap();
    ana.edit(vec![edit(Op::Set, &format!("{rule}/severity"), "must")], "mine").await.unwrap();
    let mut watch = ana.watch();
    let out = other.purge(forged);
    until(&mut watch, |notice| matches!(notice, Notice::Changed(changed) if changed.why.starts_with("mine\n\nReplays: ")))
        .await;
    let audit = ana.audit().await.unwrap();
    let lost: Vec<&Audited> = audit
        .iter()
        .map(|line| &line.what)
        .filter(|what| matches!(what, Audited::Removed { again: Again::Lost { .. }, .. }))
        .collect();
    let [Audited::Removed { change, again: Again::Lost { places }, .. }] = lost[..] else {
        panic!("{lost:?}")
    };
    assert_eq!((change, &places[..]), (&out[1].to_string(), &[path.to_owned()][..]));
    ana.close().await;
}
