//! How a relay runs.

use std::path::PathBuf;

use wattle_protocol::PublicKey;
use wattle_sync::Clock;

use crate::limits;

/// How a relay runs. [`Config::new`] gives the defaults; every field may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it listens: `HOST:PORT`; port 0 picks a free one.
    pub listen: String,
    /// The directory of its store and its key; created when it is not there.
    pub data: PathBuf,
    /// Web pages that may open links, as `Origin` headers name them (`https://example.org`).
    /// Programs send no `Origin` and are not concerned.
    pub origins: Vec<String>,
    /// Who may come in; absent: [`Mode::Open`] on a loopback address, else [`Mode::Members`].
    pub mode: Option<Mode>,
    /// Who may bring contexts that are not known here, besides those whose token says so.
    pub founders: Vec<PublicKey>,
    /// Whose signatures tokens have; needed by [`Mode::Tokens`].
    pub token_keys: Option<TokenKeys>,
    /// For whom tokens must be made (`aud`); absent: for nobody in particular.
    pub token_audience: Option<String>,
    /// Refusals and changes of rights are written to this file too, as JSON lines.
    pub audit_log: Option<PathBuf>,
    /// What it takes at once.
    pub limits: Limits,
    /// When a document is compacted.
    pub compaction: Compaction,
    /// What time it is: by it grants and invitations end.
    pub clock: Clock,
}

/// Who may come in. In every mode the access log of a context decides who may read and write there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everyone, with new contexts too: for one machine, on a loopback address only.
    Open,
    /// Everyone; new contexts from founders alone.
    Members,
    /// Who shows a token that is bound to their key.
    Tokens,
}

/// Where the public keys are that tokens are signed with: Ed25519, in PEM, as a JWK or as a set of JWKs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKeys {
    /// A file, read again when it may have changed.
    File(PathBuf),
    /// A server, over HTTPS, or over HTTP on this machine.
    Url {
        /// Its address.
        url: String,
        /// A PEM file of authorities that are trusted besides those of the system.
        authorities: Option<PathBuf>,
    },
}

/// What a relay takes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of any kind.
    pub connections_max: usize,
    /// Links that have not proved their key yet.
    pub handshakes_max: usize,
    /// Frames that wait for the machine, in bytes.
    pub frames_waiting_bytes_max: usize,
    /// Changes that wait for the disk, in bytes.
    pub appends_waiting_bytes_max: usize,
    /// What one context may have on the disk, in bytes; absent: as much as there is.
    pub context_bytes_max: Option<u64>,
    /// Changes that one person may write in a second, with all their agents; absent: any number.
    pub changes_per_second_max: Option<u32>,
}

/// When a document is compacted, and when it is too large for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// So many changes after the newest snapshot call for a new one.
    pub tail_changes: u64,
    /// So many bytes of changes after the newest snapshot call for a new one.
    pub tail_bytes: u64,
    /// A document with more bytes is left as it is.
    pub bytes_max: u64,
    /// A document whose changes declare more operations is left as it is.
    pub ops_max: u64,
}

impl Config {
    /// The defaults, with a store in this directory.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: "127.0.0.1:4747".to_owned(),
            data: data.into(),
            origins: Vec::new(),
            mode: None,
            founders: Vec::new(),
            token_keys: None,
            token_audience: None,
            audit_log: None,
            limits: Limits::default(),
            compaction: Compaction::default(),
            clock: Clock::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: limits::CONNECTIONS_MAX,
            handshakes_max: limits::HANDSHAKES_MAX,
            frames_waiting_bytes_max: limits::FRAMES_WAITING_BYTES_MAX,
            appends_waiting_bytes_max: limits::APPENDS_WAITING_BYTES_MAX,
            context_bytes_max: None,
            changes_per_second_max: None,
        }
    }
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            tail_changes: limits::TAIL_CHANGES,
            tail_bytes: limits::TAIL_BYTES,
            bytes_max: limits::COMPACT_BYTES_MAX,
            ops_max: limits::COMPACT_OPS_MAX,
        }
    }
}
