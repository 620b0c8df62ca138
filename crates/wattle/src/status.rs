//! `wattle status`.

use serde_json::{Value as Json, json};
use wattle_context::plain::brief;
use wattle_sync::{
    DocumentStatus, LinkState, LinkStatus, Peer, RemoteStatus, Status, UplinkStatus,
};

use crate::failure::Failure;
use crate::members::{ordered_by, waiting_to_json, you};
use crate::screen::{Form, Screen, say};
use crate::session::{Session, told};
use crate::who::Roll;

/// What a fork means.
const FORK: &str = "fork: who orders changes of rights has signed two different ones for one place. \
     An owner can name another sequencer: wattle sequencer WHO --pass-by";

/// Prints what is here, and what of it is durable elsewhere.
pub(crate) async fn run(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.open().await?;
    let (status, roll) = (peer.status().await?, Roll::of(&peer).await?);
    match screen.form {
        Form::Json => screen.json(&to_json(&peer, &status, &roll))?,
        Form::Text => print(screen, session, (&status, &roll))?,
    }
    Ok(())
}

fn print(
    screen: &mut Screen,
    session: &Session,
    (status, roll): (&Status, &Roll),
) -> Result<(), Failure> {
    let paint = screen.paint;
    let name = status.name.as_deref().unwrap_or("(its name has not arrived yet)");
    let context: String = status.context.to_string().chars().take(16).collect();
    say!(screen, "{}  {}", paint.bold(&brief(name, 80)), paint.dim(&format!("{context}…")))?;
    say!(screen, "in       {}  {}", told(session.directory()).display(), size(status.store_bytes))?;
    say!(screen, "you      {}", you(roll))?;
    say!(screen, "         {}", paint.dim(&status.key.to_string()))?;
    say!(screen, "rights   {}", ordered_by(roll))?;
    for waiting in &roll.members.waiting {
        let line = format!("waits for the sequencer: {}", waiting.what);
        say!(screen, "         {}", paint.yellow(&line))?;
    }
    let changes: u64 = status.documents.iter().map(|document| document.changes).sum();
    say!(screen, "has      {changes} changes in {} documents", status.documents.len())?;
    let names = status.documents.iter().map(|document| document.name.chars().count());
    let wide = names.max().unwrap_or_default();
    for document in &status.documents {
        let (name, changes) = (brief(&document.name, wide), document.changes);
        say!(screen, "         {}", paint.dim(&format!("{name:<wide$} {changes:>7}")))?;
    }
    for link in &status.links {
        say!(screen, "link     {}", link_line(link))?;
    }
    if status.remotes.is_empty() {
        say!(screen, "nowhere else yet: `wattle up` shares it")?;
    }
    for remote in &status.remotes {
        let durable = match remote.pending {
            0 => paint.green("everything here is durable there"),
            pending => paint.yellow(&format!("{pending} changes are only here: wattle sync")),
        };
        say!(screen, "remote   {}  {durable}", at(remote))?;
    }
    if let Some(uncounted) = &status.uncounted {
        let (changes, entry) = (uncounted.changes, uncounted.entry);
        let line = format!(
            "{changes} of your changes do not count, by entry {entry} of the log of rights: wattle audit"
        );
        say!(screen, "{}", paint.yellow(&line))?;
    }
    if status.forks > 0 {
        say!(screen, "{}", paint.red(FORK))?;
    }
    for bad in &status.quarantined {
        let line = format!("set aside: change {} of {}", brief(&bad.change, 16), bad.document);
        say!(screen, "{}", paint.red(&line))?;
    }
    Ok(())
}

fn link_line(link: &LinkStatus) -> String {
    let whom = link.address.as_deref().or(link.agent.as_deref()).unwrap_or("somebody");
    let state = match &link.state {
        LinkState::Dialling => "is dialled".to_owned(),
        LinkState::Waiting { reason, .. } => format!("not reached: {reason}"),
        LinkState::Handshake => "proves its key".to_owned(),
        LinkState::Comparing => "compares".to_owned(),
        LinkState::InSync => "in sync".to_owned(),
    };
    format!("{whom}  {state}")
}

fn at(remote: &RemoteStatus) -> String {
    match &remote.address {
        Some(address) => address.clone(),
        None => format!("store {}", remote.store.to_string().chars().take(8).collect::<String>()),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        ..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

fn to_json(peer: &Peer, status: &Status, roll: &Roll) -> Json {
    let me = roll.member(&roll.me);
    let remotes: Vec<Json> = status
        .remotes
        .iter()
        .map(|remote| {
            json!({
                "store": remote.store.to_string(),
                "address": remote.address,
                "pending": remote.pending,
            })
        })
        .collect();
    let quarantined: Vec<Json> = status
        .quarantined
        .iter()
        .map(|bad| json!({ "document": bad.document, "change": bad.change }))
        .collect();
    json!({
        "context": status.context.to_string(),
        "name": status.name,
        "store": status.store.to_string(),
        "key": peer.key().to_string(),
        "you": roll.name(&roll.me),
        "role": me.and_then(|me| me.now.as_ref()).map(ToString::to_string),
        "agent_of": roll.sponsor(&roll.me),
        "sequencer": roll.members.sequencer.map(|key| key.to_string()),
        "entries": roll.members.entries,
        "term": roll.members.term,
        "waiting": waiting_to_json(roll),
        "uplink": match status.uplink {
            UplinkStatus::Here => "here",
            UplinkStatus::Elsewhere => "elsewhere",
            UplinkStatus::Off => "off",
        },
        "documents": status.documents.iter().map(document_to_json).collect::<Vec<_>>(),
        "remotes": remotes,
        "quarantined": quarantined,
        "uncounted": status.uncounted.map(|of| json!({ "changes": of.changes, "entry": of.entry })),
        "forks": status.forks,
        "store_bytes": status.store_bytes,
    })
}

fn document_to_json(document: &DocumentStatus) -> Json {
    let remotes: Vec<Json> = document
        .remotes
        .iter()
        .map(|at| {
            json!({ "store": at.store.to_string(), "durable": at.durable, "pending": at.pending })
        })
        .collect();
    json!({
        "document": document.name,
        "changes": document.changes,
        "bytes": document.bytes,
        "heads": document.heads,
        "remotes": remotes,
    })
}
