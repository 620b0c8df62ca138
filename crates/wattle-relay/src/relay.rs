//! Starting and stopping.

mod key;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wattle_mcp::http::Endpoint;
use wattle_protocol::LinkId;
use wattle_store::{SqliteStore, Store, StoreError};

use crate::audit::Audit;
use crate::compactor::{Compactor, Removals};
use crate::config::Config;
use crate::disk::Disk;
use crate::engine;
use crate::health::Health;
use crate::http;
use crate::inbox::{Inbox, Notice};
use crate::limits::{DRAIN_MS_MAX, MEASURE_MS_MAX, TURNED_AWAY_MAX};
use crate::login::{KeysError, Logins};
use crate::metrics::Metrics;
use crate::stats::Stats;

/// The relay; see [`Relay::start`].
#[derive(Debug)]
pub enum Relay {}

/// A running relay. It runs on when this is dropped; [`stop`](Self::stop) ends it.
#[derive(Debug)]
pub struct RelayHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
    ended: oneshot::Receiver<()>,
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    /// Keeps a second relay from the directory.
    _lock: std::fs::File,
}

/// Why a relay did not start. Its data is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address as it was given.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// The data directory cannot be made, read or written.
    #[error("the data directory {} cannot be used: {error}", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another relay runs on the directory.
    #[error("another relay runs on {}: stop it, or name another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file of the relay's key is there, and is not a key.
    #[error("{} is not a relay's key: restore it from a backup, or move it away to get a new one", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Open to everyone, and not on this machine alone.
    #[error(
        "open mode is for this machine alone, and {address} is for others too: choose members or tokens"
    )]
    OpenToAll {
        /// Where it would listen.
        address: SocketAddr,
    },
    /// Tokens are asked for, and nothing says whose.
    #[error("tokens mode needs the keys that tokens are signed with: name them with token-keys")]
    NoTokenKeys,
    /// The keys of tokens cannot be had.
    #[error(transparent)]
    TokenKeys(KeysError),
    /// The file of the audit log cannot be written.
    #[error("the audit log {} cannot be written: {error}", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(io::Error),
}

/// What the parts of a relay share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) inbox: Inbox,
    pub(crate) audit: Audit,
    pub(crate) removals: Removals,
    /// Bytes of frames that may wait for the machine.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) handshakes: Arc<Semaphore>,
    pub(crate) connections: Arc<Semaphore>,
    /// Connections over the limit that are being told so.
    pub(crate) turned_away: Arc<Semaphore>,
    /// The contexts that are served to agents.
    pub(crate) agents: Option<Endpoint>,
    links: AtomicU64,
}

/// Held by a connection, and by the link that it becomes.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Relay {
    /// Opens the store, listens, and serves until it is stopped. Must be called within a tokio runtime.
    pub async fn start(config: Config) -> Result<RelayHandle, StartError> {
        Self::start_with(config, None).await
    }

    /// The same, with contexts that it serves to agents at `/mcp`.
    pub async fn start_with(
        config: Config,
        agents: Option<Endpoint>,
    ) -> Result<RelayHandle, StartError> {
        let data = config.data.clone();
        let lock = prepare(&data)?;
        let key = key::load_or_create(&data)?;
        let path = data.join("relay.db");
        let store = SqliteStore::open(&path)?;
        let listener = listen(&config.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError::Listen { address: config.listen.clone(), error })?;
        let id = store.id();
        let mut session = [0; 16];
        getrandom::fill(&mut session).map_err(StartError::Randomness)?;
        let metrics = Metrics::new();
        let audit = Audit::open(config.audit_log.as_deref(), &metrics)?;
        let shared = Arc::new(Shared::new(config, (audit, metrics), agents));
        let logins = Logins::open(address, &shared).await?;
        let compactor = Compactor::start(&path, Arc::clone(&shared))?;
        let disk = Disk::start(store, compactor, Arc::clone(&shared))?;
        let begin = engine::Begin { key, store: id, session, disk, logins };
        let ended = engine::start(begin, Arc::clone(&shared))?;
        let (closing, closed) = watch::channel(false);
        let accepting = tokio::spawn(http::serve(listener, Arc::clone(&shared), closed));
        tracing::info!(%address, data = %data.display(), "serves");
        Ok(RelayHandle { address, shared, ended, closing, accepting, _lock: lock })
    }
}

impl RelayHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.shared.metrics.stats()
    }

    /// Takes nothing new, makes durable what it has taken, says so, closes every link, and ends.
    pub async fn stop(self) {
        tracing::info!("drains");
        self.shared.health.drain();
        if let Some(agents) = &self.shared.agents {
            // First: what their contexts have for this relay can reach it still.
            agents.close().await;
        }
        self.shared.inbox.notice(Notice::Stop);
        let patience = Duration::from_millis(DRAIN_MS_MAX);
        if timeout(patience, self.ended).await.is_err() {
            tracing::warn!("the store did not answer in time");
        }
        self.closing.send_replace(true);
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the accept loop did not end well");
        }
        let all = u32::try_from(self.shared.config.limits.connections_max).unwrap_or(u32::MAX);
        if timeout(patience, self.shared.connections.acquire_many(all)).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        finish_audit(self.shared).await;
        tracing::info!("stopped");
    }
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        (audit, metrics): (Audit, Metrics),
        agents: Option<Endpoint>,
    ) -> Self {
        let limits = &config.limits;
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self {
            metrics,
            health: Health::default(),
            inbox: Inbox::default(),
            audit,
            removals: Removals::default(),
            room: semaphore(limits.frames_waiting_bytes_max),
            handshakes: semaphore(limits.handshakes_max),
            connections: semaphore(limits.connections_max),
            turned_away: semaphore(TURNED_AWAY_MAX),
            agents,
            links: AtomicU64::new(1),
            config,
        }
    }

    /// The page of metrics, as of now.
    pub(crate) async fn metrics_page(&self) -> String {
        let taken = |all: usize, semaphore: &Semaphore| {
            i64::try_from(all.saturating_sub(semaphore.available_permits())).unwrap_or(i64::MAX)
        };
        let (limits, metrics) = (&self.config.limits, &self.metrics);
        metrics.connections.set(taken(limits.connections_max, &self.connections));
        metrics.handshakes.set(taken(limits.handshakes_max, &self.handshakes));
        metrics.frames_waiting_bytes.set(taken(limits.frames_waiting_bytes_max, &self.room));
        let (measured, receiver) = oneshot::channel();
        self.inbox.notice(Notice::Measure { measured });
        if timeout(Duration::from_millis(MEASURE_MS_MAX), receiver).await.is_err() {
            tracing::debug!("the engine is busy; its numbers are older");
        }
        metrics.page()
    }

    /// The name of a new link.
    pub(crate) fn next_link(&self) -> LinkId {
        LinkId(self.links.fetch_add(1, Ordering::Relaxed))
    }
}

impl Ticket {
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Arc::new(permit) }
    }
}

async fn finish_audit(shared: Arc<Shared>) {
    if tokio::task::spawn_blocking(move || shared.audit.finish()).await.is_err() {
        tracing::error!("the audit log did not end well");
    }
}

/// Makes the directory and locks it.
fn prepare(data: &Path) -> Result<std::fs::File, StartError> {
    let failed = |error| StartError::Data { path: data.to_owned(), error };
    std::fs::create_dir_all(data).map_err(failed)?;
    let lock = std::fs::File::create(data.join("relay.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse { path: data.to_owned() }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

async fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address: address.to_owned(), error })
}
