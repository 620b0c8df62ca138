//! A link: frames of the protocol over a WebSocket, on any stream.
//!
//! The machine decides what is said; here is only how bytes move. One task per link reads and writes.
//! Before the other side has proved its key, two small frames are read and nothing more.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use wattle_protocol::limits::{FRAME_BEFORE_PROOF_BYTES_MAX, FRAME_BYTES_MAX};
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, Frame};

use crate::limits::{
    FRAMES_BEFORE_PROOF_MAX, GOODBYE, LINK_ARRIVED_BYTES_MAX, LINK_QUEUE_FRAMES_MAX,
    LINK_WRITE_FRAMES_MAX, PING_INTERVAL, PINGS_MISSED_MAX, SOCKET_BUFFER_BYTES,
};

mod gate;
mod upgrade;

pub use gate::{Gate, GateKey};
pub use upgrade::{UpgradeError, accept, connect};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "wattle.1";

/// What a link tells its machine.
#[derive(Debug)]
pub enum LinkEvent {
    /// A frame has arrived.
    Frame(Arrived),
    /// So many bytes of frames have left for the socket.
    Drained(usize),
}

/// A frame that has arrived. While it lives, it counts against what its link may have waiting.
#[derive(Debug)]
pub struct Arrived {
    /// One binary message.
    pub frame: Frame,
    room: OwnedSemaphorePermit,
}

impl Arrived {
    /// The frame, and the room that it takes until this is dropped.
    pub fn into_parts(self) -> (Frame, OwnedSemaphorePermit) {
        (self.frame, self.room)
    }
}

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// This side closed it.
    #[error("closed here{}", .refusal.as_ref().map(|refusal| format!(": {refusal}")).unwrap_or_default())]
    Here {
        /// Why, where there was a reason.
        refusal: Option<Refusal>,
    },
    /// The other side closed it.
    #[error("closed by the other side: {reason} ({code})")]
    There {
        /// Its close code.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection broke: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
    /// Nothing was heard for too long.
    #[error("nothing was heard for too long")]
    Silent,
}

impl Ended {
    /// Trying again soon will end in the same way.
    pub fn is_permanent(&self) -> bool {
        // A handshake that was too slow may be faster the next time.
        matches!(self, Self::There { code: 4400..=4407 | 4409..4500, .. })
    }

    /// Rights have changed: trying again at once shows what may be read now.
    pub fn is_for_new_rights(&self) -> bool {
        let changed = Code::RightsChanged.number();
        match self {
            Self::There { code, .. } => *code == changed,
            Self::Here { refusal: Some(refusal) } => refusal.code.number() == changed,
            Self::Here { refusal: None } | Self::Broken { .. } | Self::Silent => false,
        }
    }
}

/// Where the machine puts what a link is to send.
#[derive(Clone, Debug)]
pub struct Outbox {
    orders: mpsc::Sender<Order>,
    proved: Arc<Semaphore>,
    gate: Option<GateKey>,
}

/// What a link is to do, in order.
#[derive(Debug)]
pub struct Orders {
    orders: mpsc::Receiver<Order>,
    proved: Arc<Semaphore>,
}

#[derive(Debug)]
enum Order {
    Send(Blob),
    Close(Refusal),
}

/// More frames wait for a link than it may have, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link takes no more frames")]
pub struct Full;

/// An outbox for a socket, and the orders for [`carry`]. The key is that of the socket's [`Gate`].
pub fn outbox(gate: GateKey) -> (Outbox, Orders) {
    let (sender, orders) = mpsc::channel(LINK_QUEUE_FRAMES_MAX);
    let proved = Arc::new(Semaphore::new(0));
    let outbox = Outbox { orders: sender, proved: Arc::clone(&proved), gate: Some(gate) };
    (outbox, Orders { orders, proved })
}

impl Outbox {
    /// Sends a frame.
    pub fn send(&self, frame: Blob) -> Result<(), Full> {
        self.orders.try_send(Order::Send(frame)).map_err(|_| Full)
    }

    /// The other side has proved its key: from now on it may send large frames.
    pub fn proved(&self) {
        self.proved.close();
        if let Some(gate) = &self.gate {
            gate.open();
        }
    }

    /// Sends what was given before, then closes.
    pub fn close(&self, refusal: Refusal) {
        // A full queue ends the link when the last outbox is dropped.
        self.orders.try_send(Order::Close(refusal)).ok();
    }
}

/// How WebSockets of links are set up.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(SOCKET_BUFFER_BYTES)
        .write_buffer_size(SOCKET_BUFFER_BYTES)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

/// Carries frames until the link ends. `deliver` answers whether anybody still listens; who does not
/// listen any more drops the outbox too.
pub async fn carry<S, D, F>(socket: WebSocketStream<Gate<S>>, orders: Orders, deliver: D) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Fn(LinkEvent) -> F,
    F: Future<Output = bool>,
{
    let (sink, stream) = socket.split();
    let heard = AtomicBool::new(true);
    let Orders { orders, proved } = orders;
    let mut writer = Writer { sink, orders, heard: &heard, deliver: &deliver };
    let mut reader = Reader { stream, proved, heard: &heard, deliver: &deliver };
    tokio::select! {
        ended = writer.run() => {
            // The other side's goodbye is waited for, so that the last frames are not lost.
            timeout(GOODBYE, reader.drain()).await.ok();
            ended
        }
        ended = reader.run() => ended,
    }
}

