//! What the command is told: flags over environment over file over defaults.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, ValueEnum};
use serde::Deserialize;
use wattle_protocol::PublicKey;
use wattle_relay::{Config, Mode, TokenKeys};

/// Where the store is when nothing says otherwise.
const DATA: &str = "wattle-relay-data";

/// The always-on replica of Wattle contexts: it checks, stores and passes on changes.
///
/// A flag wins over its environment variable, the variable over the file, the file over the default.
/// The file has the flags' names as keys: `listen = "0.0.0.0:4747"`.
/// When it serves, one line is printed: `ready http://ADDRESS`. SIGTERM drains and exits 0.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Flags {
    /// A TOML file with settings
    #[arg(long, value_name = "FILE", env = "WATTLE_RELAY_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

/// The settings that can be given on every level.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Given {
    /// Where to listen; port 0 picks a free one [default: 127.0.0.1:4747]
    #[arg(long, value_name = "HOST:PORT", env = "WATTLE_RELAY_LISTEN")]
    listen: Option<String>,
    /// The directory of the store and the key [default: wattle-relay-data]
    #[arg(long, value_name = "DIR", env = "WATTLE_RELAY_DATA")]
    data: Option<PathBuf>,
    /// How logs are written to standard error [default: text]
    #[arg(long, value_name = "FORMAT", env = "WATTLE_RELAY_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// Web pages that may open links, by their origin [default: none]
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', env = "WATTLE_RELAY_ORIGINS")]
    origins: Option<Vec<String>>,
    /// Who may come in [default: open on a loopback address, else members]
    #[arg(long, value_name = "MODE", env = "WATTLE_RELAY_MODE")]
    mode: Option<ModeName>,
    /// A public key, in hexadecimal, that may bring new contexts; may be given several times
    #[arg(
        long = "founder",
        value_name = "KEY",
        value_delimiter = ',',
        env = "WATTLE_RELAY_FOUNDERS"
    )]
    founders: Option<Vec<String>>,
    /// Where the keys are that tokens are signed with: PEM, JWK or JWKS
    #[arg(long, value_name = "FILE or URL", env = "WATTLE_RELAY_TOKEN_KEYS")]
    token_keys: Option<String>,
    /// Authorities for that address in PEM, besides those of the system [default: none]
    #[arg(long, value_name = "FILE", env = "WATTLE_RELAY_TOKEN_KEYS_CA")]
    token_keys_ca: Option<PathBuf>,
    /// For whom tokens must be made, their `aud` [default: none]
    #[arg(long, value_name = "NAME", env = "WATTLE_RELAY_TOKEN_AUDIENCE")]
    token_audience: Option<String>,
    /// A file for the audit log, as JSON lines [default: none]
    #[arg(long, value_name = "FILE", env = "WATTLE_RELAY_AUDIT_LOG")]
    audit_log: Option<PathBuf>,
    /// What one context may have on the disk, in bytes [default: no limit]
    #[arg(long, value_name = "BYTES", env = "WATTLE_RELAY_CONTEXT_BYTES_MAX")]
    context_bytes_max: Option<u64>,
    /// Changes that one person may write in a second, agents included [default: no limit]
    #[arg(long, value_name = "N", env = "WATTLE_RELAY_CHANGES_PER_SECOND_MAX")]
    changes_per_second_max: Option<u32>,
    /// Connections at once [default: 10000]
    #[arg(long, value_name = "N", env = "WATTLE_RELAY_CONNECTIONS_MAX")]
    connections_max: Option<usize>,
    /// Links at once that have not proved their key [default: 256]
    #[arg(long, value_name = "N", env = "WATTLE_RELAY_HANDSHAKES_MAX")]
    handshakes_max: Option<usize>,
    /// Frames that wait for the machine, in bytes [default: 16 MiB]
    #[arg(long, value_name = "BYTES", env = "WATTLE_RELAY_FRAMES_WAITING_BYTES_MAX")]
    frames_waiting_bytes_max: Option<usize>,
    /// Changes that wait for the disk, in bytes [default: 32 MiB]
    #[arg(long, value_name = "BYTES", env = "WATTLE_RELAY_APPENDS_WAITING_BYTES_MAX")]
    appends_waiting_bytes_max: Option<usize>,
    /// Changes after a snapshot that call for a new one [default: 1000]
    #[arg(long, value_name = "N", env = "WATTLE_RELAY_COMPACT_AFTER_CHANGES")]
    compact_after_changes: Option<u64>,
    /// Bytes after a snapshot that call for a new one [default: 1 MiB]
    #[arg(long, value_name = "BYTES", env = "WATTLE_RELAY_COMPACT_AFTER_BYTES")]
    compact_after_bytes: Option<u64>,
    /// A larger document is not compacted [default: 64 MiB]
    #[arg(long, value_name = "BYTES", env = "WATTLE_RELAY_COMPACT_BYTES_MAX")]
    compact_bytes_max: Option<u64>,
    /// A document with more operations is not compacted [default: 2000000]
    #[arg(long, value_name = "N", env = "WATTLE_RELAY_COMPACT_OPS_MAX")]
    compact_ops_max: Option<u64>,
    /// In the file alone.
    #[arg(skip)]
    mcp: Option<Agents>,
}

