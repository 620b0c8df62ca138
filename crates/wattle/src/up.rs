//! `wattle up`: a relay and this replica in one process.

use std::net::SocketAddr;

use serde_json::json;
use wattle_relay::{Config, Relay};
use wattle_sync::{JoinLink, Peer};

use crate::args;
use crate::failure::Failure;
use crate::screen::{Form, Screen, say};
use crate::session::{self, Session};
use crate::signal::Stop;
use crate::watch;

/// Shares the context until it is stopped, and prints every change.
pub(crate) async fn run(
    session: &Session,
    args: args::Up,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let mut config = Config::new(session.directory().join("relay"));
    config.listen = args.listen;
    let relay = Relay::start(config).await?;
    let address = relay.address();
    let served = match session.online(vec![format!("wattle://{address}")]).await {
        Ok(peer) => {
            let served = serve(&peer, address, (screen, &mut stop)).await;
            peer.close().await;
            served
        }
        Err(failure) => Err(failure),
    };
    relay.stop().await;
    served
}

async fn serve(
    peer: &Peer,
    address: SocketAddr,
    (screen, stop): (&mut Screen, &mut Stop),
) -> Result<(), Failure> {
    let news = peer.watch();
    let relay = Some(format!("wattle://{address}"));
    let link = JoinLink { relay, context: peer.context_id() };
    if screen.form == Form::Json {
        screen.json_line(&json!({
            "ready": format!("http://{address}"),
            "link": link.to_string(),
        }))?;
    } else {
        say!(screen, "ready http://{address}")?;
        say!(
            screen,
            "{} is shared. Others take part with",
            screen.paint.bold(&session::name(peer).await)
        )?;
        say!(screen, "  wattle join {link}")?;
        if address.ip().is_loopback() {
            let hint = "(this machine only; --listen 0.0.0.0:4747 lets others in)";
            say!(screen, "  {}", screen.paint.dim(hint))?;
        } else if address.ip().is_unspecified() {
            let hint =
                format!("(with this machine's name or address in place of {})", address.ip());
            say!(screen, "  {}", screen.paint.dim(&hint))?;
        }
        say!(screen, "Edit in another terminal; changes are shown here. Ctrl-C ends it.")?;
    }
    watch::follow(peer, news, screen, stop).await
}
