//! `wattle log` and `wattle diff`.

use serde_json::json;
use wattle_context::LogFilter;
use wattle_context::json::{difference_to_json, log_entry_to_json};
use wattle_sync::Parts;

use crate::args;
use crate::failure::Failure;
use crate::render;
use crate::screen::{Form, Screen, say};
use crate::session::{self, Session};
use crate::time::{ago, now_ms};
use crate::version;

/// Prints who changed what, newest first.
pub(crate) async fn log(
    session: &Session,
    args: args::Log,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.open().await?;
    let limit = args.number;
    let entries = match args.path {
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
    if screen.form == Form::Json {
        let list: Vec<_> = entries.iter().map(log_entry_to_json).collect();
        screen.json(&json!({ "log": list }))?;
        return Ok(());
    }
    let now = now_ms();
    for entry in &entries {
        let line = render::log_entry(entry, &ago(entry.time_ms, now), screen.paint);
        say!(screen, "{line}")?;
    }
    if entries.is_empty() {
        say!(screen, "nothing has been changed yet")?;
    }
    Ok(())
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
