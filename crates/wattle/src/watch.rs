//! `wattle watch`: every change as it arrives.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::timeout;
use wattle_context::json::timestamp;
use wattle_sync::{Changed, Notice, Origin, Peer, Watch};

use crate::failure::Failure;
use crate::render::short;
use crate::screen::{Form, Paint, Screen, brief, say};
use crate::session::{self, Session};
use crate::signal::Stop;
use crate::time::clock;

/// Prints changes until it is stopped.
pub(crate) async fn run(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let peer = session.open().await?;
    if screen.form == Form::Text {
        say!(
            screen,
            "watching {}; Ctrl-C ends it",
            screen.paint.bold(&session::name(&peer).await)
        )?;
    }
    let followed = follow(&peer, screen, &mut stop).await;
    peer.close().await;
    followed
}

/// Prints what changes, one line each, until the process is asked to end.
pub(crate) async fn follow(
    peer: &Peer,
    screen: &mut Screen,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let mut news = peer.watch();
    loop {
        let notice = tokio::select! {
            () = stop.asked() => return Ok(()),
            notice = news.next() => notice,
        };
        match notice {
            Some(Notice::Changed(changed)) => print(screen, &changed)?,
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
            Notice::Lagged { missed } => came += missed,
        }
    }
    came
}

fn print(screen: &mut Screen, changed: &Changed) -> Result<(), Failure> {
    match screen.form {
        Form::Json => screen.json_line(&to_json(changed))?,
        Form::Text => say!(screen, "{}", line(changed, screen.paint))?,
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

/// When, who, what, why, from where.
pub(crate) fn line(changed: &Changed, paint: Paint) -> String {
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
        paint.dim(from(changed.origin))
    )
}

fn to_json(changed: &Changed) -> Json {
    json!({
        "change": changed.change,
        "document": changed.part.to_string(),
        "paths": changed.paths,
        "by": changed.by,
        "key": changed.key,
        "at": timestamp(changed.time_ms),
        "why": changed.why,
        "from": from(changed.origin),
    })
}

fn from(origin: Origin) -> &'static str {
    match origin {
        Origin::Here => "here",
        Origin::OtherProcess => "this machine",
        Origin::Remote(_) => "a link",
    }
}
