//! A stream that gives only so many bytes until it is opened.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::SOCKET_BEFORE_PROOF_BYTES_MAX;

/// Holds back what a socket sends beyond the handshake until the other side has proved its key.
///
/// A frame that announces megabytes before the proof is thus never read, let alone kept.
#[derive(Debug)]
pub struct Gate<S> {
    stream: S,
    left_bytes: usize,
    key: GateKey,
}

/// Opens a [`Gate`].
#[derive(Clone, Debug, Default)]
pub struct GateKey(Arc<State>);

#[derive(Debug, Default)]
struct State {
    open: AtomicBool,
    waker: AtomicWaker,
}

impl<S> Gate<S> {
    /// A closed gate before a stream.
    pub fn new(stream: S) -> Self {
        Self { stream, left_bytes: SOCKET_BEFORE_PROOF_BYTES_MAX, key: GateKey::default() }
    }

    /// What opens it.
    pub fn key(&self) -> GateKey {
        self.key.clone()
    }
}

impl GateKey {
    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.open.store(true, Ordering::Release);
        self.0.waker.wake();
    }

    fn is_open(&self) -> bool {
        self.0.open.load(Ordering::Acquire)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.key.is_open() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        if self.left_bytes == 0 {
            self.key.0.waker.register(cx.waker());
            if !self.key.is_open() {
                return Poll::Pending;
            }
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = buf.remaining().min(self.left_bytes);
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(length));
        let poll = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let filled = part.filled().len();
        buf.advance(filled);
        self.left_bytes -= filled;
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
