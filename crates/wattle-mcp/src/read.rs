//! `context_read`.

mod history;
mod paths;
mod search;

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wattle_context::Part;
use wattle_sync::{Heads, Notice, Origin, Parts};

use crate::args::{Read, View};
use crate::brief;
use crate::cursor::Cursor;
use crate::desk::{Opened, Scene};
use crate::limits::{PATHS_MAX, WAIT_MAX};
use crate::news;
use crate::page::Page;
use crate::show;
use crate::task;
use crate::trouble::Trouble;

pub(crate) use paths::{Place, located};

/// Reads what was asked for; `gone` ends a wait.
pub(crate) async fn run(
    desk: &Opened,
    args: Read,
    gone: impl Future<Output = ()>,
) -> Result<String, Trouble> {
    check(&args)?;
    if let Some(since) = &args.since {
        let cursor =
            Cursor::parse(since).ok_or_else(|| Trouble::Cursor { given: since.clone() })?;
        return changes(desk, (&args, cursor), gone).await;
    }
    let heads = desk.peer.heads().await?;
    let paths = args.paths.clone().unwrap_or_default();
    match (args.view.unwrap_or_default(), args.query.clone()) {
        (_, Some(query)) => search::run(desk, (query, args.max_tokens), heads).await,
        (View::Conflicts, None) => conflicts(desk, args.max_tokens, heads).await,
        (View::History, None) => history::run(desk, (&paths, args.max_tokens), heads).await,
        (View::Brief, None) if paths.is_empty() => briefed(desk, args.max_tokens, heads).await,
        (view @ (View::Brief | View::Full), None) => {
            paths::run(desk, (&paths, view, args.max_tokens), heads).await
        }
    }
}

fn check(args: &Read) -> Result<(), Trouble> {
    let wrong = |problem: &str| Err(Trouble::Argument { problem: problem.to_owned() });
    if args.wait_s.is_some_and(|wait| wait > 0) && args.since.is_none() {
        return wrong("wait_s needs since: the cursor of an earlier answer");
    }
    if args.paths.as_ref().is_some_and(|paths| paths.len() > PATHS_MAX) {
        return wrong("too many paths in one call; at most 50");
    }
    if args.query.as_ref().is_some_and(|query| query.trim().is_empty()) {
        return wrong("query is empty");
    }
    Ok(())
}

/// The brief.
pub(crate) async fn briefed(
    desk: &Opened,
    max_tokens: Option<usize>,
    heads: Heads,
) -> Result<String, Trouble> {
    let name = desk.name.clone();
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(max_tokens);
        brief::write(scene, &name, &mut page);
        page.end(&foot(scene, &heads))
    };
    desk.view(Parts::Sections, read).await
}

/// All open conflicts.
pub(crate) async fn conflicts(
    desk: &Opened,
    max_tokens: Option<usize>,
    heads: Heads,
) -> Result<String, Trouble> {
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(max_tokens);
        let open = show::conflicts(scene.context);
        let shown: Vec<String> =
            open.iter().map(|conflict| show::conflict(scene, conflict)).collect();
        if open.is_empty() {
            page.line("No conflict is open.");
        }
        let heading = "Settle each with context_resolve; read all its versions first.";
        page.block(heading, &shown, "settle these first, or call with a larger max_tokens");
        page.end(&foot(scene, &heads))
    };
    desk.view(Parts::Sections, read).await
}

/// What others changed since a cursor; waits for it, if asked to.
async fn changes(
    desk: &Opened,
    (args, since): (&Read, Cursor),
    gone: impl Future<Output = ()>,
) -> Result<String, Trouble> {
    let wait = Duration::from_secs(args.wait_s.unwrap_or_default()).min(WAIT_MAX);
    let until = Instant::now() + wait;
    let paths: Vec<_> = located(desk, args.paths.as_deref().unwrap_or_default()).await?;
    let mut news = desk.peer.watch();
    tokio::pin!(gone);
    loop {
        let (told, text) = look(desk, (args.max_tokens, &paths), &since).await?;
        if told || wait.is_zero() {
            return Ok(text);
        }
        let others = async {
            // What this process writes is no news to its caller.
            while let Some(notice) = news.next().await {
                if !matches!(&notice, Notice::Changed(changed) if changed.origin == Origin::Here) {
                    return;
                }
            }
        };
        tokio::select! {
            () = &mut gone => return Err(Trouble::Cancelled),
            waited = timeout_at(until, others) => if waited.is_err() { return Ok(text) },
        }
    }
}

/// What is new now; whether there is anything, and the answer.
async fn look(
    desk: &Opened,
    (max_tokens, paths): (Option<usize>, &[Place]),
    since: &Cursor,
) -> Result<(bool, String), Trouble> {
    let heads = desk.peer.heads().await?;
    let (since, parts) = (since.clone(), news::parts(since, &heads));
    let paths: Vec<_> = paths.iter().map(|place| place.path.clone()).collect();
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(max_tokens);
        let mut news = news::since(scene, &since, &heads)?;
        news.retain(|news| news.concerns(&paths));
        let lines: Vec<String> = news.iter().map(|news| news.line(scene)).collect();
        let heading = "Changed by others since your cursor:";
        page.block(heading, &lines, "context_read of what you work on");
        if lines.is_empty() {
            page.line("Nothing was changed by others since your cursor.");
        }
        Ok((!lines.is_empty(), page.end(&foot(scene, &heads))))
    };
    desk.view(parts, read).await?
}

/// What ends every answer: claims that this agent has lost, and the cursor.
pub(crate) fn foot(scene: Scene<'_>, heads: &Heads) -> Vec<String> {
    let cursor = Cursor::now(scene.context, heads, scene.now_ms);
    let lost = task::lost_claims(scene).into_iter();
    lost.chain([format!("cursor: {cursor}")]).collect()
}

/// The sections, and the bodies of these places.
pub(crate) fn parts_of(places: &[Place]) -> Parts {
    let sections = wattle_context::Section::ALL.into_iter().map(Part::Section);
    let bodies = places.iter().filter_map(Place::body);
    Parts::These(sections.chain(bodies).collect())
}
