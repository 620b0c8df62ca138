//! One port: the accept loop, and the few pages.

mod agents;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use crate::health::State as HealthState;
use crate::limits::{ACCEPT_RETRY_MS, HEADERS_BYTES_MAX, HEADERS_MS_MAX, TURNED_AWAY_MS_MAX};
use crate::metrics;
use crate::relay::{Shared, Ticket};

/// Accepts connections until `closed` says so; what is open then ends by itself.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut closed: watch::Receiver<bool>,
) {
    let routes = routes(Arc::clone(&shared));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = is_closed(&mut closed) => return,
        };
        match accepted {
            Ok((socket, _)) => accept(socket, &routes, &shared, closed.clone()),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
            }
        }
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/sync", get(upgrade::sync))
        .route("/mcp", any(agents::mcp))
        .route("/healthz", get(healthz))
        .route("/metrics", get(page_of_metrics))
        .route("/", get(front))
        .with_state(shared)
}

fn accept(socket: TcpStream, routes: &Router, shared: &Arc<Shared>, closed: watch::Receiver<bool>) {
    let Ok(permit) = Arc::clone(&shared.connections).try_acquire_owned() else {
        tracing::warn!("too many connections");
        if let Ok(permit) = Arc::clone(&shared.turned_away).try_acquire_owned() {
            tokio::spawn(turn_away(socket, permit));
        }
        return;
    };
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket that is gone already");
    }
    let ticket = Ticket::new(permit);
    let via = agents::via(&socket);
    let routes = routes.clone().layer(Extension(ticket)).layer(Extension(via));
    tokio::spawn(converse(socket, routes, closed));
}

/// Says so, and reads on for a moment: what is closed with bytes that nobody has read is reset, and
/// the answer with it.
async fn turn_away(mut socket: TcpStream, _permit: OwnedSemaphorePermit) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let said = async {
        socket.write_all(BUSY).await?;
        socket.shutdown().await?;
        let (mut unread, most) = (tokio::io::sink(), HEADERS_BYTES_MAX as u64);
        tokio::io::copy(&mut socket.take(most), &mut unread).await
    };
    match timeout(Duration::from_millis(TURNED_AWAY_MS_MAX), said).await {
        Ok(Ok(_)) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "could not say so"),
    }
}

async fn converse(socket: TcpStream, routes: Router, mut closed: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEADERS_MS_MAX))
        .max_header_size(HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(routes))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = is_closed(&mut closed) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Waits until the relay closes, or is gone.
async fn is_closed(closed: &mut watch::Receiver<bool>) {
    if closed.wait_for(|closed| *closed).await.is_err() {
        tracing::debug!("the relay was dropped");
    }
}

async fn front() -> &'static str {
    concat!(
        "Wattle relay ",
        env!("CARGO_PKG_VERSION"),
        ": links at /sync, agents at /mcp, health at /healthz, metrics at /metrics\n"
    )
}

async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let (code, body) = match shared.health.state() {
        HealthState::Serving => {
            (StatusCode::OK, serde_json::json!({ "status": "ok", "version": version }))
        }
        HealthState::Draining => (
            StatusCode::SERVICE_UNAVAILABLE,
            serde_json::json!({ "status": "draining", "version": version }),
        ),
        HealthState::Failed(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            serde_json::json!({ "status": "failed", "version": version, "reason": reason }),
        ),
    };
    (code, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

async fn page_of_metrics(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], shared.metrics_page().await).into_response()
}
