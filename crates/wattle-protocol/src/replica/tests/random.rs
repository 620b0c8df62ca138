//! Random histories, and random messages.

use proptest::prelude::*;

use super::net::{Net, PEER, RELAY, document};
use crate::id::{Blob, ChangeHash, Position, PublicKey};
use crate::limits::{FRAME_BYTES_MAX, LINK_UNDER_WAY_BYTES_MAX};
use crate::message::{Changes, Code, Has, Have, Message, Open, Opened, Refusal, SnapshotPart};
use crate::wire;

/// What happens to a relay and three peers.
#[derive(Clone, Debug)]
enum Step {
    Write(usize, u8, u64),
    Dial(usize, usize),
    Cut(usize),
    Hold(usize, bool),
    Break(usize, bool),
    Compact(u8),
    Clog(usize),
    Unclog,
    Run,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4_usize, 1..4_u8, 1..40_u64).prop_map(|(node, doc, count)| Step::Write(node, doc, count)),
        4 => (1..4_usize, 0..4_usize).prop_map(|(from, to)| Step::Dial(from, to)),
        2 => (0..8_usize).prop_map(Step::Cut),
        2 => (0..4_usize, any::<bool>()).prop_map(|(node, held)| Step::Hold(node, held)),
        1 => (0..4_usize, any::<bool>()).prop_map(|(node, broken)| Step::Break(node, broken)),
        1 => (1..4_u8).prop_map(Step::Compact),
        1 => (0..8_usize).prop_map(Step::Clog),
        1 => Just(Step::Unclog),
        4 => Just(Step::Run),
        1 => prop_oneof![Just(500), Just(6_000), Just(90_000)].prop_map(Step::Pass),
    ]
}

