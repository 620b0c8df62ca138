//! The engine: one thread per peer that owns the store, the documents and the machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use wattle_context::{Context, Edit, Edited, Settlement};
use wattle_protocol::{ContextId, PublicKey};

use crate::address::{Address, JoinLink};
use crate::error::{EditFailed, ListenError, NotSettled, OpenError, ReadError, ResolveFailed};
use crate::options::Options;
use crate::peer::Parts;
use crate::status::{Present, Status};
use crate::watch::Changed;

/// What the engine begins with.
#[derive(Clone, Debug)]
pub(crate) enum Seed {
    New { name: String },
    Existing,
    Joined { link: JoinLink },
}

/// An engine that runs.
pub(crate) struct Started {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) changes: broadcast::Sender<Changed>,
    pub(crate) context: ContextId,
    pub(crate) key: PublicKey,
}

/// Runs on the engine's thread.
pub(crate) type View = Box<dyn FnOnce(Result<&mut Context, ReadError>) + Send>;

/// What the engine is asked.
pub(crate) enum Command {
    Edit {
        edits: Vec<Edit>,
        why: String,
        reply: oneshot::Sender<Result<Edited, EditFailed>>,
    },
    Resolve {
        conflict: String,
        settlement: Settlement,
        why: String,
        reply: oneshot::Sender<Result<Edited, ResolveFailed>>,
    },
    View {
        parts: Parts,
        view: View,
    },
    Name(oneshot::Sender<Option<String>>),
    Dial {
        address: Address,
    },
    Listen {
        address: SocketAddr,
        reply: oneshot::Sender<Result<SocketAddr, ListenError>>,
    },
    Present {
        body: String,
    },
    Presence(oneshot::Sender<Vec<Present>>),
    Status(oneshot::Sender<Result<Status, ReadError>>),
    Settled {
        timeout: Duration,
        reply: oneshot::Sender<Result<(), NotSettled>>,
    },
    Close(oneshot::Sender<()>),
}

pub(crate) async fn start(_options: Options, _seed: Seed) -> Result<Started, OpenError> {
    todo!()
}
