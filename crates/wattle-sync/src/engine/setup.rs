//! From options to an engine that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};
use wattle_protocol::limits::NAME_BYTES_MAX;
use wattle_protocol::replica::Config;
use wattle_protocol::{ActorId, ChangeHash, ContextId, ContextRecord, PublicKey, Replica, StoreId};
use wattle_store::{SqliteStore, Store};

use super::access::{Access, redeem};
use super::arrivals::Arrivals;
use super::documents::Documents;
use super::leases::Leases;
use super::ledger::Ledger;
use super::links::Links;
use super::replay::Replays;
use super::uplink::UplinkLock;
use super::{Command, Engine};
use crate::address::{Address, JoinLink};
use crate::directory::{Directory, Settings};
use crate::error::{AddressError, OpenError};
use crate::identity::Identity;
use crate::limits::{ENGINE_QUEUE_COMMANDS_MAX, ENGINE_STACK_BYTES, WATCH_QUEUE_CHANGES_MAX};
use crate::options::Options;
use crate::watch::Notice;

/// What the engine begins with.
#[derive(Clone, Debug)]
pub(crate) enum Seed {
    /// A new context.
    New { name: String },
    /// The context of the directory.
    Existing,
    /// A context that exists elsewhere.
    Joined { link: JoinLink },
}

/// An engine that runs.
pub(crate) struct Started {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) changes: broadcast::Sender<Notice>,
    pub(crate) context: ContextId,
    pub(crate) key: PublicKey,
}

/// Opens the directory on a new thread, and leaves the engine running there.
pub(crate) async fn start(options: Options, seed: Seed) -> Result<Started, OpenError> {
    if let Some(files) = &options.tls.server {
        crate::tls::acceptor(files)?;
    }
    if options.tls.authorities.is_some() {
        crate::tls::connector(&options.tls)?;
    }
    let (commands, queue) = mpsc::channel(ENGINE_QUEUE_COMMANDS_MAX);
    let (opened, answer) = oneshot::channel();
    let key = options.identity.key();
    let (alive, links_alive) = mpsc::channel(1);
    let sockets = Sockets { runtime: Handle::current(), commands: commands.downgrade(), alive };
    let changes = broadcast::Sender::new(WATCH_QUEUE_CHANGES_MAX);
    let told = changes.clone();
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(source) => return opened.send(Err(OpenError::NoThread { source })).unwrap_or(()),
        };
        match Engine::open(options, seed, sockets, told) {
            Ok(engine) => {
                opened.send(Ok(engine.context)).ok();
                runtime.block_on(engine.run(queue, links_alive));
            }
            Err(error) => opened.send(Err(error)).unwrap_or(()),
        }
    };
    thread::Builder::new()
        .name("wattle-engine".to_owned())
        .stack_size(ENGINE_STACK_BYTES)
        .spawn(body)
        .map_err(|source| OpenError::NoThread { source })?;
    let context = answer.await.unwrap_or(Err(OpenError::NoRandomness))?;
    Ok(Started { commands, changes, context, key })
}

/// Takes back the directory of a context that could not be joined.
pub(crate) fn give_back(directory: &std::path::Path) -> Result<(), OpenError> {
    Directory::new(directory).give_back()
}

/// Where the engine's sockets live, and how they reach it without keeping it alive.
#[derive(Clone)]
pub(crate) struct Sockets {
    pub(crate) runtime: Handle,
    pub(crate) commands: mpsc::WeakSender<Command>,
    /// Never used: when its last clone is gone, so is the last task.
    #[expect(dead_code, reason = "its existence is what counts")]
    pub(crate) alive: mpsc::Sender<()>,
}

