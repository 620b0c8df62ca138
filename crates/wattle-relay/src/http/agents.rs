//! `/mcp`: agents' programs, if this relay serves any.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpStream;
use wattle_mcp::http::Via;

use crate::relay::Shared;

const NOT_SERVED: &str = "this relay serves no context to agents: name some in its settings ([mcp] contexts = [\"DIR\"]), \
     or use `wattle up`, or `wattle mcp` on the agent's machine\n";

/// Hands a request on.
pub(super) async fn mcp(
    State(shared): State<Arc<Shared>>,
    Extension(via): Extension<Via>,
    request: Request,
) -> Response {
    match &shared.agents {
        Some(endpoint) => endpoint.answer(via, request).await.map(Body::new),
        None => (StatusCode::NOT_FOUND, NOT_SERVED).into_response(),
    }
}

/// Whether the other end is on this machine; where that cannot be known, it is not.
pub(super) fn via(socket: &TcpStream) -> Via {
    let (Ok(there), Ok(here)) = (socket.peer_addr(), socket.local_addr()) else {
        return Via::Network;
    };
    let (there, here) = (there.ip().to_canonical(), here.ip().to_canonical());
    if there.is_loopback() || there == here { Via::ThisMachine } else { Via::Network }
}
