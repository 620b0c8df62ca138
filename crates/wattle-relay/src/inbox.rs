//! What waits for the machine: everything that came since the engine last looked, taken at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wattle_protocol::io::StoreReply;
use wattle_protocol::{ContextId, DocumentKey, Frame, LinkId, Position};

use crate::link::{LinkEnd, Room};
use crate::login::Decision;

/// What comes over links, in the order of each link; held back while the disk is behind.
#[derive(Debug)]
pub(crate) enum Arrival {
    Connected { link: LinkId, end: Arc<LinkEnd> },
    Frame { link: LinkId, frame: Frame, at: Instant, room: Room },
    Gone { link: LinkId },
}

impl Arrival {
    /// Adds what comes next, if it is of the same link and one frame could have carried both; else answers
    /// it.
    pub(crate) fn join(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (
                Self::Frame { link, frame, room, .. },
                Self::Frame { link: of, frame: next, at, room: more },
            ) if *link == of => {
                match frame.join(next) {
                    None => room.join(more),
                    Some(frame) => return Some(Self::Frame { link: of, frame, at, room: more }),
                }
                None
            }
            (_, next) => Some(next),
        }
    }
}

/// What comes from inside; never held back.
#[derive(Debug)]
pub(crate) enum Notice {
    Store(StoreReply),
    Drained {
        link: LinkId,
        bytes: usize,
    },
    Compacted {
        context: ContextId,
        document: DocumentKey,
        pruned: Position,
        snapshot: Position,
    },
    /// A login that had to wait is decided.
    Decided {
        link: LinkId,
        decision: Decision,
    },
    /// Bring the metrics of the machine up to date, then say so.
    Measure {
        measured: oneshot::Sender<()>,
    },
    /// Close all links, then end.
    Stop,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) notices: Vec<Notice>,
    pub(crate) mentions: Vec<Notice>,
    pub(crate) arrivals: Vec<Arrival>,
}

/// Two queues and a bell. Frames bring their own permit; the rest is bounded by what the machine has sent.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

impl Inbox {
    pub(crate) fn arrive(&self, arrival: Arrival) {
        self.lock().arrivals.push(arrival);
        self.bell.notify_one();
    }

    pub(crate) fn notice(&self, notice: Notice) {
        self.lock().notices.push(notice);
        self.bell.notify_one();
    }

    /// A notice that can wait until there is another reason to look.
    pub(crate) fn mention(&self, notice: Notice) {
        self.lock().mentions.push(notice);
    }

    /// Waits until something is there, at most for `patience`, and takes it; arrivals only if `open`.
    pub(crate) fn take(&self, patience: Option<Duration>, gate: Gate) -> Waiting {
        let empty = |waiting: &mut Waiting| {
            waiting.notices.is_empty() && (gate == Gate::Shut || waiting.arrivals.is_empty())
        };
        let mut waiting = match patience {
            None => {
                self.bell.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner)
            }
            Some(patience) => {
                self.bell
                    .wait_timeout_while(self.lock(), patience, empty)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        match gate {
            Gate::Open => std::mem::take(&mut *waiting),
            Gate::Shut => Waiting {
                notices: std::mem::take(&mut waiting.notices),
                mentions: std::mem::take(&mut waiting.mentions),
                arrivals: Vec::new(),
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether arrivals are taken too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    Shut,
}
