//! The history: who changed what, when and why.

use wattle_context::plain::{cut, short};
use wattle_context::{LogEntry, LogFilter};
use wattle_sync::{Heads, Parts};

use super::{foot, located, parts_of};
use crate::desk::{Opened, Scene};
use crate::limits::HISTORY_ENTRIES_MAX;
use crate::page::Page;
use crate::trouble::Trouble;
use crate::who::Written;

/// Shows the history of paths, or of everything, newest first.
pub(crate) async fn run(
    desk: &Opened,
    (paths, max_tokens): (&[String], Option<usize>),
    heads: Heads,
) -> Result<String, Trouble> {
    let places = located(desk, paths).await?;
    let parts = if places.is_empty() { Parts::All } else { parts_of(&places) };
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(max_tokens);
        let limit = Some(HISTORY_ENTRIES_MAX);
        if places.is_empty() {
            let log = scene.context.log(&LogFilter { limit, ..LogFilter::default() });
            entries(scene, ("# history".to_owned(), log), &mut page);
        }
        let several = places.len();
        for (index, place) in places.iter().enumerate() {
            let path = place.path.clone();
            let heading = format!("# history of {}", short(&path.to_string()));
            let (section, item, field) = (Some(path.section), path.item, path.field);
            let log = scene.context.log(&LogFilter { section, item, field, limit });
            let mut part = page.part(several - index);
            entries(scene, (heading, log), &mut part);
            page.put(&part);
        }
        page.end(&foot(scene, &heads))
    };
    desk.view(parts, read).await
}

fn entries(scene: Scene<'_>, (heading, log): (String, Vec<LogEntry>), page: &mut Page) {
    let line = |entry: LogEntry| {
        let change = cut(&entry.change, 17);
        let paths: Vec<String> = entry.paths.iter().take(4).map(|path| short(path)).collect();
        let more = entry.paths.len().saturating_sub(paths.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let paths = format!("{}{more}", paths.join(", "));
        format!(
            "- {} {paths} — {}",
            change.trim_end_matches('…'),
            Written::of(entry, 0).signed(scene.now_ms)
        )
    };
    let lines: Vec<String> = log.into_iter().map(line).collect();
    if lines.is_empty() {
        page.line(&format!("{heading}\n(nothing was changed yet)"));
    }
    page.block(&heading, &lines, "name a path, or call with a larger max_tokens");
}
