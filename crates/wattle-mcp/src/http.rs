//! Streamable HTTP: any number of clients, each with a bearer token that says as whom it acts.
//!
//! The same server as over standard input and output, in both of MCP's lives. A token maps to an
//! identity of the machine that serves, and can do what that key can do, no more. What one token
//! takes up is limited, and what all of them do.

mod body;
mod door;
mod guest;
mod refusal;
mod served;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::combinators::BoxBody;
use rmcp::ServerHandler;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::desk::Opening;
use crate::limits::{REQUESTS_MAX, SWEEP};
use crate::stdio::ServeError;
use crate::tools;
use guest::Guest;
use refusal::Refused;
use served::Served;

pub use tokens::{Token, TokenError, TokenTerms, Tokens};

/// The body of an answer.
pub type Reply = BoxBody<Bytes, Infallible>;

/// Opens a context as an agent of this machine, or as its person, for a client of this name.
pub type OpenAs = Arc<dyn Fn(Option<String>, String) -> Opening + Send + Sync>;

/// A context that is served.
pub struct Offer {
    /// Who may come.
    pub tokens: Tokens,
    /// How it is opened.
    pub open: OpenAs,
}

/// For whom contexts are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Web pages that may come, by their origin, besides those of this machine.
    pub origins: Vec<String>,
    /// Names of this server in the `Host` header, besides those of this machine.
    pub hosts: Hosts,
    /// Whether requests are served that come over the network.
    pub reach: Reach,
}

/// Names of a server.
pub type Hosts = Vec<String>;

/// How far away a client may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// On this machine, which may be a proxy that speaks TLS with others.
    #[default]
    ThisMachine,
    /// Anywhere.
    Anywhere,
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// From this machine.
    ThisMachine,
    /// Over the network.
    Network,
}

/// MCP over HTTP at one path of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    inner: Arc<Inner>,
}

struct Inner {
    rooms: Vec<Room>,
    terms: Terms,
    requests: Arc<Semaphore>,
    guests: Mutex<Guests>,
}

/// Who may come, and what serves the bearer of a token.
struct Room {
    tokens: Tokens,
    serve: Box<Serve>,
}

type Serve = dyn Fn(&Token) -> Result<Served, getrandom::Error> + Send + Sync;

/// Who is served now, by the digest of the token.
#[derive(Debug)]
enum Guests {
    Open(BTreeMap<String, Arc<Guest>>),
    Closed,
}

impl Endpoint {
    /// Serves contexts. Must be called within a tokio runtime.
    pub fn new(offers: Vec<Offer>, terms: Terms) -> Result<Self, ServeError> {
        let tools = tools::all()?;
        let room = |Offer { tokens, open }| {
            let (tools, hosts) = (tools.clone(), terms.hosts.clone());
            let serve =
                move |token: &Token| Served::with_context((token, &open), (tools.clone(), &hosts));
            Room { tokens, serve: Box::new(serve) }
        };
        let rooms = offers.into_iter().map(room).collect();
        Ok(Self::with(rooms, terms))
    }

    /// Serves another MCP server than that of contexts, at the same door and within the same limits.
    /// Each session, and each request without one, gets a clone of it. So what is in front of the
    /// tools can be tried with tools that a context has not. Must be called within a tokio runtime.
    pub fn of_server<S: ServerHandler + Clone>(tokens: Tokens, server: S, terms: Terms) -> Self {
        let hosts = terms.hosts.clone();
        let serve = move |_: &Token| {
            let server = server.clone();
            Ok(Served::by(move || server.clone(), &hosts))
        };
        Self::with(vec![Room { tokens, serve: Box::new(serve) }], terms)
    }

    fn with(rooms: Vec<Room>, terms: Terms) -> Self {
        let requests = Arc::new(Semaphore::new(REQUESTS_MAX));
        let guests = Mutex::new(Guests::Open(BTreeMap::new()));
        let inner = Arc::new(Inner { rooms, terms, requests, guests });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Answers a request.
    pub async fn answer<B: Body<Data = Bytes>>(
        &self,
        via: Via,
        request: Request<B>,
    ) -> Response<Reply> {
        match self.inner.answer(via, request).await {
            Ok(response) => response,
            Err(refused) => {
                tracing::debug!(?refused, "a request was refused");
                refused.response()
            }
        }
    }

    /// Ends all sessions and streams, closes the contexts, and takes nothing new.
    pub async fn close(&self) {
        let before = std::mem::replace(&mut *self.inner.guests(), Guests::Closed);
        let Guests::Open(guests) = before else { return };
        end_all(guests.into_values().collect()).await;
    }
}

impl Inner {
    async fn answer<B: Body<Data = Bytes>>(
        &self,
        via: Via,
        request: Request<B>,
    ) -> Result<Response<Reply>, Refused> {
        door::origin(request.headers(), &self.terms.origins)?;
        door::host(request.headers(), &self.terms.hosts)?;
        let shown = door::bearer(request.headers());
        if via == Via::Network && self.terms.reach == Reach::ThisMachine {
            return Err(Refused::Network { with_token: shown.is_some() });
        }
        let guest = self.guest(shown.ok_or(Refused::NoToken)?)?;
        let held = Arc::clone(&self.requests).try_acquire_owned().map_err(|_| Refused::Busy)?;
        let (parts, body) = request.into_parts();
        let body = body::read(body).await?;
        guest.answer(Request::from_parts(parts, body), held).await
    }

    fn guest(&self, shown: &str) -> Result<Arc<Guest>, Refused> {
        let (room, token) = self.find(shown)?;
        if token.is_over() {
            return Err(Refused::Expired { id: token.id });
        }
        let mut guests = self.guests();
        let Guests::Open(guests) = &mut *guests else { return Err(Refused::Closing) };
        if let Some(guest) = guests.get(token.digest()) {
            return Ok(Arc::clone(guest));
        }
        let digest = token.digest().to_owned();
        let served = (room.serve)(&token).map_err(|error| {
            tracing::error!(%error, "the system gives no randomness");
            Refused::Unreadable
        })?;
        let guest = Arc::new(Guest::new((token, room.tokens.clone()), served));
        guests.insert(digest, Arc::clone(&guest));
        Ok(guest)
    }

    fn find(&self, shown: &str) -> Result<(&Room, Token), Refused> {
        let mut unreadable = false;
        for room in &self.rooms {
            match room.tokens.find(shown) {
                Ok(Some(token)) => return Ok((room, token)),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "a token cannot be looked at");
                    unreadable = true;
                }
            }
        }
        Err(if unreadable { Refused::Unreadable } else { Refused::UnknownToken })
    }

    /// Turns away whose token has ended, and closes what nobody uses.
    async fn sweep(&self) {
        let (gone, staying) = {
            let mut guests = self.guests();
            let Guests::Open(guests) = &mut *guests else { return };
            let mut gone = Vec::new();
            guests.retain(|_, guest| {
                let stays = guest.is_welcome();
                if !stays {
                    gone.push(Arc::clone(guest));
                }
                stays
            });
            (gone, guests.values().cloned().collect::<Vec<_>>())
        };
        end_all(gone).await;
        for guest in staying {
            guest.tidy().await;
        }
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(endpoint: Weak<Inner>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(endpoint) = endpoint.upgrade() else { return };
        endpoint.sweep().await;
    }
}

async fn end_all(guests: Vec<Arc<Guest>>) {
    let mut ending = JoinSet::new();
    for guest in guests {
        ending.spawn(async move { guest.end().await });
    }
    ending.join_all().await;
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
