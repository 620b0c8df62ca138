//! `wattle sync`.

use std::time::Duration;

use serde_json::json;

use crate::args;
use crate::failure::Failure;
use crate::screen::{Form, Progress, Screen, say};
use crate::session::Session;
use crate::signal::Stop;
use crate::watch;

/// Exchanges changes once, or until it is stopped.
pub(crate) async fn run(
    session: &Session,
    args: args::Sync,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if args.once { once(session, args.timeout, screen).await } else { stay(session, screen).await }
}

async fn once(session: &Session, timeout_s: u64, screen: &mut Screen) -> Result<(), Failure> {
    let peer = session.online(Vec::new()).await?;
    let mut news = peer.watch();
    let mut progress = Progress::new();
    progress.show("exchanging changes");
    let settled = peer.settled(Duration::from_secs(timeout_s)).await;
    drop(progress);
    settled?;
    let came = watch::waiting(&mut news).await;
    if screen.form == Form::Json {
        screen.json(&json!({ "in_sync": true, "received": came }))?;
    } else {
        let came = match came {
            0 => "nothing new".to_owned(),
            1 => "1 change came".to_owned(),
            came => format!("{came} changes came"),
        };
        say!(
            screen,
            "{}: {came}, everything here is durable there",
            screen.paint.green("in sync")
        )?;
    }
    peer.close().await;
    Ok(())
}

async fn stay(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let peer = session.online(Vec::new()).await?;
    let news = peer.watch();
    if screen.form == Form::Text {
        say!(screen, "connected as {}; Ctrl-C ends it", peer.key())?;
    }
    let followed = watch::follow(&peer, news, screen, &mut stop).await;
    peer.close().await;
    followed
}
