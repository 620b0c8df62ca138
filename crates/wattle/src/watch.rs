//! `wattle watch`: every change as it arrives.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::timeout;
use wattle_context::json::timestamp;
use wattle_context::plain::{brief, short};
use wattle_sync::{Changed, LinkId, Notice, Origin, Peer, TakenOut, Watch};

use crate::failure::Failure;
use crate::screen::{Form, Paint, Screen, say};
use crate::session::{self, Session};
use crate::signal::Stop;
use crate::time::clock;

pub(crate) mod files;

/// Prints changes until it is stopped.
pub(crate) async fn run(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let peer = session.open().await?;
    let news = peer.watch();
    if screen.form == Form::Text {
        say!(
            screen,
            "watching {}; Ctrl-C ends it",
            screen.paint.bold(&session::name(&peer).await)
        )?;
    }
    let followed = follow(&peer, news, screen, &mut stop).await;
    peer.close().await;
    followed
}

/// Prints what changes, one line each, until the process is asked to end.
///
/// `news` begins before the reader is told that it does, so that nothing falls in between.
pub(crate) async fn follow(
    peer: &Peer,
    mut news: Watch,
    screen: &mut Screen,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let mut sources = BTreeMap::new();
    loop {
        let notice = tokio::select! {
            () = stop.asked() => return Ok(()),
            notice = news.next() => notice,
        };
        match notice {
            Some(Notice::Changed(changed)) => {
                let from = source(peer, changed.origin, &mut sources).await;
                print(screen, &changed, &from)?;
            }
            Some(Notice::TakenOut(taken)) => taken_out(screen, &taken)?,
            Some(Notice::Lagged { missed }) => lagged(screen, missed)?,
            None => return Ok(()),
        }
    }
}

/// How many changes came from elsewhere and have not been told yet.
pub(crate) async fn waiting(news: &mut Watch) -> u64 {
    let mut came = 0;
    while let Ok(Some(notice)) = timeout(Duration::ZERO, news.next()).await {
        match notice {
            Notice::Changed(changed) if changed.origin == Origin::Here => {}
            Notice::Changed(_) => came += 1,
            Notice::TakenOut(_) => {}
            Notice::Lagged { missed } => came += missed,
        }
    }
    came
}

/// From where a change came, for people: a link is called by its address, or by its program.
async fn source(peer: &Peer, origin: Origin, known: &mut BTreeMap<LinkId, String>) -> String {
    let id = match origin {
        Origin::Here => return "this process".to_owned(),
        Origin::OtherProcess => return "this directory".to_owned(),
        Origin::Remote(id) => id,
    };
    if let Some(name) = known.get(&id) {
        return name.clone();
    }
    let links = peer.status().await.map(|status| status.links).unwrap_or_default();
    let link = links.into_iter().find(|link| link.link == Some(id));
    let name = link.and_then(|link| link.address.or(link.agent));
    let name = brief(&name.unwrap_or_else(|| "a link".to_owned()), 60);
    known.insert(id, name.clone());
    name
}

fn print(screen: &mut Screen, changed: &Changed, from: &str) -> Result<(), Failure> {
    match screen.form {
        Form::Json => screen.json_line(&to_json(changed, from))?,
        Form::Text => say!(screen, "{}", line(changed, from, screen.paint))?,
    }
    Ok(())
}

fn lagged(screen: &mut Screen, missed: u64) -> Result<(), Failure> {
    match screen.form {
        Form::Json => screen.json_line(&json!({ "missed": missed }))?,
        Form::Text => {
            let line = format!("{missed} changes came too fast to be printed: wattle log has them");
            say!(screen, "{}", screen.paint.yellow(&line))?;
        }
    }
    Ok(())
}

fn taken_out(screen: &mut Screen, taken: &TakenOut) -> Result<(), Failure> {
    let TakenOut { part, changes, by, key, why, .. } = taken;
    match screen.form {
        Form::Json => screen.json_line(&json!({
            "taken_out": changes, "document": part.to_string(), "by": by, "key": key, "why": why,
        }))?,
        Form::Text => {
            let line = format!("{changes} changes of {by} were taken out of {part}: {why}");
            say!(screen, "{}", screen.paint.yellow(&line))?;
        }
    }
    Ok(())
}

/// When, who, what, why, from where.
fn line(changed: &Changed, from: &str, paint: Paint) -> String {
    let by = if changed.by.is_empty() { "unknown" } else { &changed.by };
    let what = match changed.paths.as_slice() {
        [] => changed.part.to_string(),
        [path] => short(path),
        [path, others @ ..] => format!("{} and {} more", short(path), others.len()),
    };
    let why = if changed.why.is_empty() {
        String::new()
    } else {
        format!("  \u{201c}{}\u{201d}", brief(&changed.why, 60))
    };
    format!(
        "{}  {}  {what}{why}  {}",
        paint.dim(&clock(changed.time_ms)),
        paint.green(&format!("{:<8}", brief(by, 20))),
        paint.dim(&format!("from {from}"))
    )
}

fn to_json(changed: &Changed, from: &str) -> Json {
    json!({
        "change": changed.change,
        "document": changed.part.to_string(),
        "paths": changed.paths,
        "by": changed.by,
        "key": changed.key,
        "at": timestamp(changed.time_ms),
        "why": changed.why,
        "from": from,
    })
}
