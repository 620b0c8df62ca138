//! What signatures cost a relay that passes changes on: two relays side by side, the real one, and one
//! that is built with a stand-in for the library of signatures and so makes and checks none.
//!
//! `cargo bench -p wattle-tests --bench fan_out`. Both are processes of their own, and take turns in
//! short rounds; a ratio is always between neighbours, because others use the machine too. The stand-in
//! is linked by a package outside the workspace (`benches/unsigned`), and cannot get into a release.
//! `WATTLE_RELAY_PROGRAMS` names two that were built before, with a colon between them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Author, Automerge, ROOT, ReadDoc};
use tokio::sync::{Notify, mpsc};
use wattle_context::{Document, Part, Section};
use wattle_protocol::message::{Changes, Message, Open};
use wattle_protocol::{Blob, Change, ContextRecord, DocumentKey, Keypair, Position, Seal, StoreId};
use wattle_tests::process::RelayProcess;
use wattle_tests::raw::{Heard, Raw};

const PART: Part = Part::Section(Section::Tasks);
const DOCUMENT: DocumentKey = DocumentKey { scope: 3, item: [0; 16] };
/// What is on its way at once: one change, as somebody types; a flood of one author, of which the relay
/// checks the newest signatures; one of a crowd, of which it checks each.
const LOADS: [Load; 3] = [
    Load { window: 1, authors: 1, times: 1 },
    Load { window: 64, authors: 1, times: 20 },
    Load { window: 64, authors: 64, times: 20 },
];

#[derive(Clone, Copy)]
struct Load {
    /// Changes that are on their way at once.
    window: usize,
    /// Actors that write in turn.
    authors: u8,
    /// How many times as many changes a round has.
    times: usize,
}

const SECRET: [u8; 32] = [1; 32];

fn main() {
    let readers = asked("WATTLE_READERS", 30);
    let changes = asked("WATTLE_CHANGES", 200);
    let rounds = asked("WATTLE_ROUNDS", 9);
    let [signed, unsigned] = build();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = Writer::new();
        let mut signed = House::new(&signed, &folder.path().join("signed"), readers).await;
        let mut unsigned = House::new(&unsigned, &folder.path().join("unsigned"), readers).await;
        println!("1 writer, {readers} readers, {rounds} rounds each in turn");
        println!("{:<18} {:>26} {:>26} {:>22}", "", "with signatures", "without", "with / without");
        for load in LOADS {
            let (window, changes) = (load.window, load.times * changes);
            let mut taken = Vec::new();
            for round in 0..=rounds {
                let written: Vec<_> = (0..changes).map(|_| writer.write(load.authors)).collect();
                let pair = if round % 2 == 0 {
                    let first = signed.pass_on(&written, window).await;
                    (first, unsigned.pass_on(&written, window).await)
                } else {
                    let first = unsigned.pass_on(&written, window).await;
                    (signed.pass_on(&written, window).await, first)
                };
                // The first of them warms up.
                if round > 0 {
                    taken.push(pair);
                }
            }
            report(load, (readers, changes), &taken);
        }
    });
}

/// What a round took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    /// Of the relay's process.
    busy: f64,
}

fn report(load: Load, (readers, changes): (usize, usize), taken: &[(Took, Took)]) {
    let deliveries = (readers * changes) as f64;
    let show = |what: &str, of: &dyn Fn(&Took) -> f64, digits: usize| {
        let with = spread(taken.iter().map(|(with, _)| of(with)).collect());
        let without = spread(taken.iter().map(|(_, without)| of(without)).collect());
        let ratio = spread(taken.iter().map(|(with, without)| of(with) / of(without)).collect());
        let text = |[least, median, most]: [f64; 3], digits: usize| {
            format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
        };
        let (with, without) = (text(with, digits), text(without, digits));
        println!("{what:<18} {with:>26} {without:>26} {:>22}", text(ratio, 2));
    };
    let Load { window, authors, .. } = load;
    println!("{window} under way of {authors} authors, {changes} in a round");
    show("deliveries/s", &|took| deliveries / took.wall, 0);
    show("relay's µs/change", &|took| took.busy * 1e6 / changes as f64, 0);
}

/// The least, the median and the most.
fn spread(mut all: Vec<f64>) -> [f64; 3] {
    all.sort_by(f64::total_cmp);
    let at = |at: usize| all.get(at).copied().unwrap_or_default();
    [at(0), at(all.len() / 2), at(all.len().saturating_sub(1))]
}