fn apply(net: &mut Net, step: Step) {
    match step {
        Step::Write(node, doc, count) => net.write(node, doc, count),
        Step::Dial(from, to) if from != to => drop(net.dial(from, to)),
        Step::Dial(..) => {}
        Step::Cut(link) => net.cut_nth(link),
        Step::Hold(node, held) => net.hold_disk(node, held),
        Step::Break(node, broken) => net.break_disk(node, broken),
        Step::Compact(doc) => net.compact(0, doc, net.changes(0, doc).len() / 2),
        Step::Clog(link) => net.clog_nth(link),
        Step::Unclog => net.unclog_all(),
        Step::Run => net.run(),
        Step::Pass(ms) => net.pass(ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_happens_all_end_equal_and_silent(steps in prop::collection::vec(step(), 0..40)) {
        let mut net = Net::new();
        for node in [RELAY, PEER, PEER, PEER] {
            net.add(node);
        }
        net.found(1);
        net.share_record(1, 2);
        for step in steps {
            apply(&mut net, step);
        }
        net.unclog_all();
        for node in 0..4 {
            net.break_disk(node, false);
            net.hold_disk(node, false);
        }
        net.cut_all();
        net.run();
        let before: Vec<usize> = (0..4).map(|node| net.in_sync(node)).collect();
        for peer in 1..4 {
            net.dial(peer, 0);
        }
        net.settle();
        for (peer, before) in before.into_iter().enumerate().skip(1) {
            prop_assert_eq!(net.store(peer), net.store(0));
            prop_assert_eq!(net.in_sync(peer), before + 1);
        }
        for _ in 0..3 {
            net.pass(90_000);
        }
        for node in 0..4 {
            prop_assert_eq!(net.replica(node).deadline(), None);
            prop_assert_eq!(net.replica(node).documents_in_memory(), 0);
            prop_assert_eq!(net.replica(node).links().map(|link| link.backlog).sum::<usize>(), 0);
        }
    }
}

/// A message of somebody who has proved a key and means no good.
fn message(context: crate::id::ContextId, chunks: Vec<Blob>) -> impl Strategy<Value = Message> {
    let number = prop_oneof![Just(0), 1..9_u64, Just(u64::MAX), Just(u64::MAX - 1)];
    let key = (1..4_u8).prop_map(document);
    let hash = prop_oneof![
        prop::sample::select(chunks.clone())
            .prop_map(|chunk| crate::change::Header::parse(&chunk).unwrap().hash),
        any::<u8>().prop_map(|byte| ChangeHash([byte; 32])),
    ];
    let hashes = prop::collection::vec(hash, 0..4);
    let chunk = prop_oneof![
        4 => prop::sample::select(chunks),
        1 => prop::collection::vec(any::<u8>(), 0..90).prop_map(Blob::from),
    ];
    let bodies = prop::collection::vec(chunk, 0..6);
    let all = (key, number.clone(), number, hashes.clone(), hashes, bodies);
    (0..9, any::<bool>(), all).prop_map(
        move |(kind, flag, (document, one, two, heads, samples, blobs))| {
            let (cursor, body) = (Position(one), blobs.first().cloned());
            let bytes = body.clone().unwrap_or_else(|| Blob::from(Vec::new()));
            match kind {
                0 => Message::Open(Open {
                    context,
                    access_entries: two,
                    access_head: [one as u8; 32],
                    record: body,
                    documents: vec![Have { document, cursor, heads, samples }],
                    more: flag,
                }),
                1 => Message::Opened(Opened {
                    context,
                    access_entries: two,
                    access_head: [one as u8; 32],
                    documents: vec![Has { document, cursor, heads, sends: flag }],
                    more: flag,
                }),
                2 | 3 => {
                    let changes = blobs.into_iter().map(|chunk| (chunk, None)).collect();
                    Message::Changes(Changes { context, document, changes, cursor, done: flag })
                }
                4 => {
                    let (offset, total, seals) = (one, two, vec![]);
                    Message::Snapshot(SnapshotPart {
                        context,
                        document,
                        offset,
                        total,
                        bytes,
                        seals,
                        cursor,
                    })
                }
                5 => Message::Saved { context, document, cursor, heads, receipt: None },
                6 => Message::Access { context, from: one, entries: blobs },
                7 => Message::Presence {
                    context,
                    key: PublicKey([one as u8; 32]),
                    session: [two as u8; 16],
                    count: one,
                    body: bytes,
                },
                _ => Message::Refused(Refusal {
                    code: if flag { Code::Invalid } else { Code::Missing },
                    reason: "why not".into(),
                    about: heads.first().copied(),
                }),
            }
        },
    )
}

/// A relay with two honest peers that share one document.
fn honest() -> (Net, Vec<Blob>) {
    let mut net = Net::new();
    for node in [RELAY, PEER, PEER] {
        net.add(node);
    }
    net.found(1);
    net.write(1, 1, 6);
    net.dial(1, 0);
    net.settle();
    net.dial(2, 0);
    net.settle();
    let chunks = net.compose(1, 1, 6).iter().map(|chunk| chunk.bytes()).collect();
    (net, chunks)
}

fn messages() -> impl Strategy<Value = Vec<(Message, bool)>> {
    let (net, chunks) = honest();
    let message = message(net.context(), chunks);
    prop::collection::vec((message, prop::bool::weighted(0.05)), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_message_of_a_member_brings_a_replica_down(
        messages in messages(),
        victim in 0..2_usize,
        clogged in any::<bool>(),
    ) {
        let (mut net, _) = honest();
        // The relay is dialled by the stranger; the peer has dialled it.
        let link = if victim == 0 { net.greet_raw(0) } else { net.welcome_raw(1) };
        let taken = net.sent_bytes(victim, link);
        net.keep_raw(victim, link, clogged);
        for (message, cut) in messages {
            let mut frame = wire::encode(&message).to_vec();
            if cut {
                frame.pop();
            }
            net.raw(victim, link, frame);
            net.run();
        }
        if clogged {
            let given = net.sent_bytes(victim, link) - taken;
            prop_assert!(given <= LINK_UNDER_WAY_BYTES_MAX + FRAME_BYTES_MAX);
        }
        net.pass(10_000);
        net.write(1, 2, 3);
        net.write(2, 1, 2);
        net.settle();
        prop_assert_eq!(net.changes(2, 2), net.changes(1, 2));
        prop_assert!(net.changes(1, 1).is_superset(&net.changes(2, 1)));
        prop_assert!(net.changes(0, 1).is_superset(&net.changes(1, 1)));
    }
}
