//! `wattle agent`: keys of programs that work for the person of this machine.

use serde_json::{Value as Json, json};
use wattle_sync::{GrantTerms, Identity, Kind, Outcome};

use crate::args::access::{AddAgent, Agent, RemoveAgent};
use crate::failure::Failure;
use crate::grant::{bounds, granted_to_json};
use crate::members;
use crate::outcome;
use crate::screen::{Form, Screen, say};
use crate::session::Session;
use crate::time;
use crate::who::Roll;

/// Makes, lists and removes agents.
pub(crate) async fn run(
    session: &Session,
    args: Agent,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if let Some(name) = session.agent() {
        return Err(Failure::AgentActs { name: name.to_owned() });
    }
    match args {
        Agent::Add(args) => add(session, args, screen).await,
        Agent::List => list(session, screen).await,
        Agent::Remove(args) => remove(session, args, screen).await,
    }
}

async fn add(session: &Session, args: AddAgent, screen: &mut Screen) -> Result<(), Failure> {
    let folder = Identity::config_dir()?;
    let fresh = !Identity::agents(&folder)?.contains(&args.name);
    let agent = if fresh {
        Identity::create_agent(&folder, &args.name)?
    } else {
        Identity::agent(&folder, &args.name)?
    };
    let peer = session.online(Vec::new()).await?;
    let terms = GrantTerms {
        key: agent.key(),
        name: args.name.clone(),
        kind: Kind::Agent,
        role: args.role,
        until: args.bounds.days.map(|days| time::in_seconds(days.0)),
        edits_per_minute: args.bounds.per_minute,
    };
    let granted = peer.grant(terms.clone()).await;
    peer.close().await;
    let outcome = match granted {
        Ok(outcome) => outcome,
        Err(failed) => {
            if fresh {
                Identity::remove_agent(&folder, &args.name)?;
            }
            return Err(failed.into());
        }
    };
    match screen.form {
        Form::Json => screen.json(&outcome::with(granted_to_json(&terms), &outcome))?,
        Form::Text => {
            let name = screen.paint.green(&args.name);
            let done = format!("{name} is an agent of yours: {}", bounds(&terms));
            outcome::tell(screen, &outcome, &done)?;
            say!(screen, "next:")?;
            say!(screen, "  wattle --as {} edit tasks add \"Ship it\"", args.name)?;
            say!(screen, "  or WATTLE_AS={} in the environment of the agent", args.name)?;
        }
    }
    Ok(())
}

async fn list(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let folder = Identity::config_dir()?;
    let peer = session.open().await?;
    let roll = Roll::of(&peer).await?;
    let mut agents = Vec::new();
    for name in Identity::agents(&folder)? {
        let key = Identity::agent(&folder, &name)?.key();
        agents.push((name, key));
    }
    if screen.form == Form::Json {
        let list: Vec<Json> = agents
            .iter()
            .map(|(name, key)| {
                let member = roll.member(key).map(|member| members::member_to_json(&roll, member));
                json!({ "name": name, "key": key.to_string(), "member": member })
            })
            .collect();
        screen.json(&json!({ "agents": list }))?;
        return Ok(());
    }
    if agents.is_empty() {
        say!(screen, "no agents on this machine: `wattle agent add NAME` makes a key for one")?;
    }
    for (name, key) in &agents {
        match roll.member(key) {
            Some(member) => say!(screen, "{}", members::line(&roll, member, screen.paint))?,
            None => {
                let name = screen.paint.green(&format!("{name:<12}"));
                say!(screen, "{}  {name} no role here", screen.paint.dim(&key.short()))?;
            }
        }
    }
    Ok(())
}

async fn remove(session: &Session, args: RemoveAgent, screen: &mut Screen) -> Result<(), Failure> {
    let folder = Identity::config_dir()?;
    let name = args.name;
    let agent = Identity::agent(&folder, &name)?;
    let peer = session.online(Vec::new()).await?;
    let roll = Roll::of(&peer).await?;
    let member = roll.member(&agent.key()).filter(|member| member.ended.is_none());
    let outcome: Option<Outcome> = match member {
        Some(_) => Some(peer.revoke(agent.key()).await?),
        None => None,
    };
    peer.close().await;
    Identity::remove_agent(&folder, &name)?;
    let told = json!({ "removed": name, "key": agent.key().to_string() });
    match (screen.form, &outcome) {
        (Form::Json, Some(outcome)) => screen.json(&outcome::with(told, outcome))?,
        (Form::Json, None) => screen.json(&told)?,
        (Form::Text, outcome) => {
            let done = format!(
                "{} is removed: its key is gone from this machine, and what it edited stays",
                screen.paint.green(&name)
            );
            match outcome {
                Some(outcome) => outcome::tell(screen, outcome, &done)?,
                None => say!(screen, "{done}")?,
            }
        }
    }
    Ok(())
}
