//! Who takes part: six principals, their spare keys, and the log that they begin with.

use wattle_protocol::access::{Action, Grant, Kind, Log, Power, Proposal, Rights, Scopes};
use wattle_protocol::{Blob, ContextRecord, DocumentKey, Keypair, PublicKey};

/// How many principals there are.
pub(super) const PRINCIPALS: usize = 6;

/// What everybody writes to: a document of all who write, one of few, and one that not all may read.
pub(super) const DOCUMENTS: [DocumentKey; 3] = [document(4), document(6), document(2)];

const fn document(scope: u8) -> DocumentKey {
    DocumentKey { scope, item: [0; 16] }
}

/// Made once: a key costs as much as a signature.
pub(super) struct Cast {
    /// Two for each principal: the second one is for a rotation.
    pub(super) keys: Vec<Keypair>,
    pub(super) public: Vec<PublicKey>,
    pub(super) sequencer: Keypair,
    /// From entry 0 on.
    pub(super) entries: Vec<Blob>,
    pub(super) log: Log,
}

impl Cast {
    /// Two owners, a maintainer, a contributor, a reader, and an agent of the maintainer.
    pub(super) fn new() -> Self {
        let key = |n: usize| Keypair::from_secret(&[u8::try_from(n + 1).unwrap(); 32]);
        let keys: Vec<Keypair> = (0..2 * PRINCIPALS).map(key).collect();
        let public: Vec<PublicKey> = keys.iter().map(Keypair::public).collect();
        let sequencer = key(100);
        let record = ContextRecord {
            version: 1,
            nonce: [7; 16],
            name: "histories".to_owned(),
            owners: vec![public[0], public[1]],
            sequencer: sequencer.public(),
        };
        let (entries, log) = (vec![record.to_bytes()], Log::begin(&record));
        let mut cast = Self { keys, public, sequencer, entries, log };
        cast.give(0, (2, Kind::Person), role(3));
        cast.give(1, (3, Kind::Person), role(1));
        cast.give(2, (4, Kind::Person), role(0));
        cast.give(2, (5, Kind::Agent), role(1));
        cast
    }

    fn give(&mut self, author: usize, (to, kind): (usize, Kind), rights: Rights) {
        let grant = Grant {
            key: self.public[to],
            name: format!("principal {to}"),
            kind,
            rights,
            until: None,
            edits_per_minute: None,
        };
        let proposal = self.proposal(author, &self.log, Action::Grant(grant), to as u64);
        let entry = self.log.sequence(&proposal, (1, Vec::new()), &self.sequencer).unwrap();
        self.log.append(&entry).unwrap();
        self.entries.push(entry);
    }

    /// What the owner of a key wants, who knows this log.
    pub(super) fn proposal(&self, author: usize, log: &Log, action: Action, nonce: u64) -> Blob {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&nonce.to_be_bytes());
        let (context, based_on) = (log.context(), log.entries());
        let author_key = self.public[author];
        Proposal { context, based_on, nonce: bytes, author: author_key, action }
            .sign(&self.keys[author])
    }
}

/// From a reader to an owner, and a selection that reads two sections.
pub(super) fn role(n: u64) -> Rights {
    let writes =
        |scopes: &[u8], power| Rights { read: Scopes::ALL, write: Scopes::of(scopes), power };
    match n {
        0 => writes(&[], Power::Sponsor),
        1 => writes(&[3, 4], Power::Sponsor),
        2 => writes(&[1, 2, 3, 4], Power::Sponsor),
        3 => writes(&[1, 2, 3, 4, 5, 6], Power::Maintain),
        4 => Rights::ALL,
        _ => Rights { read: Scopes::of(&[2, 4]), write: Scopes::of(&[2]), power: Power::Sponsor },
    }
}
