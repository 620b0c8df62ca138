//! Somebody is revoked, and what he wrote afterwards has reached others all the same.

use std::net::SocketAddr;

use wattle_context::{LogFilter, Op};
use wattle_sync::audit::verify;
use wattle_sync::{Again, Audited, Parts, Peer, Role};

use crate::cable::Cable;
use crate::support::{
    add_rule, create, edit, export, identity, invite, listen, options, settled, until,
};

/// Where a peer listens.
async fn address(peer: &Peer) -> SocketAddr {
    listen(peer).await.trim_start_matches("wattle://").parse().unwrap()
}

async fn join(directory: &std::path::Path, name: &str, of: &Peer, cable: &Cable) -> Peer {
    let link = invite(of, Role::Maintainer, &format!("wattle://{}", cable.address())).await;
    Peer::join(options(directory, name), &link).await.unwrap()
}

async fn holds(peer: &Peer, text: &str) -> bool {
    export(peer).await.contains(text)
}

async fn replays(peer: &Peer) -> usize {
    let log = peer.view(Parts::All, |context| context.log(&LogFilter::default())).await;
    log.unwrap().iter().filter(|entry| entry.why.contains("Replays: ")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_author_passed_on_goes_and_honest_work_on_it_stays() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let ana = create(directories[0].path(), "ana").await;
    let to_ana = address(&ana).await;
    let (for_bob, for_mal) = (Cable::to(to_ana).await, Cable::to(to_ana).await);
    let bob = join(directories[1].path(), "bob", &ana, &for_bob).await;
    let mal = join(directories[2].path(), "mal", &ana, &for_mal).await;
    let rule = add_rule(&ana, "deploys need a review").await;
    let rationale = format!("{rule}/rationale");
    ana.edit(vec![edit(Op::Set, &rationale, "one\ntwo\n")], "a start").await.unwrap();
    let beside = Peer::open(options(directories[1].path(), "bob")).await.unwrap();
    settled(&[&ana, &bob, &mal]).await;
    until(async || holds(&bob, "two").await && holds(&mal, "two").await).await;

    for_bob.cut();
    for_mal.cut();
    ana.revoke(identity("mal").key()).await.unwrap();
    // Neither of them knows: he hands his edit on directly, and is built upon.
    bob.dial(&listen(&mal).await).unwrap();
    mal.edit(vec![edit(Op::Set, &rationale, "one\nforged\ntwo\n")], "late").await.unwrap();
    until(async || holds(&bob, "forged").await).await;
    let text = "one\nforged\ntwo\nthree\n";
    bob.edit(vec![edit(Op::Set, &rationale, text)], "count on").await.unwrap();
    bob.edit(vec![edit(Op::Set, &format!("{rule}/severity"), "must")], "strict").await.unwrap();

    for_bob.heal();
    until(async || holds(&ana, "must").await).await;
    until(async || export(&ana).await == export(&bob).await).await;
    assert!(holds(&ana, "one\\ntwo\\nthree\\n").await, "{}", export(&ana).await);
    settled(&[&ana]).await;
    // Two processes of bob's have learned of it, and one has written it again.
    until(async || export(&beside).await == export(&ana).await).await;
    for peer in [&ana, &bob, &beside] {
        assert_eq!(replays(peer).await, 2);
    }
    let audit = bob.audit().await.unwrap();
    let again = audit.iter().filter_map(|line| {
        let Audited::Removed { again, .. } = &line.what else { return None };
        Some((line.by.clone().unwrap().name, again.clone()))
    });
    let again: Vec<(String, Again)> = again.collect();
    assert_eq!(again[0], ("mal".to_owned(), Again::Refused));
    assert!(again[1..].iter().all(|(by, again)| by == "bob" && matches!(again, Again::As(_))));
    assert_eq!(again.len(), 3);

    // He learns it with the log: what he wrote is out of his view, and he is told.
    for_mal.heal();
    until(async || mal.status().await.unwrap().uncounted.is_some()).await;
    let uncounted = mal.status().await.unwrap().uncounted.unwrap();
    assert_eq!(uncounted.changes, 1);
    assert!(!holds(&mal, "forged").await);
    for peer in [ana, bob, beside, mal] {
        peer.close().await;
    }
    for directory in &directories {
        assert_eq!(verify(directory.path()).unwrap().problems, []);
    }
}
