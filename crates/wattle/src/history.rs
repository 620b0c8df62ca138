//! `wattle log` and `wattle diff`.

use serde_json::{Value as Json, json};
use wattle_context::LogFilter;
use wattle_context::history::LogEntry;
use wattle_context::json::{difference_to_json, log_entry_to_json};
use wattle_context::plain::ago;
use wattle_sync::Parts;
use wattle_sync::clock::now_ms;

use crate::args;
use crate::failure::Failure;
use crate::render;
use crate::screen::{Form, Screen, say};
use crate::session::{self, Session};
use crate::version;
use crate::who::Roll;

/// Prints who changed what, newest first.
pub(crate) async fn log(
    session: &Session,
    args: args::Log,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.open().await?;
    let limit = args.number;
    let mut entries = match args.path {
        None => {
            peer.view(Parts::All, move |context| {
                context.log(&LogFilter { limit, ..LogFilter::default() })
            })
            .await?
        }
        Some(path) => {
            let (path, parts) = session::locate(&peer, &path, None).await?;
            let (section, item, field) = (Some(path.section), path.item, path.field);
            let filter = LogFilter { section, item, field, limit };
            peer.view(Parts::These(parts), move |context| context.log(&filter)).await?
        }
    };
    let roll = Roll::of(&peer).await?;
    if screen.form == Form::Json {
        let list: Vec<_> = entries.iter().map(|entry| entry_to_json(&roll, entry)).collect();
        screen.json(&json!({ "log": list }))?;
        return Ok(());
    }
    let now = now_ms();
    for entry in &mut entries {
        if let Ok(key) = entry.key.parse() {
            entry.by = roll.signed(&entry.by, &key);
        }
        let line = render::log_entry(entry, &ago(entry.time_ms, now), screen.paint);
        say!(screen, "{line}")?;
    }
    if entries.is_empty() {
        say!(screen, "nothing has been changed yet")?;
    }
    Ok(())
}

/// An entry, with what its author is and for whom it works.
fn entry_to_json(roll: &Roll, entry: &LogEntry) -> Json {
    let mut json = log_entry_to_json(entry);
    if let (Some(object), Ok(key)) = (json.as_object_mut(), entry.key.parse()) {
        roll.describe(&key, object);
    }
    json
}

/// Prints what changed between two versions.
pub(crate) async fn diff(
    session: &Session,
    args: args::Diff,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.open().await?;
    let differences = peer
        .view(Parts::All, move |context| {
            let from = version::spelled_out(context, &args.from)?;
            let to = match &args.to {
                Some(to) => version::spelled_out(context, to)?,
                None => version::now(context, &from),
            };
            context.diff(&from, &to).map_err(Failure::from)
        })
        .await??;
    if screen.form == Form::Json {
        let list: Vec<_> = differences.iter().map(difference_to_json).collect();
        screen.json(&json!({ "differences": list }))?;
        return Ok(());
    }
    for difference in &differences {
        render::difference(screen, difference)?;
    }
    if differences.is_empty() {
        say!(screen, "nothing differs")?;
    }
    Ok(())
}
