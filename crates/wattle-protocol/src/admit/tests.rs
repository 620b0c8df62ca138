//! What enters a document, what waits, and what does not.

use super::{Access, Place, Verdict, admit, covers};
use crate::access::Log;
use crate::change::Change;
use crate::change::tests::chunk::Chunk;
use crate::graph::{Arrival, Graph};
use crate::id::{ACTOR_KEY_BYTES, ActorId, ChangeHash, ContextId, DocumentKey};
use crate::identity::{ContextRecord, Keypair, Seal, Signature};
use crate::message::Code;

const CONTEXT: ContextId = ContextId([3; 32]);
const DOCUMENT: DocumentKey = DocumentKey { scope: 2, item: [0; 16] };

fn key() -> Keypair {
    Keypair::from_secret(&[1; 32])
}

fn stranger() -> Keypair {
    Keypair::from_secret(&[2; 32])
}

fn root() -> Chunk {
    Chunk { actor: ActorId([0; 16]), ..Chunk::example() }
}

fn actor(key: &Keypair, number: u8) -> ActorId {
    ActorId::of(&CONTEXT, &key.public(), [number; 6])
}

fn on(deps: &[&Chunk], number: u8, seq: u64) -> Chunk {
    let max_op = deps.iter().map(|dep| dep.header().max_op()).max().unwrap();
    let mut hashes: Vec<ChangeHash> = deps.iter().map(|dep| dep.header().hash).collect();
    hashes.sort_unstable();
    Chunk {
        deps: hashes,
        actor: actor(&key(), number),
        seq,
        start_op: max_op + 1,
        author: (seq == 1).then(|| key().public()),
        ..Chunk::example()
    }
}

fn record() -> ContextRecord {
    let owner = key().public();
    ContextRecord {
        version: 1,
        nonce: [0; 16],
        name: String::new(),
        owners: vec![owner],
        sequencer: owner,
    }
}

fn sealed_by(key: &Keypair, chunk: &Chunk, epoch: u64) -> Change {
    let seal = key.seal(&CONTEXT, &DOCUMENT, &chunk.header(), epoch);
    Change { seal: Some(seal), ..chunk.change() }
}

fn sealed(chunk: &Chunk) -> Change {
    sealed_by(&key(), chunk, 1)
}

fn judge(graph: &[&Chunk], change: &Change) -> Verdict {
    let mut here = Graph::default();
    for chunk in graph {
        here.insert(&chunk.header(), Arrival::default()).unwrap();
    }
    let access = Access { roots: &[root().header().hash], log: &Log::begin(&record()) };
    admit(change, &Place { context: &CONTEXT, document: &DOCUMENT, graph: &here, access: &access })
}

fn code(graph: &[&Chunk], change: &Change) -> Option<Code> {
    match judge(graph, change) {
        Verdict::Reject(refusal) | Verdict::Behind(refusal) => {
            assert_eq!(refusal.about, Some(change.header.hash));
            Some(refusal.code)
        }
        Verdict::Accept | Verdict::Hold | Verdict::Known | Verdict::Defer { .. } => None,
    }
}

#[test]
fn a_history_enters_in_order_and_once() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    assert_eq!(judge(&[], &root.change()), Verdict::Accept);
    assert_eq!(judge(&[&root], &root.change()), Verdict::Known);
    assert_eq!(judge(&[&root], &sealed(&one)), Verdict::Accept);
    let missing = vec![one.header().hash];
    assert_eq!(judge(&[&root], &sealed(&two)), Verdict::Defer { missing });
    assert_eq!(judge(&[&root, &one], &sealed(&two)), Verdict::Accept);
    let other = on(&[&root], 2, 1);
    let merge = on(&[&two, &other], 2, 2);
    assert_eq!(judge(&[&root, &one, &two, &other], &sealed(&merge)), Verdict::Accept);
}

#[test]
fn what_its_author_has_not_signed_yet_is_held() {
    let root = root();
    let one = on(&[&root], 1, 1);
    assert_eq!(judge(&[&root], &one.change()), Verdict::Hold);
    let missing = vec![root.header().hash];
    assert_eq!(judge(&[], &one.change()), Verdict::Defer { missing });
}

#[test]
fn what_would_break_automerge_stays_outside() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    let other = on(&[&root], 2, 1);
    let rootless = Chunk { actor: ActorId([9; 16]), ..Chunk::example() };
    let gap = on(&[&one], 1, 7);
    let beside = Chunk { deps: vec![other.header().hash], ..on(&[&two], 1, 3) };
    let low = Chunk { start_op: one.header().max_op(), ..two.clone() };
    let nameless = Chunk { author: None, ..on(&[&root], 3, 1) };
    let again = Chunk { message: b"again".to_vec(), ..one.clone() };
    let all = [&root, &one, &two, &other];
    let cases = [
        ("builds on nothing", &rootless, &all[..], Code::Invalid),
        ("a gap in its actor's sequence", &gap, &all[..2], Code::Invalid),
        ("its actor's last change is no ancestor", &beside, &all[..], Code::Invalid),
        ("operations below those that it builds on", &low, &all[..2], Code::Invalid),
        ("a first change without an author", &nameless, &all[..], Code::Invalid),
        ("a second change with one number", &again, &all[..], Code::Contradiction),
    ];
    for (what, chunk, graph, expected) in cases {
        assert_eq!(code(graph, &chunk.change()), Some(expected), "{what}");
    }
}

