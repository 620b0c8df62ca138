//! A disk that takes nothing more, and later does.

use std::process::Command;

use tempfile::tempdir;

use crate::client::{Client, Who};
use crate::process::{Relay, command, until};
use crate::writer::{Writer, keypair, record};

/// Files of the process may have this many bytes, or any number.
fn limit_files(relay: &Relay, bytes: &str) {
    let pid = relay.id().to_string();
    let status = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--fsize={bytes}:")])
        .status()
        .expect("there is prlimit");
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_called_durable_while_the_disk_is_full_and_all_of_it_afterwards() {
    let data = tempdir().unwrap();
    let relay = command(data.path());
    // A file over its limit is then an error for the write, not a signal for the process.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_wattle-relay")]);
    shell.args(relay.get_args()).args(["--listen", "127.0.0.1:0"]);
    let relay = Relay::spawn(&mut shell);
    let record = record(9, &keypair(1));
    let mut writer = Writer::new(keypair(1), record.id());
    let who = Who::new(keypair(1), &record);
    let store = who.store.clone();
    let ana = Client::start(relay.address, who).await;
    let first = writer.write(10);
    let before = first.header.hash;
    ana.commit(vec![first]);
    ana.until_durable(&[before]).await;

    limit_files(&relay, "1000");
    let lost: Vec<_> = (0..20).map(|_| writer.write(10_000)).collect();
    let hashes: Vec<_> = lost.iter().map(|change| change.header.hash).collect();
    ana.commit(lost);
    until("the failure to show", || {
        let (code, answer) = relay.get("/healthz");
        (code == 503 && answer.contains(r#""status":"failed""#)).then_some(())
    });
    let refused = ana.until("a refusal", |seen| !seen.refused.is_empty() || seen.ended).await;
    assert!(hashes.iter().all(|hash| !refused.durable.contains(hash)), "{refused:?}");

    limit_files(&relay, "unlimited");
    until("the store to write again", || (relay.get("/healthz").0 == 200).then_some(()));
    drop(ana);
    let again = Client::start(relay.address, Who { store, ..Who::new(keypair(1), &record) }).await;
    again.until_durable(&hashes).await;
    assert_eq!(relay.metric("wattle_panics_total"), 0.0);
    relay.kill();
    let relay = Relay::start(data.path());
    let late = Client::start(relay.address, Who::new(keypair(2), &record)).await;
    late.until_has(&hashes).await;
}
