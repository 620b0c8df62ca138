//! `wattle invite`.

use serde_json::json;
use wattle_sync::{Address, InviteTerms, JoinLink, Outcome, Peer};

use crate::args::access;
use crate::failure::Failure;
use crate::outcome::{self, WAITS};
use crate::screen::{Form, Screen, say};
use crate::session::Session;
use crate::time;
use crate::who;

/// Makes an invitation. Only the link goes to standard output; what it is for stands beside.
pub(crate) async fn run(
    session: &Session,
    args: access::Invite,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let relay: Option<Address> = args.relay.as_deref().map(str::parse).transpose()?;
    let peer = session.online(Vec::new()).await?;
    let until = Some(time::in_seconds(args.days.0));
    let terms = InviteTerms { role: args.role, uses: args.uses, until };
    let (mut link, outcome) = peer.invite(terms.clone()).await?;
    if let Some(relay) = relay {
        link.relay = Some(relay.to_string());
    } else if link.relay.is_none() {
        link.relay = known_relay(&peer).await;
    }
    peer.close().await;
    match screen.form {
        Form::Json => screen.json(&outcome::with(to_json(&link, &terms), &outcome))?,
        Form::Text => print(screen, (&link, &terms), &outcome)?,
    }
    Ok(())
}

/// Where this replica was last connected.
pub(crate) async fn known_relay(peer: &Peer) -> Option<String> {
    let status = peer.status().await.ok()?;
    let dialled = status.links.into_iter().filter_map(|link| link.address);
    let met = status.remotes.into_iter().filter_map(|remote| remote.address);
    dialled.chain(met).next()
}

fn print(
    screen: &mut Screen,
    (link, terms): (&JoinLink, &InviteTerms),
    outcome: &Outcome,
) -> Result<(), Failure> {
    let InviteTerms { role, uses, until } = terms;
    let whom = if *uses == 1 { "one person".to_owned() } else { format!("{uses} people") };
    let end = until.map_or_else(String::new, |until| format!(", until {}", time::minute(until)));
    say!(screen, "{link}")?;
    screen.aside(&format!("for {whom} as {role}{end}: wattle join 'LINK'"))?;
    screen.aside("Who has the link can take it up: send it like a password.")?;
    if let Some(secret) = &link.secret {
        let name = who::invitation(&secret.key());
        screen.aside(&format!("wattle revoke {name} withdraws it."))?;
    }
    if let Some(warning) = warning(link) {
        screen.aside(&screen.paint.yellow(&warning))?;
    }
    if let Outcome::Waiting { .. } = outcome {
        screen.aside(&screen.paint.yellow(WAITS))?;
    }
    Ok(())
}

/// What keeps a link from being of use to others.
pub(crate) fn warning(link: &JoinLink) -> Option<String> {
    let Some(relay) = &link.relay else {
        return Some(
            "The link names no relay, so nobody can take it up yet: `wattle up` shares this \
             context from here, or name a relay with --relay."
                .to_owned(),
        );
    };
    let address: Address = relay.parse().ok()?;
    let here = address.host == "localhost"
        || address.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    here.then(|| {
        "The link leads to this machine only: `wattle up --listen 0.0.0.0:4747` lets others in, \
         and --relay names the address that they see."
            .to_owned()
    })
}

/// `{link, relay, invitation, role, uses, until}`.
pub(crate) fn to_json(link: &JoinLink, terms: &InviteTerms) -> serde_json::Value {
    json!({
        "link": link.to_string(),
        "relay": link.relay,
        "invitation": link.secret.as_ref().map(|secret| secret.key().to_string()),
        "role": terms.role.to_string(),
        "uses": terms.uses,
        "until": terms.until,
    })
}
