//! Joining and granting where a relay orders the access log.

use std::path::Path;
use std::time::Duration;

use tempfile::tempdir;
use wattle_context::{Edit, Op, Value};
use wattle_relay::{Config, Relay, RelayHandle};
use wattle_sync::{
    GrantTerms, Identity, InviteTerms, JoinLink, Kind, Options, Outcome, Parts, Peer, Role,
};
use wattle_tests::cable::Cable;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_taken_up_at_the_relay_while_its_author_is_away() {
    let folder = tempdir().unwrap();
    let relay = relay(folder.path()).await;
    let ana = Peer::create(options(folder.path(), "ana"), "garden").await.unwrap();
    add_task(&ana, "before there was a relay").await;
    assert_eq!(ana.members().await.unwrap().sequencer, Some(ana.key()));
    ana.add_remote(&format!("wattle://{}", relay.address())).await.unwrap();
    ana.settled(PATIENCE).await.unwrap();
    assert_ne!(ana.members().await.unwrap().sequencer, Some(ana.key()));
    let terms = InviteTerms { role: Role::Contributor, uses: 1, until: None };
    let (link, outcome) = ana.invite(terms).await.unwrap();
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    ana.close().await;

    let link: JoinLink = link.to_string().parse().unwrap();
    let bob = Peer::join(options(folder.path(), "bob"), &link).await.unwrap();
    assert_eq!(bob.whoami().await.unwrap().sentence, "contributor");
    bob.settled(PATIENCE).await.unwrap();
    assert!(export(&bob).await.contains("before there was a relay"));
    add_task(&bob, "by the one who was invited").await;
    bob.settled(PATIENCE).await.unwrap();
    bob.close().await;

    let ana = Peer::open(options(folder.path(), "ana")).await.unwrap();
    ana.settled(PATIENCE).await.unwrap();
    assert!(export(&ana).await.contains("by the one who was invited"));
    let members = ana.members().await.unwrap().members;
    assert!(members.iter().any(|member| member.name == "bob"), "{members:?}");
    ana.close().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_made_offline_is_done_when_the_relay_is_back() {
    let folder = tempdir().unwrap();
    let relay = relay(folder.path()).await;
    let cable = Cable::to(relay.address()).await;
    let impatient =
        Options { access_patience: Duration::from_millis(200), ..options(folder.path(), "ana") };
    let ana = Peer::create(impatient, "garden").await.unwrap();
    ana.dial(&format!("wattle://{}", cable.address())).unwrap();
    ana.settled(PATIENCE).await.unwrap();
    cable.cut();
    let bob = Identity::random("bob").unwrap().key();
    let terms = GrantTerms {
        key: bob,
        name: "bob".to_owned(),
        kind: Kind::Person,
        role: Role::Editor,
        until: None,
        edits_per_minute: None,
    };
    let outcome = ana.grant(terms).await.unwrap();
    assert!(matches!(outcome, Outcome::Waiting { .. }), "{outcome:?}");
    // Rights stand still; editing goes on.
    add_task(&ana, "meanwhile").await;
    cable.heal();
    let done = async {
        while !ana.members().await.unwrap().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    let members = ana.members().await.unwrap().members;
    let bob = members.iter().find(|member| member.key == bob).unwrap();
    assert_eq!(bob.now, Some(Role::Editor));
    ana.settled(PATIENCE).await.unwrap();
    ana.close().await;
    relay.stop().await;
}

async fn relay(folder: &Path) -> RelayHandle {
    let config = Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(folder.join("relay")) };
    Relay::start(config).await.unwrap()
}

fn options(folder: &Path, name: &str) -> Options {
    let identity = Identity::load_or_create(&folder.join(name).join("config"), name).unwrap();
    Options::new(folder.join(name).join("context"), identity)
}

async fn add_task(peer: &Peer, title: &str) {
    let edit = Edit {
        op: Op::Add,
        path: "tasks".to_owned(),
        value: Value::Map([("title".to_owned(), title.into())].into()),
        old: None,
        base: None,
        if_unchanged: false,
    };
    peer.edit(vec![edit], "").await.unwrap();
}

async fn export(peer: &Peer) -> String {
    peer.view(Parts::All, |context| context.export().to_string()).await.unwrap()
}
