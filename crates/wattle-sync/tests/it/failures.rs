//! What goes wrong, and what does not go wrong with it.

use std::fs;

use automerge::ExpandedChange;
use automerge::legacy::{ObjectId, OpId};
use tempfile::tempdir;
use wattle_context::{Author, Context, Document, Op, Part, Section, Value};
use wattle_protocol::{ActorId, ContextId};
use wattle_store::{Append, SqliteStore, Store};
use wattle_sync::part::key_of;
use wattle_sync::{EditFailed, Identity, Options, Parts, Peer, Role};

use crate::support::{
    add_rule, create, edit, export, identity, invite, join, listen, settled, until,
};

const RULES: Part = Part::Section(Section::Rules);

#[tokio::test]
async fn an_edit_that_the_disk_does_not_take_is_refused_and_memory_is_as_before() {
    let home = tempdir().unwrap();
    let peer = create(home.path(), "ana").await;
    add_rule(&peer, "one").await;
    let before = export(&peer).await;
    let (store, away) = (home.path().join("context.db"), home.path().join("away"));
    fs::rename(&store, &away).unwrap();
    fs::write(&store, "").unwrap();

    let value = Value::Map([("statement".to_owned(), "two".into())].into());
    let edits = vec![edit(Op::Add, "rules", value)];
    let error = peer.edit(edits.clone(), "").await.unwrap_err();
    assert!(matches!(error, EditFailed::Store(_)), "{error}");
    assert!(error.to_string().contains("removed or replaced"), "{error}");

    fs::rename(&away, &store).unwrap();
    assert_eq!(export(&peer).await, before);
    peer.edit(edits, "").await.unwrap();
    assert!(export(&peer).await.contains("two"));
}

/// A change of a member that passes every check of its header, and in which Automerge panics: it
/// writes into an object that does not exist.
#[tokio::test]
async fn a_poisonous_change_is_quarantined_and_stops_nobody() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    add_rule(&ana, "one").await;
    let address = listen(&ana).await;
    let mallory = identity("mallory");
    let link = invite(&ana, Role::Maintainer, &address).await;
    let opened = || Options::new(b.path(), mallory.clone());
    let bob = Peer::join(opened(), &link).await.unwrap();
    settled(&[&bob]).await;
    bob.close().await;

    let (context, document) = (ana.context_id(), key_of(RULES));
    let mut poison = poison(&mallory, &context);
    poison.seal = Some(mallory.keypair.seal(&context, &document, &poison.header, 2));
    let hash = poison.header.hash;
    let mut store = SqliteStore::open_existing(b.path().join("context.db")).unwrap();
    store.append(&[Append { context, document, changes: vec![poison] }]).unwrap();
    drop(store);

    let bob = Peer::open(opened()).await.unwrap();
    add_rule(&bob, "two").await;
    let quarantined = |peer: Peer| async move { peer.status().await.unwrap().quarantined };
    until(async || export(&ana).await.contains("two")).await;
    until(async || !quarantined(ana.clone()).await.is_empty()).await;
    let listed = quarantined(ana.clone()).await;
    assert_eq!(listed[0].change, hash.to_string());
    assert_eq!((listed.len(), listed[0].document.as_str()), (1, "rules"));
    assert_eq!(quarantined(bob.clone()).await.len(), 1);
    assert_eq!(export(&ana).await, export(&bob).await);

    add_rule(&ana, "three").await;
    ana.close().await;
    let ana = Peer::open(Options::new(a.path(), mallory)).await.unwrap();
    assert!(export(&ana).await.contains("three"));
    assert_eq!(quarantined(ana).await.len(), 1);
}

fn poison(by: &Identity, of: &ContextId) -> wattle_protocol::Change {
    let actor = ActorId::of(of, &by.key(), [9; 6]).0;
    let author = Author {
        actor,
        key: by.key().0,
        name: "mallory".to_owned(),
        client: String::new(),
        time_ms: 0,
    };
    let mut context = Context::new();
    context.insert(RULES, Document::new(RULES));
    let value = Value::Map([("statement".to_owned(), "x".into())].into());
    let mut ids = || wattle_context::ItemId::from_bytes([9; 10]);
    let made = context.edit(&[edit(Op::Add, "rules", value)], "", &author, &mut ids).unwrap();
    let change = automerge::Change::from_bytes(made.changes[0].1.clone()).unwrap();
    let mut expanded = ExpandedChange::from(&change);
    let nowhere = OpId::new(2, &automerge::ActorId::from(actor));
    let last = expanded.operations.last_mut().unwrap();
    last.obj = ObjectId::Id(nowhere);
    let mut change = automerge::Change::from(expanded);
    let bytes = wattle_protocol::Blob::from(change.bytes().to_vec());
    wattle_protocol::Change::parse(bytes, None).unwrap()
}

#[tokio::test]
async fn a_view_that_panics_harms_nobody() {
    let home = tempdir().unwrap();
    let peer = create(home.path(), "ana").await;
    add_rule(&peer, "one").await;
    let broken = peer.view(Parts::Sections, |_| panic!("a fault of the application")).await;
    assert_eq!(broken.unwrap_err().to_string(), "the view panicked");
    assert!(export(&peer).await.contains("one"));
    add_rule(&peer, "two").await;
}

#[tokio::test]
async fn an_edit_that_does_not_fit_changes_nothing() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    add_rule(&ana, "one").await;
    let bob = join(b.path(), "bob", &ana, &listen(&ana).await).await;
    settled(&[&bob]).await;
    let before = export(&bob).await;
    let edits = vec![
        edit(Op::Add, "rules", Value::Map([("statement".to_owned(), "two".into())].into())),
        edit(Op::Set, "rules/nothing-here/statement", "three"),
    ];
    let error = bob.edit(edits, "").await.unwrap_err();
    assert!(matches!(error, EditFailed::Refused(_)), "{error}");
    assert_eq!(export(&bob).await, before);
}
