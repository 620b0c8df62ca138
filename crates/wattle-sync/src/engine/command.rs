//! What the engine is asked, by the handle and by its own tasks.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use wattle_context::{Context, Edit, Edited, ItemId, Part, Settlement};
use wattle_protocol::lease::{Answer, Request};
use wattle_protocol::{LinkId, PublicKey};

use super::access::{Granted, Wish};
use super::links::Dialled;
use crate::access::{Members, Whoami};
use crate::address::Address;
use crate::audit::{AuditLine, Principal};
use crate::error::{EditFailed, ListenError, NotSettled, OpenError, ReadError, ResolveFailed};
use crate::lease::Sequencers;
use crate::link::{Ended, LinkEvent, Outbox};
use crate::peer::{Parts, Typing};
use crate::status::{Heads, LinkState, Present, Status};

/// Runs on the engine's thread.
pub(crate) type View = Box<dyn FnOnce(Result<&mut Context, ReadError>) + Send>;

/// What the engine is asked.
pub(crate) enum Command {
    /// Write.
    Write(Order),
    /// Run a function on the context.
    View { parts: Parts, view: View },
    /// The context's name.
    Name(oneshot::Sender<Option<String>>),
    /// Keep a link to a remote.
    Dial { address: Address },
    /// The same, and in later runs too.
    AddRemote { address: Address, reply: oneshot::Sender<Result<(), OpenError>> },
    /// Take links.
    Listen { address: SocketAddr, reply: oneshot::Sender<Result<SocketAddr, ListenError>> },
    /// Show what one does.
    Present { body: String },
    /// Who is here.
    Presence(oneshot::Sender<Vec<Present>>),
    /// The heads of every document.
    Heads(oneshot::Sender<Result<Heads, ReadError>>),
    /// What is durable where.
    Status(oneshot::Sender<Result<Status, ReadError>>),
    /// Wait until everything is everywhere.
    Settled { timeout: Duration, reply: oneshot::Sender<Result<(), NotSettled>> },
    /// Do something to the access log.
    Wish { wish: Wish, reply: Granted },
    /// Wait until the one who edits here is a member.
    AwaitAdmission(Granted),
    /// Who is a member.
    Members(oneshot::Sender<Result<Members, ReadError>>),
    /// Who edits here.
    Whoami(oneshot::Sender<Result<Whoami, ReadError>>),
    /// Ask for a lease.
    Lease { request: Request, reply: oneshot::Sender<Option<Answer>> },
    /// Who orders the access log, and who did.
    Sequencers(oneshot::Sender<Sequencers>),
    /// A link that only asks for leases was not made, or has ended.
    AskingEnded { address: Address },
    /// The remote that others can join at.
    Remote(oneshot::Sender<Option<String>>),
    /// What happened to rights and to what was written.
    Audit(oneshot::Sender<Result<Vec<AuditLine>, ReadError>>),
    /// Who is behind which key.
    Principals(oneshot::Sender<Result<BTreeMap<PublicKey, Principal>, ReadError>>),
    /// End.
    Close(oneshot::Sender<()>),
    /// A WebSocket is up.
    LinkUp { outbox: Outbox, dialled: Dialled, reply: oneshot::Sender<LinkId> },
    /// It carries something.
    Link { link: LinkId, event: LinkEvent },
    /// It is gone.
    LinkDown { link: LinkId, ended: Ended },
    /// How an attempt to reach a remote stands.
    Attempt { address: Address, state: LinkState },
    /// A snapshot was made and verified, or not.
    Snapshot { part: Part, made: Option<wattle_protocol::io::Snapshot> },
}

/// What is to be written.
pub(crate) enum Order {
    /// Make edits; the first new items get the ids that are given.
    Edit {
        edits: Vec<Edit>,
        ids: VecDeque<ItemId>,
        why: String,
        reply: oneshot::Sender<Result<Edited, EditFailed>>,
    },
    /// Change a text at exact positions.
    Splice { typing: Typing, why: String, reply: oneshot::Sender<Result<Edited, EditFailed>> },
    /// Settle a conflict.
    Resolve {
        conflict: String,
        settlement: Settlement,
        why: String,
        reply: oneshot::Sender<Result<Edited, ResolveFailed>>,
    },
}
