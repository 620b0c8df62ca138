//! Every limit of a peer, with its unit in its name.

use std::time::Duration;

/// Commands and link events that wait for the engine.
pub(crate) const ENGINE_QUEUE_COMMANDS_MAX: usize = 1024;
/// Commands that the engine takes in before it commits.
pub(crate) const ENGINE_BATCH_COMMANDS_MAX: usize = 512;
/// The stack of the engine's thread: Automerge walks nested values by recursion.
pub(crate) const ENGINE_STACK_BYTES: usize = 64 * 1024 * 1024;
/// How often a process looks for what others have committed.
pub(crate) const STORE_POLL_MS: u64 = 20;
/// What one look takes in before other work has its turn.
pub(crate) const NEWS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest time that changes from links wait to be applied together.
pub(crate) const APPLY_WINDOW_MS_MAX: u64 = 20;
/// Changes that a watcher may be behind; then it is told that it lagged.
pub(crate) const WATCH_QUEUE_CHANGES_MAX: usize = 1024;

/// Frames on their way out of one link.
pub const LINK_QUEUE_FRAMES_MAX: usize = 16 * 1024;
/// Bytes that have arrived on one link and that the machine has not taken in yet.
pub const LINK_ARRIVED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The buffers of a WebSocket: the default of 128 KiB is too much for many idle links.
pub const SOCKET_BUFFER_BYTES: usize = 8 * 1024;
/// What is read from a socket before the other side has proved its key.
pub const SOCKET_BEFORE_PROOF_BYTES_MAX: usize = 32 * 1024;
/// Frames that are read before the other side has proved its key: a hello and a proof.
pub const FRAMES_BEFORE_PROOF_MAX: usize = 2;
/// Frames that are written together.
pub const LINK_WRITE_FRAMES_MAX: usize = 256;
/// How often a link is pinged.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Pings without any answer after which a link is closed.
pub const PINGS_MISSED_MAX: u32 = 2;
/// How long a TLS or a WebSocket handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a link may take to say goodbye.
pub const GOODBYE: Duration = Duration::from_secs(1);

/// Links that were accepted and are still in their handshake.
pub(crate) const HANDSHAKES_MAX: usize = 64;
/// Links that others have dialled.
pub(crate) const LINKS_ACCEPTED_MAX: usize = 256;
/// Remotes that are dialled.
pub(crate) const REMOTES_MAX: usize = 64;
/// The wait after the first failed dial; it doubles with each further one.
pub(crate) const BACKOFF_MS_MIN: u64 = 100;
/// The longest wait between dials.
pub(crate) const BACKOFF_MS_MAX: u64 = 30_000;
/// How often a process tries to take the uplink over.
pub(crate) const UPLINK_RETRY_MS: u64 = 1_000;
/// A body that nobody has touched for so long leaves memory.
pub(crate) const IDLE_BODY_MS: u64 = 60_000;
/// Changes behind the newest snapshot after which a new one is made.
pub(crate) const SNAPSHOT_TAIL_CHANGES_MAX: u64 = 1_000;
/// Problems that the check of one store names.
pub(crate) const PROBLEMS_MAX: usize = 1_000;
/// Refusals that are remembered, the newest.
pub(crate) const REFUSALS_MAX: usize = 1_000;
/// How long refusals and receipts wait to be written down.
pub(crate) const LEDGER_FLUSH_MS: u64 = 1_000;
/// Proofs of a forked access log that are kept.
pub(crate) const FORKS_MAX: usize = 16;
/// How long until what could not be written again is tried once more.
pub(crate) const REPLAY_RETRY_MS: u64 = 1_000;
/// Quarantined changes that are remembered.
pub(crate) const QUARANTINED_CHANGES_MAX: usize = 1_024;
/// How long a wish for the access log is waited for, unless the options say otherwise.
pub const ACCESS_PATIENCE: Duration = Duration::from_secs(5);
/// How often the machine is told the time of day, besides at the start.
pub(crate) const CLOCK: Duration = Duration::from_secs(30);
/// Refused wishes whose reason is remembered for other processes.
pub(crate) const REFUSALS_REMEMBERED_MAX: usize = 64;
/// Wishes for the access log that wait on one directory.
pub(crate) const WISHES_WAITING_MAX: usize = wattle_protocol::limits::PROPOSALS_WAITING_MAX;
/// How long a lease is waited for: then the sequencer is out of reach.
pub(crate) const LEASE_PATIENCE: Duration = Duration::from_millis(2_500);
/// How long a link that only asks for leases stays when nobody asks.
pub(crate) const ASKING_IDLE: Duration = Duration::from_secs(30);
/// How long no such link is tried again after one that was not made.
pub(crate) const ASKING_RETRY: Duration = Duration::from_secs(2);
/// An identity file.
pub(crate) const IDENTITY_BYTES_MAX: u64 = 4 * 1024;
/// The settings of a directory.
pub(crate) const SETTINGS_BYTES_MAX: u64 = 256 * 1024;
/// Changes of one write between two signatures: readers hold what is not covered, within limits.
pub(crate) const CHANGES_PER_SEAL_MAX: usize = 256;
