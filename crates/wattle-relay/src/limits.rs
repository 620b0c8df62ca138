//! Every limit of the relay that is not the protocol's, with its unit in its name.

/// Connections at once, of any kind.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Links at once that have not proved their key yet.
pub const HANDSHAKES_MAX: usize = 256;
/// Frames that were read from links and wait for the machine, in bytes.
pub const FRAMES_WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The same of one link; it reads on when the machine has taken them.
pub const LINK_FRAMES_WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one link that wait for the disk, above which it reads no further.
pub const LINK_BACKLOG_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Changes that wait for the disk, in bytes; above it no frame is handled.
pub const APPENDS_WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The time a connection has to send its request line and headers.
pub const HEADERS_MS_MAX: u64 = 5_000;
/// Connections over the limit that are told so at one time; further ones are just closed.
pub const TURNED_AWAY_MAX: usize = 64;
/// How long one that is told so has to read it.
pub const TURNED_AWAY_MS_MAX: u64 = 1_000;
/// How many bytes of headers a request may have.
pub const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// A link is asked for a sign of life this often.
pub const PING_MS: u64 = 20_000;
/// A link without any is closed after so many pings.
pub const PINGS_UNANSWERED_MAX: u32 = 2;
/// The time that a link has to take its last frames and the reason of its end.
pub const FAREWELL_MS_MAX: u64 = 2_000;
/// The time that everything together has to end when the relay stops.
pub const DRAIN_MS_MAX: u64 = 10_000;
/// What a link reads from its socket at once, in bytes; idle links keep this much memory.
pub const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What a link collects before it writes, in bytes.
pub const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// Bytes taken by a socket for which the engine is not woken.
pub const DRAINED_UNHEARD_BYTES_MAX: usize = 32 * 1024;
/// Changes of a document after its snapshot that call for a new one.
pub const TAIL_CHANGES: u64 = 1_000;
/// The same in bytes.
pub const TAIL_BYTES: u64 = 1024 * 1024;
/// A tail is long only from this share of the snapshot on: one eighth, in changes or in bytes.
pub const TAIL_SHARE: u64 = 8;
/// A document with more bytes than this is not compacted.
pub const COMPACT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A document that declares more operations than this is not compacted.
pub const COMPACT_OPS_MAX: u64 = 2_000_000;
/// What the compactor reads at once, in bytes.
pub const FOLD_READ_BYTES: usize = 4 * 1024 * 1024;
/// How often a store that has failed is tried again.
pub const STORE_RETRY_MS: u64 = 1_000;
/// Requests that one commit takes together.
pub const COMMIT_REQUESTS_MAX: usize = 64;
/// How long a commit waits for more to take along.
pub const COMMIT_WAIT_MS: u64 = 2;
/// Requests that wait for the store's thread; the engine waits when there are more.
pub const REQUESTS_WAITING_MAX: usize = 4_096;
/// Growths of documents that wait for the compactor; further ones are dropped.
pub const GROWTHS_WAITING_MAX: usize = 4_096;
/// Logins that wait until their token is checked; further links are turned away.
pub const LOGINS_WAITING_MAX: usize = 1_024;
/// How often the keys of tokens are read anew.
pub const KEYS_REFRESH_MS: u64 = 5 * 60 * 1_000;
/// How often a token that names an unknown key can have them read anew.
pub const KEYS_RETRY_MS: u64 = 60 * 1_000;
/// How long a server has to answer with keys; a link has five seconds in all.
pub const KEYS_FETCH_MS_MAX: u64 = 3_000;
/// How long its answer may be.
pub const KEYS_BYTES_MAX: usize = 256 * 1024;
/// How long a token counts beyond its end, for clocks that differ.
pub const TOKEN_LEEWAY_SECONDS: u64 = 60;
/// How often the machine is told the time of day.
pub const CLOCK_MS: u64 = 60 * 1_000;
/// How soon it is told when the clock was set, or the machine has slept.
pub const CLOCK_LOOK_MS: u64 = 1_000;
/// Lines that wait for the audit log's file; further ones are lost, which is said.
pub const AUDIT_LINES_WAITING_MAX: usize = 4_096;
/// How often a context that is over its quota is measured again.
pub const QUOTA_MEASURE_MS: u64 = 10_000;
/// The stack of the compactor's thread: documents may be deeply nested.
pub const COMPACTOR_STACK_BYTES: usize = 256 * 1024 * 1024;
/// How long the accept loop rests when the system gives no socket.
pub const ACCEPT_RETRY_MS: u64 = 50;
/// How long a page of metrics waits for the engine's own numbers.
pub const MEASURE_MS_MAX: u64 = 1_000;
