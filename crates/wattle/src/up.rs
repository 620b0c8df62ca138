//! `wattle up`: a relay and this replica in one process.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value as Json, json};
use wattle_relay::{Config, Mode, Relay};
use wattle_sync::{InviteTerms, JoinLink, Peer, Role};

use crate::args;
use crate::failure::Failure;
use crate::invite;
use crate::mcp;
use crate::screen::{Form, Screen, say};
use crate::session::{self, Session};
use crate::signal::Stop;
use crate::time;
use crate::watch;

/// How long the invitation is good that `up` prints: a day.
const INVITATION_S: u64 = 86_400;

/// How long the relay of this process may take to have the context.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);

/// Shares the context until it is stopped, and prints every change.
pub(crate) async fn run(
    session: &Session,
    args: args::Up,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let mut config = Config::new(session.directory().join("relay"));
    config.listen = args.listen;
    // Others bring no contexts of their own to it.
    config.mode = Some(Mode::Members);
    config.founders = vec![session.identity()?.key()];
    let agents = mcp::endpoint(session)?;
    let relay = Relay::start_with(config, Some(agents)).await?;
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
    let at = format!("wattle://{address}");
    let (link, terms) = invited(peer, at).await?;
    // Who gets the link finds the context there.
    let kept = peer.settled(RELAY_PATIENCE).await;
    if screen.form == Form::Json {
        let mut told = match &terms {
            Some(terms) => invite::to_json(&link, terms),
            None => json!({ "link": link.to_string() }),
        };
        if let Some(object) = told.as_object_mut() {
            object.insert("ready".to_owned(), Json::from(format!("http://{address}")));
            object.insert("mcp".to_owned(), Json::from(for_agents(address)));
        }
        screen.json_line(&told)?;
    } else {
        say!(screen, "ready http://{address}")?;
        let name = screen.paint.bold(&session::name(peer).await);
        let whom = match &terms {
            Some(terms) => format!("One other person takes part, as {}, with", terms.role),
            None => "Who is a member takes part with".to_owned(),
        };
        say!(screen, "{name} is shared. {whom}")?;
        say!(screen, "  wattle join '{link}'")?;
        hints(screen, address, terms.is_some())?;
        say!(screen, "Agents of this machine come to {}", for_agents(address))?;
        let hint = "(with a token: `wattle mcp token add --as AGENT` makes one)";
        say!(screen, "  {}", screen.paint.dim(hint))?;
        say!(screen, "Edit in another terminal; changes are shown here. Ctrl-C ends it.")?;
        if let Err(late) = kept {
            let line = format!("the relay of this process does not have everything: {late}");
            say!(screen, "{}", screen.paint.yellow(&line))?;
        }
    }
    watch::follow(peer, news, screen, stop).await
}

fn hints(screen: &mut Screen, address: SocketAddr, invites: bool) -> Result<(), Failure> {
    if invites {
        let hint = "(works once, for a day; `wattle invite` makes others, `wattle members` lists who came)";
        say!(screen, "  {}", screen.paint.dim(hint))?;
    }
    if address.ip().is_loopback() {
        let hint = "(this machine only; --listen 0.0.0.0:4747 lets others in)";
        say!(screen, "  {}", screen.paint.dim(hint))?;
    } else if address.ip().is_unspecified() {
        let hint = format!("(with this machine's name or address in place of {})", address.ip());
        say!(screen, "  {}", screen.paint.dim(&hint))?;
    }
    Ok(())
}

/// Where agents come to, as it is seen from this machine.
fn for_agents(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let ipv4 = address.is_ipv4();
        address.set_ip(if ipv4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{address}/mcp")
}

/// An invitation for one contributor; who may not invite shows the way for members.
async fn invited(peer: &Peer, at: String) -> Result<(JoinLink, Option<InviteTerms>), Failure> {
    let plain = JoinLink { relay: Some(at.clone()), context: peer.context_id(), secret: None };
    let role = peer.whoami().await?.member.and_then(|member| member.now);
    if !matches!(role, Some(Role::Owner | Role::Maintainer)) {
        return Ok((plain, None));
    }
    let until = Some(time::in_seconds(INVITATION_S));
    let terms = InviteTerms { role: Role::Contributor, uses: 1, until };
    let (link, _) = peer.invite(terms.clone()).await?;
    Ok((JoinLink { relay: Some(at), ..link }, Some(terms)))
}
