//! The handle that apps hold.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot};
use wattle_context::{Context, Edit, Edited, ItemId, Op, Part, Settlement, Splice, Value};
use wattle_protocol::{ContextId, PublicKey};

use crate::address::{Address, JoinLink};
use crate::engine::{self, Command, Order, Seed};
use crate::error::{
    AccessFailed, AddressError, EditFailed, ListenError, NotSettled, OpenError, ReadError,
    ResolveFailed,
};
use crate::options::Options;
use crate::status::{Heads, Present, Status};
use crate::watch::{Notice, Watch};

mod access;
mod leases;
mod tasks;

/// A context on disk: edited, read, watched, and kept equal with others.
///
/// Cheap to clone; the context is closed by [`Peer::close`], or when the last clone is dropped.
/// All methods may be called from any task of a tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct Peer {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::Sender<Command>,
    changes: broadcast::Sender<Notice>,
    name: std::sync::OnceLock<String>,
    context: ContextId,
    key: PublicKey,
}

/// Which documents a view needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The six sections and every body.
    All,
    /// The six sections.
    Sections,
    /// These.
    These(Vec<Part>),
}

/// What an editor does to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// The text: `documents/<id>/body`.
    pub path: String,
    /// Positions in Unicode code points, each in the text as the splices before it have left it.
    pub splices: Vec<Splice>,
    /// The version that the positions are meant for; the current one if there is none.
    pub base: Option<String>,
}

impl Typing {
    /// An edit that needs the same documents.
    pub(crate) fn as_edit(&self) -> Edit {
        Edit {
            op: Op::Append,
            path: self.path.clone(),
            value: Value::Null,
            old: None,
            base: None,
            if_unchanged: false,
        }
    }
}

impl Peer {
    /// Makes a context in a new directory; the identity becomes its owner.
    pub async fn create(options: Options, name: &str) -> Result<Self, OpenError> {
        Self::start(options, Seed::New { name: name.to_owned() }).await
    }

