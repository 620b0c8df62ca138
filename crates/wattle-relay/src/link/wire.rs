//! The WebSocket of a link: writes in batches, reads one message at a time, never waits for one with the other.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_util::{Sink, Stream};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use wattle_protocol::Blob;
use wattle_protocol::limits::{FRAME_BEFORE_PROOF_BYTES_MAX, FRAME_BYTES_MAX};
use wattle_protocol::message::{Code, Refusal};

use crate::door::Door;
use crate::limits::{READ_BUFFER_BYTES, WRITE_BUFFER_BYTES};

/// The WebSocket, and what waits for it.
pub(super) struct Wire {
    socket: WebSocketStream<Door<TcpStream>>,
    waiting: VecDeque<Message>,
    /// Bytes of frames among `waiting`, and given to the socket since it was last empty.
    bytes: usize,
    /// When the oldest frame came in that one of these follows from.
    since: Option<Instant>,
    unflushed: bool,
}

/// Whether messages are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    On,
    Nothing,
}

/// What a socket has done.
pub(super) enum Step {
    /// It has taken everything that was waiting.
    Taken {
        bytes: usize,
        since: Option<Instant>,
    },
    Message(Message),
    /// What came is not allowed.
    Refused(Refusal),
    Gone,
}

impl Wire {
    pub(super) async fn new(socket: TcpStream, early: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        let door = Door::new(socket);
        let socket =
            WebSocketStream::from_partially_read(door, early, Role::Server, Some(config)).await;
        Self { socket, waiting: VecDeque::new(), bytes: 0, since: None, unflushed: false }
    }

    pub(super) fn door(&mut self) -> &mut Door<TcpStream> {
        self.socket.get_mut()
    }

    /// Everything given so far has left.
    pub(super) fn is_free(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn queue(&mut self, frame: Blob, since: Option<Instant>) {
        self.bytes += frame.len();
        self.since = self.since.or(since);
        self.waiting.push_back(Message::Binary(Bytes::from_owner(frame.0)));
    }

    pub(super) fn ping(&mut self) {
        self.waiting.push_back(Message::Ping(Bytes::new()));
    }

    /// Says why the link ends, after everything that waits.
    pub(super) fn close(&mut self, refusal: &Refusal) {
        let frame = CloseFrame {
            code: CloseCode::from(refusal.code.number()),
            reason: fitting(&refusal.reason).into(),
        };
        self.waiting.push_back(Message::Close(Some(frame)));
    }

    /// The next thing that happens: writing comes first, and does not keep reading waiting.
    pub(super) fn poll_step(&mut self, context: &mut Context<'_>, reads: Reads) -> Poll<Step> {
        match self.poll_write(context) {
            Poll::Ready(Ok(true)) => {
                let bytes = std::mem::take(&mut self.bytes);
                return Poll::Ready(Step::Taken { bytes, since: self.since.take() });
            }
            Poll::Ready(Err(error)) => return Poll::Ready(ended(&error)),
            Poll::Ready(Ok(false)) | Poll::Pending => {}
        }
        match reads {
            Reads::On => self.poll_read(context),
            Reads::Nothing => Poll::Pending,
        }
    }

    /// Writes what waits, then reads until the other side has ended too.
    pub(super) async fn farewell(&mut self) {
        poll_fn(|context| {
            loop {
                match ready!(self.poll_step(context, Reads::On)) {
                    Step::Taken { .. } | Step::Message(_) => {}
                    Step::Refused(_) | Step::Gone => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    /// Answers whether there was anything to write.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        while !self.waiting.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(context))?;
            if let Some(message) = self.waiting.pop_front() {
                self.unflushed = true;
                Pin::new(&mut self.socket).start_send(message)?;
            }
        }
        if !self.unflushed {
            return Poll::Ready(Ok(false));
        }
        ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(true))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        match Pin::new(&mut self.socket).poll_next(context) {
            Poll::Ready(Some(Ok(message))) => Poll::Ready(Step::Message(message)),
            Poll::Ready(Some(Err(error))) => Poll::Ready(ended(&error)),
            Poll::Ready(None) => Poll::Ready(Step::Gone),
            Poll::Pending if self.socket.get_ref().is_exceeded() => {
                let text = format!("over {FRAME_BEFORE_PROOF_BYTES_MAX} bytes before the proof");
                Poll::Ready(refused(Code::TooLarge, text))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

fn ended(error: &Error) -> Step {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => refused(
            Code::TooLarge,
            format!("a frame of {size} bytes, over the limit of {max_size}"),
        ),
        Error::Protocol(error) => refused(Code::Malformed, error.to_string()),
        Error::Utf8(_) => refused(Code::Malformed, "frames are binary messages".to_owned()),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::Capacity(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => Step::Gone,
    }
}

fn refused(code: Code, reason: String) -> Step {
    Step::Refused(Refusal { code, reason, about: None })
}

/// As much of a reason as a close frame takes.
fn fitting(reason: &str) -> String {
    const CLOSE_REASON_BYTES_MAX: usize = 123;
    let mut end = CLOSE_REASON_BYTES_MAX.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default().to_owned()
}
