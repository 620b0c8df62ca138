//! The recovery key: an owner that is put away, for the day when another is lost.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde_json::json;
use wattle_sync::{GrantTerms, Identity, JoinLink, Kind, Options, Outcome, Passing, Peer, Role};

use crate::args::access;
use crate::failure::Failure;
use crate::init::{enter, vacant};
use crate::outcome;
use crate::place::Place;
use crate::screen::{Form, Screen, say};
use crate::session::Acting;
use crate::who::Roll;

/// What a recovery key is called where it acts.
const NAME: &str = "recovery";
/// How long to wait for the relay.
const PATIENCE_S: u64 = 20;

/// A new one.
pub(crate) fn fresh() -> Result<Identity, Failure> {
    Ok(Identity::random(NAME)?)
}

/// Shows it, once, and says what it is for.
pub(crate) fn explain(screen: &mut Screen, recovery: &Identity) -> Result<(), Failure> {
    let paint = screen.paint;
    say!(screen, "recovery key, shown once and kept nowhere:")?;
    say!(screen, "  {}", paint.bold(&recovery.recovery_text()))?;
    say!(
        screen,
        "  It is an owner of this context. Print it or put it into a safe place off this machine;"
    )?;
    say!(screen, "  should your key be lost, `wattle recover` makes you owner again with it.")?;
    Ok(())
}

/// Gives this machine's key the role of owner.
pub(crate) async fn run(
    (dir, acting): (Option<&Path>, &Acting),
    args: access::Recover,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let link: Option<JoinLink> = args.link.as_deref().map(str::parse).transpose()?;
    let place = match &link {
        Some(_) => vacant(dir)?,
        None => Place::find(dir)?,
    };
    let recovery = read()?;
    let mine = acting.newcomer(args.name.or_else(|| acting.named(None)).as_deref())?;
    let options = Options::new(&place.directory, recovery);
    let peer = match &link {
        Some(link) => enter(options, (&place, link), PATIENCE_S).await?.0,
        None => Peer::open(options).await?,
    };
    let outcome = regain(&peer, &mine).await;
    let others = Roll::of(&peer).await;
    peer.close().await;
    let (outcome, roll) = (outcome?, others?);
    if screen.form == Form::Json {
        let told = json!({ "key": mine.key().to_string(), "name": mine.name, "role": "owner" });
        screen.json(&outcome::with(told, &outcome))?;
        return Ok(());
    }
    let done = format!("{} is owner", screen.paint.green(&mine.name));
    outcome::tell(screen, &outcome, &done)?;
    let owners = roll.members.members.iter().filter(|member| {
        member.now == Some(Role::Owner) && member.key != mine.key() && member.key != roll.me
    });
    let owners: Vec<String> = owners.map(|owner| roll.name(&owner.key)).collect();
    if !owners.is_empty() {
        let owners = owners.join(", ");
        say!(screen, "next: `wattle revoke` the key that was lost (owners are also: {owners})")?;
    }
    Ok(())
}

async fn regain(peer: &Peer, mine: &Identity) -> Result<Outcome, Failure> {
    let me = peer.whoami().await?;
    if me.member.is_none_or(|member| member.now != Some(Role::Owner)) {
        return Err(Failure::NoRecovery);
    }
    let terms = GrantTerms {
        key: mine.key(),
        name: mine.name.clone(),
        kind: Kind::Person,
        role: Role::Owner,
        until: None,
        edits_per_minute: None,
    };
    let outcome = peer.grant(terms.clone()).await?;
    let members = peer.members().await?;
    let lost = |key| members.members.iter().any(|member| Some(member.key) == key);
    if !matches!(outcome, Outcome::Waiting { .. }) || !lost(members.sequencer) {
        return Ok(outcome);
    }
    // The key that is lost ordered the log. A relay would have answered, or will.
    peer.set_sequencer(peer.key(), Passing::PassBy).await?;
    let outcome = peer.grant(terms).await?;
    peer.set_sequencer(mine.key(), Passing::HandOver).await?;
    Ok(outcome)
}

/// From standard input, never from the command line: that is seen by others, and remembered.
fn read() -> Result<Identity, Failure> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "recovery key: ")?;
    }
    let mut text = String::new();
    io::stdin().read_line(&mut text).map_err(|error| Failure::Input { error })?;
    Ok(Identity::from_recovery(text.trim(), NAME)?)
}
