//! Types one author's part of the recording into a context, each run of keystrokes as of the version it was made on.
//!
//! `replay LINK DIRECTORY AGENT`: joins the context, replays, waits until everything is durable at the
//! relay and the other's part is here, and prints the text and the seconds it took, as JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use wattle_context::{Part, Section, Splice};
use wattle_protocol::Header;
use wattle_sync::{Identity, JoinLink, Notice, Options, Parts, Peer, Typing, Watch};
use wattle_tests::recording::{Recording, Run};

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
    let seen = seen(peer.watch());
    peer.settled(PATIENCE).await.expect("the empty document");
    let started = Instant::now();
    let text = replay(&peer, seen, agent).await;
    println!("{}", serde_json::json!({ "text": text, "seconds": started.elapsed().as_secs_f64() }));
    peer.close().await;
}

/// The changes that are here, as they come: the number of their run, and the hash.
type Seen = mpsc::UnboundedReceiver<(usize, String)>;

fn seen(mut watch: Watch) -> Seen {
    let (sender, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(notice) = watch.next().await {
            match notice {
                Notice::Changed(changed) => {
                    let number = changed.why.lines().next().and_then(|line| line.parse().ok());
                    // At the end, nobody listens any more.
                    number.and_then(|number| sender.send((number, prefix(&changed.change))).ok());
                }
                Notice::TakenOut(taken) => panic!("everything here is allowed: {taken:?}"),
                Notice::Lagged { missed } => panic!("{missed} notices were missed"),
            }
        }
    });
    seen
}

async fn replay(peer: &Peer, mut seen: Seen, agent: usize) -> String {
    let runs = Recording::load().runs();
    let part = body(peer).await;
    let root = peer.view(Parts::These(vec![part]), move |context| {
        context.document(&part).expect("the body").version()
    });
    let mut versions = Versions { root: root.await.expect("a version"), of: BTreeMap::new() };
    let path = format!("{}/body", path_of(part));
    for (number, run) in runs.iter().enumerate().filter(|(_, run)| run.agent == agent) {
        versions.wait_for(&mut seen, &run.parents).await;
        let typing = Typing {
            path: path.clone(),
            splices: splices(run),
            base: Some(versions.token(&run.parents)),
        };
        let edited = peer.splice(typing, &number.to_string()).await.expect("typed");
        let (_, change) = edited.changes.last().expect("a change");
        versions
            .of
            .insert(number, prefix(&Header::parse(change).expect("a change").hash.to_string()));
    }
    let all: Vec<usize> = (0..runs.len()).collect();
    versions.wait_for(&mut seen, &all).await;
    peer.settled(PATIENCE).await.expect("everything is at the relay");
    let Part::Body(item) = part else { unreachable!("it is a body") };
    let text = peer.view(Parts::All, move |context| context.body(&item)).await;
    text.expect("readable").expect("a body")
}

/// The versions of the runs that are here, by number.
struct Versions {
    root: String,
    of: BTreeMap<usize, String>,
}

impl Versions {
    async fn wait_for(&mut self, seen: &mut Seen, numbers: &[usize]) {
        while numbers.iter().any(|number| !self.of.contains_key(number)) {
            let next = tokio::time::timeout(PATIENCE, seen.recv()).await;
            let (number, version) = next.expect("in time").expect("an open peer");
            self.of.insert(number, version);
        }
    }

    fn token(&self, parents: &[usize]) -> String {
        let mut tokens: Vec<&str> = parents.iter().map(|parent| self.of[parent].as_str()).collect();
        tokens.sort_unstable();
        if tokens.is_empty() { self.root.clone() } else { tokens.join(".") }
    }
}

fn prefix(hash: &str) -> String {
    hash.chars().take(16).collect()
}

fn splices(run: &Run) -> Vec<Splice> {
    let patches = run.patches.iter();
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