/// The table `[mcp]`: contexts that are served to agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Agents {
    /// The folders of the contexts, or of the projects that they are in.
    pub(crate) contexts: Vec<PathBuf>,
    /// The folder of the keys that tokens serve; `WATTLE_CONFIG_DIR` or its default without it.
    pub(crate) keys: Option<PathBuf>,
    /// Names of this server, as a proxy passes them on in `Host`.
    #[serde(default)]
    pub(crate) hosts: Vec<String>,
    /// Serve what comes over the network too.
    #[serde(default)]
    pub(crate) beyond_loopback: bool,
}

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeName {
    /// Everyone, with new contexts too; on a loopback address only.
    Open,
    /// Everyone; new contexts from founders alone.
    Members,
    /// Who shows a token that is bound to their key.
    Tokens,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object per line.
    Json,
}

/// What came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) log_format: LogFormat,
    pub(crate) agents: Option<Agents>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the settings file {} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{}, line {line}: {found}", path.display())]
    File { path: PathBuf, line: usize, found: String },
    #[error("founders: {key} is not a public key, 32 bytes in hexadecimal")]
    Founder { key: String },
    #[error(
        "tokens mode needs token-keys: a file or an address of the keys that tokens are signed with"
    )]
    NoTokenKeys,
    #[error("{name} must be at least {least}")]
    TooSmall { name: &'static str, least: usize },
}

impl Flags {
    /// Puts all levels together.
    pub(crate) fn settle(self) -> Result<Settings, SettingsError> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Given::default(),
        };
        self.given.or(file).settle()
    }
}

