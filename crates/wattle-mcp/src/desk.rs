//! The context that a server works on: opened when the first request says who asks.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::OnceCell;
use wattle_context::Context;
use wattle_sync::clock::now_ms;
use wattle_sync::lease::Sequencers;
use wattle_sync::{Kind, Parts, Peer, ReadError};

use crate::trouble::Trouble;
use crate::who::{Me, client};

/// A peer that is being opened; a failure is told to the agent as it is.
pub type Opening = Pin<Box<dyn Future<Output = Result<Peer, String>> + Send>>;

/// Opens the context for a client of this name, which stands in the history. Called when the first
/// request comes, and again until it succeeds.
pub type Open = Box<dyn Fn(String) -> Opening + Send + Sync>;

/// What a server works on.
pub(crate) struct Desk {
    open: Open,
    opened: OnceCell<Opened>,
    mark: String,
}

/// An open context.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) peer: Peer,
    pub(crate) me: Me,
    /// What the context is called; its id until the name has arrived.
    pub(crate) name: String,
}

/// A context while it is read: what is in it, for whom, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) context: &'a Context,
    pub(crate) me: &'a Me,
    /// The keys of agents, in hexadecimal: what they write is signed as theirs.
    pub(crate) agents: &'a BTreeSet<String>,
    /// What the signatures of leases are checked with.
    pub(crate) sequencers: &'a Sequencers,
    pub(crate) now_ms: i64,
}

impl Desk {
    pub(crate) fn new(open: Open) -> Self {
        let mut mark = [0; 2];
        // Without randomness the number of the process tells it apart from others on this machine.
        let id = std::process::id();
        let mark = match getrandom::fill(&mut mark) {
            Ok(()) => mark.iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(_) => id.to_string(),
        };
        Self { open, opened: OnceCell::new(), mark }
    }

    /// The context, opened for `program` if it is not open yet.
    pub(crate) async fn opened(&self, program: &str) -> Result<&Opened, Trouble> {
        let name = client(program, &self.mark);
        let opened = self.opened.get_or_try_init(|| async {
            let opened = (self.open)(name.clone()).await;
            let peer = opened.map_err(|why| Trouble::Closed { why })?;
            let key = peer.key().to_string();
            let me = Me { key, client: name, claimed: Arc::default() };
            let called = peer.name().await.unwrap_or_else(|| peer.context_id().to_string());
            Ok(Opened { peer, me, name: called })
        });
        opened.await
    }

    /// The context, if it is open.
    pub(crate) fn now(&self) -> Option<&Opened> {
        self.opened.get()
    }
}

impl Opened {
    /// Reads.
    pub(crate) async fn view<T: Send + 'static>(
        &self,
        parts: Parts,
        read: impl FnOnce(Scene<'_>) -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let me = self.me.clone();
        let members = self.peer.members().await?.members;
        let agents = members.into_iter().filter(|member| member.kind == Kind::Agent);
        let agents: BTreeSet<String> = agents.map(|agent| agent.key.to_string()).collect();
        let sequencers = self.peer.sequencers().await.ok_or(ReadError::Closed)?;
        let read = move |context: &mut Context| {
            let (agents, sequencers) = (&agents, &sequencers);
            read(Scene { context, me: &me, agents, sequencers, now_ms: now_ms() })
        };
        Ok(self.peer.view(parts, read).await?)
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("opened", &self.opened).finish_non_exhaustive()
    }
}
