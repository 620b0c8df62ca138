//! What the clients with one token are served by: a server for each, behind HTTP as MCP has it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use rmcp::ServerHandler;
use rmcp::model::Tool;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::Instant;

use super::sessions::Sessions;
use super::tokens::Token;
use super::{Hosts, OpenAs, Reply};
use crate::ask::Seal;
use crate::desk::{Desk, Open};
use crate::limits::{BODY_BYTES_MAX, SEAT_IDLE_MAX};
use crate::server::Server;

/// Answers a request whose body has been read.
type Answers = dyn Fn(Request<Bytes>) -> Answering + Send + Sync;
type Answering = Pin<Box<dyn Future<Output = Response<Reply>> + Send>>;

/// What the clients with one token are served by.
pub(super) struct Served {
    answers: Box<Answers>,
    config: StreamableHttpServerConfig,
    sessions: Arc<Sessions>,
    /// What opens the context, if it is one that is served.
    context: Option<Server>,
}

impl Served {
    /// A server for each client, as `another` makes them.
    pub(super) fn by<S: ServerHandler>(
        another: impl Fn() -> S + Send + Sync + 'static,
        hosts: &Hosts,
    ) -> Self {
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_max_request_body_bytes(BODY_BYTES_MAX);
        config.allowed_hosts.extend(hosts.iter().cloned());
        let sessions = Arc::new(Sessions::new());
        let another = move || Ok(another());
        let service = StreamableHttpService::new(another, sessions.open(), config.clone());
        let service = Arc::new(service);
        let answers = move |request: Request<Bytes>| -> Answering {
            let service = Arc::clone(&service);
            Box::pin(async move { service.handle(request.map(Full::new)).await })
        };
        Self { answers: Box::new(answers), config, sessions, context: None }
    }

    /// The context as whom the token names. Nothing is opened before somebody asks for something.
    pub(super) fn with_context(
        (token, open): (&Token, &OpenAs),
        (tools, hosts): (Vec<Tool>, &Hosts),
    ) -> Result<Self, getrandom::Error> {
        let desk = Desk::of_token(opener(token, open), token.id.clone());
        let server = Server::new(desk, Seal::new()?, tools);
        let own = server.clone();
        Ok(Self { context: Some(server), ..Self::by(move || own.another(), hosts) })
    }

    /// Answers a request whose body has been read.
    pub(super) async fn answer(&self, request: Request<Bytes>) -> Response<Reply> {
        let ends_a_session = *request.method() == Method::DELETE;
        let mut response = (self.answers)(request).await;
        if ends_a_session && response.status() == StatusCode::ACCEPTED {
            // There is nothing left to do, and clients complain of a 202 here.
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }

    /// The sessions of clients that began with `initialize`.
    pub(super) fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// Closes what nobody has used for a while.
    pub(super) async fn tidy(&self) {
        let since = Instant::now().checked_sub(SEAT_IDLE_MAX);
        if let (Some(server), Some(since)) = (&self.context, since) {
            server.desk().close_unused(since).await;
        }
    }

    /// Ends all sessions and streams, and closes the context.
    pub(super) async fn end(&self) {
        self.config.cancellation_token.cancel();
        if let Some(server) = &self.context {
            server.desk().close().await;
        }
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

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}
