//! Keeping a link to a remote: dial, carry, wait, dial again.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Command;
use super::links::Dialled;
use super::setup::Sockets;
use crate::address::Address;
use crate::limits::{BACKOFF_MS_MAX, BACKOFF_MS_MIN, HANDSHAKE};
use crate::link::{self, Ended, UpgradeError};
use crate::status::LinkState;
use crate::tls::{self, TlsError, TlsOptions};

/// A link that held so long was a good one: the next dial comes soon.
const GOOD_LINK: Duration = Duration::from_secs(1);

/// Links that end soon after another because rights have changed, before the dials slow down.
const AT_ONCE_MAX: u32 = 16;

/// Why a remote was not reached.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("no connection within {} ms", HANDSHAKE.as_millis())]
    Slow,
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("no TLS: {0}")]
    Handshake(std::io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
}

/// Keeps a link to a remote until the engine is gone.
pub(super) async fn keep(sockets: Sockets, address: Address, tls: TlsOptions) {
    let mut wait_ms = BACKOFF_MS_MIN;
    let mut at_once = 0;
    loop {
        let dialling = Command::Attempt { address: address.clone(), state: LinkState::Dialling };
        if !sockets.tell(dialling).await {
            return;
        }
        let begun = Instant::now();
        let reason = match reach(&sockets, &Dialled::ToFollow(address.clone()), &tls).await {
            Ok(ended) => {
                if begun.elapsed() > GOOD_LINK {
                    at_once = 0;
                }
                if ended.is_for_new_rights() && at_once < AT_ONCE_MAX {
                    at_once += 1;
                    wait_ms = BACKOFF_MS_MIN;
                    continue;
                }
                if ended.is_permanent() {
                    wait_ms = BACKOFF_MS_MAX;
                } else if begun.elapsed() > GOOD_LINK {
                    wait_ms = BACKOFF_MS_MIN;
                }
                ended.to_string()
            }
            Err(error) => error.to_string(),
        };
        tracing::debug!(%address, reason, wait_ms, "a remote will be dialled again");
        let state = LinkState::Waiting { reason, retry_ms: wait_ms };
        if !sockets.tell(Command::Attempt { address: address.clone(), state }).await {
            return;
        }
        tokio::time::sleep(jittered(wait_ms)).await;
        wait_ms = (wait_ms * 2).min(BACKOFF_MS_MAX);
    }
}

/// Makes one link that only asks for leases, and says when there is none any more.
pub(super) async fn ask(sockets: Sockets, address: Address, tls: TlsOptions) {
    let ended = reach(&sockets, &Dialled::ToAsk(address.clone()), &tls).await;
    let reason = ended.map_or_else(|error| error.to_string(), |ended| ended.to_string());
    tracing::debug!(%address, reason, "a link that asked for leases is no more");
    sockets.tell(Command::AskingEnded { address }).await;
}

/// Between half and the whole, so that many peers of a relay that returns do not dial as one.
fn jittered(wait_ms: u64) -> Duration {
    let mut byte = [0];
    getrandom::fill(&mut byte).ok();
    let [byte] = byte;
    Duration::from_millis(wait_ms / 2 + wait_ms * u64::from(byte) / 512)
}

/// Connects, and carries the link until it ends.
async fn reach(sockets: &Sockets, dialled: &Dialled, tls: &TlsOptions) -> Result<Ended, DialError> {
    let Some(address) = dialled.address() else { return Ok(Ended::Here { refusal: None }) };
    let connect = TcpStream::connect((address.host.as_str(), address.port));
    let stream = match timeout(HANDSHAKE, connect).await {
        Ok(stream) => stream.map_err(DialError::Connect)?,
        Err(_) => return Err(DialError::Slow),
    };
    stream.set_nodelay(true).map_err(DialError::Connect)?;
    let dialled = dialled.clone();
    if !address.secure {
        return Ok(sockets.run(link::connect(stream, address).await?, dialled).await);
    }
    let connector = tls::connector(tls)?;
    let handshake = connector.connect(tls::server_name(&address.host)?, stream);
    let stream = match timeout(HANDSHAKE, handshake).await {
        Ok(stream) => stream.map_err(DialError::Handshake)?,
        Err(_) => return Err(DialError::Slow),
    };
    Ok(sockets.run(link::connect(stream, address).await?, dialled).await)
}
