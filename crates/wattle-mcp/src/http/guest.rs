//! The clients with one token: their servers, their sessions, and what they may take up.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use rmcp::model::Tool;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::body::{self, Asked};
use super::refusal::Refused;
use super::tokens::{Token, Tokens};
use super::{Hosts, OpenAs, Reply};
use crate::ask::Seal;
use crate::desk::{Desk, Open};
use crate::limits::{
    BODY_BYTES_MAX, CALLS_MAX, SEAT_IDLE_MAX, SESSION_IDLE_MAX, SESSIONS_MAX, STREAMS_MAX,
};
use crate::server::Server;

/// The clients with one token.
pub(super) struct Guest {
    token: Token,
    tokens: Tokens,
    server: Server,
    service: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Guest {
    /// Nothing is opened before somebody asks for something.
    pub(super) fn new(
        (token, tokens): (Token, &Tokens),
        open: &OpenAs,
        (tools, hosts): (Vec<Tool>, &Hosts),
    ) -> Result<Self, getrandom::Error> {
        let desk = Desk::of_token(opener(&token, open), token.id.clone());
        let server = Server::new(desk, Seal::new()?, tools);
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(SESSION_IDLE_MAX);
        let sessions = Arc::new(sessions);
        let own = server.clone();
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_max_request_body_bytes(BODY_BYTES_MAX);
        config.allowed_hosts.extend(hosts.iter().cloned());
        let service =
            StreamableHttpService::new(move || Ok(own.another()), Arc::clone(&sessions), config);
        let (calls, streams) = (Semaphore::new(CALLS_MAX), Semaphore::new(STREAMS_MAX));
        let (calls, streams) = (Arc::new(calls), Arc::new(streams));
        Ok(Self { token, tokens: tokens.clone(), server, service, sessions, calls, streams })
    }

    /// Answers a request whose body has been read.
    pub(super) async fn answer(
        &self,
        mut request: Request<Bytes>,
        held: OwnedSemaphorePermit,
    ) -> Result<Response<Reply>, Refused> {
        let own = self.room(&request).await?;
        // Nothing behind this has use for it.
        request.headers_mut().remove(AUTHORIZATION);
        let response = self.service.handle(request.map(Full::new)).await;
        // Until the last byte of the answer.
        Ok(response.map(|body| Held { body, _places: (held, own) }.boxed()))
    }

    /// Whether the token is good still.
    pub(super) fn is_welcome(&self) -> bool {
        self.tokens.still(&self.token)
    }

    /// Closes what nobody has used for a while.
    pub(super) async fn tidy(&self) {
        if let Some(since) = Instant::now().checked_sub(SEAT_IDLE_MAX) {
            self.server.desk().close_unused(since).await;
        }
    }

    /// Ends all sessions and streams, and closes the context.
    pub(super) async fn end(&self) {
        self.service.config.cancellation_token.cancel();
        self.server.desk().close().await;
    }

    async fn room(&self, request: &Request<Bytes>) -> Result<OwnedSemaphorePermit, Refused> {
        let asked = match *request.method() {
            Method::GET => Asked::Stream,
            _ => body::asked(request.body()),
        };
        let (room, full) = match asked {
            Asked::Session if self.sessions.sessions.read().await.len() >= SESSIONS_MAX => {
                return Err(Refused::Sessions);
            }
            Asked::Session | Asked::Answer => (&self.calls, Refused::Calls),
            Asked::Stream => (&self.streams, Refused::Streams),
        };
        Arc::clone(room).try_acquire_owned().map_err(|_| full)
    }
}

/// The body of an answer, and the places that it takes.
struct Held {
    body: Reply,
    _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Opens the context as the one whom the token serves, if that one still has the key of then.
fn opener(token: &Token, open: &OpenAs) -> Open {
    let (open, agent, key) = (Arc::clone(open), token.agent.clone(), token.key.clone());
    Box::new(move |client| {
        let (opening, key) = (open(agent.clone(), client), key.clone());
        Box::pin(async move {
            let peer = opening.await?;
            if key.is_some_and(|key| key != peer.key().to_string()) {
                peer.close().await;
                return Err("the agent of this token has another key now: make another token \
                            (wattle mcp token add)"
                    .to_owned());
            }
            Ok(peer)
        })
    })
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("token", &self.token.id).finish_non_exhaustive()
    }
}
