//! `kill -9` of a peer and of its relay under load: what was acknowledged is there after the restart.
//!
//! `WATTLE_KILLS` sets the number of rounds.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::tempdir;
use wattle_context::{LogFilter, Section};
use wattle_sync::{Identity, JoinLink, Options, Parts, Peer};
use wattle_tests::cable::Cable;
use wattle_tests::invitation::invitation;
use wattle_tests::process::{RelayProcess, program};

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills_of_peer_and_relay() {
    let rounds = std::env::var("WATTLE_KILLS").map_or(10, |rounds| rounds.parse().unwrap());
    let folder = tempdir().unwrap();
    let data = folder.path().join("relay");
    let mut relay = RelayProcess::start(&data);
    let cable = Cable::to(relay.address()).await;
    let address = format!("ws://{}", cable.address());
    let link = {
        let peer = Peer::create(options(folder.path()), "kills").await.unwrap();
        peer.dial(&address).unwrap();
        peer.settled(PATIENCE).await.unwrap();
        // Each round has a newcomer.
        let link = invitation(&peer, u32::try_from(rounds).unwrap(), cable.address()).await;
        peer.close().await;
        link
    };

    let mut said = Said::default();
    for round in 0..rounds {
        let mut writer = writer(folder.path(), &address);
        let lines = 5 + (round * 37) % 60;
        said.listen(&mut writer, lines);
        if round % 2 == 1 {
            // The relay dies first, while the peer writes on.
            relay.kill();
            relay = RelayProcess::start(&data);
            cable.cut();
            cable.lead(relay.address());
            cable.heal();
            said.listen(&mut writer, 20);
        }
        writer.kill().unwrap();
        said.rest(writer);
        let here = changes(&Peer::open(options(folder.path())).await.unwrap()).await;
        let missing = said.here.difference(&here).count();
        assert_eq!(missing, 0, "round {round}: of {} acknowledged changes", said.here.len());
        let there = at_the_relay(&link).await;
        let missing = said.there.difference(&there).count();
        assert_eq!(
            missing,
            0,
            "round {round}: of {} changes durable at the relay",
            said.there.len()
        );
    }
    println!(
        "{rounds} kills of the peer, {} of the relay; {} changes acknowledged here, {} there; none missing",
        rounds / 2,
        said.here.len(),
        said.there.len()
    );
    assert!(said.there.len() >= rounds, "the relay was in use");
}

/// What the writer said was durable.
#[derive(Default)]
struct Said {
    here: BTreeSet<String>,
    there: BTreeSet<String>,
    since: Vec<String>,
}

impl Said {
    /// Reads so many lines.
    fn listen(&mut self, writer: &mut Child, lines: usize) {
        let mut reader = BufReader::with_capacity(1, writer.stdout.take().unwrap());
        for _ in 0..lines {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            self.note(&line);
        }
        writer.stdout = Some(reader.into_inner());
    }

    /// Reads what was said before the end.
    fn rest(&mut self, mut writer: Child) {
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        lines.for_each(|line| self.note(&line.unwrap()));
        writer.wait().unwrap();
        self.since.clear();
    }

    fn note(&mut self, line: &str) {
        match line.trim().split_once(' ') {
            Some(("here", hash)) if hash.len() == 64 => {
                self.here.insert(hash.to_owned());
                self.since.push(hash.to_owned());
            }
            Some(("there", hash)) if hash.len() == 64 => self.there.extend(self.since.drain(..)),
            // The writer was killed in the middle of a line.
            _ => {}
        }
    }
}

fn writer(folder: &Path, relay: &str) -> Child {
    Command::new(program("writer"))
        .arg(folder)
        .arg(relay)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn changes(peer: &Peer) -> BTreeSet<String> {
    let parts = Parts::These(vec![wattle_context::Part::Section(Section::Tasks)]);
    let log = peer.view(parts, |context| context.log(&LogFilter::default())).await.unwrap();
    peer.clone().close().await;
    log.into_iter().map(|entry| entry.change).collect()
}

/// What a newcomer gets from the relay.
async fn at_the_relay(link: &JoinLink) -> BTreeSet<String> {
    let folder = tempdir().unwrap();
    let peer = Peer::join(options(folder.path()), link).await.unwrap();
    peer.settled(PATIENCE).await.unwrap();
    changes(&peer).await
}

fn options(folder: &Path) -> Options {
    let identity = Identity::load_or_create(&folder.join("config"), "writer").unwrap();
    Options::new(folder.join("context"), identity)
}
