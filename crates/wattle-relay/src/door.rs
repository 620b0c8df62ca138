//! What guards a socket until its key is proved: one frame's worth of bytes at a time.

#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wattle_protocol::limits::FRAME_BEFORE_PROOF_BYTES_MAX;

/// The longest header of a WebSocket frame.
const FRAME_HEADER_BYTES_MAX: usize = 14;

/// A socket that gives out no more than one small frame, until it is allowed the next or opened.
///
/// The WebSocket library has one limit for the whole life of a link and makes room for whatever length
/// a frame announces, so the small limit before the proof has to stand in front of it.
#[derive(Debug)]
pub(crate) struct Door<S> {
    socket: S,
    allowed: Allowed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    All,
    Bytes(usize),
    /// More was asked for than one small frame may have.
    Exceeded,
}

impl<S> Door<S> {
    pub(crate) fn new(socket: S) -> Self {
        let mut door = Self { socket, allowed: Allowed::All };
        door.allow_frame();
        door
    }

    /// The last frame was taken; another one may come.
    pub(crate) fn allow_frame(&mut self) {
        self.allowed = Allowed::Bytes(FRAME_BEFORE_PROOF_BYTES_MAX + FRAME_HEADER_BYTES_MAX);
    }

    /// The key is proved.
    pub(crate) fn open(&mut self) {
        self.allowed = Allowed::All;
    }

    pub(crate) fn is_exceeded(&self) -> bool {
        self.allowed == Allowed::Exceeded
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Door<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.allowed {
            Allowed::All => Pin::new(&mut self.socket).poll_read(context, buffer),
            Allowed::Bytes(0) | Allowed::Exceeded => {
                self.allowed = Allowed::Exceeded;
                Poll::Pending
            }
            Allowed::Bytes(bytes) => {
                let mut part = buffer.take(bytes);
                let result = Pin::new(&mut self.socket).poll_read(context, &mut part);
                let filled = part.filled().to_vec();
                buffer.put_slice(&filled);
                self.allowed = Allowed::Bytes(bytes - filled.len());
                result
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Door<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
