//! Frames that have come, read as far as that needs nothing but their bytes.
//!
//! A driver reads them where each link has a task of its own: the one thread of the machine has enough
//! to do.

#[cfg(test)]
mod tests;

use crate::limits::{FRAME_BYTES_MAX, FRAME_CHANGES_MAX};
use crate::message::{Changes, Message};
use crate::wire::{self, WireError};

/// A frame that has come, or several of one link that say what one could.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    bytes: usize,
    message: Box<Result<Message, WireError>>,
}

impl Frame {
    /// Reads a frame. What is wrong with it is told to the other side by the machine.
    pub fn read(frame: &[u8]) -> Self {
        Self { bytes: frame.len(), message: Box::new(wire::decode(frame, FRAME_BYTES_MAX)) }
    }

    /// Adds the link's next frame, if one frame could have carried both: changes of one document. Answers
    /// the next frame, where it stays one of its own.
    ///
    /// Of changes that come together, a relay checks only the newest signature of each actor.
    #[must_use]
    pub fn join(&mut self, next: Self) -> Option<Self> {
        let bytes = self.bytes + next.bytes;
        match (&mut *self.message, *next.message) {
            (Ok(Message::Changes(here)), Ok(Message::Changes(more)))
                if bytes <= FRAME_BYTES_MAX && continues(here, &more) =>
            {
                here.changes.extend(more.changes);
                here.cursor = here.cursor.max(more.cursor);
                here.done = more.done;
                self.bytes = bytes;
                None
            }
            (_, message) => Some(Self { message: Box::new(message), ..next }),
        }
    }

    /// Its length.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it says.
    pub(crate) fn into_message(self) -> Result<Message, WireError> {
        *self.message
    }
}

fn continues(here: &Changes, more: &Changes) -> bool {
    let is_same = (here.context, here.document) == (more.context, more.document);
    is_same && !here.done && here.changes.len() + more.changes.len() <= FRAME_CHANGES_MAX
}
