//! Several peers and several processes on one directory.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::tempdir;
use wattle_sync::{Kind, Notice, Origin, Peer, Role, UplinkStatus};

use crate::support::{PATIENCE, add_rule, create, export, grant, join, listen, options, settled};

/// Tells a copy of this program what to do, in a process of its own.
const ROLE: &str = "WATTLE_TEST_ROLE";
const DIRECTORY: &str = "WATTLE_TEST_DIRECTORY";
const EDITS: usize = 25;
const PROCESSES: usize = 4;

#[tokio::test]
async fn one_sees_what_another_has_stored_within_100_ms() {
    let home = tempdir().unwrap();
    let ana = create(home.path(), "ana").await;
    let bot = Peer::open(options(home.path(), "bot")).await.unwrap();
    let mut watch = bot.watch();
    let mut slowest = Duration::ZERO;
    let mut all = Vec::new();
    for n in 0..40 {
        add_rule(&ana, &format!("rule {n}")).await;
        let durable = Instant::now();
        let told = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
        let Notice::Changed(changed) = told else { panic!("{told:?}") };
        assert_eq!((changed.origin, changed.by.as_str()), (Origin::OtherProcess, "ana"));
        all.push(durable.elapsed());
        slowest = slowest.max(durable.elapsed());
    }
    all.sort();
    eprintln!("seen by another process after {:?} (median), {slowest:?} (slowest)", all[20]);
    assert!(all[20] < Duration::from_millis(100), "{all:?}");
    assert_eq!(export(&ana).await, export(&bot).await);
}

#[tokio::test]
async fn processes_that_edit_one_directory_at_once_lose_nothing() {
    let home = tempdir().unwrap();
    let ana = create(home.path(), "ana").await;
    grant(&ana, "child", Kind::Person, Role::Maintainer).await;
    let children: Vec<Child> =
        (0..PROCESSES).map(|n| child("edit", home.path(), &n.to_string())).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let text = export(&ana).await;
    for n in 0..PROCESSES {
        for edit in 0..EDITS {
            assert!(text.contains(&format!("\"process {n} edit {edit}\"")), "{n} {edit}");
        }
    }
}

#[tokio::test]
async fn the_uplink_is_held_once_and_taken_over_when_its_process_is_killed() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    let ana = create(a.path(), "ana").await;
    let address = listen(&ana).await;
    join(b.path(), "bob", &ana, &address).await.close().await;
    let up = || async { ana.status().await.unwrap().links.len() };
    // The link of the closed peer must be gone before a new one can be told from it.
    while up().await != 0 {
        tokio::task::yield_now().await;
    }
    let mut holder = child("hold", b.path(), "");
    while up().await == 0 {
        tokio::task::yield_now().await;
    }

    let bob = Peer::open(options(b.path(), "bob")).await.unwrap();
    add_rule(&bob, "one").await;
    settled(&[&bob]).await;
    assert_eq!(bob.status().await.unwrap().uplink, UplinkStatus::Elsewhere);
    assert!(export(&ana).await.contains("one"));
    assert_eq!(up().await, 1);

    holder.kill().unwrap();
    holder.wait().unwrap();
    let killed = Instant::now();
    add_rule(&bob, "two").await;
    while bob.status().await.unwrap().uplink != UplinkStatus::Here {
        tokio::task::yield_now().await;
    }
    settled(&[&bob]).await;
    eprintln!("taken over and settled {:?} after the kill", killed.elapsed());
    assert!(export(&ana).await.contains("two"));
}

/// What a copy of this program does; in this process, nothing.
#[tokio::test]
async fn in_a_process_of_its_own() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let directory = std::env::var(DIRECTORY).unwrap();
    let name = if role.starts_with("hold") { "bob" } else { "child" };
    let peer = Peer::open(options(Path::new(&directory), name)).await.unwrap();
    match role.split_once(' ') {
        Some(("edit", n)) => {
            for edit in 0..EDITS {
                add_rule(&peer, &format!("process {n} edit {edit}")).await;
            }
            peer.close().await;
        }
        _ => std::future::pending().await,
    }
}

fn child(role: &str, directory: &Path, argument: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::in_a_process_of_its_own"])
        .env(ROLE, format!("{role} {argument}"))
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
