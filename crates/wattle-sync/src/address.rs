//! Where a remote is, and the link with which somebody joins a context.

use std::fmt;
use std::str::FromStr;

use wattle_protocol::{ContextId, Keypair, PublicKey};

use crate::error::AddressError;

#[cfg(test)]
mod tests;

/// The path at which a relay or a peer takes links.
const PATH: &str = "/sync";
/// The port of a relay.
const PORT: u16 = 4747;

/// Where a remote listens: `wattle://HOST:PORT`, or `wattles://HOST:PORT` over TLS.
///
/// `ws`, `wss`, `http` and `https` are understood too, with nothing or `/sync` as path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Over TLS.
    pub secure: bool,
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What somebody needs to join a context: `wattle://HOST:PORT/CONTEXT#SECRET`, or
/// `wattle:///CONTEXT#SECRET` when there is no relay. Who knows the secret can become a member.
///
/// The secret is behind the `#` because what is there is never sent to a server by a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinLink {
    /// A relay that has the context, as an [`Address`].
    pub relay: Option<String>,
    /// The context.
    pub context: ContextId,
    /// That of an invitation; none for a key that is a member already.
    pub secret: Option<InvitationSecret>,
}

/// What proves that somebody was invited: the seed of the invitation's key. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationSecret([u8; 32]);

impl InvitationSecret {
    /// Of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The invitation's key, which names it.
    pub fn key(&self) -> PublicKey {
        self.keypair().public()
    }

    pub(crate) fn keypair(&self) -> Keypair {
        Keypair::from_secret(&self.0)
    }
}

impl fmt::Debug for InvitationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationSecret(of {})", self.key())
    }
}

impl Address {
    /// The address of the WebSocket.
    pub(crate) fn socket_url(&self) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}{PATH}", self.authority())
    }

    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wattles" } else { "wattle" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (secure, rest) = scheme(text)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !path.is_empty() && path != PATH.trim_start_matches('/') {
            return Err(AddressError::Path { address: text.to_owned(), path: path.to_owned() });
        }
        authority_of(text, authority, secure)
    }
}

impl fmt::Display for JoinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.relay {
            Some(relay) => write!(f, "{}/{}", relay.trim_end_matches('/'), self.context)?,
            None => write!(f, "wattle:///{}", self.context)?,
        }
        match &self.secret {
            Some(InvitationSecret(bytes)) => write!(f, "#{}", PublicKey(*bytes)),
            None => Ok(()),
        }
    }
}

impl FromStr for JoinLink {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (secure, rest) = scheme(text)?;
        // A message never shows the secret.
        let (rest, secret) = match rest.split_once('#') {
            Some((rest, secret)) => (rest, Some(secret)),
            None => (rest, None),
        };
        let text = text.split_once('#').map_or(text, |(public, _)| public);
        let (authority, context) = rest
            .split_once('/')
            .ok_or_else(|| AddressError::NoContext { link: text.to_owned() })?;
        let context = context
            .parse()
            .map_err(|_| AddressError::Context { found: context.chars().take(80).collect() })?;
        let relay = match authority {
            "" => None,
            authority => Some(authority_of(text, authority, secure)?.to_string()),
        };
        let secret = secret.map(|secret| {
            let bytes: Result<PublicKey, _> = secret.trim().parse();
            bytes.map_err(|_| AddressError::Secret { length: secret.len() })
        });
        let secret = secret.transpose()?.map(|bytes| InvitationSecret(bytes.0));
        Ok(Self { relay, context, secret })
    }
}

/// Whether TLS is meant, and what follows the scheme.
fn scheme(text: &str) -> Result<(bool, &str), AddressError> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(AddressError::Scheme { address: text.to_owned() });
    };
    match scheme {
        "wattle" | "ws" | "http" => Ok((false, rest)),
        "wattles" | "wss" | "https" => Ok((true, rest)),
        _ => Err(AddressError::Scheme { address: text.to_owned() }),
    }
}

fn authority_of(text: &str, authority: &str, secure: bool) -> Result<Address, AddressError> {
    let error = || AddressError::Host { address: text.to_owned() };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| AddressError::Port { address: text.to_owned() })?)
        }
        Some(_) | None => (authority, PORT),
    };
    let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || "-._:%".contains(c));
    if plain.is_empty() || plain.contains(foreign) || (plain == host && host.contains(':')) {
        return Err(error());
    }
    Ok(Address { secure, host: plain.to_owned(), port })
}
