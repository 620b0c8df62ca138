//! Types one author's part of the recording into a context, each transaction as of the version it was made on.
//!
//! `replay LINK DIRECTORY AGENT`: joins the context, replays, waits until everything is durable at the
//! relay and the other's part is here, and prints the text and the seconds it took, as JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use wattle_context::{Part, Section, Splice};
use wattle_sync::{Identity, JoinLink, Notice, Options, Parts, Peer, Typing, Watch};
use wattle_tests::recording::{Recording, Transaction};

/// How long one may wait for the other.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [link, directory, agent] = arguments.as_slice() else {
        panic!("replay LINK DIRECTORY AGENT");
    };
    let agent: usize = agent.parse().expect("a number");
    let directory = Path::new(directory);
    let identity = Identity::load_or_create(&directory.join("config"), &format!("agent {agent}"));
    let options = Options::new(directory.join("context"), identity.expect("an identity"));
    let link: JoinLink = link.parse().expect("a link");
    let peer = Peer::join(options, &link).await.expect("joined");
    let watch = peer.watch();
    peer.settled(PATIENCE).await.expect("the empty document");
    let started = Instant::now();
    let text = replay(&peer, watch, agent).await;
    println!("{}", serde_json::json!({ "text": text, "seconds": started.elapsed().as_secs_f64() }));
    peer.close().await;
}

async fn replay(peer: &Peer, mut watch: Watch, agent: usize) -> String {
    let recording = Recording::load();
    let part = body(peer).await;
    let root = peer.view(Parts::These(vec![part]), move |context| {
        context.document(&part).expect("the body").version()
    });
    let mut versions = Versions { root: root.await.expect("a version"), of: BTreeMap::new() };
    let path = format!("{}/body", path_of(part));
    for (number, transaction) in recording.txns.iter().enumerate() {
        if transaction.agent != agent {
            continue;
        }
        versions.wait_for(&mut watch, &transaction.parents).await;
        let typing = Typing {
            path: path.clone(),
            splices: splices(transaction),
            base: Some(versions.token(&transaction.parents)),
        };
        let edited = peer.splice(typing, &number.to_string()).await.expect("typed");
        let (_, change) = edited.changes.last().expect("a change");
        versions.of.insert(
            number,
            prefix(&wattle_protocol::Header::parse(change).expect("a change").hash.to_string()),
        );
    }
    let all: Vec<usize> = (0..recording.txns.len()).collect();
    versions.wait_for(&mut watch, &all).await;
    peer.settled(PATIENCE).await.expect("everything is at the relay");
    let Part::Body(item) = part else { unreachable!("it is a body") };
    let text = peer.view(Parts::All, move |context| context.body(&item)).await;
    text.expect("readable").expect("a body")
}

/// The versions of the transactions that are here, by number.
struct Versions {
    root: String,
    of: BTreeMap<usize, String>,
}

impl Versions {
    async fn wait_for(&mut self, watch: &mut Watch, numbers: &[usize]) {
        while numbers.iter().any(|number| !self.of.contains_key(number)) {
            let notice = tokio::time::timeout(PATIENCE, watch.next()).await;
            match notice.expect("in time").expect("an open peer") {
                Notice::Changed(changed) => {
                    if let Some(number) = number_of(&changed.why) {
                        self.of.insert(number, prefix(&changed.change));
                    }
                }
                Notice::Lagged { missed } => panic!("{missed} notices were missed"),
            }
        }
    }

    fn token(&self, parents: &[usize]) -> String {
        let mut tokens: Vec<&str> = parents.iter().map(|parent| self.of[parent].as_str()).collect();
        tokens.sort_unstable();
        if tokens.is_empty() { self.root.clone() } else { tokens.join(".") }
    }
}

/// The number of a transaction: the first line of its reason.
fn number_of(why: &str) -> Option<usize> {
    why.lines().next()?.trim().parse().ok()
}

fn prefix(hash: &str) -> String {
    hash.chars().take(16).collect()
}

fn splices(transaction: &Transaction) -> Vec<Splice> {
    let patches = transaction.patches.iter();
    patches
        .map(|(at, delete, insert)| Splice { at: *at, delete: *delete, insert: insert.clone() })
        .collect()
}

async fn body(peer: &Peer) -> Part {
    let parts = Parts::These(vec![Part::Section(Section::Documents)]);
    let ids = peer.view(parts, |context| context.body_ids()).await.expect("readable");
    Part::Body(*ids.first().expect("the document"))
}

fn path_of(part: Part) -> String {
    let Part::Body(item) = part else { unreachable!("it is a body") };
    format!("documents/{item}")
}
