//! Two processes replay a real recording of two authors through a relay process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wattle_context::{Edit, Op, Value};
use wattle_sync::{Identity, JoinLink, Options, Parts, Peer};
use wattle_tests::cable::Cable;
use wattle_tests::invitation::invitation;
use wattle_tests::process::{RelayProcess, program};
use wattle_tests::recording::Recording;

const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_authors_and_the_relay_end_with_the_recorded_text() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(&folder.path().join("relay"));
    let owner = owner(folder.path(), &relay).await;

    // One author is cut off in the middle of the work, for as long as it takes the other to go on.
    let cable = Cable::to(relay.address()).await;
    let direct = invitation(&owner, 3, relay.address()).await;
    let cabled = Some(format!("wattle://{}", cable.address()));
    let through_cable = JoinLink { relay: cabled, ..direct.clone() };
    let zero = replay(&direct, &folder.path().join("zero"), 0);
    let one = replay(&through_cable, &folder.path().join("one"), 1);
    wait_for_length(&owner, 3_000).await;
    cable.cut();
    // Both go on until each needs what the other has; the owner sees only one of them meanwhile.
    wait_until_still(&owner).await;
    cable.heal();

    let recording = Recording::load();
    for (name, child) in [("zero", zero), ("one", one)] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(result["text"] == recording.end.as_str(), "{name} ends with another text");
        println!("author {name}: {} s", result["seconds"]);
    }
    owner.close().await;

    // Whoever asks the relay, and nobody else, reads the same.
    let late = Peer::join(options(folder.path(), "late"), &direct).await.unwrap();
    late.settled(PATIENCE).await.unwrap();
    assert!(text(&late).await == recording.end, "the relay has another text");
    late.close().await;
}

fn replay(link: &JoinLink, directory: &Path, agent: usize) -> Child {
    std::fs::create_dir_all(directory).unwrap();
    Command::new(program("replay"))
        .arg(link.to_string())
        .arg(directory)
        .arg(agent.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn owner(folder: &Path, relay: &RelayProcess) -> Peer {
    let owner = Peer::create(options(folder, "owner"), "friends").await.unwrap();
    let add = Edit {
        op: Op::Add,
        path: "documents".to_owned(),
        value: Value::Map(
            [("title".to_owned(), "recording".into()), ("body".to_owned(), "".into())].into(),
        ),
        old: None,
        base: None,
        if_unchanged: false,
    };
    owner.edit(vec![add], "begin").await.unwrap();
    owner.dial(&format!("ws://{}/sync", relay.address())).unwrap();
    owner.settled(PATIENCE).await.unwrap();
    owner
}

fn options(folder: &Path, name: &str) -> Options {
    let identity = Identity::load_or_create(&folder.join(name).join("config"), name).unwrap();
    Options::new(folder.join(name).join("context"), identity)
}

async fn text(peer: &Peer) -> String {
    let read = |context: &mut wattle_context::Context| {
        let id = *context.body_ids().first()?;
        context.body(&id)
    };
    peer.view(Parts::All, read).await.unwrap().unwrap_or_default()
}

async fn wait_for_length(peer: &Peer, chars: usize) {
    let mut watch = peer.watch();
    while text(peer).await.chars().count() < chars {
        tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
    }
}

/// Until nothing has come for a second.
async fn wait_until_still(peer: &Peer) {
    let mut watch = peer.watch();
    while tokio::time::timeout(Duration::from_secs(1), watch.next()).await.is_ok() {}
}
