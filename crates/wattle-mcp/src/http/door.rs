//! What is looked at before anything of a request is believed: where it comes from, and its token.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

use super::refusal::Refused;

/// Hosts that are this machine.
const LOOPBACK: &[&str] = &["localhost", "127.0.0.1", "[::1]"];

/// Refuses what a web page sends, unless it is of this machine or one that is allowed. Programs send
/// no `Origin`.
pub(super) fn origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refused> {
    for origin in headers.get_all(ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        if !is_loopback(&origin) && !allowed.iter().any(|one| *one == origin) {
            return Err(Refused::Origin { origin: origin.into_owned() });
        }
    }
    Ok(())
}

/// Refuses what was sent to another name: a page can have its own name lead to this machine.
pub(super) fn host(headers: &HeaderMap, named: &[String]) -> Result<(), Refused> {
    let shown = headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
    let shown = shown.unwrap_or_default();
    let is_ours = shown.parse::<Authority>().is_ok_and(|shown| {
        let is = |name: &str| {
            name.eq_ignore_ascii_case(shown.host()) || name.eq_ignore_ascii_case(shown.as_str())
        };
        LOOPBACK.iter().any(|name| is(name)) || named.iter().any(|name| is(name))
    });
    if is_ours { Ok(()) } else { Err(Refused::Host { host: shown.into_owned() }) }
}

/// The token that a request shows.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (shown.next(), shown.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_loopback(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    web && uri.host().is_some_and(|host| LOOPBACK.contains(&host))
}

#[cfg(test)]
mod tests;
