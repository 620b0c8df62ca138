//! Edits a context as fast as it is acknowledged, and prints each acknowledged change: to be killed.
//!
//! `writer DIRECTORY RELAY`: a line `here HASH` says that the change is durable on this disk,
//! a line `there HASH` that it and all before it are durable at the relay.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use wattle_context::{Edit, Op};
use wattle_protocol::Header;
use wattle_sync::{Identity, Options, Peer};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, relay] = arguments.as_slice() else { panic!("writer DIRECTORY RELAY") };
    let directory = Path::new(directory);
    let identity = Identity::load_or_create(&directory.join("config"), "writer").expect("a key");
    let options = Options::new(directory.join("context"), identity);
    let peer = Peer::open(options).await.expect("a context");
    peer.dial(relay).expect("an address");
    for number in 0.. {
        let hash = edit(&peer, number).await;
        say("here", &hash);
        if number % 8 == 7 && peer.settled(Duration::from_secs(60)).await.is_ok() {
            say("there", &hash);
        }
    }
}

async fn edit(peer: &Peer, number: u64) -> String {
    let edit = Edit {
        op: Op::Add,
        path: "tasks".to_owned(),
        value: format!("task {number}").into(),
        old: None,
        base: None,
        if_unchanged: false,
    };
    let edited = peer.edit(vec![edit], "under load").await.expect("an edit");
    let (_, change) = edited.changes.first().expect("a change");
    Header::parse(change).expect("a change").hash.to_string()
}

fn say(what: &str, hash: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{what} {hash}").and_then(|()| stdout.flush()).expect("a reader");
}
