//! Asking the driver how far a link may go, before anything is taken in from it.

use super::Replica;
use crate::id::LinkId;
use crate::io::Login;
use crate::limits::FRAME_BYTES_MAX;
use crate::message::{Code, Message, Refusal};

/// Messages that may wait for the driver's answer.
const MESSAGES_MAX: usize = 64;

/// What has come over a link that waits for its login.
#[derive(Debug, Default)]
pub(super) struct LoggingIn {
    messages: Vec<Message>,
    bytes: usize,
}

impl Replica {
    /// Keeps a message until the driver has answered. Gives it back when there is nothing to wait for.
    pub(super) fn before_login(
        &mut self,
        link: LinkId,
        message: Message,
        bytes: usize,
    ) -> Option<Message> {
        let Some(waits) = self.links.get_mut(&link).and_then(|here| here.logging_in.as_mut())
        else {
            return Some(message);
        };
        waits.messages.push(message);
        waits.bytes += bytes;
        if waits.messages.len() > MESSAGES_MAX || waits.bytes > FRAME_BYTES_MAX {
            self.close(link, Refusal::new(Code::Busy, "too much before the login was answered"));
        }
        None
    }

    /// The driver lets a link go on.
    pub(super) fn login(&mut self, link: LinkId, login: Login) {
        let Some(here) = self.links.get_mut(&link) else { return };
        let Some(waited) = here.logging_in.take() else { return };
        here.login = Some(login);
        for message in waited.messages {
            self.said(link, message);
        }
    }
}
