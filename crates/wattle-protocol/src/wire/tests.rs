//! The bytes on the wire: golden vectors, which `docs/protocol.md` gives too, and hostile ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::access::{
    Action, Closure, Entry, Grant, Kind, Power, Proposal, Rights, Scopes, entry_hash,
    proposal_hash, redeem_bytes, rotate_bytes,
};
use crate::change::tests::chunk::Chunk;
use crate::id::{ActorId, Blob, ChangeHash, ContextId, DocumentKey, Position, PublicKey, StoreId};
use crate::identity::{self, Challenge, ContextRecord, Keypair, Receipt, Seal, Side, Signature};
use crate::lease::{self, Answer, Ask, Fence, Lease, Request, Subject, grant_bytes};
use crate::limits::{FRAME_BYTES_MAX, HEADS_MAX};
use crate::message::{
    Changes, Code, Has, Have, Hello, Message, Open, Opened, Refusal, SnapshotPart,
};
use crate::wire::{self, WireError};

const GOLDEN: &str = include_str!("../../tests/data/golden.txt");
const PAGE: &str = include_str!("../../../../docs/protocol.md");

fn context() -> ContextId {
    record().id()
}

fn key() -> Keypair {
    Keypair::from_secret(&[1; 32])
}

fn record() -> ContextRecord {
    let owner = key().public();
    ContextRecord {
        version: 1,
        nonce: [2; 16],
        name: "kitchen".into(),
        owners: vec![owner],
        sequencer: owner,
    }
}

fn document() -> DocumentKey {
    DocumentKey { scope: 4, item: [0; 16] }
}

fn chunk() -> Chunk {
    Chunk { actor: actor(), author: Some(key().public()), ..Chunk::example() }
}

fn actor() -> ActorId {
    ActorId::of(&context(), &key().public(), [9; 6])
}

fn seal() -> Seal {
    key().seal(&context(), &document(), &chunk().header(), 1)
}

fn challenge() -> Challenge {
    Challenge {
        prover: Side::Dials,
        theirs: [3; 32],
        mine: [4; 32],
        verifier_key: PublicKey([5; 32]),
        prover_key: key().public(),
    }
}

fn receipt() -> Receipt {
    Receipt::sign(&key(), (&context(), &document()), &[hash(1)], 1)
}

fn request() -> Request {
    let subject = Subject { scope: 4, item: [9; 16] };
    let ask = Ask::Take { ttl_s: 1_800 };
    Request { subject, claim: [7; 16], holder: key().public(), ask }
}

fn grant() -> lease::Grant {
    let Request { subject, claim, holder, .. } = request();
    let fence = Fence { term: 1, entry: 2, number: 300 };
    let lease = Lease { subject, claim, holder, fence, until: 1_800_001_800 };
    lease::Grant::sign(&key(), &context(), lease)
}

/// To a key that reads tasks and documents, and writes documents, until a day.
fn proposal() -> Proposal {
    let grant = Grant {
        key: PublicKey([5; 32]),
        name: "guest".into(),
        kind: Kind::Agent,
        rights: Rights { read: Scopes(0x30), write: Scopes(0x20), power: Power::Sponsor },
        until: Some(2_000_000_000),
        edits_per_minute: Some(60),
    };
    let action = Action::Grant(grant);
    Proposal { context: context(), based_on: 1, nonce: [7; 16], author: key().public(), action }
}

/// As it could follow, with a cutoff that this one would not have, to show its bytes.
fn entry() -> Entry {
    let key_of_guest = PublicKey([5; 32]);
    let theirs = ActorId::of(&context(), &key_of_guest, [9; 6]);
    let closure = Closure { key: key_of_guest, upto: vec![(document(), vec![(theirs, 300)])] };
    Entry {
        context: context(),
        term: 0,
        number: 1,
        previous: context().0,
        time: 1_800_000_000,
        proposal: proposal().sign(&key()),
        closes: vec![closure],
        sequencer: key().public(),
    }
}

fn hash(byte: u8) -> ChangeHash {
    ChangeHash([byte; 32])
}

/// Each message once, with every field in use.
fn messages() -> Vec<(&'static str, Message)> {
    let mut messages = openings();
    messages.extend(contents());
    messages.extend(leases());
    messages
}

