//! `wattle import`.

use std::io::{self, BufRead, IsTerminal, Write};

use wattle_context::limits::EDITS_MAX;
use wattle_context::{Answer, Edit, Op};
use wattle_sync::{Parts, Peer};

use crate::args;
use crate::failure::Failure;
use crate::files::{self, Project};
use crate::run;
use crate::screen::{Form, Screen, say};
use crate::session::Session;

pub(crate) mod context;
mod front;
pub(crate) mod full;
pub(crate) mod gather;
pub(crate) mod hand;
mod includes;
mod kind;
pub(crate) mod known;
pub(crate) mod likeness;
mod markdown;
mod memory;
pub(crate) mod plan;
pub(crate) mod proposal;
mod report;
mod words;

use gather::{Gathered, Note};
use kind::FileKind;
use plan::{Fate, Step};
use report::{Report, Run};

/// The program that stands in the history of what is imported; the next import is based on its last change.
pub(crate) const CLIENT: &str = "wattle import";
/// What stands in the history as the reason.
pub(crate) const WHY: &str = "import";

/// What is to be done: hand edits of managed blocks, and everything else.
#[derive(Debug)]
pub(crate) struct Steps {
    /// Each with how it landed, when it was done.
    pub(crate) hand: Vec<(Step, Option<Answer>)>,
    /// The same.
    pub(crate) other: Vec<(Step, Option<Answer>)>,
}

/// Takes files in, and says what became of each passage.
pub(crate) async fn run(
    session: &Session,
    args: args::Import,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let gathered = gather::gather(&args.files, session.root())?;
    refuse_secrets(&gathered)?;
    let peer = session.open().await?;
    let project = Project::of(session, &peer).await;
    let mut steps = foretell(&peer, &project, &gathered).await?;
    let refused = gathered.binary.len() + steps.all().filter(|step| step.is_refused()).count();
    let report = |how| Report { how, notes: &gathered.notes, binary: &gathered.binary };
    if !args.yes {
        let may_ask = !args.dry_run && screen.form == Form::Text && steps.write_something();
        if !may_ask || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            report(Run::Dry).tell(screen, &steps)?;
            if screen.form == Form::Text && !args.dry_run && steps.write_something() {
                say!(screen, "nothing was written: --yes does it")?;
            }
            return ended(refused);
        }
        report(Run::Dry).tell(screen, &steps)?;
        if !agreed()? {
            return ended(refused);
        }
    }
    carry_out(session, &peer, &mut steps).await?;
    for text in gathered.texts.iter().filter(|text| text.has_block) {
        files::write(&peer, &project, (&text.file, text.whole.clone())).await?;
    }
    peer.close().await;
    if args.yes {
        report(Run::Real).tell(screen, &steps)?;
    } else {
        say!(screen, "done")?;
    }
    ended(refused)
}

/// What would become of files.
pub(crate) async fn foretell(
    peer: &Peer,
    project: &Project,
    gathered: &Gathered,
) -> Result<Steps, Failure> {
    let (texts, project) = (gathered.texts.clone(), project.clone());
    let plan = move |here: &mut wattle_context::Context| -> Result<Steps, Failure> {
        let mut hand = Vec::new();
        for text in texts.iter().filter(|text| text.has_block) {
            hand.extend(files::hand_edits(here, &project, (&text.file, &text.whole))?);
        }
        let proposals: Vec<_> =
            texts.iter().map(|text| (text.source.clone(), proposal::of(text))).collect();
        // First, because their ids are given.
        let mut other = Vec::new();
        for text in texts.iter().filter(|text| text.kind == FileKind::Context) {
            other.extend(context::steps(here, text)?);
        }
        other.extend(plan::plan(here, &proposals));
        let open = |steps: Vec<Step>| steps.into_iter().map(|step| (step, None)).collect();
        Ok(Steps { hand: open(hand), other: open(other) })
    };
    peer.view(Parts::All, plan).await?
}

/// Does what was foretold: hand edits first, under the name of the command with which people edit.
pub(crate) async fn carry_out(
    session: &Session,
    peer: &Peer,
    steps: &mut Steps,
) -> Result<(), Failure> {
    if steps.hand.iter().any(|(step, _)| !step.edits.is_empty()) {
        let own = session.with_client(run::CLIENT).open().await?;
        write(&own, &mut steps.hand).await?;
        own.close().await;
    }
    write(peer, &mut steps.other).await?;
    stand_side_by_side(session, peer, &steps.other).await
}

/// Writes values so that none of them replaces another: each by a writer of its own, as of one version.
async fn stand_side_by_side(
    session: &Session,
    peer: &Peer,
    steps: &[(Step, Option<Answer>)],
) -> Result<(), Failure> {
    let rivals: Vec<_> = steps.iter().flat_map(|(step, _)| &step.rivals).collect();
    let most = rivals.iter().map(|rival| rival.values.len()).max().unwrap_or_default();
    let base = peer.view(Parts::All, |context| context.version()).await?;
    for turn in 0..most {
        let edits = rivals.iter().filter_map(|rival| {
            let value = rival.values.get(turn)?.clone();
            Some(plan::edit(Op::Set, &rival.path, value, Some(base.clone())))
        });
        let edits: Vec<Edit> = edits.collect();
        let writer = session.open().await?;
        for batch in edits.chunks(EDITS_MAX) {
            writer.edit(batch.to_vec(), WHY).await?;
        }
        writer.close().await;
    }
    Ok(())
}

async fn write(peer: &Peer, steps: &mut [(Step, Option<Answer>)]) -> Result<(), Failure> {
    let edits: Vec<(usize, Edit)> = steps
        .iter()
        .enumerate()
        .flat_map(|(index, (step, _))| step.edits.iter().map(move |edit| (index, edit.clone())))
        .collect();
    let ids: Vec<_> = steps.iter().filter_map(|(step, _)| step.new_id).collect();
    let mut ids = ids.into_iter();
    // One transaction, as long as one can hold it.
    for batch in edits.chunks(EDITS_MAX) {
        let adds = batch.iter().filter(|(_, edit)| edit.op == Op::Add).count();
        let ids = ids.by_ref().take(adds).collect();
        let edits = batch.iter().map(|(_, edit)| edit.clone()).collect();
        let edited = peer.edit_with_ids(edits, ids, WHY).await?;
        for ((index, _), answer) in batch.iter().zip(edited.answers) {
            if let Some((_, place)) = steps.get_mut(*index) {
                // The first edit of an item says most: it is that of its text.
                place.get_or_insert(answer);
            }
        }
    }
    Ok(())
}

fn agreed() -> Result<bool, Failure> {
    write!(io::stderr(), "take this in? [y/N] ")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| Failure::Input { error })?;
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}

pub(crate) fn refuse_secrets(gathered: &Gathered) -> Result<(), Failure> {
    let told = |Note { source, line, what }: &Note| format!("{source}:{line} holds {what}");
    match gathered.secrets.as_slice() {
        [] => Ok(()),
        found => Err(Failure::Secrets { found: found.iter().map(told).collect() }),
    }
}

fn ended(refused: usize) -> Result<(), Failure> {
    if refused == 0 { Ok(()) } else { Err(Failure::NotImported { files: refused }) }
}

impl Steps {
    /// All of them, in the order in which they are told.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Step> {
        self.hand.iter().chain(&self.other).map(|(step, _)| step)
    }

    /// Whether anything is to be written.
    pub(crate) fn write_something(&self) -> bool {
        self.all().any(|step| !step.edits.is_empty())
    }
}

impl Step {
    fn is_refused(&self) -> bool {
        matches!(self.fate, Fate::Refused { .. })
    }
}
