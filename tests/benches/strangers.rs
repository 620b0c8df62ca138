//! Whether somebody without rights can tell by the clock what is there from what is not.
//!
//! `cargo bench -p wattle-tests --bench strangers`. One relay, in a process of its own; eight links ask
//! it things in an order that a seed gives (`WATTLE_SEED`). For each kind of question there are as many
//! about something that is there as about something that is not. How well the two can be told apart is
//! the area under the ROC curve: the chance that an answer about something that is there took longer
//! than one about something that is not. 0.5 is a coin; the second number is two standard errors.
//! `WATTLE_RELAY_PROGRAM` measures another build of the relay.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wattle_context::{Document, Part, Section};
use wattle_protocol::access::{Action, Grant, Kind, Log, Power, Proposal, Rights, Scopes};
use wattle_protocol::message::{Changes, Code, Have, Message, Open};
use wattle_protocol::{Blob, ContextId, ContextRecord, DocumentKey, Keypair, Position};
use wattle_sync::part::key_of;
use wattle_tests::process::{RelayProcess, program};
use wattle_tests::raw::{Heard, Raw};

const LINKS: usize = 8;
/// A link asks so much, and is followed by another one: it may name 64 contexts.
const QUESTIONS_OF_ONE: usize = 32;
/// Entries of the access log of each context.
const ENTRIES: u64 = 200;
const OWNER: [u8; 32] = [1; 32];
const STRANGER: [u8; 32] = [2; 32];
/// May read everything but people.
const GUEST: [u8; 32] = [3; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kinds {
    /// Opens a context that members have open.
    InUse,
    /// Opens a context that nobody has open: the relay has to read it.
    OnDisk,
    /// Proposes something for the access log of a context that members have open.
    Proposal,
    /// Opens a context that it may read, and states that it has a document.
    Document,
    /// Sends a change of a document to a context that it may read.
    Change,
}

const KINDS: [(Kinds, &str); 5] = [
    (Kinds::InUse, "a context in use"),
    (Kinds::OnDisk, "a context on disk"),
    (Kinds::Proposal, "a proposal"),
    (Kinds::Document, "a stated document"),
    (Kinds::Change, "a change"),
];

#[derive(Clone, Copy, Debug)]
struct Question {
    kind: Kinds,
    is_there: bool,
    number: u64,
}

fn main() {
    let each = asked("WATTLE_PROBES", 400);
    let seed = asked("WATTLE_SEED", 1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let named = std::env::var("WATTLE_RELAY_PROGRAM").map(PathBuf::from);
        let program = named.unwrap_or_else(|_| program("wattle-relay"));
        fill(&program, folder.path(), each).await;
        // Started anew, it has nothing of them in memory.
        let relay = RelayProcess::start_program(&program, folder.path(), &[]);
        let mut member = Raw::dial(relay.address(), &Keypair::from_secret(&OWNER)).await;
        member.open(record(0).id(), vec![]).await;
        let keeps =
            tokio::spawn(async move { while let Heard::Message(_) = member.hear().await {} });
        let questions = shuffled(each, seed);
        println!(
            "{each} questions of each kind about what is there and about what is not, seed {seed}"
        );
        let parts = questions.chunks(questions.len().div_ceil(LINKS));
        let links: Vec<_> =
            parts.map(|part| tokio::spawn(ask(relay.address(), part.to_vec()))).collect();
        let mut took: BTreeMap<(Kinds, bool), Vec<f64>> = BTreeMap::new();
        for link in links {
            for (question, seconds) in link.await.expect("a link") {
                took.entry((question.kind, question.is_there)).or_default().push(seconds);
            }
        }
        keeps.abort();
        report(&mut took);
    });
}

fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Brings the relay one context for those in use, and as many on disk as there are questions.
async fn fill(program: &Path, data: &Path, each: u64) {
    let relay = RelayProcess::start_program(program, data, &[]);
    let grants = grants();
    for number in 0..=each {
        let record = record(number);
        let context = record.id();
        let mut link = Raw::dial(relay.address(), &Keypair::from_secret(&OWNER)).await;
        let mut entries = vec![record.to_bytes()];
        let mut log = Log::begin(&record);
        // One log that is checked by every replica costs enough: the others are shorter.
        let count = if number == 0 { grants.len() } else { grants.len() / 4 };
        for action in grants.iter().take(count) {
            let entry = entry(&log, action.clone());
            log.append(&entry).expect("it holds");
            entries.push(entry);
        }
        let open = Open {
            context,
            access_entries: entries.len() as u64,
            access_head: [0; 32],
            record: entries.first().cloned(),
            documents: vec![],
            more: false,
        };
        link.say(&Message::Open(open)).await;
        link.until(|message| matches!(message, Message::Opened(_))).await;
        link.say(&Message::Access { context, from: 1, entries: entries.split_off(1) }).await;
        for section in Section::ALL {
            let part = Part::Section(section);
            let changes = vec![(Blob::from(Document::genesis(part)), None)];
            let (document, cursor) = (key_of(part), Position(0));
            let changes = Changes { context, document, changes, cursor, done: false };
            link.say(&Message::Changes(changes)).await;
            link.until(|message| matches!(message, Message::Saved { .. })).await;
        }
    }
}

fn record(number: u64) -> ContextRecord {
    let owner = Keypair::from_secret(&OWNER).public();
    let nonce = u128::from(number).to_be_bytes();
    ContextRecord { version: 1, nonce, name: "bench".into(), owners: vec![owner], sequencer: owner }
}

fn entry(log: &Log, action: Action) -> Blob {
    let owner = Keypair::from_secret(&OWNER);
    let (context, based_on, author) = (log.context(), log.entries(), owner.public());
    let proposal = Proposal { context, based_on, nonce: [0; 16], author, action }.sign(&owner);
    log.sequence(&proposal, (0, vec![]), &owner).expect("it may")
}

fn grants() -> Vec<Action> {
    let people = key_of(Part::Section(Section::People)).scope;
    let read: Vec<u8> = Section::ALL
        .into_iter()
        .map(|section| key_of(Part::Section(section)).scope)
        .filter(|scope| *scope != people)
        .collect();
    let read = Scopes::of(&read);
    (0..ENTRIES)
        .map(|number| {
            let secret = if number == 0 { GUEST } else { [4 + (number % 250) as u8; 32] };
            let rights = Rights { read, write: Scopes::of(&[]), power: Power::Sponsor };
            Action::Grant(Grant {
                key: Keypair::from_secret(&secret).public(),
                name: format!("guest {number}"),
                kind: Kind::Person,
                rights,
                until: None,
                edits_per_minute: None,
            })
        })
        .collect()
}

/// All questions in an order that the seed gives.
fn shuffled(each: u64, seed: u64) -> Vec<Question> {
    let mut all = Vec::new();
    for (kind, _) in KINDS {
        for number in 1..=each {
            all.extend([true, false].map(|is_there| Question { kind, is_there, number }));
        }
    }
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for last in (1..all.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        all.swap(last, (state % (last as u64 + 1)) as usize);
    }
    all
}

/// Asks one after the other, and takes the time of each answer.
async fn ask(relay: SocketAddr, questions: Vec<Question>) -> Vec<(Question, f64)> {
    let mut took = Vec::new();
    for some in questions.chunks(QUESTIONS_OF_ONE) {
        let mut stranger = Raw::dial(relay, &Keypair::from_secret(&STRANGER)).await;
        for question in some {
            let seconds = match question.kind {
                Kinds::InUse | Kinds::OnDisk | Kinds::Proposal => {
                    time(&mut stranger, &as_stranger(question), is_unknown).await
                }
                Kinds::Document | Kinds::Change => as_guest(relay, question).await,
            };
            took.push((*question, seconds));
        }
    }
    took
}

async fn time(link: &mut Raw, message: &Message, is_answer: fn(&Message) -> bool) -> f64 {
    let begun = Instant::now();
    link.say(message).await;
    link.until(is_answer).await;
    begun.elapsed().as_secs_f64()
}

