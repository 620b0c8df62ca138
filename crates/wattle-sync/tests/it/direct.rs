//! Two peers without a relay.

use tempfile::tempdir;
use wattle_context::Op;
use wattle_sync::{LinkState, Notice, Origin, Parts};

use crate::cable::Cable;
use crate::support::{PATIENCE, add_rule, create, edit, export, join, listen, settled, until};

#[tokio::test]
async fn what_one_writes_the_other_reads() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    add_rule(&ana, "water in the evening").await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    settled(&[&bob]).await;
    assert_eq!(bob.name().await.as_deref(), Some("garden"));
    assert_eq!(export(&ana).await, export(&bob).await);
    assert!(export(&bob).await.contains("water in the evening"));
    bob.close().await;
    ana.close().await;
}

#[tokio::test]
async fn a_watcher_is_told_who_changed_what_and_why() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    settled(&[&bob]).await;
    let mut watch = bob.watch();
    let path = add_rule(&ana, "water in the evening").await;
    let told = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
    let Notice::Changed(changed) = told else { panic!("{told:?}") };
    assert_eq!((changed.by.as_str(), changed.why.as_str()), ("ana", "a test"));
    assert_eq!(changed.key, ana.key().to_string());
    assert!(changed.paths.iter().any(|touched| touched.starts_with(&path)), "{changed:?}");
    assert!(matches!(changed.origin, Origin::Remote(_)), "{changed:?}");
    bob.close().await;
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_link_that_is_cut_and_healed_leaves_both_equal_with_nothing_lost() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let cable = Cable::to(address).await;
    let bob = join(b.path(), "bob", &ana, &format!("wattle://{}", cable.address())).await;
    let shared = add_rule(&ana, "shared").await;
    // Bob is settled with what he has heard of: what was written after that may be on its way.
    until(async || export(&bob).await.contains("shared")).await;

    cable.cut();
    for n in 0..20 {
        add_rule(&ana, &format!("ana {n}")).await;
        add_rule(&bob, &format!("bob {n}")).await;
    }
    let statement = format!("{shared}/statement");
    ana.edit(vec![edit(Op::Set, &statement, "of ana")], "").await.unwrap();
    bob.edit(vec![edit(Op::Set, &statement, "of bob")], "").await.unwrap();
    assert_ne!(export(&ana).await, export(&bob).await);

    cable.heal();
    settled(&[&bob]).await;
    let text = export(&ana).await;
    assert_eq!(text, export(&bob).await);
    for n in 0..20 {
        assert!(text.contains(&format!("ana {n}")) && text.contains(&format!("bob {n}")), "{n}");
    }
    let conflicts = |peer: wattle_sync::Peer| async move {
        peer.view(Parts::Sections, |context| context.conflicts()).await.unwrap()
    };
    let (of_ana, of_bob) = (conflicts(ana.clone()).await, conflicts(bob.clone()).await);
    assert_eq!(of_ana, of_bob);
    assert_eq!(of_ana.len(), 1);
    assert_eq!(of_ana[0].path, statement);

    let keep = wattle_context::Settlement::Keep("a".to_owned());
    bob.resolve(&of_ana[0].id, keep, "the first is as good").await.unwrap();
    settled(&[&bob]).await;
    assert!(conflicts(ana.clone()).await.is_empty());
    assert_eq!(export(&ana).await, export(&bob).await);
}

#[tokio::test]
async fn a_status_says_what_is_durable_where() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    add_rule(&bob, "one").await;
    settled(&[&bob]).await;
    let status = bob.status().await.unwrap();
    assert_eq!(status.links[0].state, LinkState::InSync);
    assert_eq!(status.links[0].key, Some(ana.key()));
    assert_eq!(status.remotes[0].pending, 0);
    assert_eq!(status.remotes[0].address.as_deref(), Some(address.as_str()));
    let rules = status.documents.iter().find(|document| document.name == "rules").unwrap();
    assert_eq!((rules.changes, rules.remotes[0].durable, rules.remotes[0].pending), (2, 2, 0));
    assert_eq!(bob.heads().await.unwrap()[&rules.part.unwrap()], rules.heads);

    ana.close().await;
    add_rule(&bob, "two").await;
    let status = bob.status().await.unwrap();
    assert_eq!(status.remotes[0].pending, 1);
}

#[tokio::test]
async fn presence_is_seen_and_taken_back() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    settled(&[&bob]).await;
    ana.present("reads rules".to_owned()).await;
    until(|| async { bob.presence().await.iter().any(|one| one.body == "reads rules") }).await;
    ana.present(String::new()).await;
    until(|| async { bob.presence().await.is_empty() }).await;
}

#[tokio::test]
async fn an_edit_is_soon_seen_on_the_other_side() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    settled(&[&bob]).await;
    let mut watch = bob.watch();
    let (mut durable, mut seen) = (Vec::new(), Vec::new());
    for n in 0..60 {
        let begun = std::time::Instant::now();
        add_rule(&ana, &format!("rule {n}")).await;
        durable.push(begun.elapsed());
        tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
        seen.push(begun.elapsed());
    }
    durable.sort();
    seen.sort();
    eprintln!("durable here after {:?}, {:?} (median, 90 %)", durable[30], durable[54]);
    eprintln!("durable and seen there after {:?}, {:?}", seen[30], seen[54]);
    assert!(seen[30] < std::time::Duration::from_millis(500), "{seen:?}");
}

#[tokio::test]
async fn a_long_history_comes_as_a_snapshot_and_a_tail() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let rule = add_rule(&ana, "one").await;
    for n in 0..24 {
        let edits = (0..50).map(|m| {
            let rationale = format!("{rule}/rationale");
            let peer = ana.clone();
            async move {
                let edits = vec![edit(Op::Append, &rationale, format!("line {n} {m}\n"))];
                peer.edit(edits, "").await.unwrap()
            }
        });
        futures_util::future::join_all(edits).await;
    }
    let mut store = wattle_store::SqliteStore::open_existing(a.path().join("context.db")).unwrap();
    let rules =
        wattle_sync::part::key_of(wattle_context::Part::Section(wattle_context::Section::Rules));
    let context = ana.context_id();
    until(|| {
        let found = wattle_store::Store::snapshot(&mut store, &context, &rules).unwrap().is_some();
        async move { found }
    })
    .await;
    let address = listen(&ana).await;
    let bob = join(b.path(), "bob", &ana, &address).await;
    settled(&[&bob]).await;
    assert_eq!(export(&ana).await, export(&bob).await);
    assert!(export(&bob).await.contains("line 23 49"));
    ana.close().await;
    let ana = wattle_sync::Peer::open(crate::support::options(a.path(), "ana")).await.unwrap();
    assert_eq!(export(&ana).await, export(&bob).await);
}
