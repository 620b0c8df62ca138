//! Who may come in, and how far: what a key, and a token where one is asked for, open on a link.
//!
//! The access logs decide what a key may do in a context. A login only narrows that, and says who may
//! bring contexts that are not known here.

mod desk;
mod fetch;
mod keys;
mod token;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use wattle_protocol::access::Rights;
use wattle_protocol::io::Login;
use wattle_protocol::message::{Code, Refusal};
use wattle_protocol::{Blob, LinkId, PublicKey};

use crate::config::{Config, Mode};
use crate::limits::LOGINS_WAITING_MAX;
use crate::relay::{Shared, StartError};

pub use keys::KeysError;

use desk::Desk;

/// What a login comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The link may go on.
    Granted(Granted),
    /// It may not.
    Refused(Denied),
    /// A notice will tell.
    Later,
}

/// How far a link may go, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) login: Login,
    /// When its token ends: seconds since 1970.
    pub(crate) until: Option<u64>,
}

/// Why a link may not go on: what its other side is told, and what the operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    pub(crate) why: String,
}

/// A login that waits for the desk.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) link: LinkId,
    pub(crate) key: PublicKey,
    pub(crate) token: Blob,
}

/// Decides logins as the mode of the relay says.
#[derive(Debug)]
pub(crate) struct Logins {
    mode: Mode,
    founders: Vec<PublicKey>,
    /// Checks tokens; it has the keys.
    desk: Option<mpsc::Sender<Waiting>>,
}

impl Logins {
    /// Fails when the mode is not for this address, or when the keys of tokens cannot be read.
    pub(crate) async fn open(
        address: SocketAddr,
        shared: &Arc<Shared>,
    ) -> Result<Self, StartError> {
        let config = &shared.config;
        let mode = mode(config, address)?;
        let desk = match mode {
            Mode::Open | Mode::Members => None,
            Mode::Tokens => Some(open_desk(shared).await?),
        };
        announce(mode, config);
        Ok(Self { mode, founders: config.founders.clone(), desk })
    }

    pub(crate) fn decide(&self, waiting: Waiting) -> Decision {
        match (self.mode, &self.desk) {
            (Mode::Open, _) => granted(true),
            (Mode::Members | Mode::Tokens, None) => granted(self.founders.contains(&waiting.key)),
            (Mode::Members | Mode::Tokens, Some(desk)) => match desk.try_send(waiting) {
                Ok(()) => Decision::Later,
                Err(_full_or_gone) => Decision::Refused(Denied::busy()),
            },
        }
    }
}

impl Denied {
    /// What is wrong with a token is for the operator alone.
    fn token(code: Code, why: impl fmt::Display) -> Self {
        let refusal = Refusal::new(code, "the token is not valid here");
        Self { refusal, why: why.to_string() }
    }

    fn busy() -> Self {
        let refusal = Refusal::new(Code::Busy, "too many logins at once; try again later");
        Self { refusal, why: "too many logins wait".to_owned() }
    }
}

fn granted(founds: bool) -> Decision {
    let login = Login { contexts: None, rights: Rights::ALL, founds };
    Decision::Granted(Granted { login, until: None })
}

/// The mode that was chosen, or that the address calls for.
fn mode(config: &Config, address: SocketAddr) -> Result<Mode, StartError> {
    let local = address.ip().is_loopback();
    match config.mode {
        Some(Mode::Open) if !local => Err(StartError::OpenToAll { address }),
        Some(mode) => Ok(mode),
        None if local => Ok(Mode::Open),
        None => Ok(Mode::Members),
    }
}

async fn open_desk(shared: &Arc<Shared>) -> Result<mpsc::Sender<Waiting>, StartError> {
    let source = shared.config.token_keys.clone().ok_or(StartError::NoTokenKeys)?;
    let desk = Desk::open(source, Arc::clone(shared)).await.map_err(StartError::TokenKeys)?;
    let (sender, logins) = mpsc::channel(LOGINS_WAITING_MAX);
    tokio::spawn(desk.run(logins));
    Ok(sender)
}

fn announce(mode: Mode, config: &Config) {
    match mode {
        Mode::Open => tracing::warn!(
            "OPEN MODE: every program on this machine may bring contexts; for anything else choose members or tokens"
        ),
        Mode::Members | Mode::Tokens => {
            let founders = config.founders.len();
            tracing::info!(?mode, founders, "asks who comes in");
            if mode == Mode::Members && founders == 0 {
                tracing::warn!("no founders are named: nobody may bring a new context");
            }
        }
    }
}