fn as_stranger(question: &Question) -> Message {
    let context = match (question.is_there, question.kind) {
        (true, Kinds::OnDisk) => record(question.number).id(),
        (true, _) => record(0).id(),
        // Another one each time, as nobody knows one twice.
        (false, _) => record(u64::MAX - (question.number << 3) - question.kind as u64).id(),
    };
    if question.kind == Kinds::Proposal {
        return proposal(context, question.number);
    }
    let (access_entries, access_head, record, documents) = (0, [0; 32], None, vec![]);
    Message::Open(Open { context, access_entries, access_head, record, documents, more: false })
}

fn proposal(context: ContextId, number: u64) -> Message {
    let key = Keypair::from_secret(&STRANGER);
    let (author, nonce) = (key.public(), u128::from(number).to_be_bytes());
    let action = Action::Revoke { key: Keypair::from_secret(&OWNER).public() };
    let proposal = Proposal { context, based_on: 1, nonce, author, action }.sign(&key);
    Message::Propose { context, proposal }
}

fn is_unknown(message: &Message) -> bool {
    matches!(message, Message::Refused(refusal) if refusal.code == Code::Unknown)
}

/// On a link of its own, as only what is stated first is a question.
async fn as_guest(relay: SocketAddr, question: &Question) -> f64 {
    let mut guest = Raw::dial(relay, &Keypair::from_secret(&GUEST)).await;
    let there = key_of(Part::Section(Section::People));
    let nowhere = DocumentKey { item: u128::from(question.number).to_be_bytes(), ..there };
    let (context, document) = (record(0).id(), if question.is_there { there } else { nowhere });
    if question.kind == Kinds::Document {
        let (cursor, heads, samples) = (Position(0), vec![], vec![]);
        let documents = vec![Have { document, cursor, heads, samples }];
        let (access_entries, access_head, record) = (0, [0; 32], None);
        let open = Open { context, access_entries, access_head, record, documents, more: false };
        let opened = |message: &Message| matches!(message, Message::Opened(_));
        return time(&mut guest, &Message::Open(open), opened).await;
    }
    guest.open(context, vec![]).await;
    let genesis = Blob::from(Document::genesis(Part::Section(Section::People)));
    let (changes, cursor) = (vec![(genesis, None)], Position(0));
    let changes = Changes { context, document, changes, cursor, done: false };
    let refused = |message: &Message| matches!(message, Message::Refused(_));
    time(&mut guest, &Message::Changes(changes), refused).await
}

fn report(took: &mut BTreeMap<(Kinds, bool), Vec<f64>>) {
    println!("{:<20} {:>24} {:>24} {:>16}", "ms: median (p90)", "there", "not there", "area");
    for (kind, name) in KINDS {
        let mut sorted = |is_there: bool| {
            let mut all = took.remove(&(kind, is_there)).unwrap_or_default();
            all.sort_by(f64::total_cmp);
            all
        };
        let (there, not) = (sorted(true), sorted(false));
        let (area, error) = area(&there, &not);
        let (area, error) = (format!("{area:.3}"), format!("{:.3}", 2.0 * error));
        println!(
            "{name:<20} {:>24} {:>24} {:>16}",
            text(&there),
            text(&not),
            format!("{area} ± {error}")
        );
    }
}

fn text(sorted: &[f64]) -> String {
    let at = |share: usize| sorted.get(sorted.len() * share / 100).copied().unwrap_or_default();
    format!("{:.3} ({:.3})", at(50) * 1e3, at(90) * 1e3)
}

/// The area under the ROC curve (Mann and Whitney's U), and its standard error where nothing can be told.
fn area(there: &[f64], not: &[f64]) -> (f64, f64) {
    let mut won = 0.0;
    for one in there {
        let less = not.partition_point(|other| other < one);
        let same = not.partition_point(|other| other <= one) - less;
        won += less as f64 + same as f64 / 2.0;
    }
    let (n, m) = (there.len() as f64, not.len() as f64);
    (won / (n * m), ((n + m + 1.0) / (12.0 * n * m)).sqrt())
}
