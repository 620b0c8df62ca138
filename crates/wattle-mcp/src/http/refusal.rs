//! Why a request gets no further than the door, and what its sender is told.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use super::Reply;
use crate::limits::{BODY_BYTES_MAX, BODY_MAX, CALLS_MAX, REQUESTS_MAX, SESSIONS_MAX, STREAMS_MAX};

/// Why a request gets no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A web page that may not.
    Origin {
        origin: String,
    },
    /// It was sent to a name that is not this server's.
    Host {
        host: String,
    },
    /// It came over the network, and nothing protects it on the way.
    Network {
        with_token: bool,
    },
    /// It shows no bearer token.
    NoToken,
    /// Its token is none of ours, or was removed.
    UnknownToken,
    /// Its token has come to its end.
    Expired {
        id: String,
    },
    /// The tokens cannot be looked at.
    Unreadable,
    TooLarge,
    SlowBody,
    BrokenBody,
    /// The token has too many of something.
    Sessions,
    Calls,
    Streams,
    /// All tokens together have.
    Busy,
    Closing,
}

impl Refused {
    pub(super) fn response(&self) -> Response<Reply> {
        let told = json!({ "error": self.name(), "message": self.sentence() });
        let body = Full::new(Bytes::from(format!("{told}\n"))).boxed();
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge()));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Origin { .. } | Self::Host { .. } | Self::Network { .. } => StatusCode::FORBIDDEN,
            Self::NoToken | Self::UnknownToken | Self::Expired { .. } => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::Sessions | Self::Calls | Self::Streams => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreadable | Self::Busy | Self::Closing => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// As RFC 6750 has it: without an error where nothing was shown.
    const fn challenge(&self) -> &'static str {
        if matches!(self, Self::NoToken) {
            "Bearer realm=\"wattle\""
        } else {
            "Bearer realm=\"wattle\", error=\"invalid_token\""
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Origin { .. } => "foreign_origin",
            Self::Host { .. } => "foreign_host",
            Self::Network { .. } => "not_this_machine",
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::Expired { .. } => "expired_token",
            Self::Unreadable => "tokens_unreadable",
            Self::TooLarge => "too_large",
            Self::SlowBody => "too_slow",
            Self::BrokenBody => "broken_request",
            Self::Sessions => "too_many_sessions",
            Self::Calls => "too_many_calls",
            Self::Streams => "too_many_subscriptions",
            Self::Busy => "busy",
            Self::Closing => "closing",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Origin { origin } => {
                format!("pages of {origin} may not come here; allow them in the relay's settings (origins)")
            }
            Self::Host { host } => format!(
                "this server is not called {host}: ask for localhost, or name it in the relay's settings \
                 ([mcp] hosts)"
            ),
            Self::Network { with_token } => {
                let lost = if *with_token {
                    ". The token that came with this has crossed the network in the clear: remove it \
                     (`wattle mcp token remove`) and make another"
                } else {
                    ""
                };
                format!(
                    "/mcp serves this machine alone, because a token that crosses the network without TLS \
                     is anybody's: put a proxy with TLS on this machine, or allow it in the relay's \
                     settings ([mcp] beyond-loopback = true){lost}"
                )
            }
            Self::NoToken => {
                "show a token: `Authorization: Bearer wattle_…`; on the machine that serves this, \
                 `wattle mcp token add` makes one"
                    .to_owned()
            }
            Self::UnknownToken => "this token is not known here, or was removed; on the machine that serves \
                 this, `wattle mcp token list` shows what there is, and `wattle mcp token add` makes another"
                .to_owned(),
            Self::Expired { id } => {
                format!("the token {id} has come to its end; `wattle mcp token add` makes another")
            }
            Self::Unreadable => {
                "the tokens cannot be read now; what is wrong is in the log of the server".to_owned()
            }
            Self::TooLarge => format!(
                "a request has at most {BODY_BYTES_MAX} bytes here: send a long text in pieces, with append"
            ),
            Self::SlowBody => {
                format!("the request did not come whole within {} seconds", BODY_MAX.as_secs())
            }
            Self::BrokenBody => "the request broke off".to_owned(),
            Self::Sessions => format!(
                "this token has {SESSIONS_MAX} sessions already, and all are in use: end one (DELETE), or \
                 close its streams"
            ),
            Self::Calls => format!("this token has {CALLS_MAX} calls under way already: wait for some"),
            Self::Streams => format!("this token has {STREAMS_MAX} streams open already: close some"),
            Self::Busy => format!("{REQUESTS_MAX} requests are under way here: try again later"),
            Self::Closing => "this server stops; try again later".to_owned(),
        }
    }
}
