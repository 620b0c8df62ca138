//! A relay past the handshake, with a context open, that is fed frames: it never panics, gives no
//! more than the limits to a link that takes nothing, and forgets the link when it closes it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wattle_protocol::identity::{Challenge, Side};
use wattle_protocol::io::Time;
use wattle_protocol::limits::{FRAME_BYTES_MAX, LINK_UNDER_WAY_BYTES_MAX};
use wattle_protocol::message::{Hello, Message, Open};
use wattle_protocol::replica::Config;
use wattle_protocol::wire;
use wattle_protocol::{
    Blob, ContextRecord, Frame, Input, Keypair, LinkId, Output, Replica, StoreId, StoreReply,
    StoreRequest,
};

const LINK: LinkId = LinkId(1);

fuzz_target!(|bytes: &[u8]| {
    let mut relay = Relay::new();
    relay.greet();
    relay.open();
    // Frames are cut out of the input by a length of two bytes each.
    let mut rest = bytes;
    while let Some(([low, high], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (body, next) = after.split_at(length);
        relay.frame([&[wire::FRAME_VERSION], body].concat());
        rest = next;
    }
    assert!(relay.given <= LINK_UNDER_WAY_BYTES_MAX + 2 * FRAME_BYTES_MAX);
});

struct Relay {
    replica: Replica,
    now: u64,
    closed: bool,
    /// Bytes sent since the context is open, of which none is taken.
    given: usize,
    last: Option<Blob>,
}

impl Relay {
    fn new() -> Self {
        let replica = Replica::new(Config {
            key: Keypair::from_secret(&[1; 32]),
            store: StoreId([1; 16]),
            session: [1; 16],
            agent: "relay".into(),
            roots: Vec::new(),
            loads_documents: false,
            asks_logins: false,
            accepts_new_contexts: true,
            changes_per_second_max: None,
        });
        Self { replica, now: 0, closed: false, given: 0, last: None }
    }

    fn greet(&mut self) {
        let (key, nonce) = (Keypair::from_secret(&[2; 32]), [2; 32]);
        let token = Blob::from(Vec::new());
        self.input(Input::Connected {
            link: LINK,
            nonce: [1; 32],
            dials: None,
            token: token.clone(),
        });
        let verifier_key = Keypair::from_secret(&[1; 32]).public();
        let hello = Hello {
            version_min: 1,
            version_max: 1,
            store: StoreId([2; 16]),
            key: key.public(),
            nonce,
            takes_snapshots: true,
            agent: "fuzz".into(),
            token,
        };
        self.frame(wire::encode(&Message::Hello(hello)).to_vec());
        let challenge = Challenge {
            prover: Side::Dials,
            theirs: [1; 32],
            mine: nonce,
            verifier_key,
            prover_key: key.public(),
        };
        let signature = key.sign(&challenge.bytes());
        self.frame(wire::encode(&Message::Proof { signature }).to_vec());
        assert!(!self.closed);
    }

    fn open(&mut self) {
        let owner = Keypair::from_secret(&[2; 32]).public();
        let record = ContextRecord {
            version: 1,
            nonce: [0; 16],
            name: "fuzz".into(),
            owners: vec![owner],
            sequencer: owner,
        };
        let open = Open {
            context: record.id(),
            access_entries: 1,
            access_head: record.id().0,
            record: Some(record.to_bytes()),
            documents: Vec::new(),
            more: false,
        };
        self.frame(wire::encode(&Message::Open(open)).to_vec());
        self.given = 0;
    }

    fn frame(&mut self, frame: Vec<u8>) {
        self.input(Input::Received { link: LINK, frame: Frame::new(frame) });
    }

    fn input(&mut self, input: Input) {
        self.now += 1;
        self.replica.handle(Time(self.now), input);
        while let Some(output) = self.replica.poll() {
            match output {
                Output::Send { frame, .. } => {
                    assert!(!self.closed);
                    self.given += frame.len();
                    self.last = Some(frame);
                }
                Output::Close { .. } => self.closed = true,
                Output::Store(request) => {
                    if let Some(reply) = answer(request) {
                        self.replica.handle(Time(self.now), Input::Store(reply));
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// A store that is empty, and takes no change.
fn answer(request: StoreRequest) -> Option<StoreReply> {
    match request {
        StoreRequest::LoadContext { context } => {
            Some(StoreReply::Context { context, access: Vec::new(), documents: Vec::new() })
        }
        StoreRequest::AppendAccess { context, entries, .. } => {
            Some(StoreReply::AccessAppended { context, entries: entries.len() as u64 })
        }
        StoreRequest::Remember { .. } => None,
        request => Some(StoreReply::Failed { request, reason: "no".into() }),
    }
}