impl Given {
    /// These settings, and below them others.
    fn or(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            data: self.data.or(below.data),
            log_format: self.log_format.or(below.log_format),
            origins: self.origins.or(below.origins),
            mode: self.mode.or(below.mode),
            founders: self.founders.or(below.founders),
            token_keys: self.token_keys.or(below.token_keys),
            token_keys_ca: self.token_keys_ca.or(below.token_keys_ca),
            token_audience: self.token_audience.or(below.token_audience),
            audit_log: self.audit_log.or(below.audit_log),
            context_bytes_max: self.context_bytes_max.or(below.context_bytes_max),
            changes_per_second_max: self.changes_per_second_max.or(below.changes_per_second_max),
            connections_max: self.connections_max.or(below.connections_max),
            handshakes_max: self.handshakes_max.or(below.handshakes_max),
            frames_waiting_bytes_max: self
                .frames_waiting_bytes_max
                .or(below.frames_waiting_bytes_max),
            appends_waiting_bytes_max: self
                .appends_waiting_bytes_max
                .or(below.appends_waiting_bytes_max),
            compact_after_changes: self.compact_after_changes.or(below.compact_after_changes),
            compact_after_bytes: self.compact_after_bytes.or(below.compact_after_bytes),
            compact_bytes_max: self.compact_bytes_max.or(below.compact_bytes_max),
            compact_ops_max: self.compact_ops_max.or(below.compact_ops_max),
            mcp: self.mcp.or(below.mcp),
        }
    }

    fn settle(self) -> Result<Settings, SettingsError> {
        let mut config = Config::new(self.data.unwrap_or_else(|| DATA.into()));
        replace(&mut config.listen, self.listen);
        replace(&mut config.origins, self.origins);
        config.mode = self.mode.map(Mode::from);
        config.founders = founders(self.founders.unwrap_or_default())?;
        config.token_keys = self.token_keys.map(|named| token_keys(named, self.token_keys_ca));
        config.token_audience = self.token_audience;
        config.audit_log = self.audit_log;
        config.limits.context_bytes_max = self.context_bytes_max;
        config.limits.changes_per_second_max = self.changes_per_second_max;
        replace(&mut config.limits.connections_max, self.connections_max);
        replace(&mut config.limits.handshakes_max, self.handshakes_max);
        replace(&mut config.limits.frames_waiting_bytes_max, self.frames_waiting_bytes_max);
        replace(&mut config.limits.appends_waiting_bytes_max, self.appends_waiting_bytes_max);
        replace(&mut config.compaction.tail_changes, self.compact_after_changes);
        replace(&mut config.compaction.tail_bytes, self.compact_after_bytes);
        replace(&mut config.compaction.bytes_max, self.compact_bytes_max);
        replace(&mut config.compaction.ops_max, self.compact_ops_max);
        check(&config)?;
        let log_format = self.log_format.unwrap_or_default();
        Ok(Settings { config, log_format, agents: self.mcp })
    }
}

fn replace<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

fn founders(keys: Vec<String>) -> Result<Vec<PublicKey>, SettingsError> {
    let parse = |key: String| key.parse().map_err(|_| SettingsError::Founder { key });
    keys.into_iter().map(parse).collect()
}

/// What has a scheme is an address, everything else a file.
fn token_keys(named: String, authorities: Option<PathBuf>) -> TokenKeys {
    if named.contains("://") {
        TokenKeys::Url { url: named, authorities }
    } else {
        TokenKeys::File(named.into())
    }
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Open => Self::Open,
            ModeName::Members => Self::Members,
            ModeName::Tokens => Self::Tokens,
        }
    }
}

/// Limits under which nothing would ever get through.
fn check(config: &Config) -> Result<(), SettingsError> {
    if config.mode == Some(Mode::Tokens) && config.token_keys.is_none() {
        return Err(SettingsError::NoTokenKeys);
    }
    let limits = &config.limits;
    let least = [
        ("connections-max", limits.connections_max, 1),
        ("handshakes-max", limits.handshakes_max, 1),
        (
            "frames-waiting-bytes-max",
            limits.frames_waiting_bytes_max,
            wattle_protocol::limits::FRAME_BYTES_MAX,
        ),
        ("appends-waiting-bytes-max", limits.appends_waiting_bytes_max, 1),
    ];
    match least.into_iter().find(|(_, value, least)| value < least) {
        Some((name, _, least)) => Err(SettingsError::TooSmall { name, least }),
        None => Ok(()),
    }
}

fn read(path: &Path) -> Result<Given, SettingsError> {
    let text = fs::read_to_string(path)
        .map_err(|error| SettingsError::Unreadable { path: path.to_owned(), error })?;
    toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let found = error.message().lines().next().unwrap_or_default().to_owned();
        SettingsError::File { path: path.to_owned(), line, found }
    })
}
