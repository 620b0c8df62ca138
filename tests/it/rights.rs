//! Rights over real sockets, with parties that somebody has changed.

mod forks;
mod reading;
mod writing;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use wattle_context::{Author, Context, Edit, ItemId, Op, Part, Section, Value};
use wattle_protocol::message::{Changes, Message};
use wattle_protocol::{ActorId, Blob, Change, ChangeHash, DocumentKey, Position, Seal};
use wattle_relay::{Config, Relay, RelayHandle};
use wattle_sync::part::key_of;
use wattle_sync::{
    GrantTerms, Identity, InviteTerms, JoinLink, Kind, Options, Outcome, Parts, Peer, Role,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A relay, and an owner who has handed it the access log.
struct House {
    folder: TempDir,
    relay: RelayHandle,
    ana: Peer,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            Config { listen: "127.0.0.1:0".to_owned(), ..Config::new(folder.path().join("relay")) };
        let relay = Relay::start(config).await.unwrap();
        let ana = Peer::create(options(folder.path(), &identity("ana")), "rights").await.unwrap();
        ana.dial(&format!("ws://{}", relay.address())).unwrap();
        ana.settled(PATIENCE).await.unwrap();
        let house = Self { folder, relay, ana };
        house.writes(&house.ana, Section::Rules, "Ask before you delete.").await;
        house.writes(&house.ana, Section::People, "Augusta Ada King").await;
        house.writes(&house.ana, Section::Tasks, "Water the plants").await;
        house
    }

    fn address(&self) -> SocketAddr {
        self.relay.address()
    }

    /// Somebody takes an invitation up.
    async fn joins(&self, identity: &Identity, role: Role) -> Peer {
        let terms = InviteTerms { role, uses: 1, until: None };
        let (link, outcome) = self.ana.invite(terms).await.unwrap();
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        let link = JoinLink { relay: Some(format!("wattle://{}", self.address())), ..link };
        let peer = Peer::join(options(self.folder.path(), identity), &link).await.unwrap();
        peer.settled(PATIENCE).await.unwrap();
        peer
    }

    async fn grants(&self, identity: &Identity, role: Role) {
        let (key, name) = (identity.key(), identity.name.clone());
        let (kind, until, edits_per_minute) = (Kind::Person, None, None);
        let terms = GrantTerms { key, name, kind, role, until, edits_per_minute };
        let outcome = self.ana.grant(terms).await.unwrap();
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    }

    /// Adds an item; it is everywhere that it goes to when it is at the relay.
    async fn writes(&self, peer: &Peer, section: Section, title: &str) -> ChangeHash {
        let edited = peer.edit(vec![add(section, title)], "for the test").await.unwrap();
        peer.settled(PATIENCE).await.unwrap();
        let (_, bytes) = edited.changes.last().unwrap();
        ChangeHash(wattle_protocol::Header::parse(bytes).unwrap().hash.0)
    }

    async fn ends(self, peers: Vec<Peer>) {
        for peer in peers {
            peer.close().await;
        }
        self.ana.close().await;
        self.relay.stop().await;
    }
}

fn identity(name: &str) -> Identity {
    Identity::random(name).unwrap()
}

fn options(folder: &Path, identity: &Identity) -> Options {
    let directory = folder.join(&identity.name);
    Options { access_patience: PATIENCE, ..Options::new(directory, identity.clone()) }
}

fn add(section: Section, title: &str) -> Edit {
    made(Op::Add, section.to_string(), title)
}

fn made(op: Op, path: String, value: &str) -> Edit {
    let value = Value::from(value);
    Edit { op, path, value, old: None, base: None, if_unchanged: false }
}

/// The edit of a rule that its author may not make.
async fn rule_edit(peer: &Peer) -> Edit {
    let rule = peer.view(Parts::All, |context| context.section(Section::Rules).items[0].id).await;
    made(Op::Set, format!("rules/{}/statement", rule.unwrap()), "Delete whatever you like.")
}

/// What somebody's patched program would write on what a peer has: well formed, and well signed.
async fn forge(peer: &Peer, by: &Identity, edit: Edit) -> Change {
    let section: Section = edit.path.split('/').next().unwrap().parse().unwrap();
    let part = Part::Section(section);
    let document = peer.view(Parts::All, move |context| context.document(&part).unwrap().fork());
    let mut context = Context::new();
    context.insert(part, document.await.unwrap());
    let author = Author {
        actor: ActorId::of(&peer.context_id(), &by.key(), [7; 6]).0,
        key: by.key().0,
        name: by.name.clone(),
        client: "patched".to_owned(),
        time_ms: 0,
    };
    let mut ids = || ItemId::from_bytes([7; 10]);
    let mut edited = context.edit(&[edit], "because I can", &author, &mut ids).unwrap();
    let change = Change::parse(edited.changes.remove(0).1.into(), None).unwrap();
    let seal = by.keypair.seal(&peer.context_id(), &key_of(part), &change.header, 1);
    Change { seal: Some(seal), ..change }
}

fn document(section: Section) -> DocumentKey {
    key_of(Part::Section(section))
}

fn carrying(of: &Peer, section: Section, changes: &[&Change]) -> Message {
    let changes: Vec<(Blob, Option<Seal>)> =
        changes.iter().map(|change| (change.bytes.clone(), change.seal)).collect();
    Message::Changes(Changes {
        context: of.context_id(),
        document: document(section),
        changes,
        cursor: Position(0),
        done: false,
    })
}

async fn has(peer: &Peer, section: Section, change: ChangeHash) -> bool {
    let has = peer.view(Parts::All, move |context| {
        context.document(&Part::Section(section)).is_some_and(|document| document.has(&change.0))
    });
    has.await.unwrap()
}

/// Waits until a peer shows a change.
async fn until_has(peer: &Peer, section: Section, change: ChangeHash) {
    let mut watch = peer.watch();
    let waiting = async {
        while !has(peer, section, change).await {
            watch.next().await.expect("the peer is open");
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes");
}

/// The code of a refusal, and the change that it is about.
fn refused(message: &Message) -> Option<(wattle_sync::Code, Option<ChangeHash>)> {
    match message {
        Message::Refused(refusal) => Some((refusal.code, refusal.about)),
        Message::Hello(_)
        | Message::Proof { .. }
        | Message::Open(_)
        | Message::Opened(_)
        | Message::Changes(_)
        | Message::Snapshot(_)
        | Message::Saved { .. }
        | Message::Access { .. }
        | Message::Presence { .. }
        | Message::Propose { .. }
        | Message::Lease { .. }
        | Message::Leased { .. } => None,
    }
}