#[test]
fn what_builds_on_a_refused_change_is_refused() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    let mut graph = Graph::default();
    graph.insert(&root.header(), Arrival::default()).unwrap();
    let index = graph.insert(&one.header(), Arrival::default()).unwrap();
    graph.kill(index);
    let access = Access { roots: &[], log: &Log::begin(&record()) };
    let place = Place { context: &CONTEXT, document: &DOCUMENT, graph: &graph, access: &access };
    for chunk in [&one, &two] {
        assert!(matches!(admit(&chunk.change(), &place), Verdict::Reject(_)));
    }
}

#[test]
fn seals_hold_or_refuse() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    let graph = [&root, &one];
    let seal = |key: &Keypair| key.seal(&CONTEXT, &DOCUMENT, &two.header(), 1);
    let with = |seal: Seal| Change { seal: Some(seal), ..two.change() };
    assert_eq!(judge(&graph, &with(seal(&key()))), Verdict::Accept);
    let elsewhere = DocumentKey { scope: 9, ..DOCUMENT };
    let cases = [
        ("by another key", seal(&stranger())),
        ("of another document", key().seal(&CONTEXT, &elsewhere, &two.header(), 1)),
        ("of another context", key().seal(&ContextId([4; 32]), &DOCUMENT, &two.header(), 1)),
        ("of the change before it", key().seal(&CONTEXT, &DOCUMENT, &one.header(), 1)),
        ("with another epoch", Seal { epoch: 0, ..seal(&key()) }),
        ("with a later epoch", Seal { epoch: 2, ..seal(&key()) }),
        ("with a name that is not the signer's", Seal { key: key().public(), ..seal(&stranger()) }),
        ("cut to nothing", Seal { signature: Signature([0; 64]), ..seal(&key()) }),
    ];
    for (what, seal) in cases {
        assert_eq!(code(&graph, &with(seal)), Some(Code::BadSignature), "{what}");
    }
    let seal = stranger().seal(&CONTEXT, &DOCUMENT, &root.header(), 1);
    let signed_root = Change { seal: Some(seal), ..root.change() };
    assert_eq!(code(&[], &signed_root), Some(Code::BadSignature));
}

/// The hash is signed, and the dependencies are in the hash.
#[test]
fn a_signed_change_cannot_be_put_on_other_dependencies() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    let other = on(&[&root], 2, 1);
    let signed = sealed(&two);
    let mut deps = vec![one.header().hash, other.header().hash];
    deps.sort_unstable();
    let moved = Change { seal: signed.seal, ..Chunk { deps, ..two.clone() }.change() };
    assert_eq!(code(&[&root, &one, &other], &moved), Some(Code::BadSignature));
}

#[test]
fn the_log_decides_whose_changes_enter() {
    let root = root();
    let theirs = |seq, dep: &Chunk| Chunk {
        actor: actor(&stranger(), 3),
        author: (seq == 1).then(|| stranger().public()),
        ..on(&[dep], 3, seq)
    };
    let one = theirs(1, &root);
    let by_stranger = |epoch| sealed_by(&stranger(), &one, epoch);
    assert_eq!(code(&[&root], &by_stranger(1)), Some(Code::Forbidden));
    assert_eq!(code(&[&root], &one.change()), Some(Code::Forbidden), "without a seal too");
    // The author is the one whom the actor's first change names, also where a later one comes.
    let two = theirs(2, &one);
    assert_eq!(code(&[&root, &one], &sealed_by(&stranger(), &two, 1)), Some(Code::Forbidden));
    // By a log that goes on it may be allowed.
    assert!(matches!(judge(&[&root], &by_stranger(2)), Verdict::Behind(_)));
    assert_eq!(code(&[&root], &by_stranger(2)), Some(Code::Missing));
    // Where it is allowed, the epoch is not asked: logs may have lost entries to another sequencer.
    let mine = on(&[&root], 1, 1);
    assert_eq!(judge(&[&root], &sealed_by(&key(), &mine, 9)), Verdict::Accept);
}

/// Who takes another's actor id would make whoever hears them first refuse the other's changes.
#[test]
fn an_actor_is_of_one_key() {
    let root = root();
    let mine = on(&[&root], 1, 1);
    let taken = Chunk { author: Some(stranger().public()), ..mine.clone() };
    let of_elsewhere = ActorId::of(&ContextId([4; 32]), &key().public(), [1; 6]);
    let mut nearly = mine.actor;
    nearly.0[ACTOR_KEY_BYTES - 1] ^= 1;
    let cases = [
        ("of another key", stranger(), taken),
        ("of another context", key(), Chunk { actor: of_elsewhere, ..mine.clone() }),
        ("of nobody", key(), Chunk { actor: nearly, ..mine.clone() }),
    ];
    for (what, by, chunk) in cases {
        let change = sealed_by(&by, &chunk, 1);
        assert_eq!(code(&[&root], &change), Some(Code::ForeignActor), "{what}");
        assert_eq!(code(&[&root], &chunk.change()), Some(Code::ForeignActor), "{what}, unsigned");
    }
    let mut another = mine.actor;
    another.0[ACTOR_KEY_BYTES] ^= 1;
    let another = Chunk { actor: another, ..mine.clone() };
    assert_eq!(judge(&[&root, &mine], &sealed(&another)), Verdict::Accept);
}

#[test]
fn a_change_held_is_covered_by_its_authors_seal_alone() {
    let access = Access { roots: &[], log: &Log::begin(&record()) };
    let graph = Graph::default();
    let place = Place { context: &CONTEXT, document: &DOCUMENT, graph: &graph, access: &access };
    let one = on(&[&root()], 1, 1);
    assert!(covers(&sealed(&one), &key().public(), &place));
    assert!(!covers(&one.change(), &key().public(), &place));
    assert!(!covers(&sealed(&one), &stranger().public(), &place));
    assert!(!covers(&sealed_by(&stranger(), &one, 1), &key().public(), &place));
}
