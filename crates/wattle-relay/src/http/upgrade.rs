//! From an HTTP request to a link.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::{
    CONNECTION, HeaderName, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wattle_protocol::wire::SUBPROTOCOL;

use crate::health;
use crate::link::{self, Tickets};
use crate::relay::{Shared, Ticket};

/// Turns a request into a link, or says in one sentence why not.
pub(super) async fn sync(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Ticket>,
    mut request: Request,
) -> Result<Response, Refused> {
    let accept = check(request.headers(), &shared.config.origins)?;
    if shared.health.state() == health::State::Draining {
        return Err(Refused::Draining);
    }
    let handshake =
        Arc::clone(&shared.handshakes).try_acquire_owned().map_err(|_full| Refused::Busy)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(Refused::NotWebSocket)?;
    tokio::spawn(begin(upgrade, Arc::clone(&shared), Tickets { connection, handshake }));
    let headers = [
        (CONNECTION, "Upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_ACCEPT, accept.as_str()),
        (SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

async fn begin(upgrade: OnUpgrade, shared: Arc<Shared>, tickets: Tickets) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "a connection ended before it was a link");
            return;
        }
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            link::run(parts.io.into_inner(), parts.read_buf.into(), shared, tickets).await;
        }
        Err(_other) => tracing::error!("a connection that is no TCP socket"),
    }
}

/// Why a request does not become a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NotWebSocket,
    WebSocketVersion,
    /// None of the subprotocols that it offers is spoken here.
    Subprotocol {
        offered: String,
    },
    Origin {
        origin: String,
    },
    Busy,
    Draining,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut more = HeaderMap::new();
        let (code, sentence) = match self {
            Self::NotWebSocket => {
                more.insert(UPGRADE, HeaderValue::from_static("websocket"));
                (StatusCode::UPGRADE_REQUIRED, "/sync speaks WebSocket only".to_owned())
            }
            Self::WebSocketVersion => {
                more.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                (StatusCode::UPGRADE_REQUIRED, "/sync speaks WebSocket version 13 only".to_owned())
            }
            Self::Subprotocol { offered } => (
                StatusCode::BAD_REQUEST,
                format!(
                    "this relay speaks the subprotocol {SUBPROTOCOL}; the request offers {offered}"
                ),
            ),
            Self::Origin { origin } => (
                StatusCode::FORBIDDEN,
                format!(
                    "pages of {origin} may not open links here; allow them in the relay's settings"
                ),
            ),
            Self::Busy => {
                more.insert(RETRY_AFTER, HeaderValue::from_static("5"));
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many links begin at once; try again later".to_owned(),
                )
            }
            Self::Draining => {
                more.insert(RETRY_AFTER, HeaderValue::from_static("5"));
                (StatusCode::SERVICE_UNAVAILABLE, "this relay stops; try again later".to_owned())
            }
        };
        (code, more, format!("{sentence}\n")).into_response()
    }
}

/// Answers the key that accepts the upgrade.
fn check(headers: &HeaderMap, origins: &[String]) -> Result<String, Refused> {
    if !names(headers, &CONNECTION, "upgrade") || !names(headers, &UPGRADE, "websocket") {
        return Err(Refused::NotWebSocket);
    }
    if !names(headers, &SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refused::WebSocketVersion);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Refused::NotWebSocket)?;
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
        if !origins.contains(&origin) {
            return Err(Refused::Origin { origin });
        }
    }
    if !names(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        let offered: Vec<&str> = values(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
        let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        return Err(Refused::Subprotocol { offered });
    }
    Ok(derive_accept_key(key.as_bytes()))
}

/// Whether a header's list of words has this one, in any case.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    values(headers, name).any(|value| value.eq_ignore_ascii_case(word))
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}
