//! `wattle rotate`.

use serde_json::json;
use wattle_sync::{Identity, Options, Outcome, Peer};

use crate::failure::Failure;
use crate::outcome;
use crate::screen::{Form, Screen, say};
use crate::session::Session;

/// How a new key came to hold.
enum Turn {
    /// By what was asked for now.
    Asked(Outcome),
    /// The log of rights had it already.
    Found,
}

/// Replaces the key of the person here.
///
/// The new key is kept beside the old one until the log of rights has it: stopped at any moment,
/// `rotate` goes on where it was.
pub(crate) async fn run(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    if let Some(name) = session.agent() {
        return Err(Failure::AgentActs { name: name.to_owned() });
    }
    let folder = Identity::config_dir()?;
    let present = session.identity()?;
    if let Some(turn) = catch_up(session, &present).await? {
        return tell(screen, &present, (&turn, &present));
    }
    let next = present.prepare_rotation(&folder)?;
    let peer = session.online(Vec::new()).await?;
    let turn = turn_over(&peer, &next).await;
    peer.close().await;
    let turn = turn?;
    if !matches!(turn, Turn::Asked(Outcome::Waiting { .. })) {
        Identity::conclude_rotation(&folder)?;
    }
    tell(screen, &present, (&turn, &next))
}

async fn turn_over(peer: &Peer, next: &Identity) -> Result<Turn, Failure> {
    let known = peer.members().await?.members.into_iter();
    if known.filter(|member| member.key == next.key()).any(|member| member.now.is_some()) {
        return Ok(Turn::Found);
    }
    Ok(Turn::Asked(peer.rotate(next).await?))
}

/// In a context whose log still has the key before the present one, that key gives way here too.
async fn catch_up(session: &Session, present: &Identity) -> Result<Option<Turn>, Failure> {
    let Some(old) = Identity::previous(&Identity::config_dir()?)? else { return Ok(None) };
    let peer = session.open().await?;
    let members = peer.members().await?.members;
    peer.close().await;
    let lives = |key| members.iter().any(|member| member.key == key && member.now.is_some());
    if lives(present.key()) || !lives(old.key()) {
        return Ok(None);
    }
    let peer = Peer::open(Options::new(session.directory(), old)).await?;
    let turn = turn_over(&peer, present).await;
    peer.close().await;
    turn.map(Some)
}

fn tell(
    screen: &mut Screen,
    before: &Identity,
    (turn, now): (&Turn, &Identity),
) -> Result<(), Failure> {
    let told = json!({ "key": now.key().to_string(), "name": now.name });
    let name = screen.paint.green(&before.name);
    let done = format!("{name} has the key {} now", now.key().short());
    match (screen.form, turn) {
        (Form::Json, Turn::Asked(outcome)) => screen.json(&outcome::with(told, outcome))?,
        (Form::Json, Turn::Found) => screen.json(&told)?,
        (Form::Text, Turn::Asked(Outcome::Done { .. }) | Turn::Found) => {
            say!(screen, "{done}")?;
            say!(screen, "{}", screen.paint.dim(OTHERS))?;
        }
        (Form::Text, Turn::Asked(outcome)) => {
            let done = format!("{name} keeps the present key until the new one holds");
            outcome::tell(screen, outcome, &done)?;
            say!(screen, "run `wattle rotate` again when the sequencer is in reach")?;
        }
    }
    Ok(())
}

const OTHERS: &str = "In each other context that knows the old key, run `wattle rotate` once too.";
