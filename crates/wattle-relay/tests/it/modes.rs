//! Who may bring contexts, by the mode of the relay.

use std::fs;

use tempfile::tempdir;

use crate::client::{Client, Seen, Who};
use crate::process::{Relay, command, fails};
use crate::writer::{Writer, keypair, record};

fn loud(log: &[String]) -> bool {
    log.iter().any(|line| line.contains("WARN") && line.contains("OPEN MODE"))
}

#[test]
fn open_is_the_default_on_this_machine_alone_and_says_so_loudly() {
    let data = tempdir().unwrap();
    for (listen, mode, open) in [
        ("127.0.0.1:0", None, true),
        ("127.0.0.1:0", Some("open"), true),
        ("127.0.0.1:0", Some("members"), false),
        ("[::1]:0", None, true),
        ("0.0.0.0:0", None, false),
    ] {
        let arguments = ["--listen", listen].into_iter();
        let arguments = arguments.chain(mode.into_iter().flat_map(|mode| ["--mode", mode]));
        let relay = Relay::start_with(data.path(), arguments);
        relay.terminate();
        let (status, log) = relay.wait();
        assert!(status.success());
        assert_eq!(loud(&log), open, "{listen} {mode:?}: {log:?}");
    }
}

#[test]
fn open_is_refused_where_others_could_come_in() {
    let data = tempdir().unwrap();
    let mut command = command(data.path());
    let output = fails(command.args(["--listen", "0.0.0.0:0", "--mode", "open"]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("open mode is for this machine alone, and 0.0.0.0:"), "{said}");
    assert!(said.contains("choose members or tokens"), "{said}");
}

#[test]
fn a_founder_that_is_no_key_is_named() {
    let data = tempdir().unwrap();
    let output = fails(command(data.path()).args(["--founder", "ana"]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("founders: ana is not a public key"), "{said}");
}

/// Refused as if the context did not exist, whatever the record says.
fn unknown(seen: &Seen) -> bool {
    seen.ended || seen.refused.iter().any(|refusal| refusal.code.number() == 4404)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_founders_bring_contexts_and_members_come_to_those() {
    let data = tempdir().unwrap();
    let file = data.path().join("relay.toml");
    let founder = keypair(1).public();
    let text =
        format!("listen = \"127.0.0.1:0\"\nmode = \"members\"\nfounders = [\"{founder}\"]\n");
    fs::write(&file, text).unwrap();
    let relay = Relay::spawn(command(data.path()).arg("--config").arg(&file));
    let record = record(20, &keypair(1));
    let early = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    early.until("a refusal", unknown).await;
    assert!(!early.seen().in_sync);
    drop(early);
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    ana.until("sync", |seen| seen.in_sync).await;
    let mut writer = Writer::new(keypair(2), record.id());
    let bot = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    bot.until("sync", |seen| seen.in_sync).await;
    let change = writer.write(10);
    let hash = change.header.hash;
    bot.commit(vec![change]);
    ana.until_has(&[hash]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_context_of_others_looks_like_one_that_does_not_exist() {
    let data = tempdir().unwrap();
    let founder = keypair(1).public().to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--mode", "members", "--founder", &founder];
    let relay = Relay::start_with(data.path(), arguments);
    let here = record(21, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &here)).await;
    ana.until("sync", |seen| seen.in_sync).await;
    let mut answers = Vec::new();
    for context in [here, record(22, &keypair(1))] {
        let stranger = Client::start(relay.address, Who::new(keypair(9), &context)).await;
        let seen = stranger.until("a refusal", unknown).await;
        assert!(!seen.in_sync);
        // After the hello and the proof, which never are the same twice.
        answers.push((seen.frames[2..].to_vec(), seen.refused, seen.closed));
    }
    assert_eq!(answers[0], answers[1]);
}
