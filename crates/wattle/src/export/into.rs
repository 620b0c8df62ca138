//! `wattle export --into`: rules and instructions between two marks in a file.

use std::path::Path;

use serde_json::json;
use wattle_sync::Peer;

use crate::args;
use crate::failure::Failure;
use crate::files::{self, Project};
use crate::import::{self, gather};
use crate::screen::{Form, Screen, say};
use crate::session::Session;
use crate::write;

/// What an agent's file names.
const AGENTS: &str = "AGENTS.md";
/// The file of those who read that one only when it is named.
const CLAUDE: &str = "CLAUDE.md";

/// Takes in what was edited between the marks, and writes what the context says now.
pub(super) async fn run(
    session: &Session,
    args: &args::Export,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.open().await?;
    let project = Project::of(session, &peer).await;
    let mut told_files = Vec::new();
    for file in &args.into {
        let (text, taken) = take_in(session, &peer, (&project, file)).await?;
        let changed = files::write(&peer, &project, (file, text)).await?;
        let named = args.claude && name_it(file)?;
        told_files.push((file, taken, changed, named));
    }
    peer.close().await;
    if screen.form == Form::Json {
        let files = told_files.iter().map(|(file, taken, changed, named)| {
            json!({ "file": file, "taken_in": taken, "written": changed, "claude": named })
        });
        screen.json(&json!({ "files": files.collect::<Vec<_>>() }))?;
        return Ok(());
    }
    for (file, taken, changed, named) in told_files {
        let taken =
            if taken == 0 { String::new() } else { format!(", {taken} hand edits taken in") };
        let done = if changed { "written" } else { "unchanged" };
        let named = if named { ", and named in CLAUDE.md" } else { "" };
        say!(screen, "{}: {done}{taken}{named}", file.display())?;
    }
    Ok(())
}

/// What somebody has edited between the marks comes into the context first: it is never written over.
async fn take_in(
    session: &Session,
    peer: &Peer,
    (project, file): (&Project, &Path),
) -> Result<(String, usize), Failure> {
    if !file.exists() {
        return Ok((String::new(), 0));
    }
    let mut gathered = gather::alone(file, session.root())?;
    import::refuse_secrets(&gathered)?;
    let whole = gathered.texts.iter().map(|text| text.whole.clone()).collect();
    gathered.texts.iter_mut().for_each(|text| text.body.clear());
    let mut steps = import::foretell(peer, project, &gathered).await?;
    steps.other.clear();
    import::carry_out(session, peer, &mut steps).await?;
    Ok((whole, steps.all().filter(|step| !step.edits.is_empty()).count()))
}

/// Names the file in the CLAUDE.md beside it, if there is one that does not do so.
fn name_it(file: &Path) -> Result<bool, Failure> {
    let claude = file.with_file_name(CLAUDE);
    if file.file_name().is_none_or(|name| name != AGENTS) || !claude.exists() {
        return Ok(false);
    }
    let text = files::text_of(&claude)?;
    let line = format!("@{AGENTS}");
    if text.split_whitespace().any(|word| word == line) {
        return Ok(false);
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    let apart = if text.is_empty() { "" } else { end };
    write::replace(&claude, [&text, gap, apart, &line, end].concat().as_bytes())?;
    Ok(true)
}
