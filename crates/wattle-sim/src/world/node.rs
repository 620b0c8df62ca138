//! One replica: a disk that stays, and a life that ends with a crash.

use std::collections::{BTreeMap, VecDeque};

use wattle_context::{Context, Part, Section};
use wattle_protocol::access::Log;
use wattle_protocol::replica::Config;
use wattle_protocol::{
    ActorId, ChangeHash, ContextId, DocumentKey, Input, Keypair, PublicKey, Replica, StoreId,
};
use wattle_store::Store;

use super::part::{document_mut, empty_context, is_empty, key_of, load, part_of, restore};
use crate::check::View;
use crate::disk::{Bug, Disk};
use crate::rng::Rng;

/// Whether it shows documents or only passes changes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Shows documents, edits them, dials.
    Peer,
    /// Passes changes on.
    Relay,
}

/// A replica, up or down.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) key: Keypair,
    pub(crate) store: StoreId,
    pub(crate) disk: Disk,
    pub(crate) rng: Rng,
    /// How often it was started.
    pub(crate) lives: u64,
    /// Absent while it is down.
    pub(crate) life: Option<Life>,
    pub(crate) slow: bool,
}

/// What a crash ends.
pub(crate) struct Life {
    pub(crate) machine: Replica,
    /// The documents that a peer shows.
    pub(crate) context: Context,
    /// Names the writer; another one in each life.
    pub(crate) actor: [u8; 16],
    /// What waits while a peer writes to its disk: its engine is one thread.
    pub(crate) inbox: VecDeque<Input>,
    /// When the machine is to be told that time has passed.
    pub(crate) tick_at: Option<u64>,
}

/// The key that a node of this name will have.
pub(crate) fn key_of_node(seed: u64, name: &str) -> PublicKey {
    keypair_of(seed, name).public()
}

/// The keys that a name stands for, whether there is a replica of it or not.
pub(crate) fn keypair_of(seed: u64, name: &str) -> Keypair {
    first_key(&mut Rng::new(seed, name))
}

fn first_key(rng: &mut Rng) -> Keypair {
    Keypair::from_secret(&rng.bytes())
}

impl Node {
    pub(crate) fn new(name: &str, kind: Kind, chance: (u64, Option<Bug>)) -> Self {
        let (seed, bug) = chance;
        let mut rng = Rng::new(seed, name);
        let key = first_key(&mut rng);
        let store = StoreId(rng.bytes());
        let bug = bug.filter(|bug| match bug {
            Bug::AckBeforeDisk | Bug::ForgetsChanges | Bug::Chatters => kind == Kind::Relay,
            Bug::EditBeforeDisk | Bug::KeepsEdits | Bug::IgnoresCutoffs => kind == Kind::Peer,
        });
        let disk = Disk::new(store, Rng::new(seed, &format!("{name}/disk")), bug);
        let name = name.to_owned();
        Self { name, kind, key, store, disk, rng, lives: 0, life: None, slow: false }
    }

    /// Starts it with what its disk has.
    pub(crate) fn start(&mut self, context: &ContextId) -> Result<(), String> {
        self.lives += 1;
        let peer = self.kind == Kind::Peer;
        let machine = Replica::new(Config {
            key: self.key.clone(),
            store: self.store,
            session: self.rng.bytes(),
            agent: format!("wattle-sim {}", self.name),
            roots: wattle_context::roots().into_iter().map(ChangeHash).collect(),
            loads_documents: peer,
            asks_logins: false,
            accepts_new_contexts: !peer,
            changes_per_second_max: None,
        });
        let shown = if peer { load(&mut self.disk.store, context)? } else { empty_context() };
        self.life = Some(Life {
            machine,
            context: shown,
            actor: ActorId::of(context, &self.key.public(), self.rng.bytes()).0,
            inbox: VecDeque::new(),
            tick_at: None,
        });
        Ok(())
    }

    /// The access log that its disk has.
    pub(crate) fn log_of(&self, context: &ContextId) -> Option<Log> {
        Log::read(&self.disk.store.clone().access(context).ok()?).ok()
    }

    /// Shows a document as its disk has it, and writes on with another actor: the old one's last
    /// numbers may be taken.
    pub(crate) fn rebuild(&mut self, context: &ContextId, key: &DocumentKey) -> Result<(), String> {
        let Some((life, part)) = self.life.as_mut().zip(part_of(key)) else { return Ok(()) };
        if self.kind == Kind::Peer {
            life.context.insert(part, restore(&mut self.disk.store, context, part)?);
            life.actor = ActorId::of(context, &self.key.public(), self.rng.bytes()).0;
        }
        Ok(())
    }

    /// A peer that writes to its disk does nothing else.
    pub(crate) fn blocked(&self) -> bool {
        self.kind == Kind::Peer && self.disk.busy()
    }

    /// What a judge may see.
    pub(crate) fn view(&mut self, node: usize, context: &ContextId) -> Result<View, String> {
        let store = &mut self.disk.store;
        let say = |error: wattle_store::StoreError| error.to_string();
        let mut view = View {
            name: self.name.clone(),
            node,
            heads: store
                .documents(context)
                .map_err(say)?
                .into_iter()
                .map(|summary| (summary.document, summary.heads))
                .collect(),
            key: self.key.public(),
            log: Log::read(&store.access(context).map_err(say)?).ok(),
            changes: BTreeMap::new(),
            shown: None,
        };
        for document in view.heads.keys() {
            let nodes = store.graph(context, document).map_err(say)?;
            view.changes
                .extend(nodes.into_iter().map(|(_, header, _)| ((*document, header.hash), header)));
        }
        if let Some(life) = self.life.as_ref().filter(|_| self.kind == Kind::Peer) {
            let mut context = life.context.clone();
            // An empty document may be in memory or not; it is nothing that a judge could miss.
            for body in context.body_ids() {
                document_mut(&mut context, Part::Body(body));
            }
            let shown = context.parts().filter_map(|part| {
                let document = context.document(part).filter(|document| !is_empty(document))?;
                Some((key_of(part), document.heads().into_iter().map(ChangeHash).collect()))
            });
            view.shown = Some((shown.collect(), values(&context)));
        }
        Ok(view)
    }
}

/// All values that a peer shows, the conflicts that it sees, and who holds which task.
fn values(context: &Context) -> String {
    let conflicts: Vec<String> = context.conflicts().into_iter().map(|open| open.id).collect();
    let tasks = context.section(Section::Tasks).items;
    let owners: Vec<_> = tasks
        .iter()
        .filter_map(|task| {
            Some((task.id, context.owner(task).map(|claim| (claim.key, claim.name))?))
        })
        .collect();
    format!("{} {conflicts:?} {owners:?}", context.export())
}
