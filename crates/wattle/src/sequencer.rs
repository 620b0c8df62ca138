//! `wattle sequencer`.

use serde_json::json;
use wattle_sync::{Address, Passing, Peer, PublicKey};

use crate::args::access;
use crate::failure::Failure;
use crate::members::ordered_by;
use crate::outcome;
use crate::screen::{Form, Screen, say};
use crate::session::Session;
use crate::who::{self, Roll, Whom};

/// Shows who orders the log of rights, or names somebody else.
pub(crate) async fn run(
    session: &Session,
    args: access::Sequencer,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match &args.to {
        None => show(session, screen).await,
        Some(to) => {
            let passing = if args.pass_by { Passing::PassBy } else { Passing::HandOver };
            name(session, (to, passing), screen).await
        }
    }
}

async fn show(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let roll = Roll::of(&peer).await?;
    let members = &roll.members;
    if screen.form == Form::Json {
        screen.json(&json!({
            "sequencer": members.sequencer.map(|key| key.to_string()),
            "you": members.sequencer == Some(roll.me),
            "term": members.term,
            "entries": members.entries,
        }))?;
        return Ok(());
    }
    let (entries, term) = (members.entries, members.term);
    say!(screen, "{}", ordered_by(&roll))?;
    say!(screen, "{}", screen.paint.dim(&format!("{entries} entries, term {term}")))?;
    Ok(())
}

async fn name(
    session: &Session,
    (to, passing): (&str, Passing),
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.online(Vec::new()).await?;
    let roll = Roll::of(&peer).await?;
    let key = key_of(&peer, &roll, to).await?;
    let outcome = peer.set_sequencer(key, passing).await?;
    peer.close().await;
    if screen.form == Form::Json {
        let told = json!({
            "sequencer": key.to_string(),
            "passed_by": passing == Passing::PassBy,
        });
        screen.json(&outcome::with(told, &outcome))?;
        return Ok(());
    }
    let whose =
        if key == roll.me { "you order".to_owned() } else { format!("{} orders", roll.name(&key)) };
    let done = format!("{} changes of rights", screen.paint.green(&whose));
    outcome::tell(screen, &outcome, &done)?;
    Ok(())
}

/// The key behind an address that this replica is linked to, behind a name, or itself.
async fn key_of(peer: &Peer, roll: &Roll, to: &str) -> Result<PublicKey, Failure> {
    if to.contains("://") {
        let address: Address = to.parse()?;
        let address = address.to_string();
        // A link must be there to know the key of who answers at the address.
        peer.dial(&address)?;
        let settled = peer.settled(std::time::Duration::from_secs(10)).await;
        let links = peer.status().await?.links;
        let link = links.into_iter().find(|link| link.address.as_deref() == Some(&address));
        return match (link.and_then(|link| link.key), settled) {
            (Some(key), _) => Ok(key),
            (None, Err(late)) => Err(late.into()),
            (None, Ok(())) => Err(Failure::NotMet { address }),
        };
    }
    match roll.find(to)? {
        Whom::Member(member) => Ok(member.key),
        Whom::Stranger(key) => Ok(key),
        Whom::Invitation(one) => Err(Failure::NoMember { word: who::invitation(&one.key) }),
    }
}
