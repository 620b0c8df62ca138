//! What enters a document, what waits, and what does not.

use super::{Access, Place, Verdict, admit};
use crate::change::Change;
use crate::change::tests::chunk::Chunk;
use crate::graph::{Arrival, Graph};
use crate::id::{ActorId, ChangeHash, ContextId, DocumentKey};
use crate::identity::{Keypair, Seal};
use crate::message::Code;

const CONTEXT: ContextId = ContextId([3; 32]);
const DOCUMENT: DocumentKey = DocumentKey { scope: 2, item: [0; 16] };

fn key() -> Keypair {
    Keypair::from_secret(&[1; 32])
}

fn root() -> Chunk {
    Chunk { actor: ActorId([0; 16]), ..Chunk::example() }
}

fn on(deps: &[&Chunk], actor: u8, seq: u64) -> Chunk {
    let max_op = deps.iter().map(|dep| dep.header().max_op()).max().unwrap();
    let mut hashes: Vec<ChangeHash> = deps.iter().map(|dep| dep.header().hash).collect();
    hashes.sort_unstable();
    Chunk {
        deps: hashes,
        actor: ActorId([actor; 16]),
        seq,
        start_op: max_op + 1,
        author: (seq == 1).then(|| key().public()),
        ..Chunk::example()
    }
}

fn judge(graph: &[&Chunk], change: &Change) -> Verdict {
    let mut here = Graph::default();
    for chunk in graph {
        here.insert(&chunk.header(), Arrival::default()).unwrap();
    }
    let access = Access { roots: &[root().header().hash], entries: 1 };
    admit(change, &Place { context: &CONTEXT, document: &DOCUMENT, graph: &here, access: &access })
}

fn code(graph: &[&Chunk], change: &Change) -> Option<Code> {
    match judge(graph, change) {
        Verdict::Reject(refusal) => {
            assert_eq!(refusal.about, Some(change.header.hash));
            Some(refusal.code)
        }
        Verdict::Accept | Verdict::Known | Verdict::Defer { .. } => None,
    }
}

#[test]
fn a_history_enters_in_order_and_once() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    assert_eq!(judge(&[], &root.change()), Verdict::Accept);
    assert_eq!(judge(&[&root], &root.change()), Verdict::Known);
    assert_eq!(judge(&[&root], &one.change()), Verdict::Accept);
    let missing = vec![one.header().hash];
    assert_eq!(judge(&[&root], &two.change()), Verdict::Defer { missing });
    assert_eq!(judge(&[&root, &one], &two.change()), Verdict::Accept);
    let other = on(&[&root], 2, 1);
    let merge = on(&[&two, &other], 2, 2);
    assert_eq!(judge(&[&root, &one, &two, &other], &merge.change()), Verdict::Accept);
}

#[test]
fn what_would_break_automerge_stays_outside() {
    let root = root();
    let one = on(&[&root], 1, 1);
    let two = on(&[&one], 1, 2);
    let other = on(&[&root], 2, 1);
    let stranger = Chunk { actor: ActorId([9; 16]), ..Chunk::example() };
    let gap = on(&[&one], 1, 7);
    let beside = Chunk { deps: vec![other.header().hash], ..on(&[&two], 1, 3) };
    let low = Chunk { start_op: one.header().max_op(), ..two.clone() };
    let nameless = Chunk { author: None, ..on(&[&root], 3, 1) };
    let again = Chunk { message: b"again".to_vec(), ..one.clone() };
    let all = [&root, &one, &two, &other];
    let cases = [
        ("builds on nothing", &stranger, &all[..], Code::Invalid),
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
    let access = Access { roots: &[], entries: 1 };
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
    let seal = |key: &Keypair| Some(key.seal(&CONTEXT, &DOCUMENT, &two.header(), 1));
    let sealed = |seal: Option<Seal>| Change { seal, ..two.change() };
    let graph = [&root, &one];
    assert_eq!(judge(&graph, &sealed(seal(&key()))), Verdict::Accept);
    let other = Keypair::from_secret(&[2; 32]);
    assert_eq!(code(&graph, &sealed(seal(&other))), Some(Code::BadSignature));
    let elsewhere = DocumentKey { scope: 9, ..DOCUMENT };
    let moved = key().seal(&CONTEXT, &elsewhere, &two.header(), 1);
    assert_eq!(code(&graph, &sealed(Some(moved))), Some(Code::BadSignature));
    let later = seal(&key()).map(|seal| Seal { epoch: 2, ..seal });
    assert_eq!(code(&graph, &sealed(later)), Some(Code::BadSignature));
}
