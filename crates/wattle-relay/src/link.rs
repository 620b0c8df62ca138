//! One link: a task that carries frames between a socket and the inbox, and knows nothing of them.

mod room;
mod wire;

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, Frame, LinkId};

use crate::inbox::{Arrival, Notice};
use crate::limits::{DRAINED_UNHEARD_BYTES_MAX, FAREWELL_MS_MAX, PING_MS, PINGS_UNANSWERED_MAX};
use crate::relay::{Shared, Ticket};

pub(crate) use room::Room;

use room::{Closed, Rooms};
use wire::{Reads, Step, Wire};

/// What the engine holds of a link. What waits in it is bounded by the machine, which counts the bytes under way.
#[derive(Debug)]
pub(crate) struct LinkEnd {
    outgoing: UnboundedSender<Outgoing>,
    proved: AtomicBool,
    handled: Notify,
}

/// What the engine gives a link.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A frame, and when the frame came in that it follows from.
    Frame { frame: Blob, since: Option<Instant> },
    /// Send what was given before, then close for this reason.
    Close(Refusal),
}

impl LinkEnd {
    pub(crate) fn give(&self, outgoing: Outgoing) {
        // A link that has ended meanwhile has said so, or is about to.
        self.outgoing.send(outgoing).unwrap_or_default();
    }

    pub(crate) fn prove(&self) {
        self.proved.store(true, Ordering::Release);
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.proved.load(Ordering::Acquire)
    }

    /// The machine has taken in the last frame of a link that is not proved yet.
    pub(crate) fn handled(&self) {
        self.handled.notify_one();
    }
}

/// Runs a link until it ends, whoever ends it. A panic ends this link alone.
pub(crate) async fn run(socket: TcpStream, early: Vec<u8>, shared: Arc<Shared>, tickets: Tickets) {
    let wire = Wire::new(socket, early).await;
    let (sender, outgoing) = unbounded_channel();
    let end = Arc::new(LinkEnd {
        outgoing: sender,
        proved: AtomicBool::new(false),
        handled: Notify::new(),
    });
    let rooms = Rooms::new(&shared);
    let present = Present::announce(shared, &end);
    let link = Link {
        present,
        end,
        wire,
        outgoing,
        rooms,
        reading: Reading::Next,
        silent: 0,
        unheard: 0,
        handshake: Some(tickets.handshake),
    };
    link.run().await;
    drop(tickets.connection);
}

/// What a link holds of the relay's limits.
#[derive(Debug)]
pub(crate) struct Tickets {
    /// Held until the end.
    pub(crate) connection: Ticket,
    /// Held until the key is proved.
    pub(crate) handshake: OwnedSemaphorePermit,
}

/// Tells the engine that the link is there and, however the task ends, that it is gone.
struct Present {
    link: LinkId,
    shared: Arc<Shared>,
}

impl Present {
    fn announce(shared: Arc<Shared>, end: &Arc<LinkEnd>) -> Self {
        let link = shared.next_link();
        shared.metrics.links.inc();
        shared.inbox.arrive(Arrival::Connected { link, end: Arc::clone(end) });
        Self { link, shared }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.shared.metrics.links.dec();
        self.shared.inbox.arrive(Arrival::Gone { link: self.link });
    }
}

struct Link {
    present: Present,
    end: Arc<LinkEnd>,
    wire: Wire,
    outgoing: UnboundedReceiver<Outgoing>,
    rooms: Rooms,
    reading: Reading,
    /// Pings since the last sign of life.
    silent: u32,
    /// Bytes taken by the socket since the engine was last woken for that.
    unheard: usize,
    handshake: Option<OwnedSemaphorePermit>,
}

/// What keeps the link from reading on.
enum Reading {
    Next,
    /// A frame waits for room in the inbox.
    Full {
        frame: Vec<u8>,
        at: Instant,
        room: Pin<Box<dyn Future<Output = Result<Room, Closed>> + Send>>,
    },
    /// Before the proof the machine sees one frame at a time.
    Unhandled,
}

/// Why a link goes on no longer.
enum End {
    /// The other side is gone, or the socket is.
    Gone,
    /// With a reason for the other side.
    Refused(Refusal),
}

impl Link {
    async fn run(mut self) {
        let End::Refused(refusal) = self.exchange().await else { return };
        tracing::debug!(link = self.present.link.0, %refusal, "closes");
        self.handshake = None;
        self.wire.close(&refusal);
        let farewell = self.wire.farewell();
        if timeout(Duration::from_millis(FAREWELL_MS_MAX), farewell).await.is_err() {
            tracing::debug!(link = self.present.link.0, "did not take its close");
        }
    }

