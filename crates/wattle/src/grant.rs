//! `wattle grant`, `revoke` and `rotate`.

use serde_json::json;
use wattle_sync::{GrantTerms, Kind, PublicKey};

use crate::args::access;
use crate::failure::Failure;
use crate::outcome;
use crate::screen::{Form, Screen};
use crate::session::Session;
use crate::time;
use crate::who::{self, Roll, Whom};

/// Gives somebody a role.
pub(crate) async fn grant(
    session: &Session,
    args: access::Grant,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.online(Vec::new()).await?;
    let (roll, whom) = Roll::look_up(&peer, &args.who).await?;
    let (key, name, kind) = grantee(&roll, whom, &args)?;
    let terms = GrantTerms {
        key,
        name: name.clone(),
        kind,
        role: args.role,
        until: args.bounds.days.map(|days| time::in_seconds(days.0)),
        edits_per_minute: args.bounds.per_minute,
    };
    let outcome = peer.grant(terms.clone()).await?;
    peer.close().await;
    match screen.form {
        Form::Json => screen.json(&outcome::with(granted_to_json(&terms), &outcome))?,
        Form::Text => {
            let done = format!("{} is {}", screen.paint.green(&name), bounds(&terms));
            outcome::tell(screen, &outcome, &done)?;
        }
    }
    Ok(())
}

/// Whose key it is, what it is called, and what it is.
fn grantee(
    roll: &Roll,
    whom: Whom,
    args: &access::Grant,
) -> Result<(PublicKey, String, Kind), Failure> {
    match whom {
        Whom::Member(member) => {
            let name = args.name.clone().unwrap_or_else(|| roll.name(&member.key));
            Ok((member.key, name, member.kind))
        }
        Whom::Stranger(key) => {
            let name =
                args.name.clone().ok_or_else(|| Failure::Nameless { key: key.to_string() })?;
            Ok((key, name, Kind::Person))
        }
        Whom::Invitation(one) => Err(Failure::NoMember { word: who::invitation(&one.key) }),
    }
}

/// A role with its bounds, in words.
pub(crate) fn bounds(terms: &GrantTerms) -> String {
    let end =
        terms.until.map_or_else(String::new, |until| format!(", until {}", time::minute(until)));
    let budget =
        terms.edits_per_minute.map_or_else(String::new, |n| format!(", {n} edits per minute"));
    format!("{}{end}{budget}", terms.role)
}

/// `{key, name, kind, role, until, edits_per_minute}`.
pub(crate) fn granted_to_json(terms: &GrantTerms) -> serde_json::Value {
    json!({
        "key": terms.key.to_string(),
        "name": terms.name,
        "kind": kind(terms.kind),
        "role": terms.role.to_string(),
        "until": terms.until,
        "edits_per_minute": terms.edits_per_minute,
    })
}

/// A kind, in a word.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Person => "person",
        Kind::Agent => "agent",
        Kind::Service => "service",
    }
}

/// Takes somebody's rights, or withdraws an invitation.
pub(crate) async fn revoke(
    session: &Session,
    args: access::Revoke,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.online(Vec::new()).await?;
    let (roll, whom) = Roll::look_up(&peer, &args.who).await?;
    let (key, name, done) = match whom {
        Whom::Member(member) => {
            let name = roll.name(&member.key);
            let agents = roll
                .members
                .members
                .iter()
                .filter(|agent| agent.sponsor == Some(member.key) && agent.ended.is_none());
            let agents: Vec<String> = agents.map(|agent| roll.name(&agent.key)).collect();
            let also = if agents.is_empty() {
                String::new()
            } else {
                format!("; so are the agents {}", agents.join(", "))
            };
            let done = format!(
                "{} is revoked{also}. What was edited until now stays; what was read is read",
                screen.paint.green(&name)
            );
            (member.key, name, done)
        }
        Whom::Invitation(one) => {
            let name = who::invitation(&one.key);
            let done = format!("{} is withdrawn", screen.paint.green(&name));
            (one.key, name, done)
        }
        Whom::Stranger(key) => return Err(Failure::NoMember { word: key.short() }),
    };
    let outcome = peer.revoke(key).await?;
    peer.close().await;
    match screen.form {
        Form::Json => {
            let told = json!({ "revoked": key.to_string(), "name": name });
            screen.json(&outcome::with(told, &outcome))?;
        }
        Form::Text => outcome::tell(screen, &outcome, &done)?,
    }
    Ok(())
}
