//! Three machines edit at random while their links are cut and healed: all end equal to the byte.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::tempdir;
use wattle_context::{Edit, Op, Section, Value};
use wattle_relay::{Config, Relay};
use wattle_sync::{Identity, Options, Parts, Peer};
use wattle_tests::cable::Cable;
use wattle_tests::invitation::invitation;

const PATIENCE: Duration = Duration::from_secs(120);
const ROUNDS: usize = 12;
const EDITS_PER_ROUND: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_machines_end_equal_and_no_edit_is_missing() {
    let folder = tempdir().unwrap();
    let config =
        Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(folder.path().join("relay")) };
    let relay = Relay::start(config).await.unwrap();
    let ana = Peer::create(options(folder.path(), "ana"), "three machines").await.unwrap();
    let direct = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    // Ana and bob have a cable to the relay each; eve reaches the context through ana alone.
    let cables = [
        Cable::to(relay.address()).await,
        Cable::to(relay.address()).await,
        Cable::to(direct).await,
    ];
    ana.dial(&format!("ws://{}", cables[0].address())).unwrap();
    ana.settled(PATIENCE).await.unwrap();
    let bob = join(folder.path(), "bob", &ana, cables[1].address()).await;
    let eve = join(folder.path(), "eve", &ana, cables[2].address()).await;
    let peers = [ana, bob, eve];
    for peer in &peers {
        peer.settled(PATIENCE).await.unwrap();
    }

    let mut dice = Dice(20_251_122);
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        for cable in &cables {
            if dice.roll(3) == 0 { cable.cut() } else { cable.heal() }
        }
        for _ in 0..EDITS_PER_ROUND {
            let peer = &peers[dice.roll(peers.len())];
            acknowledged.extend(edit(peer, &mut dice, round).await);
        }
    }
    cables.iter().for_each(Cable::heal);

    let exports = until_equal(&peers).await;
    assert_eq!(exports[0], exports[1]);
    assert_eq!(exports[0], exports[2]);
    for peer in &peers {
        let log =
            peer.view(Parts::All, |context| context.log(&wattle_context::LogFilter::default()));
        let changes: Vec<String> =
            log.await.unwrap().into_iter().map(|entry| entry.change).collect();
        let missing = acknowledged.iter().filter(|change| !changes.contains(change)).count();
        assert_eq!(missing, 0, "of {} acknowledged changes", acknowledged.len());
    }
    for peer in peers {
        peer.close().await;
    }
    relay.stop().await;
}

/// Makes one edit at random; answers the hashes of its changes.
async fn edit(peer: &Peer, dice: &mut Dice, round: usize) -> Vec<String> {
    let sections = [Section::Rules, Section::Tasks, Section::Documents];
    let section = sections[dice.roll(sections.len())];
    let items: Vec<String> = peer
        .view(Parts::All, move |context| {
            let view = context.section(section);
            view.items.iter().map(|item| format!("{section}/{}", item.id)).collect()
        })
        .await
        .unwrap();
    let text = format!("round {round}, {}", dice.roll(1_000_000));
    let field = match section {
        Section::Rules => "rationale",
        Section::Documents => "body",
        Section::Instructions | Section::People | Section::Tasks | Section::Tools => "title",
    };
    let edit = match (items.get(dice.roll(items.len() + 1)), dice.roll(4)) {
        (None, _) => made(Op::Add, section.to_string(), text),
        (Some(item), 0) => made(Op::Delete, item.clone(), Value::Null),
        (Some(item), 1) if field != "title" => made(Op::Append, format!("{item}/{field}"), text),
        (Some(item), _) => made(Op::Set, format!("{item}/{field}"), text),
    };
    let edited = peer.edit(vec![edit], "at random").await.unwrap();
    let hash = |bytes: &Vec<u8>| wattle_protocol::Header::parse(bytes).unwrap().hash.to_string();
    edited.changes.iter().map(|(_, bytes)| hash(bytes)).collect()
}

fn made(op: Op, path: String, value: impl Into<Value>) -> Edit {
    Edit { op, path, value: value.into(), old: None, base: None, if_unchanged: false }
}

async fn until_equal(peers: &[Peer]) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut exports = Vec::new();
        for peer in peers {
            peer.settled(PATIENCE).await.unwrap();
            let export = peer.view(Parts::All, |context| context.export().to_string()).await;
            exports.push(export.unwrap());
        }
        if exports.iter().all(|export| *export == exports[0]) || Instant::now() > deadline {
            return exports;
        }
    }
}

fn options(folder: &Path, name: &str) -> Options {
    let identity = Identity::load_or_create(&folder.join(name).join("config"), name).unwrap();
    Options::new(folder.join(name).join("context"), identity)
}

async fn join(folder: &Path, name: &str, of: &Peer, at: std::net::SocketAddr) -> Peer {
    let link = invitation(of, 1, at).await;
    Peer::join(options(folder, name), &link).await.unwrap()
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}
