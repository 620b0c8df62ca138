//! `wattle watch --files`: what is edited in files comes into the context, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::EventKind;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::{Instant, timeout, timeout_at};
use wattle_sync::{Notice, Peer, Watch};

use crate::block;
use crate::failure::Failure;
use crate::files::{self, Project};
use crate::import::{self, gather};
use crate::screen::{Form, Screen, say};
use crate::session::{self, Session};
use crate::signal::Stop;

/// What is kept equal when no file is named.
const DEFAULT: &str = "AGENTS.md";
/// An editor writes a file in several steps: it is read when it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);
/// When it never gets quiet, it is read after so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was last said of a file, so that it is not said again.
#[derive(Debug, Default)]
struct Told {
    problem: Option<String>,
    /// Whether a managed block was there: who takes it away, does not want it back.
    had_block: bool,
}

/// Keeps files and the context equal until it is stopped.
pub(crate) async fn run(
    session: &Session,
    files: Vec<PathBuf>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let files = if files.is_empty() { vec![session.root().join(DEFAULT)] } else { files };
    let peer = session.open().await?;
    let project = Project::of(session, &peer).await;
    let mut news = peer.watch();
    let (watcher, mut events) = watch(&files)?;
    let mut told: BTreeMap<PathBuf, Told> = BTreeMap::new();
    if screen.form == Form::Text {
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let name = session::name(&peer).await;
        say!(screen, "keeping {} equal with {name}; Ctrl-C ends it", names.join(", "))?;
    }
    loop {
        for file in &files {
            let told = told.entry(file.clone()).or_default();
            let equal = Equal { session, peer: &peer, project: &project, file };
            equal.make(told, screen).await?;
        }
        let stopped = tokio::select! {
            () = stop.asked() => true,
            ended = change(&mut news, &mut events) => ended,
        };
        if stopped {
            drop(watcher);
            peer.close().await;
            return Ok(());
        }
    }
}

/// Waits for a change, and until it is quiet again. Answers whether there will be no more.
async fn change(news: &mut Watch, events: &mut Receiver<()>) -> bool {
    if next(news, events).await {
        return true;
    }
    let latest = Instant::now() + PATIENCE;
    loop {
        let quiet = timeout(QUIET, next(news, events));
        match timeout_at(latest, quiet).await {
            Ok(Ok(true)) => return true,
            Ok(Ok(false)) => {}
            // Quiet, or never.
            Ok(Err(_)) | Err(_) => return false,
        }
    }
}

async fn next(news: &mut Watch, events: &mut Receiver<()>) -> bool {
    loop {
        tokio::select! {
            event = events.recv() => return event.is_none(),
            notice = news.next() => match notice {
                None => return true,
                Some(Notice::Changed(changed)) if !is_shown(&changed.part) => {}
                Some(Notice::Changed(_) | Notice::TakenOut(_) | Notice::Lagged { .. }) => return false,
            },
        }
    }
}

fn is_shown(part: &wattle_context::Part) -> bool {
    block::render::SECTIONS.iter().any(|section| *part == wattle_context::Part::Section(*section))
}

/// Watches the folders of files: an editor that replaces a file is seen, too.
fn watch(files: &[PathBuf]) -> Result<(RecommendedWatcher, Receiver<()>), Failure> {
    let (send, events) = mpsc::channel(1);
    let names: BTreeSet<_> =
        files.iter().filter_map(|file| file.file_name()).map(ToOwned::to_owned).collect();
    let ours = move |event: &Event| {
        let named = event.paths.iter().filter_map(|path| path.file_name());
        !matches!(event.kind, EventKind::Access(_))
            && named.into_iter().any(|name| names.contains(name))
    };
    let unwatched = |error| Failure::Unwatched { error };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // What cannot be told apart counts; one that waits already is enough.
        if event.map_or(true, |event| ours(&event)) {
            send.try_send(()).ok();
        }
    })
    .map_err(unwatched)?;
    let folders: BTreeSet<PathBuf> = files.iter().map(|file| folder(file)).collect();
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(unwatched)?;
    }
    Ok((watcher, events))
}

fn folder(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// One file, and what it is to be kept equal with.
struct Equal<'a> {
    session: &'a Session,
    peer: &'a Peer,
    project: &'a Project,
    file: &'a Path,
}

impl Equal<'_> {
    /// Takes in what was edited, writes what has changed, and says so. What goes wrong is said once.
    async fn make(&self, told: &mut Told, screen: &mut Screen) -> Result<(), Failure> {
        match self.both_ways(told).await {
            Ok(done) => {
                told.problem = None;
                self.done(done, screen)
            }
            // It is tried again with the change that has come meanwhile.
            Err(Failure::FileChanged { .. }) => Ok(()),
            Err(failure) => {
                let problem = failure.to_string();
                if told.problem.as_ref() != Some(&problem) {
                    self.problem(&problem, screen)?;
                }
                told.problem = Some(problem);
                Ok(())
            }
        }
    }

    /// How many edits were taken in, and whether the file was written.
    async fn both_ways(&self, told: &mut Told) -> Result<(usize, bool), Failure> {
        let (mut taken, mut text) = (0, String::new());
        let mut has_block = false;
        if self.file.exists() {
            let gathered = gather::alone(self.file, self.session.root())?;
            import::refuse_secrets(&gathered)?;
            text = gathered.texts.iter().map(|text| text.whole.as_str()).collect();
            has_block = gathered.texts.iter().any(|text| text.has_block);
            let mut steps = import::foretell(self.peer, self.project, &gathered).await?;
            if steps.write_something() {
                import::carry_out(self.session, self.peer, &mut steps).await?;
                taken = steps.all().filter(|step| !step.edits.is_empty()).count();
            }
        }
        if told.had_block && !has_block {
            let file = self.file.to_owned();
            return Err(Failure::NoBlock { file });
        }
        let written = files::write(self.peer, self.project, (self.file, text)).await?;
        told.had_block = true;
        Ok((taken, written))
    }

    fn done(&self, (taken, written): (usize, bool), screen: &mut Screen) -> Result<(), Failure> {
        if taken == 0 && !written {
            return Ok(());
        }
        let file = self.file.display();
        match screen.form {
            Form::Json => screen.json_line(
                &json!({ "file": file.to_string(), "taken_in": taken, "written": written }),
            )?,
            Form::Text => {
                let edits =
                    if taken == 0 { String::new() } else { format!(", {taken} edits taken in") };
                let what = if written { "written" } else { "read" };
                say!(screen, "{file}: {what}{edits}")?;
            }
        }
        Ok(())
    }

    fn problem(&self, problem: &str, screen: &mut Screen) -> Result<(), Failure> {
        let file = self.file.display();
        match screen.form {
            Form::Json => {
                screen.json_line(&json!({ "file": file.to_string(), "problem": problem }))?;
            }
            Form::Text => say!(screen, "{}", screen.paint.yellow(problem))?,
        }
        Ok(())
    }
}
