//! Every limit of this face, with its unit in its name.

use std::time::Duration;

/// How long an answer is, unless the caller says otherwise.
pub(crate) const ANSWER_TOKENS: usize = 2_000;
/// The shortest answer that can be asked for.
pub(crate) const ANSWER_TOKENS_MIN: usize = 200;
/// The longest.
pub(crate) const ANSWER_TOKENS_MAX: usize = 100_000;
/// What a token is taken for.
pub(crate) const TOKEN_BYTES: usize = 4;
/// What a resource gives.
pub(crate) const RESOURCE_TOKENS: usize = 25_000;
/// The longest wait for a change: clients put longer calls into the background.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(55);
/// How long a person is waited for.
pub(crate) const ASK_MAX: Duration = Duration::from_secs(300);
/// How long a question that went to a client stays good.
pub(crate) const QUESTION_MAX: Duration = Duration::from_secs(600);
/// How long calls may go on after the client has gone.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// How long changes are gathered before a client is told of them.
pub(crate) const GATHER: Duration = Duration::from_millis(250);
/// Paths of one read.
pub(crate) const PATHS_MAX: usize = 50;
/// Conflicts in a brief.
pub(crate) const BRIEF_CONFLICTS_MAX: usize = 5;
/// Items that a line of news names.
pub(crate) const NEWS_NAMED_MAX: usize = 8;
/// Entries of a history.
pub(crate) const HISTORY_ENTRIES_MAX: usize = 200;
/// Resources that one client may follow.
pub(crate) const FOLLOWED_MAX: usize = 1_000;
/// Documents that are listed as resources of their own.
pub(crate) const LISTED_DOCUMENTS_MAX: usize = 50;
/// A client's own name in the history.
pub(crate) const CLIENT_CHARS_MAX: usize = 40;
/// What a hook tells of changes: it stands in the session before every prompt.
pub(crate) const CHANGES_TOKENS: usize = 1_000;
/// Open conflicts that a session is remembered to know.
pub(crate) const TOLD_CONFLICTS_MAX: usize = 500;
/// Lost claims that a session is remembered to know.
pub(crate) const TOLD_LOST_MAX: usize = 100;
/// How long a call may take that waits for nobody, besides what it was asked to wait.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(90);
/// How long it may go unnoticed that a client has gone that follows something.
pub(crate) const GONE_MAX: Duration = Duration::from_secs(5);
/// Programs that use one token at once; each has the context open.
pub(crate) const SEATS_MAX: usize = 8;
/// How long a context stays open over HTTP that nobody uses.
pub(crate) const SEAT_IDLE_MAX: Duration = Duration::from_secs(600);
/// How long a session with `initialize` lasts in which nothing happens.
pub(crate) const SESSION_IDLE_MAX: Duration = Duration::from_secs(1_800);
/// Sessions with `initialize` of one token.
pub(crate) const SESSIONS_MAX: usize = 16;
/// Calls of one token that are under way.
pub(crate) const CALLS_MAX: usize = 32;
/// Subscriptions of one token.
pub(crate) const STREAMS_MAX: usize = 32;
/// Requests of all tokens that are under way, subscriptions among them.
pub(crate) const REQUESTS_MAX: usize = 512;
/// The body of a request.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Of a larger body so much is read before it is refused, so that the refusal can be read.
pub(crate) const BODY_UNREAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long the body of a request may take.
pub(crate) const BODY_MAX: Duration = Duration::from_secs(20);
/// How often tokens are looked at again that have something open.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);
/// Tokens of one context.
pub(crate) const TOKENS_MAX: usize = 256;
/// The file of a token.
pub(crate) const TOKEN_BYTES_MAX: u64 = 4_096;
