//! Taking links from others.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Engine;
use super::links::Dialled;
use super::setup::Sockets;
use crate::error::ListenError;
use crate::limits::{HANDSHAKE, HANDSHAKES_MAX, LINKS_ACCEPTED_MAX};
use crate::link;
use crate::tls;

impl Engine {
    /// Listens on an address from now on.
    pub(super) fn listen(
        &mut self,
        address: SocketAddr,
        reply: oneshot::Sender<Result<SocketAddr, ListenError>>,
    ) {
        // The files were read once before; that they can still be read is not certain.
        let acceptor = self.links.tls.server.as_ref().map(tls::acceptor).transpose();
        let acceptor = match acceptor {
            Ok(acceptor) => acceptor,
            Err(error) => {
                let source = std::io::Error::other(error);
                reply.send(Err(ListenError::Unavailable { address, source })).ok();
                return;
            }
        };
        let sockets = self.links.sockets.clone();
        let task = self.links.sockets.runtime.spawn(async move {
            match bind(address).await {
                Ok((listener, bound)) => {
                    reply.send(Ok(bound)).ok();
                    take(sockets, listener, acceptor).await;
                }
                Err(source) => {
                    reply.send(Err(ListenError::Unavailable { address, source })).ok();
                }
            }
        });
        self.links.listeners.push(task.abort_handle());
    }
}

async fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

async fn take(sockets: Sockets, listener: TcpListener, acceptor: Option<TlsAcceptor>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let links = Arc::new(Semaphore::new(LINKS_ACCEPTED_MAX));
    loop {
        let Ok(handshake) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, say: others may end meanwhile.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(HANDSHAKE).await;
                continue;
            }
        };
        let Ok(room) = Arc::clone(&links).try_acquire_owned() else {
            tracing::warn!("too many links; a connection was dropped");
            continue;
        };
        let (sockets, acceptor) = (sockets.clone(), acceptor.clone());
        tokio::spawn(async move {
            let done = || drop(handshake);
            match acceptor {
                None => upgrade(&sockets, stream, done).await,
                Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(plain(stream))).await {
                    Ok(Ok(stream)) => upgrade(&sockets, stream, done).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
            drop(room);
        });
    }
}

fn plain(stream: TcpStream) -> TcpStream {
    // Small frames leave at once; a stream that cannot do that still works.
    stream.set_nodelay(true).ok();
    stream
}

async fn upgrade<S>(sockets: &Sockets, stream: S, done: impl FnOnce())
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    match link::accept(stream).await {
        Ok(socket) => {
            done();
            sockets.run(socket, Dialled::Not).await;
        }
        Err(error) => tracing::debug!(%error, "a connection did not become a link"),
    }
}
