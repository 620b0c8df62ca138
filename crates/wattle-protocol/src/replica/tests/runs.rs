//! Several changes of one actor in one frame: which signatures a relay checks, keeps and believes.

use std::collections::BTreeSet;

use super::net::acts::Actor;
use super::net::{Net, document, frames, key_of};
use super::trust::with_eve;
use crate::change::tests::chunk::Chunk;
use crate::id::{Blob, ChangeHash};
use crate::identity::{Seal, Signature};
use crate::message::Code;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    Well,
    Badly,
    Not,
}

const ALL: [Signed; 3] = [Signed::Well, Signed::Badly, Signed::Not];
const COUNT: u32 = 4;

/// The changes of one actor, each after the other.
fn run(net: &Net, relay: usize) -> Vec<Chunk> {
    let by = Actor { key: key_of(50).public(), seq: 1, deps: vec![], message: "" };
    let mut chunks = vec![net.compose_as(relay, 1, &by)];
    for seq in 2..=u64::from(COUNT) {
        let last = chunks.last().unwrap();
        let (deps, start_op) = (vec![last.header().hash], last.header().max_op() + 1);
        chunks.push(Chunk { deps, seq, start_op, author: None, ..last.clone() });
    }
    chunks
}

fn sent(net: &Net, chunk: &Chunk, signed: Signed) -> (Blob, Option<Seal>) {
    let seal = key_of(50).seal(&net.context(), &document(1), &chunk.header(), 1);
    let seal = match signed {
        Signed::Well => Some(seal),
        Signed::Badly => Some(Seal { signature: Signature([9; 64]), ..seal }),
        Signed::Not => None,
    };
    (chunk.bytes(), seal)
}

/// The newest good signature decides what counts, whatever stands on the others; and whoever reads from
/// the relay agrees.
#[test]
fn of_a_run_counts_what_the_newest_good_signature_covers() {
    for number in 0..3_usize.pow(COUNT) {
        let signed = (0..COUNT).map(|at| ALL[number / 3_usize.pow(at) % 3]).collect::<Vec<_>>();
        let (mut net, [relay, ana, bot, _]) = with_eve();
        let before = net.changes(relay, 1);
        let link = net.greet_as(relay, &key_of(50));
        let chunks = run(&net, relay);
        let frame = chunks.iter().zip(&signed).map(|(chunk, signed)| sent(&net, chunk, *signed));
        let frame = frames::changes(net.context(), document(1), frame.collect());
        net.raw(relay, link, frame);
        net.settle();
        let covered =
            signed.iter().rposition(|signed| *signed == Signed::Well).map_or(0, |at| at + 1);
        let count: BTreeSet<ChangeHash> =
            net.changes(relay, 1).difference(&before).copied().collect();
        let expected = chunks.iter().take(covered).map(|chunk| chunk.header().hash);
        assert_eq!(count, expected.collect(), "{signed:?}");
        for reader in [ana, bot] {
            assert_eq!(net.changes(reader, 1), net.changes(relay, 1), "{signed:?}");
        }
        // What was signed badly and counts for nothing is refused as that, unless it lies behind a gap.
        let forged = signed.get(covered) == Some(&Signed::Badly);
        let refused = net.refused_raw(relay, link).contains(&Code::BadSignature);
        assert!(refused || !forged, "{signed:?}");
    }
}

/// The last change may not enter, and the ones before it may: their own signatures count.
#[test]
fn what_comes_before_a_change_that_may_not_enter_counts_all_the_same() {
    let (mut net, [relay, _, bot, _]) = with_eve();
    let before = net.changes(relay, 1).len();
    let link = net.greet_as(relay, &key_of(50));
    let mut chunks = run(&net, relay);
    // Its operations would not come after those that it builds on.
    chunks.last_mut().unwrap().start_op = 1;
    let frame = chunks.iter().map(|chunk| sent(&net, chunk, Signed::Well)).collect();
    net.raw(relay, link, frames::changes(net.context(), document(1), frame));
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), before + chunks.len() - 1);
    assert_eq!(net.changes(bot, 1), net.changes(relay, 1));
    assert_eq!(net.refused_raw(relay, link), [Code::Invalid]);
}

/// Of a run that waits for something each signature is checked once it has come.
#[test]
fn a_run_that_waits_for_what_it_builds_on_counts_when_that_comes() {
    let (mut net, [relay, ana, bot, _]) = with_eve();
    let before = net.changes(relay, 1).len();
    let link = net.greet_as(relay, &key_of(50));
    let chunks = run(&net, relay);
    let frame = |chunks: &[Chunk], signed: &[Signed]| {
        let changes = chunks.iter().zip(signed).map(|(chunk, signed)| sent(&net, chunk, *signed));
        frames::changes(net.context(), document(1), changes.collect())
    };
    let (first, rest) = (frame(&chunks[..1], &ALL), frame(&chunks[1..], &[Signed::Well; 3]));
    net.raw(relay, link, rest);
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), before);
    net.raw(relay, link, first);
    net.settle();
    assert_eq!(net.changes(relay, 1).len(), before + chunks.len());
    assert_eq!(net.changes(ana, 1), net.changes(relay, 1));
    assert_eq!(net.changes(bot, 1), net.changes(relay, 1));
}
