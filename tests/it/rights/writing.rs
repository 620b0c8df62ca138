//! Who writes what: refused at home, at the relay, and by every peer.

use tokio::net::TcpListener;
use wattle_protocol::message::{Has, Opened};
use wattle_sync::{Code, EditFailed};
use wattle_tests::raw::Raw;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_does_not_rewrite_the_rules_it_works_under() {
    let house = House::new().await;
    let (bob, mirror) = (identity("bob"), identity("mirror"));
    let contributor = house.joins(&bob, Role::Contributor).await;
    let carol = house.joins(&identity("carol"), Role::Editor).await;

    // At its own machine, before anything is written.
    let edit = rule_edit(&contributor).await;
    let before = contributor.view(Parts::All, |context| context.version()).await.unwrap();
    let failed = contributor.edit(vec![edit.clone()], "easier").await.unwrap_err();
    let EditFailed::NotAllowed { section, .. } = &failed else { panic!("{failed:?}") };
    assert_eq!(*section, Section::Rules);
    let sentence = failed.to_string();
    assert!(sentence.starts_with("the role contributor may not write rules"), "{sentence}");
    let after = contributor.view(Parts::All, |context| context.version()).await.unwrap();
    assert_eq!(before, after);

    // A patched one sends it anyway, well signed: the relay refuses it.
    let forged = forge(&contributor, &bob, edit).await;
    contributor.close().await;
    let mut patched = Raw::dial(house.address(), &bob.keypair).await;
    patched.open(house.ana.context_id(), vec![]).await;
    patched.say(&carrying(&house.ana, Section::Rules, &[&forged])).await;
    let answer = patched.until(|message| refused(message).is_some()).await;
    assert_eq!(refused(&answer), Some((Code::Forbidden, Some(forged.header.hash))));
    let later = house.writes(&house.ana, Section::Rules, "Say what you have done.").await;
    until_has(&carol, Section::Rules, later).await;
    for peer in [&house.ana, &carol] {
        assert!(!has(peer, Section::Rules, forged.header.hash).await);
    }

    // A patched relay passes it on: a peer that dials it takes it neither to its screen nor to its disk.
    house.grants(&mirror, Role::Reader).await;
    carol.settled(PATIENCE).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    carol.dial(&format!("ws://{}", listener.local_addr().unwrap())).unwrap();
    let mut relay = Raw::accept(&listener, &mirror.keypair).await;
    pass_on(&mut relay, &carol, &forged).await;
    assert!(!has(&carol, Section::Rules, forged.header.hash).await);
    assert!(has(&carol, Section::Rules, later).await);
    let directory = house.folder.path().join("carol");
    let keys = Identity::random("carol").unwrap();
    carol.close().await;
    let again = Peer::open(Options::new(directory, keys)).await.unwrap();
    assert!(!has(&again, Section::Rules, forged.header.hash).await);
    assert!(has(&again, Section::Rules, later).await);
    house.ends(vec![again]).await;
}

/// As a relay would that asks nobody.
async fn pass_on(relay: &mut Raw, to: &Peer, change: &Change) {
    let open = relay.until(|message| matches!(message, Message::Open(open) if !open.more)).await;
    let Message::Open(open) = open else { unreachable!() };
    let stated = open.documents.iter().any(|have| have.document == document(Section::Rules));
    assert!(stated, "it trusts this relay with all that it has");
    let (cursor, heads) = (Position(1), vec![change.header.hash]);
    let has = Has { document: document(Section::Rules), cursor, heads, sends: true };
    let opened = Opened {
        context: open.context,
        access_entries: open.access_entries,
        access_head: open.access_head,
        documents: vec![has],
        more: false,
    };
    relay.say(&Message::Opened(opened)).await;
    relay.say(&carrying(to, Section::Rules, &[change])).await;
    let answer = relay.until(|message| refused(message).is_some()).await;
    assert_eq!(refused(&answer), Some((Code::Forbidden, Some(change.header.hash))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_batch_only_what_its_author_may_not_write_is_refused() {
    let house = House::new().await;
    let (bob, mia) = (identity("bob"), identity("mia"));
    house.grants(&bob, Role::Contributor).await;
    house.grants(&mia, Role::Maintainer).await;
    let carol = house.joins(&identity("carol"), Role::Reader).await;
    let theirs = forge(&house.ana, &bob, rule_edit(&house.ana).await).await;
    let hers = forge(&house.ana, &mia, add(Section::Rules, "Test what you change.")).await;

    let mut writer = Raw::dial(house.address(), &mia.keypair).await;
    writer.open(house.ana.context_id(), vec![]).await;
    writer.say(&carrying(&house.ana, Section::Rules, &[&theirs, &hers])).await;
    let (mut no, mut yes) = (false, false);
    while !(no && yes) {
        let answer = writer
            .until(|message| refused(message).is_some() || matches!(message, Message::Saved { .. }))
            .await;
        if let Message::Saved { heads, receipt, .. } = &answer {
            yes |= heads.contains(&hers.header.hash);
            assert!(!heads.contains(&theirs.header.hash));
            assert!(receipt.is_some(), "a relay signs for what it keeps");
        } else {
            assert_eq!(refused(&answer), Some((Code::Forbidden, Some(theirs.header.hash))));
            no = true;
        }
    }
    for peer in [&house.ana, &carol] {
        until_has(peer, Section::Rules, hers.header.hash).await;
        assert!(!has(peer, Section::Rules, theirs.header.hash).await);
    }
    house.ends(vec![carol]).await;
}
