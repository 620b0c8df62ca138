//! Getting the keys of tokens: from a file, or from a server over HTTPS.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wattle_sync::tls::{TlsOptions, connector};

use super::keys::{Keys, KeysError};
use crate::config::TokenKeys;
use crate::limits::{KEYS_BYTES_MAX, KEYS_FETCH_MS_MAX};

/// Reads the keys anew.
pub(super) async fn fetch(source: &TokenKeys) -> Result<Keys, KeysError> {
    match source {
        TokenKeys::File(path) => {
            let name = path.display().to_string();
            let path = path.clone();
            let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
            let text = read
                .map_err(std::io::Error::other)
                .flatten()
                .map_err(|error| KeysError::Unreadable { path: name.clone(), error })?;
            Keys::read(&name, &text)
        }
        TokenKeys::Url { url, authorities } => {
            let patience = Duration::from_millis(KEYS_FETCH_MS_MAX);
            let text = match timeout(patience, get(url, authorities.clone())).await {
                Ok(text) => text?,
                Err(_late) => return Err(unanswered(url, "it takes too long")),
            };
            Keys::read(url, &text)
        }
    }
}

/// Where a server is, and what is asked of it.
struct Target {
    host: String,
    port: u16,
    tls: bool,
    request: Request<Body>,
}

/// Fails on an address that is not one of HTTPS, or of this machine, and on authorities that cannot be read.
pub(super) async fn check(url: &str, authorities: Option<&Path>) -> Result<(), KeysError> {
    target(url)?;
    if authorities.is_none() {
        return Ok(());
    }
    let options = TlsOptions { authorities: authorities.map(Path::to_owned), server: None };
    match tokio::task::spawn_blocking(move || connector(&options)).await {
        Ok(read) => read.map(|_| ()).map_err(KeysError::Authorities),
        Err(error) => Err(unanswered(url, &error.to_string())),
    }
}

fn target(url: &str) -> Result<Target, KeysError> {
    let bad = || KeysError::Address { url: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let authority = uri.authority().ok_or_else(bad)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let local = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if local => false,
        Some(_) | None => return Err(bad()),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, authority.as_str())
        .header(header::ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(|_| bad())?;
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    Ok(Target { host, port, tls, request })
}

async fn get(url: &str, authorities: Option<PathBuf>) -> Result<String, KeysError> {
    let Target { host, port, tls, request } = target(url)?;
    let failed = |error: &dyn std::fmt::Display| unanswered(url, &error.to_string());
    let socket = TcpStream::connect((host.as_str(), port)).await.map_err(|error| failed(&error))?;
    if !tls {
        return exchange(url, socket, request).await;
    }
    // Loading authorities reads files.
    let options = TlsOptions { authorities, server: None };
    let connector: TlsConnector = tokio::task::spawn_blocking(move || connector(&options))
        .await
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
    let name = ServerName::try_from(host).map_err(|error| failed(&error))?;
    let socket = connector.connect(name, socket).await.map_err(|error| failed(&error))?;
    exchange(url, socket, request).await
}

async fn exchange<S>(url: &str, socket: S, request: Request<Body>) -> Result<String, KeysError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| unanswered(url, &error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(failed)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(failed)?;
    if answer.status() != StatusCode::OK {
        return Err(unanswered(url, &format!("it says {}", answer.status())));
    }
    let body = to_bytes(Body::new(answer.into_body()), KEYS_BYTES_MAX).await;
    connection.abort();
    let body = body.map_err(|error| unanswered(url, &error.to_string()))?;
    String::from_utf8(body.to_vec()).map_err(|error| unanswered(url, &error.to_string()))
}

fn unanswered(url: &str, reason: &str) -> KeysError {
    KeysError::Unanswered { url: url.to_owned(), reason: reason.to_owned() }
}
