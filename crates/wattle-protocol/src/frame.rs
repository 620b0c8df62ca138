//! Frames that have come, before the machine looks at them.

#[cfg(test)]
mod tests;

use crate::limits::{FRAME_BYTES_MAX, FRAME_CHANGES_MAX};
use crate::message::{Changes, Message};
use crate::wire::{self, WireError};

/// A frame that has come, or several of one link that say what one could. While it waits it takes no more
/// memory than its bytes: it is read when it is joined with another one, or when the machine takes it in.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    bytes: usize,
    raw: Vec<u8>,
    read: Option<Box<Result<Message, WireError>>>,
}

impl Frame {
    /// One binary message of a WebSocket. What is wrong with it is told to the other side by the machine.
    pub fn new(raw: Vec<u8>) -> Self {
        Self { bytes: raw.len(), raw, read: None }
    }

    /// Adds the link's next frame, if one frame could have carried both: changes of one document. Answers
    /// the next frame, where it stays one of its own.
    ///
    /// Of changes that come together, a relay checks only the newest signature of each actor.
    #[must_use]
    pub fn join(&mut self, mut next: Self) -> Option<Self> {
        let bytes = self.bytes + next.bytes;
        let changes = |frame: &Self| wire::count_changes(&frame.raw) > 0;
        if bytes > FRAME_BYTES_MAX || !changes(self) || !changes(&next) {
            return Some(next);
        }
        match (self.read(), next.read()) {
            (Ok(Message::Changes(here)), Ok(Message::Changes(more))) if continues(here, more) => {
                here.changes.append(&mut more.changes);
                here.cursor = here.cursor.max(more.cursor);
                here.done = more.done;
                self.bytes = bytes;
                None
            }
            _ => Some(next),
        }
    }

    /// Its bytes; of several that were joined, those of the first.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The length of all.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it says.
    pub(crate) fn into_message(mut self) -> Result<Message, WireError> {
        match self.read.take() {
            Some(message) => *message,
            None => wire::decode(&self.raw, FRAME_BYTES_MAX),
        }
    }

    fn read(&mut self) -> &mut Result<Message, WireError> {
        let Self { raw, read, .. } = self;
        read.get_or_insert_with(|| Box::new(wire::decode(raw, FRAME_BYTES_MAX)))
    }
}

fn continues(here: &Changes, more: &Changes) -> bool {
    let is_same = (here.context, here.document) == (more.context, more.document);
    is_same && !here.done && here.changes.len() + more.changes.len() <= FRAME_CHANGES_MAX
}
