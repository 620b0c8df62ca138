//! What has changed, and through whom.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use wattle_context::Part;
use wattle_protocol::LinkId;

/// One change that is now durable here and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// In which document.
    pub part: Part,
    /// Its hash, in hexadecimal.
    pub change: String,
    /// What it touched.
    pub paths: Vec<String>,
    /// Who, for people to read.
    pub by: String,
    /// The principal's key, in hexadecimal.
    pub key: String,
    /// Why, as the author said.
    pub why: String,
    /// When, in milliseconds since 1970; the author's word.
    pub time_ms: i64,
    /// How it came here.
    pub origin: Origin,
}

/// How a change came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Through this peer's `edit` or `resolve`.
    Here,
    /// Another process on the same directory has stored it; where it had it from is not known.
    OtherProcess,
    /// From a link of this process.
    Remote(LinkId),
}

/// Changes that do not count: taken out of a document, with all that built on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOut {
    /// Of which document.
    pub part: Part,
    /// How many changes of one author.
    pub changes: u64,
    /// Whose, for people to read.
    pub by: String,
    /// The author's key, in hexadecimal.
    pub key: String,
    /// They are this principal's own. What they did is written again where it may be.
    pub own: bool,
    /// Why.
    pub why: String,
}

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something has changed.
    Changed(Changed),
    /// Something was shown that does not count. What stays is shown now.
    TakenOut(TakenOut),
    /// The watcher was too slow: so many changes were not told. Read again.
    Lagged {
        /// How many.
        missed: u64,
    },
}

/// What changes from now on.
#[derive(Debug)]
pub struct Watch(broadcast::Receiver<Notice>);

impl Watch {
    pub(crate) fn new(receiver: broadcast::Receiver<Notice>) -> Self {
        Self(receiver)
    }

    /// The next notice; none when the peer is closed.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.0.recv().await {
            Ok(notice) => Some(notice),
            Err(RecvError::Lagged(missed)) => Some(Notice::Lagged { missed }),
            Err(RecvError::Closed) => None,
        }
    }
}
