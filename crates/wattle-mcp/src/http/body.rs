//! The body of a request: whole, in time, and not too large.

use std::borrow::Cow;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::refusal::Refused;
use crate::limits::{BODY_BYTES_MAX, BODY_MAX, BODY_UNREAD_BYTES_MAX};

/// What a request will take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A session.
    Session,
    /// A stream that stays open.
    Stream,
    /// An answer.
    Answer,
    /// Nothing: it tells something, answers the server, or ends what is open.
    Nothing,
}

/// Reads a body.
pub(super) async fn read<B: Body<Data = Bytes>>(body: B) -> Result<Bytes, Refused> {
    timeout(BODY_MAX, collect(body)).await.unwrap_or(Err(Refused::SlowBody))
}

async fn collect<B: Body<Data = Bytes>>(body: B) -> Result<Bytes, Refused> {
    let mut body = pin!(body);
    let (mut collected, mut unread) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Refused::BrokenBody) };
        let Ok(data) = frame.into_data() else { continue };
        if unread > 0 || collected.len() + data.len() > BODY_BYTES_MAX {
            // What is closed with bytes that nobody has read is reset, and the refusal with it.
            unread += data.len();
            collected.clear();
            if unread > BODY_UNREAD_BYTES_MAX {
                return Err(Refused::TooLarge);
            }
        } else {
            collected.extend_from_slice(&data);
        }
    }
    if unread > 0 { Err(Refused::TooLarge) } else { Ok(collected.freeze()) }
}

/// What a message asks for; what is not understood is answered like any other.
pub(super) fn asked(body: &[u8]) -> Asked {
    #[derive(Deserialize)]
    struct Message<'a> {
        id: Option<IgnoredAny>,
        #[serde(borrow)]
        method: Option<Cow<'a, str>>,
    }
    let Ok(message) = serde_json::from_slice::<Message<'_>>(body) else { return Asked::Answer };
    match (message.id, message.method.as_deref()) {
        (Some(_), Some("initialize")) => Asked::Session,
        (Some(_), Some("subscriptions/listen")) => Asked::Stream,
        (Some(_), Some(_)) => Asked::Answer,
        (None, _) | (_, None) => Asked::Nothing,
    }
}

#[cfg(test)]
mod tests;