impl Engine {
    fn open(
        options: Options,
        seed: Seed,
        sockets: Sockets,
        changes: broadcast::Sender<Notice>,
    ) -> Result<Self, OpenError> {
        let directory = Directory::new(&options.directory);
        let (mut store, settings) = prepare(&directory, &options, seed)?;
        let targets = addresses(options.dial.iter().chain(&settings.remotes))?;
        let uplink = UplinkLock::new(&directory, options.uplink);
        let replays = Replays::new(directory.replay_lock());
        let actor = ActorId::of(&settings.context, &options.identity.key(), random()?);
        let mut access = Access::new(options.access_patience, options.clock.clone());
        access.read(&mut store, &settings.context)?;
        let links_as = options.links_as.clone().filter(|other| access.is_member(&other.key()));
        let links_as = links_as.unwrap_or_else(|| options.identity.clone());
        let mut engine = Self {
            context: settings.context,
            actor: actor.0,
            began: Instant::now(),
            replica: replica(&options, &links_as, store.id())?,
            documents: Documents::new(&options.customs),
            links: Links::new(sockets, &options, targets),
            uplink,
            directory,
            store,
            links_as,
            identity: options.identity,
            client: options.client,
            arrivals: Arrivals::new(),
            waiters: Vec::new(),
            changes,
            seen: wattle_protocol::Position::default(),
            own: BTreeSet::new(),
            data_version: 0,
            poll_at: Instant::now(),
            access,
            durable: BTreeMap::new(),
            remember: BTreeMap::new(),
            presence: BTreeMap::new(),
            quarantined: Vec::new(),
            ledger: Ledger::default(),
            replays,
            leases: Leases::default(),
            snapshotting: false,
            closing: Vec::new(),
        };
        engine.recollect()?;
        Ok(engine)
    }

    /// Reads back what the store knows.
    fn recollect(&mut self) -> Result<(), OpenError> {
        self.data_version = self.store.data_version()?;
        self.seen = self.store.last()?;
        self.tend_access(Instant::now());
        self.heed_access();
        self.recall_admission()?;
        self.refresh_wishes()?;
        self.recall_quarantined()?;
        self.recall_ledger()?;
        self.recall_removed()?;
        for summary in self.summaries()? {
            self.documents.note_stored(summary.document);
        }
        for remote in self.store.remotes()? {
            let known = self.store.remote(&remote, &self.context)?;
            let known = known.into_iter().map(|known| (known.document, known)).collect();
            self.durable.insert(remote, known);
        }
        Ok(())
    }
}

fn prepare(
    directory: &Directory,
    options: &Options,
    seed: Seed,
) -> Result<(SqliteStore, Settings), OpenError> {
    match seed {
        Seed::New { name } => found(directory, options, &name),
        Seed::Existing => {
            let settings = directory.read()?;
            Ok((SqliteStore::open_existing(directory.store())?, settings))
        }
        Seed::Joined { link } => {
            directory.make()?;
            let mut store = SqliteStore::open(directory.store())?;
            if let Some(secret) = &link.secret {
                let proposal = redeem(link.context, secret, &options.identity)?;
                store.put_proposal(&link.context, &proposal)?;
            }
            let remotes = link.relay.into_iter().collect();
            let settings = Settings { context: link.context, remotes };
            directory.found(&settings)?;
            Ok((store, settings))
        }
    }
}

/// Makes a new context: its record first, then the settings that name it.
fn found(
    directory: &Directory,
    options: &Options,
    name: &str,
) -> Result<(SqliteStore, Settings), OpenError> {
    let bytes = name.len();
    if bytes == 0 || bytes > NAME_BYTES_MAX {
        return Err(OpenError::Name { bytes, bytes_max: NAME_BYTES_MAX });
    }
    directory.make()?;
    let mut store = SqliteStore::open(directory.store())?;
    let owner = options.identity.key();
    let record = ContextRecord {
        version: 1,
        nonce: random()?,
        name: name.to_owned(),
        owners: std::iter::once(owner).chain(options.recovery).collect(),
        sequencer: owner,
    };
    let settings = Settings { context: record.id(), remotes: Vec::new() };
    store.append_access(&settings.context, 0, &[record.to_bytes()])?;
    directory.found(&settings)?;
    Ok((store, settings))
}

fn replica(options: &Options, links_as: &Identity, store: StoreId) -> Result<Replica, OpenError> {
    Ok(Replica::new(Config {
        key: links_as.keypair.clone(),
        store,
        session: random()?,
        agent: options.client.clone(),
        roots: wattle_context::roots().into_iter().map(ChangeHash).collect(),
        loads_documents: true,
        asks_logins: false,
        accepts_new_contexts: false,
        changes_per_second_max: None,
    }))
}

fn addresses<'a>(
    texts: impl Iterator<Item = &'a String>,
) -> Result<BTreeSet<Address>, AddressError> {
    texts.map(|text| text.parse()).collect()
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], OpenError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| OpenError::NoRandomness)?;
    Ok(bytes)
}
