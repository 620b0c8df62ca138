//! The context that a server works on: opened when the first request says who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use wattle_context::Context;
use wattle_context::plain::hex;
use wattle_sync::clock::now_ms;
use wattle_sync::lease::Sequencers;
use wattle_sync::{Kind, Parts, Peer, ReadError};

use crate::limits::{GRACE, SEATS_MAX};
use crate::trouble::Trouble;
use crate::who::{Me, client, mark_of};

/// A peer that is being opened; a failure is told to the agent as it is.
pub type Opening = Pin<Box<dyn Future<Output = Result<Peer, String>> + Send>>;

/// Opens the context for a client of this name, which stands in the history. Called when the first
/// request comes, and again until it succeeds.
pub type Open = Box<dyn Fn(String) -> Opening + Send + Sync>;

/// What a server works on: the context, opened once for each program that writes.
pub(crate) struct Desk {
    open: Open,
    naming: Naming,
    mark: String,
    seats: Mutex<BTreeMap<String, Arc<Seat>>>,
}

/// Whose programs come to a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// One client's, in a process of its own: whatever it is called first.
    One,
    /// Any number of clients with one token, told apart by what they call themselves.
    Each,
}

/// The context as one program uses it.
#[derive(Debug)]
struct Seat {
    opened: OnceCell<Arc<Opened>>,
    used: Mutex<Instant>,
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
    /// For the one client of this process. Its mark tells it apart from others on this machine.
    pub(crate) fn of_process(open: Open) -> Self {
        let mut mark = [0; 2];
        // Without randomness the number of the process tells it apart.
        let id = std::process::id();
        let mark = match getrandom::fill(&mut mark) {
            Ok(()) => hex(&mark),
            Err(_) => id.to_string(),
        };
        Self { open, naming: Naming::One, mark, seats: Mutex::default() }
    }

    /// For the clients with one token. The mark stays the same, whatever process serves them.
    pub(crate) fn of_token(open: Open, mark: String) -> Self {
        Self { open, naming: Naming::Each, mark, seats: Mutex::default() }
    }

    /// The same for a session of the client: a hook of the session has the same mark.
    pub(crate) fn of_session(mut self, id: &str) -> Self {
        self.mark = mark_of(id);
        self
    }

    /// The context, opened for `program` if it is not open yet.
    pub(crate) async fn opened(&self, program: &str) -> Result<Arc<Opened>, Trouble> {
        let name = client(program, &self.mark);
        let seat = self.seat(&name)?;
        let opened = seat.opened.get_or_try_init(|| async {
            let opened = (self.open)(name.clone()).await;
            let peer = opened.map_err(|why| Trouble::Closed { why })?;
            // A client with a token may have claimed something before the context was last closed.
            let claimed = Arc::new(AtomicBool::new(self.naming == Naming::Each));
            Ok::<_, Trouble>(Arc::new(Opened::of(peer, (name, claimed)).await))
        });
        opened.await.map(Arc::clone)
    }

    /// Closes what nobody uses and nobody has used since then; answers whether anything is open still.
    pub(crate) async fn close_unused(&self, since: Instant) -> bool {
        let (idle, rest) = {
            let mut seats = self.seats();
            let idle: Vec<String> = seats
                .iter()
                .filter(|(_, seat)| seat.is_free() && seat.used() < since)
                .map(|(name, _)| name.clone())
                .collect();
            let idle: Vec<_> = idle.iter().filter_map(|name| seats.remove(name)).collect();
            (idle, !seats.is_empty())
        };
        close_all(idle).await;
        rest
    }

    /// Closes everything.
    pub(crate) async fn close(&self) {
        let all = std::mem::take(&mut *self.seats());
        close_all(all.into_values().collect()).await;
    }

    fn seat(&self, name: &str) -> Result<Arc<Seat>, Trouble> {
        let mut seats = self.seats();
        let found = match self.naming {
            Naming::One => seats.values().next(),
            Naming::Each => seats.get(name),
        };
        if let Some(seat) = found {
            seat.touch();
            return Ok(Arc::clone(seat));
        }
        if seats.len() >= SEATS_MAX {
            let free = seats.iter().filter(|(_, seat)| seat.is_free());
            let oldest = free.min_by_key(|(_, seat)| seat.used()).map(|(name, _)| name.clone());
            let seat = oldest.and_then(|name| seats.remove(&name));
            let seat = seat.ok_or(Trouble::Crowded { most: SEATS_MAX })?;
            tokio::spawn(close_all(vec![seat]));
        }
        let seat = Arc::new(Seat { opened: OnceCell::new(), used: Mutex::new(Instant::now()) });
        seats.insert(name.to_owned(), Arc::clone(&seat));
        Ok(seat)
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether no call and no subscription uses it. Asked while nobody can take it.
    fn is_free(self: &Arc<Self>) -> bool {
        let opened = self.opened.get();
        Arc::strong_count(self) == 1 && opened.is_none_or(|opened| Arc::strong_count(opened) == 1)
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// What was acknowledged is durable already, so a peer that hangs may be left behind.
async fn close_all(seats: Vec<Arc<Seat>>) {
    let mut closing = JoinSet::new();
    for opened in seats.iter().filter_map(|seat| seat.opened.get()) {
        closing.spawn(timeout(GRACE, opened.peer.clone().close()));
    }
    while let Some(closed) = closing.join_next().await {
        if !matches!(closed, Ok(Ok(()))) {
            tracing::warn!("a context could not be closed in time");
        }
    }
}

impl Opened {
    /// An open context for a client of this name, that may have claimed tasks before.
    pub(crate) async fn of(peer: Peer, (client, claimed): (String, Arc<AtomicBool>)) -> Self {
        let me = Me { key: peer.key().to_string(), client, claimed };
        let name = peer.name().await.unwrap_or_else(|| peer.context_id().to_string());
        Self { peer, me, name }
    }

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
        f.debug_struct("Desk").field("mark", &self.mark).finish_non_exhaustive()
    }
}