struct Writer<'a, S, D> {
    sink: SplitSink<WebSocketStream<Gate<S>>, Message>,
    orders: mpsc::Receiver<Order>,
    heard: &'a AtomicBool,
    deliver: &'a D,
}

impl<S, D, F> Writer<'_, S, D>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Fn(LinkEvent) -> F,
    F: Future<Output = bool>,
{
    async fn run(&mut self) -> Ended {
        let start = tokio::time::Instant::now() + PING_INTERVAL;
        let mut pings = interval_at(start, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = 0;
        let mut batch = Vec::new();
        loop {
            batch.clear();
            let ended = tokio::select! {
                count = self.orders.recv_many(&mut batch, LINK_WRITE_FRAMES_MAX) => {
                    if count == 0 { return self.close(None).await }
                    self.write(batch.drain(..)).await
                }
                _ = pings.tick() => {
                    missed = if self.heard.swap(false, Ordering::Relaxed) { 0 } else { missed + 1 };
                    if missed > PINGS_MISSED_MAX { return Ended::Silent }
                    self.sink.send(Message::Ping(Bytes::new())).await.err().map(broken)
                }
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// Writes everything that waited with one flush.
    async fn write(&mut self, batch: impl Iterator<Item = Order>) -> Option<Ended> {
        let mut bytes = 0;
        for order in batch {
            match order {
                Order::Send(frame) => {
                    bytes += frame.len();
                    let message = Message::Binary(Bytes::copy_from_slice(&frame));
                    if let Err(error) = self.sink.feed(message).await {
                        return Some(broken(error));
                    }
                }
                Order::Close(refusal) => return Some(self.close(Some(refusal)).await),
            }
        }
        if let Err(error) = self.sink.flush().await {
            return Some(broken(error));
        }
        // When nobody listens any more, what is still to be sent says goodbye.
        (self.deliver)(LinkEvent::Drained(bytes)).await;
        None
    }

    async fn close(&mut self, refusal: Option<Refusal>) -> Ended {
        let frame = match &refusal {
            Some(refusal) => CloseFrame {
                code: CloseCode::from(refusal.code.number()),
                reason: shortened(&refusal.reason).into(),
            },
            None => CloseFrame { code: CloseCode::Normal, reason: "".into() },
        };
        timeout(GOODBYE, self.sink.send(Message::Close(Some(frame)))).await.ok();
        Ended::Here { refusal }
    }
}

struct Reader<'a, S, D> {
    stream: SplitStream<WebSocketStream<Gate<S>>>,
    proved: Arc<Semaphore>,
    heard: &'a AtomicBool,
    deliver: &'a D,
}

impl<S, D, F> Reader<'_, S, D>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Fn(LinkEvent) -> F,
    F: Future<Output = bool>,
{
    async fn run(&mut self) -> Ended {
        let room = Arc::new(Semaphore::new(LINK_ARRIVED_BYTES_MAX));
        let mut frames = 0;
        loop {
            if frames >= FRAMES_BEFORE_PROOF_MAX {
                // Closed, not granted: the error is the signal.
                self.proved.acquire().await.err();
            }
            let message = match self.stream.next().await {
                Some(Ok(message)) => message,
                Some(Err(error)) => return broken(error),
                None => return Ended::Broken { reason: "the stream ended".to_owned() },
            };
            self.heard.store(true, Ordering::Relaxed);
            let frame = match message {
                Message::Binary(bytes) => Vec::from(bytes),
                Message::Close(frame) => return closed(frame),
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Text(_) | Message::Frame(_) => {
                    return Ended::Broken { reason: "a message that is not binary".to_owned() };
                }
            };
            frames += 1;
            if frames <= FRAMES_BEFORE_PROOF_MAX && frame.len() > FRAME_BEFORE_PROOF_BYTES_MAX {
                return Ended::Broken { reason: "a large frame before the proof".to_owned() };
            }
            let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
            let Ok(room) = Arc::clone(&room).acquire_many_owned(bytes).await else {
                return Ended::Here { refusal: None };
            };
            let frame = Frame::new(frame);
            if !(self.deliver)(LinkEvent::Frame(Arrived { frame, room })).await {
                // Nobody listens any more: the writer says goodbye, and ends.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Reads and drops until the other side has closed.
    async fn drain(&mut self) {
        while let Some(Ok(message)) = self.stream.next().await {
            if message.is_close() {
                return;
            }
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> Ended {
    match frame {
        Some(frame) => {
            Ended::There { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
        }
        None => Ended::There { code: 1005, reason: "no reason given".to_owned() },
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is a closure's last step")]
fn broken(error: tokio_tungstenite::tungstenite::Error) -> Ended {
    Ended::Broken { reason: error.to_string() }
}

/// A close frame has room for 123 bytes of reason.
fn shortened(reason: &str) -> String {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default().to_owned()
}
