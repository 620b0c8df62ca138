//! One client over standard input and output, and the end of both.

use std::env;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::oneshot;

use crate::ask::Seal;
use crate::desk::{Desk, Open};
use crate::limits::GRACE;
use crate::server::Server;
use crate::tools;

/// In which Claude Code names its session to the servers that it starts; its hooks get the same.
const SESSION: &str = "CLAUDE_CODE_SESSION_ID";

/// Why a client could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The list of tools is not well formed.
    #[error("the tools of this program are not well formed: {0}")]
    Tools(#[from] serde_json::Error),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The client did not begin as MCP says.
    #[error("the client does not speak MCP: {0}")]
    Handshake(#[source] Box<ServerInitializeError>),
}

/// Serves the client at standard input and output until it goes. A call that hangs does not keep the
/// server: a second after the end of the input it ends, too.
pub async fn serve(open: Open) -> Result<(), ServeError> {
    let seal = Seal::new().map_err(|_| ServeError::NoRandomness)?;
    let desk = match env::var(SESSION) {
        Ok(session) if !session.is_empty() => Desk::of_process(open).of_session(&session),
        _ => Desk::of_process(open),
    };
    let server = Server::new(desk, seal, tools::all()?);
    let (input, output) = stdio_pipes();
    let (ended, end) = oneshot::channel();
    let input = Input { inner: input, ended: Some(ended) };
    match server.clone().serve((input, output)).await {
        Ok(running) => {
            tokio::select! {
                ended = running.waiting() => drop(ended),
                () = after(end) => {}
            }
        }
        // A client that goes before it has asked anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => {}
        Err(error) => return Err(ServeError::Handshake(Box::new(error))),
    }
    server.desk().close().await;
    Ok(())
}

/// A while after the input's end, so that answers under way get out.
async fn after(end: oneshot::Receiver<()>) {
    // An input that was dropped has ended, too.
    end.await.ok();
    tokio::time::sleep(GRACE).await;
}

/// Standard input that tells when it has ended.
struct Input<R> {
    inner: R,
    ended: Option<oneshot::Sender<()>>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        let over = match &read {
            Poll::Ready(Ok(())) => room > 0 && buffer.filled().len() == before,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if over && let Some(ended) = self.ended.take() {
            // Nobody waits for it when the server has ended already.
            ended.send(()).ok();
        }
        read
    }
}