    /// Opens the context of a directory.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        Self::start(options, Seed::Existing).await
    }

    /// Makes a directory for a context that exists elsewhere; its documents come with the first link.
    ///
    /// An invitation is taken up at once when the remote of the link is reached within the patience of
    /// the options, else later; until then nothing can be edited. When it is refused, the directory is
    /// as it was, and the refusal says why.
    pub async fn join(options: Options, link: &JoinLink) -> Result<Self, OpenError> {
        let directory = options.directory.clone();
        let peer = Self::start(options, Seed::Joined { link: link.clone() }).await?;
        if link.secret.is_none() {
            return Ok(peer);
        }
        match peer.ask(Command::AwaitAdmission).await.unwrap_or(Err(AccessFailed::Closed)) {
            Err(AccessFailed::Refused { refusal }) => {
                peer.close().await;
                engine::give_back(&directory)?;
                Err(OpenError::NotAdmitted { refusal })
            }
            Ok(_) | Err(_) => Ok(peer),
        }
    }

    async fn start(options: Options, seed: Seed) -> Result<Self, OpenError> {
        let listen = options.listen;
        let started = engine::start(options, seed).await?;
        let engine::Started { commands, changes, context, key } = started;
        let name = std::sync::OnceLock::new();
        let peer = Self { shared: Arc::new(Shared { commands, changes, name, context, key }) };
        if let Some(address) = listen {
            peer.listen(address).await?;
        }
        Ok(peer)
    }

    /// The context.
    pub fn context_id(&self) -> ContextId {
        self.shared.context
    }

    /// The context's name; none until its record has arrived.
    pub async fn name(&self) -> Option<String> {
        if let Some(name) = self.shared.name.get() {
            return Some(name.clone());
        }
        let name = self.ask(Command::Name).await??;
        Some(self.shared.name.get_or_init(|| name).clone())
    }

    /// Who edits.
    pub fn key(&self) -> PublicKey {
        self.shared.key
    }

    /// Makes edits, all or none. When it returns, they are durable on this disk.
    pub async fn edit(&self, edits: Vec<Edit>, why: &str) -> Result<Edited, EditFailed> {
        self.edit_with_ids(edits, Vec::new(), why).await
    }

    /// The same; the new items get these ids, in the order of the edits that add them. For what was
    /// exported with its ids: everything else lets them be drawn.
    pub async fn edit_with_ids(
        &self,
        edits: Vec<Edit>,
        ids: Vec<ItemId>,
        why: &str,
    ) -> Result<Edited, EditFailed> {
        let (ids, why) = (ids.into(), why.to_owned());
        let answer = self.ask(|reply| Command::Write(Order::Edit { edits, ids, why, reply })).await;
        answer.unwrap_or(Err(EditFailed::Closed))
    }

    /// Changes a text at exactly the positions that an editor says, as of the version they are meant for.
    /// When it returns, that is durable on this disk.
    pub async fn splice(&self, typing: Typing, why: &str) -> Result<Edited, EditFailed> {
        let why = why.to_owned();
        let answer = self.ask(|reply| Command::Write(Order::Splice { typing, why, reply })).await;
        answer.unwrap_or(Err(EditFailed::Closed))
    }

    /// Settles a conflict. When it returns, that is durable on this disk.
    pub async fn resolve(
        &self,
        conflict: &str,
        settlement: Settlement,
        why: &str,
    ) -> Result<Edited, ResolveFailed> {
        let (conflict, why) = (conflict.to_owned(), why.to_owned());
        let order = |reply| Order::Resolve { conflict, settlement, why, reply };
        let answer = self.ask(|reply| Command::Write(order(reply))).await;
        answer.unwrap_or(Err(ResolveFailed::Failed(EditFailed::Closed)))
    }

    /// Reads: runs a function on the context, with everything that any process has stored, and
    /// with the documents asked for in memory. What it changes there is not stored.
    pub async fn view<T: Send + 'static>(
        &self,
        parts: Parts,
        read: impl FnOnce(&mut Context) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let (reply, answer) = oneshot::channel();
        let view = move |context: Result<&mut Context, ReadError>| {
            // Who asked may have gone; then nobody needs the answer.
            reply.send(context.map(read)).ok();
        };
        let command = Command::View { parts, view: Box::new(view) };
        self.shared.commands.send(command).await.map_err(|_| ReadError::Closed)?;
        answer.await.unwrap_or(Err(ReadError::Panicked))
    }

    /// What changes from now on, whoever does it.
    pub fn watch(&self) -> Watch {
        Watch::new(self.shared.changes.subscribe())
    }

    /// Keeps a link to a remote from now on, as long as this process holds the uplink.
    pub fn dial(&self, url: &str) -> Result<(), AddressError> {
        let address: Address = url.parse()?;
        // At once when there is room, so that a `settled` that follows knows of it.
        let commands = &self.shared.commands;
        if let Err(TrySendError::Full(command)) = commands.try_send(Command::Dial { address }) {
            let commands = commands.clone();
            tokio::spawn(async move { commands.send(command).await });
        }
        Ok(())
    }

    /// The same, and whenever this directory is opened.
    pub async fn add_remote(&self, url: &str) -> Result<(), OpenError> {
        let address: Address = url.parse()?;
        let answer = self.ask(|reply| Command::AddRemote { address, reply }).await;
        answer.unwrap_or(Err(OpenError::Closed))
    }

    /// Takes links from others; answers where, which matters when the port was 0.
    pub async fn listen(&self, address: SocketAddr) -> Result<SocketAddr, ListenError> {
        let answer = self.ask(|reply| Command::Listen { address, reply }).await;
        answer.unwrap_or(Err(ListenError::Closed))
    }

    /// Shows others what one does; an empty text takes it back. Never stored.
    pub async fn present(&self, body: String) {
        self.shared.commands.send(Command::Present { body }).await.ok();
    }

    /// Who else is here.
    pub async fn presence(&self) -> Vec<Present> {
        self.ask(Command::Presence).await.unwrap_or_default()
    }

    /// The heads of every document, without loading any.
    pub async fn heads(&self) -> Result<Heads, ReadError> {
        self.ask(Command::Heads).await.unwrap_or(Err(ReadError::Closed))
    }

    /// What is durable where, which links there are, and what was refused.
    pub async fn status(&self) -> Result<Status, ReadError> {
        self.ask(Command::Status).await.unwrap_or(Err(ReadError::Closed))
    }

    /// Waits until everything here is durable at every remote that is dialled, and theirs is here.
    pub async fn settled(&self, timeout: Duration) -> Result<(), NotSettled> {
        let answer = self.ask(|reply| Command::Settled { timeout, reply }).await;
        answer.unwrap_or(Err(NotSettled::Closed))
    }

    /// Closes all links and the store. Other clones of this handle are closed too.
    pub async fn close(self) {
        self.ask(Command::Close).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.shared.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("context", &self.shared.context).finish_non_exhaustive()
    }
}