    async fn exchange(&mut self) -> End {
        let period = Duration::from_millis(PING_MS);
        let mut ping = interval_at(tokio::time::Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut given = Vec::new();
        loop {
            let reads = self.reading.reads();
            let unhandled = self.reading.is_unhandled();
            let ended = tokio::select! {
                step = poll_fn(|context| self.wire.poll_step(context, reads)) => self.step(step),
                count = self.outgoing.recv_many(&mut given, 64), if self.wire.is_free() => {
                    if count == 0 { Some(End::Gone) } else { self.queue(&mut given) }
                }
                room = self.reading.room() => self.enter(room),
                () = self.end.handled.notified(), if unhandled => self.go_on(),
                _ = ping.tick() => self.ping(),
            };
            if let Some(end) = ended {
                return end;
            }
        }
    }

    fn step(&mut self, step: Step) -> Option<End> {
        match step {
            Step::Taken { bytes, since } => {
                self.taken(bytes, since);
                None
            }
            Step::Message(message) => {
                self.silent = 0;
                self.message(message)
            }
            Step::Refused(refusal) => {
                self.present.shared.metrics.refused(refusal.code);
                Some(End::Refused(refusal))
            }
            Step::Gone => Some(End::Gone),
        }
    }

    fn message(&mut self, message: Message) -> Option<End> {
        match message {
            Message::Binary(frame) => {
                self.arrived(frame.into());
                None
            }
            Message::Text(_) => {
                self.present.shared.metrics.refused(Code::Malformed);
                Some(End::Refused(Refusal::new(
                    Code::Malformed,
                    "frames are binary messages, not text",
                )))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
        }
    }

    fn arrived(&mut self, frame: Vec<u8>) {
        let shared = &self.present.shared;
        shared.metrics.frames_in.inc();
        shared.metrics.bytes_in.inc_by(frame.len() as u64);
        let at = Instant::now();
        match self.rooms.try_take(frame.len()) {
            Some(room) => self.deliver(frame, at, room),
            None => {
                let room = Box::pin(self.rooms.clone().take(frame.len()));
                self.reading = Reading::Full { frame, at, room };
            }
        }
    }

    /// There is room for the frame that waits.
    fn enter(&mut self, room: Result<Room, Closed>) -> Option<End> {
        let reading = std::mem::replace(&mut self.reading, Reading::Next);
        match (reading, room) {
            (Reading::Full { frame, at, .. }, Ok(room)) => {
                self.deliver(frame, at, room);
                None
            }
            (Reading::Full { .. } | Reading::Next | Reading::Unhandled, _) => Some(End::Gone),
        }
    }

    fn deliver(&mut self, frame: Vec<u8>, at: Instant, room: Room) {
        self.reading = if self.end.is_proved() { Reading::Next } else { Reading::Unhandled };
        let (link, frame) = (self.present.link, Frame::new(frame));
        self.present.shared.inbox.arrive(Arrival::Frame { link, frame, at, room });
    }

    /// The machine has taken in a frame of a link that was not proved.
    fn go_on(&mut self) -> Option<End> {
        if self.end.is_proved() {
            self.wire.door().open();
            self.handshake = None;
        } else {
            self.wire.door().allow_frame();
        }
        self.reading = Reading::Next;
        None
    }

    fn queue(&mut self, given: &mut Vec<Outgoing>) -> Option<End> {
        for outgoing in given.drain(..) {
            match outgoing {
                Outgoing::Frame { frame, since } => self.wire.queue(frame, since),
                Outgoing::Close(refusal) => return Some(End::Refused(refusal)),
            }
        }
        None
    }

    fn taken(&mut self, bytes: usize, since: Option<Instant>) {
        let shared = &self.present.shared;
        if let Some(since) = since {
            shared.metrics.fanned_out(since.elapsed());
        }
        shared.metrics.under_way_bytes.dec_by(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.unheard += bytes;
        let drained = Notice::Drained { link: self.present.link, bytes };
        if self.unheard < DRAINED_UNHEARD_BYTES_MAX {
            shared.inbox.mention(drained);
        } else {
            shared.inbox.notice(drained);
            self.unheard = 0;
        }
    }

    fn ping(&mut self) -> Option<End> {
        if self.silent >= PINGS_UNANSWERED_MAX {
            return Some(End::Refused(Refusal::new(
                Code::GoingAway,
                "no sign of life; connect again",
            )));
        }
        self.silent += 1;
        self.wire.ping();
        None
    }
}

impl Reading {
    fn reads(&self) -> Reads {
        match self {
            Self::Next => Reads::On,
            Self::Full { .. } | Self::Unhandled => Reads::Nothing,
        }
    }

    fn is_unhandled(&self) -> bool {
        matches!(self, Self::Unhandled)
    }

    async fn room(&mut self) -> Result<Room, Closed> {
        match self {
            Self::Full { room, .. } => room.await,
            Self::Next | Self::Unhandled => pending().await,
        }
    }
}
