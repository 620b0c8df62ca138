//! What goes into the machine and what comes out: closed enums of plain data.

mod event;
mod store;

use crate::access::Rights;
use crate::change::Change;
use crate::frame::Frame;
use crate::id::{Blob, ContextId, DocumentKey, LinkId, Position};
use crate::identity::Seal;
use crate::lease;
use crate::message::Refusal;

pub use self::event::Event;
pub use self::store::{Known, Snapshot, StoreReply, StoreRequest, Summary};

/// Milliseconds of a clock that never runs backwards; its zero is the driver's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(pub u64);

/// What a driver tells the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A link is up. `dials` is the context to open over it on the side that dialled.
    Connected {
        /// The new link.
        link: LinkId,
        /// Fresh randomness for the challenge.
        nonce: [u8; 32],
        /// The context to open; absent on the side that listens.
        dials: Option<ContextId>,
        /// A token of a login for the other side; empty when there is none.
        token: Blob,
    },
    /// A link that this side has dialled is up, on which it only asks for leases: no context is opened.
    Asking {
        /// The new link.
        link: LinkId,
        /// Fresh randomness for the challenge.
        nonce: [u8; 32],
        /// A token of a login for the other side; empty when there is none.
        token: Blob,
    },
    /// A frame has arrived.
    Received {
        /// From where.
        link: LinkId,
        /// One WebSocket binary message.
        frame: Frame,
    },
    /// Bytes of earlier `Send`s have left for the socket; the link can take as many more.
    Drained {
        /// Of which link.
        link: LinkId,
        /// How many.
        bytes: usize,
    },
    /// The link is gone.
    Disconnected {
        /// Which.
        link: LinkId,
    },
    /// An answer of the store.
    Store(StoreReply),
    /// This replica (this process or another one on the same store) has written changes, durably.
    Committed {
        /// Where.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// The changes in the order of their positions.
        changes: Vec<(Change, Position)>,
    },
    /// The changes of a snapshot that came as [`Event::Snapshot`]; handled as if they had arrived on the link.
    Expanded {
        /// Which link brought it.
        link: LinkId,
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// Chunks in an order in which each comes after its dependencies.
        changes: Vec<(Blob, Option<Seal>)>,
    },
    /// A snapshot has replaced older changes in the store of this replica.
    Compacted {
        /// Of which context.
        context: ContextId,
        /// Of which document.
        document: DocumentKey,
        /// Changes up to here have no bytes of their own any more.
        pruned: Position,
        /// The newest snapshot holds everything up to here.
        snapshot: Position,
    },
    /// What this replica shows of itself to others in the context; empty to withdraw.
    Present {
        /// Where.
        context: ContextId,
        /// Text of the application, at most `PRESENCE_BYTES_MAX`.
        body: Blob,
    },
    /// The time of day, at the start and now and then: end dates are kept by it.
    Clock {
        /// Seconds since 1970.
        unix_seconds: u64,
    },
    /// What this replica's own application wants done to the access log. It is ordered here when this
    /// replica is the sequencer, else sent to whoever is, over each link, until it is done or refused.
    Propose {
        /// Of which context; it need not be here yet.
        context: ContextId,
        /// The bytes of an [`access::Proposal`](crate::access::Proposal).
        proposal: Blob,
    },
    /// What this replica's own application wants of a lease: done here when this replica is the
    /// sequencer, else asked over a link to it. Answered by exactly one [`Event::Leased`].
    Lease {
        /// Of which context.
        context: ContextId,
        /// The application's number of it; not one that still waits.
        number: u64,
        /// What.
        request: lease::Request,
    },
    /// Another process on the same store has added entries to the access log, durably, or replaced some.
    AccessCommitted {
        /// Of which context.
        context: ContextId,
        /// The whole log, from entry 0.
        entries: Vec<Blob>,
    },
    /// The answer to [`Event::Login`]: the link may go on.
    Login {
        /// Which.
        link: LinkId,
        /// How far.
        login: Login,
    },
    /// Close a link in an orderly way.
    Hangup {
        /// Which.
        link: LinkId,
    },
    /// Time has passed; needed when `deadline()` is reached.
    Tick,
}

/// What a login allows on a link, within the rights that the access logs give its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The only contexts that it may open; absent for all.
    pub contexts: Option<Vec<ContextId>>,
    /// What it may read and write at most.
    pub rights: Rights,
    /// It may bring contexts that are not known here.
    pub founds: bool,
}

impl Login {
    /// Whether it may bring a context that is not known.
    pub(crate) fn may_found(&self, context: &ContextId) -> bool {
        self.founds && self.contexts.as_ref().is_none_or(|all| all.contains(context))
    }
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a frame. The driver reports `Drained` once the socket has taken it.
    Send {
        /// Where to.
        link: LinkId,
        /// One WebSocket binary message.
        frame: Blob,
    },
    /// Send what was given before, then close with this refusal; the machine has forgotten the link.
    Close {
        /// Which.
        link: LinkId,
        /// The code and the reason.
        refusal: Refusal,
    },
    /// Ask the store; answered by exactly one `Input::Store`, except `Remember`, which has no answer.
    Store(StoreRequest),
    /// Something that the application may want to know.
    Event(Event),
}
