//! The sessions of one token: which of them are in use, and which ends when another needs its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::SessionId;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use tokio::time::Instant;

use super::refusal::Refused;
use crate::limits::{SESSION_IDLE_MAX, SESSIONS_MAX};

/// In which a client names its session, and a server a new one.
const SESSION: &str = "mcp-session-id";

/// The sessions of one token.
pub(super) struct Sessions {
    /// What runs them.
    open: Arc<LocalSessionManager>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sessions: BTreeMap<SessionId, Used>,
    /// Sessions that are being made, and have no name yet.
    beginning: usize,
}

/// How a session is used.
#[derive(Clone, Copy, Debug)]
struct Used {
    /// Its requests that are not answered to their end, and its streams.
    by: usize,
    last: Instant,
}

/// A request or a stream of a session, as long as it lasts.
#[derive(Debug)]
pub(super) struct InUse {
    sessions: Arc<Sessions>,
    /// None while the session is being made.
    id: Option<SessionId>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        let mut open = LocalSessionManager::default();
        open.session_config.keep_alive = Some(SESSION_IDLE_MAX);
        Self { open: Arc::new(open), known: Mutex::default() }
    }

    /// What runs them.
    pub(super) fn open(&self) -> Arc<LocalSessionManager> {
        Arc::clone(&self.open)
    }

    /// A place for one more. If there is none, the session ends that has been idle longest.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<InUse, Refused> {
        let idle = {
            let open = self.open.sessions.read().await;
            self.known().make_room(&open.keys().cloned().collect())?
        };
        let begun = InUse { sessions: Arc::clone(self), id: None };
        if let Some(idle) = idle {
            tracing::debug!(%idle, "an idle session ends for a new one");
            if let Err(error) = self.open.close_session(&idle).await {
                tracing::error!(%error, %idle, "a session could not be ended");
            }
        }
        Ok(begun)
    }

    /// The session that a request names is in use as long as the answer is kept.
    pub(super) fn enter(self: &Arc<Self>, headers: &HeaderMap) -> Option<InUse> {
        let id = named(headers)?;
        let mut known = self.known();
        let used = known.sessions.get_mut(&id)?;
        used.by += 1;
        Some(InUse { sessions: Arc::clone(self), id: Some(id) })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Keeps a place; answers which session has to end for it.
    fn make_room(&mut self, open: &BTreeSet<SessionId>) -> Result<Option<SessionId>, Refused> {
        self.sessions.retain(|id, _| open.contains(id));
        if self.beginning == 0 {
            // The others were left by clients that went before they had heard of them.
            for id in open {
                self.sessions.entry(id.clone()).or_insert_with(|| Used::new(0));
            }
        }
        let mut idle = None;
        if self.sessions.len() + self.beginning >= SESSIONS_MAX {
            let free = self.sessions.iter().filter(|(_, used)| used.by == 0);
            let longest = free.min_by_key(|(_, used)| used.last).map(|(id, _)| id.clone());
            let longest = longest.ok_or(Refused::Sessions)?;
            self.sessions.remove(&longest);
            idle = Some(longest);
        }
        self.beginning += 1;
        Ok(idle)
    }
}

impl Used {
    fn new(by: usize) -> Self {
        Self { by, last: Instant::now() }
    }
}

impl InUse {
    /// Takes the name of a session that was made, from the headers of the answer.
    pub(super) fn named(&mut self, headers: &HeaderMap) {
        let (None, Some(id)) = (&self.id, named(headers)) else { return };
        let mut known = self.sessions.known();
        known.beginning -= 1;
        known.sessions.insert(id.clone(), Used::new(1));
        self.id = Some(id);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut known = self.sessions.known();
        match &self.id {
            None => known.beginning -= 1,
            Some(id) => {
                if let Some(used) = known.sessions.get_mut(id) {
                    *used = Used::new(used.by - 1);
                }
            }
        }
    }
}

fn named(headers: &HeaderMap) -> Option<SessionId> {
    Some(SessionId::from(headers.get(SESSION)?.to_str().ok()?))
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("known", &self.known).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