fn openings() -> Vec<(&'static str, Message)> {
    let (context, document) = (context(), document());
    let hello = Hello {
        version_min: 1,
        version_max: 300,
        store: StoreId([6; 16]),
        key: key().public(),
        nonce: [4; 32],
        takes_snapshots: true,
        agent: "wattle".into(),
        token: b"token"[..].into(),
    };
    let have = Have {
        document,
        cursor: Position(70_000),
        heads: vec![hash(1)],
        samples: vec![hash(2), hash(3)],
    };
    let has = Has { document, cursor: Position(251), heads: vec![hash(1)], sends: true };
    vec![
        ("hello", Message::Hello(hello)),
        ("proof", Message::Proof { signature: key().sign(&challenge().bytes()) }),
        (
            "open",
            Message::Open(Open {
                context,
                access_entries: 1,
                access_head: context.0,
                record: Some(record().to_bytes()),
                documents: vec![have],
                more: false,
            }),
        ),
        (
            "opened",
            Message::Opened(Opened {
                context,
                access_entries: 1,
                access_head: context.0,
                documents: vec![has],
                more: false,
            }),
        ),
    ]
}

fn contents() -> Vec<(&'static str, Message)> {
    let (context, document) = (context(), document());
    vec![
        (
            "changes",
            Message::Changes(Changes {
                context,
                document,
                changes: vec![(chunk().bytes(), Some(seal())), (chunk().bytes(), None)],
                cursor: Position(251),
                done: true,
            }),
        ),
        (
            "snapshot",
            Message::Snapshot(SnapshotPart {
                context,
                document,
                offset: 0,
                total: 5,
                bytes: b"whole"[..].into(),
                seals: vec![(hash(1), seal())],
                cursor: Position(250),
            }),
        ),
        (
            "saved",
            Message::Saved {
                context,
                document,
                cursor: Position(252),
                heads: vec![hash(1)],
                receipt: Some(receipt()),
            },
        ),
        ("access", Message::Access { context, from: 0, entries: vec![record().to_bytes()] }),
        (
            "presence",
            Message::Presence {
                context,
                key: key().public(),
                session: [8; 16],
                count: 9,
                body: b"reads rules"[..].into(),
            },
        ),
        (
            "refused",
            Message::Refused(Refusal {
                code: Code::Contradiction,
                reason: "no".into(),
                about: Some(hash(1)),
            }),
        ),
        ("propose", Message::Propose { context, proposal: proposal().sign(&key()) }),
    ]
}

