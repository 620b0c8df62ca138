//! What rights cost: signing, verifying, admitting, asking the log, reading it.
//!
//! `cargo bench -p wattle-protocol`. Times of a shared machine say little, so each is also given as a
//! multiple of one SHA-256 of 1 KiB, timed in the same moment.

#![expect(clippy::disallowed_types, reason = "a bench asks what time it is")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest, Sha256};
use wattle_protocol::access::{Action, Closure, Grant, Kind, Log, Power, Proposal, Rights, Scopes};
use wattle_protocol::admit::{Access, Place, admit};
use wattle_protocol::graph::{Arrival, Graph};
use wattle_protocol::{
    ActorId, Blob, Change, ChangeHash, ContextId, ContextRecord, DocumentKey, Header, Keypair,
};

const DOCUMENT: DocumentKey = DocumentKey { scope: 4, item: [0; 16] };
const ROUNDS: usize = 15;

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    say("what", "µs", "SHA-256 of 1 KiB");
    let (genesis, first) = history();
    let context = record().id();
    let owner = owner();
    let seal = owner.seal(&context, &DOCUMENT, &first, 1);
    time("sign one seal", 200, || owner.seal(&context, &DOCUMENT, &first, 1));
    time("verify one seal", 200, || seal.verify(&context, &DOCUMENT, &first));

    let mut graph = Graph::default();
    graph.insert(&genesis, Arrival::default());
    let log = Log::begin(&record());
    let access = Access { roots: &[genesis.hash], log: &log };
    let place = Place { context: &context, document: &DOCUMENT, graph: &graph, access: &access };
    let plain = Change { header: first, bytes: Blob::from(Vec::new()), seal: None };
    let sealed = Change { seal: Some(seal), ..plain.clone() };
    let (own, key) = (plain.header.actor, owner.public());
    time("whose an actor id is", 20_000, || own.is_of(&context, &key));
    time("admit without a seal", 20_000, || admit(&plain, &place));
    time("admit with a seal", 200, || admit(&sealed, &place));

    let eras = eras(50, 1_000)?;
    let (guest, theirs) = (guest().public(), actor(&guest(), 7));
    let counted = (theirs, 25, ChangeHash([1; 32]));
    let refused = (theirs, 2_000, ChangeHash([1; 32]));
    time("allows, 50 eras of 1,000 actors, counts", 20_000, || {
        eras.allows_at(&guest, &DOCUMENT, counted)
    });
    time("allows, 50 eras of 1,000 actors, refused", 20_000, || {
        eras.allows_at(&guest, &DOCUMENT, refused)
    });

    let entries = grants(1_000)?;
    time("read a log of 1,000 entries", 1, || Log::read(&entries).is_ok());
    Ok(())
}

/// Prints the median of some rounds, and what a hash took between them.
fn time<T>(what: &str, times: usize, mut run: impl FnMut() -> T) {
    let kilobyte = [7; 1024];
    let mut took: Vec<(f64, f64)> = Vec::new();
    for _ in 0..ROUNDS {
        let hash = seconds(200, || Sha256::digest(black_box(kilobyte)));
        took.push((seconds(times, &mut run), hash));
    }
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all.get(ROUNDS / 2).copied().unwrap_or_default()
    };
    let micros = median(took.iter().map(|(run, _)| run * 1e6).collect());
    let ratio = median(took.iter().map(|(run, hash)| run / hash).collect());
    say(what, &format!("{micros:.2}"), &format!("{ratio:.1}"));
}

fn seconds<T>(times: usize, mut run: impl FnMut() -> T) -> f64 {
    let begun = Instant::now();
    for _ in 0..times {
        black_box(run());
    }
    begun.elapsed().as_secs_f64() / times as f64
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn say(what: &str, time: &str, ratio: &str) {
    println!("{what:<42} {time:>12} {ratio:>18}");
}

fn owner() -> Keypair {
    Keypair::from_secret(&[1; 32])
}

fn guest() -> Keypair {
    Keypair::from_secret(&[2; 32])
}

fn actor(of: &Keypair, number: u32) -> ActorId {
    let mut random = [9; 6];
    for (to, from) in random.iter_mut().zip(number.to_be_bytes()) {
        *to = from;
    }
    ActorId::of(&record().id(), &of.public(), random)
}

fn record() -> ContextRecord {
    let (owners, sequencer) = (vec![owner().public()], owner().public());
    ContextRecord { version: 1, nonce: [0; 16], name: "bench".into(), owners, sequencer }
}

/// A genesis change and the first change of the owner.
fn history() -> (Header, Header) {
    let genesis = Header {
        hash: ChangeHash([3; 32]),
        deps: vec![],
        actor: ActorId([0; 16]),
        seq: 1,
        start_op: 1,
        ops: 1,
        time: 0,
        author: None,
    };
    let first = Header {
        hash: ChangeHash([4; 32]),
        deps: vec![genesis.hash],
        actor: actor(&owner(), 1),
        start_op: 2,
        author: Some(owner().public()),
        ..genesis.clone()
    };
    (genesis, first)
}

fn propose(context: ContextId, number: u64, action: Action) -> Blob {
    let (author, nonce) = (owner().public(), u128::from(number).to_be_bytes());
    Proposal { context, based_on: number, nonce, author, action }.sign(&owner())
}

fn grant(key: &Keypair, write: &[u8]) -> Action {
    Action::Grant(Grant {
        key: key.public(),
        name: "guest".into(),
        kind: Kind::Person,
        rights: Rights { read: Scopes::ALL, write: Scopes::of(write), power: Power::Sponsor },
        until: None,
        edits_per_minute: None,
    })
}

/// A key that lost its right to write, and got it again, many times.
fn eras(count: u64, actors: u32) -> Result<Log, Failed> {
    let mut log = Log::begin(&record());
    let actors: Vec<ActorId> = (0..actors).map(|number| actor(&guest(), number)).collect();
    for era in 0..2 * count {
        let write: &[u8] = if era % 2 == 0 { &[DOCUMENT.scope] } else { &[] };
        let proposal = propose(log.context(), era, grant(&guest(), write));
        let upto: Vec<_> = actors.iter().map(|actor| (*actor, era / 2)).collect();
        let keys = log.judge(&proposal, 0)?.into_iter();
        let closes = keys.map(|key| Closure { key, upto: vec![(DOCUMENT, upto.clone())] });
        let entry = log.sequence(&proposal, (0, closes.collect()), &owner())?;
        log.append(&entry)?;
    }
    Ok(log)
}

fn grants(count: u64) -> Result<Vec<Blob>, Failed> {
    let mut entries = vec![record().to_bytes()];
    let mut log = Log::begin(&record());
    for number in 1..=count {
        let mut secret = [5; 32];
        for (to, from) in secret.iter_mut().zip(number.to_be_bytes()) {
            *to = from;
        }
        let proposal = propose(log.context(), number, grant(&Keypair::from_secret(&secret), &[4]));
        let entry = log.sequence(&proposal, (0, vec![]), &owner())?;
        log.append(&entry)?;
        entries.push(entry);
    }
    Ok(entries)
}