fn asked(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Builds both relays with one profile and the same versions of everything.
fn build() -> [PathBuf; 2] {
    if let Ok(built) = std::env::var("WATTLE_RELAY_PROGRAMS") {
        let (signed, unsigned) = built.split_once(':').expect("two programs");
        return [signed.into(), unsigned.into()];
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let here = std::env::current_exe().expect("this program");
    let target = here.ancestors().nth(3).expect("target/PROFILE/deps/bench");
    let unsigned = root.join("tests/benches/unsigned");
    std::fs::copy(root.join("Cargo.lock"), unsigned.join("Cargo.lock")).expect("the lock file");
    for (manifest, package) in [(root, "wattle-relay"), (&unsigned, "wattle-unsigned")] {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--release", "--quiet", "--bins", "-p", package, "--manifest-path"]);
        build.arg(manifest.join("Cargo.toml")).env("CARGO_TARGET_DIR", target);
        assert!(build.status().expect("cargo").success(), "{package}");
    }
    ["wattle-relay", "wattle-relay-unsigned"].map(|name| target.join("release").join(name))
}

fn keypair() -> Keypair {
    Keypair::from_secret(&SECRET)
}

fn record() -> ContextRecord {
    let (owners, sequencer) = (vec![keypair().public()], keypair().public());
    ContextRecord { version: 1, nonce: [0; 16], name: "bench".into(), owners, sequencer }
}

/// A relay, with a writer and readers.
struct House {
    relay: RelayProcess,
    writer: mpsc::UnboundedSender<Message>,
    delivered: Arc<Delivered>,
    readers: usize,
    /// Deliveries that were waited for before.
    before: usize,
}

/// Changes that readers have got, all together.
#[derive(Default)]
struct Delivered {
    count: AtomicUsize,
    bell: Notify,
}

impl House {
    async fn new(program: &Path, data: &Path, readers: usize) -> Self {
        // What the compactor does beside it is not what is measured.
        let relay = RelayProcess::start_program(program, data, &["--compact-bytes-max", "0"]);
        let (context, delivered) = (record().id(), Arc::<Delivered>::default());
        let mut writer = Raw::dial(relay.address(), &keypair()).await;
        let record = Some(record().to_bytes());
        let (access_entries, access_head) = (1, [0; 32]);
        let open =
            Open { context, access_entries, access_head, record, documents: vec![], more: false };
        writer.say(&Message::Open(open)).await;
        writer.until(|message| matches!(message, Message::Opened(_))).await;
        for number in 0..readers {
            let mut store = [0; 16];
            store.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
            let mut reader = Raw::dial_from(relay.address(), &keypair(), StoreId(store)).await;
            reader.open(context, vec![]).await;
            tokio::spawn(read(reader, readers, Arc::clone(&delivered)));
        }
        let (sender, orders) = mpsc::unbounded_channel();
        tokio::spawn(write(writer, orders));
        let mut house = Self { relay, writer: sender, delivered, readers, before: 0 };
        let genesis = Blob::from(Document::genesis(PART));
        house.pass_on(&[(genesis, None)], 1).await;
        house
    }

    /// Has the relay pass changes on, and waits until every reader has every one.
    async fn pass_on(&mut self, changes: &[(Blob, Option<Seal>)], window: usize) -> Took {
        let (begun, busy_before) = (Instant::now(), busy(self.relay.id()));
        for (number, change) in changes.iter().enumerate() {
            let changes = vec![change.clone()];
            let (context, document, cursor) = (record().id(), DOCUMENT, Position(0));
            let changes = Changes { context, document, changes, cursor, done: false };
            self.writer.send(Message::Changes(changes)).expect("the writer is there");
            self.until((number + 1).saturating_sub(window - 1)).await;
        }
        self.until(changes.len()).await;
        self.before += changes.len() * self.readers;
        let busy = busy(self.relay.id()) - busy_before;
        Took { wall: begun.elapsed().as_secs_f64(), busy }
    }

    /// Waits until the readers have got so many changes of this round each.
    async fn until(&self, changes: usize) {
        let wanted = self.before + changes * self.readers;
        while self.delivered.count.load(Ordering::Acquire) < wanted {
            self.delivered.bell.notified().await;
        }
    }
}

/// How long processors have worked for all threads of a process, in seconds.
fn busy(process: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let busy = threads.filter_map(|thread| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<f64>().ok()
    });
    busy.sum::<f64>() / 1e9
}

async fn read(mut link: Raw, readers: usize, delivered: Arc<Delivered>) {
    while let Heard::Message(message) = link.hear().await {
        link.heard.clear();
        if let Message::Changes(changes) = message {
            let count = changes.changes.len();
            let before = delivered.count.fetch_add(count, Ordering::AcqRel);
            if before / readers < (before + count) / readers {
                delivered.bell.notify_one();
            }
        }
    }
}

async fn write(mut link: Raw, mut orders: mpsc::UnboundedReceiver<Message>) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(message) => link.say(&message).await,
                None => return,
            },
            heard = link.hear() => match heard {
                Heard::Message(Message::Refused(refusal)) => panic!("{refusal}"),
                Heard::Message(_) => link.heard.clear(),
                // The relay ends with the benchmark.
                Heard::Closed(_) => return,
            },
        }
    }
}

/// Writes small changes, each with a signature of its own.
struct Writer {
    document: Automerge,
    count: u64,
}

impl Writer {
    fn new() -> Self {
        let mut document = Automerge::load(Document::genesis(PART)).expect("it loads");
        document.set_author(Some(Author::from(keypair().public().0.to_vec())));
        Self { document, count: 0 }
    }

    fn write(&mut self, authors: u8) -> (Blob, Option<Seal>) {
        self.count += 1;
        let author = (self.count % u64::from(authors)) as u8;
        let actor = wattle_protocol::ActorId::of(&record().id(), &keypair().public(), [author; 6]);
        self.document.set_actor(ActorId::from(actor.0));
        let key = format!("{}", self.count % 64);
        let value = format!("{}{}", self.count, "x".repeat(100));
        let written = self
            .document
            .transact_with::<_, _, automerge::AutomergeError, _>(
                |()| CommitOptions::default().with_time(0),
                |transaction| transaction.put(ROOT, key, value),
            )
            .expect("it is written");
        let hash = written.hash.expect("a change");
        let change = self.document.get_change_by_hash(&hash).expect("it is there");
        let bytes = Blob::from(change.raw_bytes());
        let change = Change::parse(bytes, None).expect("a change");
        let seal = keypair().seal(&record().id(), &DOCUMENT, &change.header, 1);
        (change.bytes, Some(seal))
    }
}