fn leases() -> Vec<(&'static str, Message)> {
    let context = context();
    vec![
        ("lease", Message::Lease { context, number: 300, request: request() }),
        (
            "leased",
            Message::Leased { context, number: 300, answer: Box::new(Answer::Granted(grant())) },
        ),
        (
            "leased-held",
            Message::Leased {
                context,
                number: 1,
                answer: Box::new(Answer::Held {
                    holder: key().public(),
                    claim: [7; 16],
                    until: 251,
                }),
            },
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that another implementation must reproduce, by name.
fn vectors() -> Vec<(String, String)> {
    let mut vectors = vec![
        ("record".to_owned(), hex(&record().to_bytes())),
        ("context-id".to_owned(), context().to_string()),
        ("document-id".to_owned(), document().id(&context()).to_string()),
        ("document-url".to_owned(), document().id(&context()).url()),
        ("actor".to_owned(), actor().to_string()),
        ("change".to_owned(), hex(&chunk().bytes())),
        ("change-hash".to_owned(), chunk().header().hash.to_string()),
        (
            "seal-bytes".to_owned(),
            hex(&identity::seal_bytes(&context(), &document(), &chunk().header(), 1)),
        ),
        ("challenge-bytes".to_owned(), hex(&challenge().bytes())),
        ("lease-bytes".to_owned(), hex(&grant_bytes(&context(), &grant().lease))),
        ("proposal".to_owned(), hex(&proposal().sign(&key()))),
        ("proposal-hash".to_owned(), proposal_hash(&proposal().sign(&key())).to_string()),
        ("entry".to_owned(), hex(&entry().sign(&key()))),
        ("entry-hash".to_owned(), hex(&entry_hash(&entry().sign(&key())))),
        (
            "redeem-bytes".to_owned(),
            hex(&redeem_bytes(&context(), &key().public(), &PublicKey([5; 32]))),
        ),
        (
            "rotate-bytes".to_owned(),
            hex(&rotate_bytes(&context(), &key().public(), &PublicKey([5; 32]))),
        ),
    ];
    let frame =
        |(name, message): &(&str, Message)| (format!("frame-{name}"), hex(&wire::encode(message)));
    vectors.extend(messages().iter().map(frame));
    vectors
}

fn read_vectors(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The lines that a text should have and has not.
fn missing(text: &str) -> String {
    let there = read_vectors(text);
    let vectors = vectors().into_iter().filter(|(name, value)| there.get(name) != Some(value));
    vectors.map(|(name, value)| format!("\n{name} = {value}")).collect()
}

#[test]
fn the_format_does_not_change() {
    assert_eq!(missing(GOLDEN), "");
    assert_eq!(read_vectors(GOLDEN).len(), vectors().len());
}

#[test]
fn the_page_gives_the_same_vectors() {
    assert_eq!(missing(PAGE), "");
}

#[test]
fn the_page_gives_the_same_limits() {
    let limits = include_str!("../limits.rs");
    for row in PAGE.lines().filter(|line| line.ends_with("_MAX` |") || line.ends_with("_BYTES` |"))
    {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let number = cells[2].split(' ').next().unwrap();
        let declared = format!("pub const {}:", cells[3].trim_matches('`'));
        let line = limits.lines().find(|line| line.starts_with(&declared)).expect(row);
        let value = line.rsplit("= ").next().unwrap().trim_end_matches(';').replace('_', "");
        let factors = value.split(" * ").map(|factor| match factor.split_once(" << ") {
            Some((one, bits)) => one.parse::<u64>().unwrap() << bits.parse::<u64>().unwrap(),
            None => factor.parse().unwrap(),
        });
        assert_eq!(factors.product::<u64>().to_string(), number, "{row}");
    }
}

/// The number on the wire is the place in the declaration; the page lists all of them.
#[test]
fn the_page_gives_the_same_codes() {
    let codes = codes();
    let rows: Vec<Vec<&str>> = PAGE
        .lines()
        .skip_while(|line| *line != "## Refusals")
        .take_while(|line| *line != "## Limits")
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() > 3 && cells[1].parse::<u8>().is_ok())
        .collect();
    assert_eq!(rows.len(), codes.len());
    for (row, code) in rows.iter().zip(codes) {
        let refused = Refusal { code, reason: String::new(), about: None };
        let frame = wire::encode(&Message::Refused(refused));
        assert_eq!(row[1], frame[2].to_string(), "{row:?}");
        assert_eq!(row[2], code.number().to_string(), "{row:?}");
        assert_eq!(code.is_permanent(), code.number() < 4500);
    }
}

/// Every code, found by its coding: one behind the last does not decode.
fn codes() -> Vec<Code> {
    let refused = |number: u8| wire::decode(&[1, 9, number, 0, 0], 9);
    let code = |message| {
        let Message::Refused(refusal) = message else { panic!("{message:?}") };
        refusal.code
    };
    (0..).map_while(|number| refused(number).ok()).map(code).collect()
}

#[test]
fn the_parts_of_the_access_log_come_back() {
    let bytes = proposal().sign(&key());
    assert_eq!(Proposal::read(&bytes), Ok(proposal()));
    let bytes = entry().sign(&key());
    assert_eq!(Entry::read(&bytes), Ok(entry()));
    assert!(receipt().verify((&context(), &document()), &[hash(1)]));
    assert!(!receipt().verify((&context(), &document()), &[hash(2)]));
    assert!(!receipt().verify((&context(), &document()), &[hash(1), hash(1)]));
    let later = Receipt { epoch: 2, ..receipt() };
    assert!(!later.verify((&context(), &document()), &[hash(1)]));
}

#[test]
fn every_message_comes_back() {
    for (name, message) in messages() {
        let frame = wire::encode(&message);
        assert_eq!(wire::decode(&frame, FRAME_BYTES_MAX).as_ref(), Ok(&message), "{name}");
    }
}

#[test]
fn no_part_of_a_frame_and_no_frame_with_more_decodes() {
    for (name, message) in messages() {
        let frame = wire::encode(&message);
        for length in 0..frame.len() {
            assert!(wire::decode(&frame[..length], FRAME_BYTES_MAX).is_err(), "{name} to {length}");
        }
        let longer = [&frame[..], &[0]].concat();
        let error = WireError::Trailing { bytes: 1 };
        assert_eq!(wire::decode(&longer, FRAME_BYTES_MAX), Err(error), "{name}");
        let bytes = frame.len();
        let error = WireError::TooLarge { bytes, bytes_max: bytes - 1 };
        assert_eq!(wire::decode(&frame, bytes - 1), Err(error), "{name}");
    }
    assert_eq!(wire::decode(&[], 9), Err(WireError::Empty));
    assert_eq!(wire::decode(&[2, 0], 9), Err(WireError::Version { version: 2 }));
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    let (context, document, cursor) = (context(), document(), Position(0));
    let heads = vec![hash(1); HEADS_MAX + 1];
    let frame = wire::encode(&Message::Saved { context, document, cursor, heads, receipt: None });
    assert_eq!(wire::decode(&frame, FRAME_BYTES_MAX), Err(WireError::Undecodable));
    // A list that announces 2^60 entries and holds none.
    let saved = Message::Saved { context, document, cursor, heads: vec![], receipt: None };
    let mut frame = wire::encode(&saved).to_vec();
    assert_eq!((frame.pop(), frame.pop()), (Some(0), Some(0)));
    frame.push(253);
    frame.extend((1_u64 << 60).to_le_bytes());
    assert_eq!(wire::decode(&frame, FRAME_BYTES_MAX), Err(WireError::Undecodable));
}

#[test]
fn only_the_shortest_form_of_a_number_is_taken() {
    let (context, document) = (context(), document());
    let (cursor, heads) = (Position(7), vec![]);
    let saved = Message::Saved { context, document, cursor, heads, receipt: None };
    let frame = wire::encode(&saved).to_vec();
    let mut longer = frame[..frame.len() - 3].to_vec();
    longer.extend([251, 7, 0, 0, 0]);
    assert_eq!(wire::decode(&longer, FRAME_BYTES_MAX), Err(WireError::NotCanonical));
}

#[test]
fn records_keep_their_rules() {
    let bytes = |record: ContextRecord| record.to_bytes();
    let read = |bytes: &Blob| ContextRecord::from_bytes(bytes);
    assert_eq!(read(&bytes(record())), Ok(record()));
    let newer = ContextRecord { version: 2, ..record() };
    assert_eq!(read(&bytes(newer)), Err(WireError::RecordVersion { version: 2 }));
    let ownerless = ContextRecord { owners: vec![], ..record() };
    assert_eq!(read(&bytes(ownerless)), Err(WireError::RecordContent));
    let named = ContextRecord { name: "x".repeat(65), ..record() };
    assert_eq!(read(&bytes(named)), Err(WireError::RecordContent));
}

#[test]
fn a_seal_holds_for_one_place_and_one_change() {
    let header = chunk().header();
    assert!(seal().verify(&context(), &document(), &header));
    let elsewhere = DocumentKey { scope: 5, ..document() };
    assert!(!seal().verify(&context(), &elsewhere, &header));
    assert!(!seal().verify(&ContextId([0; 32]), &document(), &header));
    assert!(!Seal { epoch: 2, ..seal() }.verify(&context(), &document(), &header));
    assert!(!Seal { signature: Signature([0; 64]), ..seal() }.verify(
        &context(),
        &document(),
        &header
    ));
}

#[test]
fn the_head_of_a_frame_tells_how_many_changes_it_carries() {
    for (_, message) in messages() {
        let expected =
            if let Message::Changes(changes) = &message { changes.changes.len() as u64 } else { 0 };
        assert_eq!(wire::count_changes(&wire::encode(&message)), expected);
    }
    for count in [0, 250, 251, 4096] {
        let changes = vec![(Blob::from(vec![7]), None); count];
        let (context, document) = (context(), document());
        let cursor = Position(0);
        let message = Message::Changes(Changes { context, document, changes, cursor, done: false });
        assert_eq!(wire::count_changes(&wire::encode(&message)), count as u64);
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_or_do_not(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let frame = [&[1][..], &bytes].concat();
        if let Ok(message) = wire::decode(&frame, FRAME_BYTES_MAX) {
            prop_assert_eq!(&wire::encode(&message)[..], &frame[..]);
        }
    }

    #[test]
    fn changed_frames_decode_to_what_encodes_to_them(
        which in 0..11_usize,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut frame = wire::encode(&messages()[which].1).to_vec();
        let at = at.index(frame.len());
        frame[at] = byte;
        if let Ok(message) = wire::decode(&frame, FRAME_BYTES_MAX) {
            prop_assert_eq!(&wire::encode(&message)[..], &frame[..]);
        }
    }
}
