//! From a stream to a WebSocket that speaks the protocol.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async_with_config};

use super::gate::Gate;
use super::{SUBPROTOCOL, config};
use crate::address::Address;
use crate::limits::HANDSHAKE;

/// Why a stream did not become a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// It took too long.
    #[error("the WebSocket handshake took longer than {} ms", HANDSHAKE.as_millis())]
    Slow,
    /// It failed.
    #[error("the WebSocket handshake failed: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
    /// The other side speaks another protocol, or another version.
    #[error("the other side does not speak {SUBPROTOCOL}")]
    Protocol,
}

/// The dialling side.
pub async fn connect<S>(
    stream: S,
    address: &Address,
) -> Result<WebSocketStream<Gate<S>>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = address.socket_url().into_client_request().map_err(failed)?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let upgrade = client_async_with_config(request, Gate::new(stream), Some(config()));
    let (socket, response) = match timeout(HANDSHAKE, upgrade).await {
        Ok(upgraded) => upgraded.map_err(failed)?,
        Err(_) => return Err(UpgradeError::Slow),
    };
    if speaks(response.headers()) { Ok(socket) } else { Err(UpgradeError::Protocol) }
}

/// The listening side.
pub async fn accept<S>(stream: S) -> Result<WebSocketStream<Gate<S>>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let upgrade = accept_hdr_async_with_config(Gate::new(stream), agree, Some(config()));
    match timeout(HANDSHAKE, upgrade).await {
        Ok(upgraded) => upgraded.map_err(failed),
        Err(_) => Err(UpgradeError::Slow),
    }
}

/// Whether a request or a response names the subprotocol.
fn speaks(headers: &HeaderMap) -> bool {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == SUBPROTOCOL)
}

#[expect(clippy::result_large_err, reason = "the library gives the type")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if !speaks(request.headers()) {
        let mut refusal = ErrorResponse::new(Some(format!("this side speaks {SUBPROTOCOL}\n")));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Err(refusal);
    }
    if request.headers().contains_key(ORIGIN) {
        // A page in somebody's browser: it may reach what its owner did not mean it to.
        let mut refusal = ErrorResponse::new(Some("a peer takes no links from web pages\n".into()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        return Err(refusal);
    }
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

#[expect(clippy::needless_pass_by_value, reason = "it is a closure's last step")]
fn failed(error: tokio_tungstenite::tungstenite::Error) -> UpgradeError {
    UpgradeError::Failed { reason: error.to_string() }
}
