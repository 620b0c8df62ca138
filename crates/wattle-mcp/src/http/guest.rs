//! The clients with one token, and what they may take up.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Reply;
use super::body::{self, Asked};
use super::refusal::Refused;
use super::served::Served;
use super::sessions::InUse;
use super::tokens::{Token, Tokens};
use crate::limits::{CALLS_MAX, STREAMS_MAX};

/// The clients with one token.
#[derive(Debug)]
pub(super) struct Guest {
    token: Token,
    tokens: Tokens,
    served: Served,
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Guest {
    pub(super) fn new((token, tokens): (Token, Tokens), served: Served) -> Self {
        let (calls, streams) = (Semaphore::new(CALLS_MAX), Semaphore::new(STREAMS_MAX));
        let (calls, streams) = (Arc::new(calls), Arc::new(streams));
        Self { token, tokens, served, calls, streams }
    }

    /// Answers a request whose body has been read.
    pub(super) async fn answer(
        &self,
        mut request: Request<Bytes>,
        held: OwnedSemaphorePermit,
    ) -> Result<Response<Reply>, Refused> {
        let (own, mut session) = self.places(&request).await?;
        // Nothing behind this has use for them, and what is kept of a request may be kept long.
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().clear();
        let response = self.served.answer(request).await;
        if let Some(session) = &mut session {
            session.named(response.headers());
        }
        // Until the last byte of the answer.
        let places = Places { _request: held, _own: own, _session: session };
        Ok(response.map(|body| Held { body, _places: places }.boxed()))
    }

    /// Whether the token is good still.
    pub(super) fn is_welcome(&self) -> bool {
        self.tokens.still(&self.token)
    }

    /// Closes what nobody has used for a while.
    pub(super) async fn tidy(&self) {
        self.served.tidy().await;
    }

    /// Ends all sessions and streams, and closes what was opened.
    pub(super) async fn end(&self) {
        self.served.end().await;
    }

    /// What a request takes up.
    async fn places(
        &self,
        request: &Request<Bytes>,
    ) -> Result<(Option<OwnedSemaphorePermit>, Option<InUse>), Refused> {
        let asked = match *request.method() {
            Method::GET => Asked::Stream,
            Method::DELETE => Asked::Nothing,
            _ => body::asked(request.body()),
        };
        let own = match asked {
            Asked::Session | Asked::Answer => Some((&self.calls, Refused::Calls)),
            Asked::Stream => Some((&self.streams, Refused::Streams)),
            // Else a question in each place could not be answered, nor taken back.
            Asked::Nothing => None,
        };
        let own =
            own.map(|(places, full)| Arc::clone(places).try_acquire_owned().map_err(|_| full));
        let own = own.transpose()?;
        let sessions = self.served.sessions();
        let session = match asked {
            Asked::Session => Some(sessions.begin().await?),
            Asked::Answer | Asked::Stream | Asked::Nothing => sessions.enter(request.headers()),
        };
        Ok((own, session))
    }
}

/// What a request takes up until it is answered to its end.
struct Places {
    _request: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
    _session: Option<InUse>,
}

/// The body of an answer, and the places that it takes.
struct Held {
    body: Reply,
    _places: Places,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
