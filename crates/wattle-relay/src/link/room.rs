//! Room for frames that wait: every link's own, and that of all together.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::limits::LINK_FRAMES_WAITING_BYTES_MAX;
use crate::relay::Shared;

/// What a frame holds until the machine has it.
#[derive(Debug)]
pub(crate) struct Room {
    /// Of all links: given back when the machine has the frame.
    all: OwnedSemaphorePermit,
    /// Of its link: given back when the link may read on.
    own: OwnedSemaphorePermit,
}

/// Room is given no more: the relay has ended.
pub(super) type Closed = AcquireError;

/// Where a link takes room from.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

impl Room {
    /// Takes over the room of the link's next frame.
    pub(crate) fn join(&mut self, next: Self) {
        self.all.merge(next.all);
        self.own.merge(next.own);
    }

    /// The machine has the frame; what remains keeps the link from reading much further.
    pub(crate) fn into_own(self) -> OwnedSemaphorePermit {
        self.own
    }
}

impl Rooms {
    pub(super) fn new(shared: &Shared) -> Self {
        let own = Arc::new(Semaphore::new(LINK_FRAMES_WAITING_BYTES_MAX));
        Self { all: Arc::clone(&shared.room), own }
    }

    pub(super) fn try_take(&self, bytes: usize) -> Option<Room> {
        let own = Arc::clone(&self.own).try_acquire_many_owned(own_permits(bytes)).ok()?;
        let all = Arc::clone(&self.all).try_acquire_many_owned(permits(bytes)).ok()?;
        Some(Room { all, own })
    }

    pub(super) async fn take(self, bytes: usize) -> Result<Room, Closed> {
        let own = self.own.acquire_many_owned(own_permits(bytes)).await?;
        let all = self.all.acquire_many_owned(permits(bytes)).await?;
        Ok(Room { all, own })
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.max(1)).unwrap_or(u32::MAX)
}

/// A frame that is larger than the link's whole room takes all of it.
fn own_permits(bytes: usize) -> u32 {
    permits(bytes.min(LINK_FRAMES_WAITING_BYTES_MAX))
}
