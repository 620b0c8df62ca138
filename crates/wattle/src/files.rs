//! Files that mirror the context: their managed blocks, read and written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wattle_context::{Context, ItemId, Section};
use wattle_sync::{Parts, Peer};

use crate::block::base::Bases;
use crate::block::render::{Rendered, render};
use crate::block::{self, Mark, Split};
use crate::failure::Failure;
use crate::import::plan::Step;
use crate::import::{gather, hand, known, likeness, proposal};
use crate::session::{self, Session};
use crate::write;

/// Where files and context are, and what the context is called.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// The folder that holds the files.
    pub(crate) root: PathBuf,
    /// The context's own folder.
    pub(crate) directory: PathBuf,
    /// The context's id.
    pub(crate) context: String,
    /// Its name.
    pub(crate) name: String,
}

/// A file, what is to stand in it, and what that is.
struct Draft {
    file: PathBuf,
    source: String,
    /// What stood there when the draft was made.
    old: String,
    new: String,
    rendered: Rendered,
}

impl Project {
    /// The project of a session.
    pub(crate) async fn of(session: &Session, peer: &Peer) -> Self {
        Self {
            root: session.root().to_owned(),
            directory: session.directory().to_owned(),
            context: peer.context_id().to_string(),
            name: session::name(peer).await,
        }
    }
}

/// Writes the block of a file of which this text has been taken in. Answers whether that changed it.
pub(crate) async fn write(
    peer: &Peer,
    project: &Project,
    (file, taken): (&Path, String),
) -> Result<bool, Failure> {
    let (file, project_then) = (file.to_owned(), project.clone());
    let make = move |context: &mut Context| draft(context, &project_then, (file, taken));
    let draft = peer.view(Parts::All, make).await??;
    // What somebody has written since is not taken in. Between this look and the write nothing waits.
    if text_of(&draft.file)? != draft.old {
        return Err(Failure::FileChanged { file: draft.file });
    }
    if draft.new != draft.old {
        write::replace(&draft.file, draft.new.as_bytes())?;
    }
    Bases::read(&project.directory).put(&draft.source, &draft.rendered)?;
    Ok(draft.new != draft.old)
}

/// What was edited by hand between the marks of a file with this text, as steps.
pub(crate) fn hand_edits(
    context: &Context,
    project: &Project,
    (file, text): (&Path, &str),
) -> Result<Vec<Step>, Failure> {
    let Some(split) = split(text, project, file)? else { return Ok(Vec::new()) };
    if block::hash(&split.inner) == split.mark.hash {
        return Ok(Vec::new());
    }
    let source = gather::source(file, &project.root);
    let base = base(context, project, (file, &source, &split))?;
    hand::steps(context, (file, &source, split.line), &base, &split.inner)
}

/// What was written between the marks: as it is remembered, or as that version gives it again.
fn base(
    context: &Context,
    project: &Project,
    (file, source, split): (&Path, &str, &Split<'_>),
) -> Result<Rendered, Failure> {
    if let Some(base) = Bases::read(&project.directory).get(source, &split.mark) {
        return Ok(base.clone());
    }
    let unknown = || Failure::UnknownBase { file: file.to_owned(), line: split.line };
    let past = context.at(&split.mark.version).map_err(|_| unknown())?;
    let elsewhere = elsewhere(&past, project, (file, &split.outside()))?;
    let again = render(&past, &project.name, &elsewhere);
    if block::hash(&again.inner) == split.mark.hash { Ok(again) } else { Err(unknown()) }
}

fn draft(
    context: &Context,
    project: &Project,
    (file, old): (PathBuf, String),
) -> Result<Draft, Failure> {
    let source = gather::source(&file, &project.root);
    let split = split(&old, project, &file)?;
    let outside = split.as_ref().map_or_else(|| old.clone(), Split::outside);
    let elsewhere = elsewhere(context, project, (&file, &outside))?;
    let rendered = render(context, &project.name, &elsewhere);
    // What reads the same stays as it is, with the version that it was made from.
    if let Some(split) = split.filter(|split| split.inner == rendered.inner) {
        let version = split.mark.version.clone();
        let known = block::hash(&split.inner) == split.mark.hash && context.at(&version).is_ok();
        if known {
            let rendered = Rendered { version, ..rendered };
            return Ok(Draft { file, source, new: old.clone(), old, rendered });
        }
    }
    let mark = Mark::new(&project.context, &rendered.version, &rendered.inner);
    let new = block::with(&old, &mark, &rendered.inner);
    let new = new.map_err(|error| Failure::Block { file: file.clone(), error })?;
    Ok(Draft { file, source, old, new, rendered })
}

/// The items that the file says outside of its block, in the words of the context.
fn elsewhere(
    context: &Context,
    project: &Project,
    (file, outside): (&Path, &str),
) -> Result<BTreeSet<ItemId>, Failure> {
    let text = gather::text(file.to_owned(), outside.to_owned(), &project.root)?;
    let proposals = proposal::of(&text);
    let mut items = BTreeSet::new();
    for section in [Section::Instructions, Section::Rules] {
        let own: Vec<_> = proposals.iter().filter(|own| own.section == section).collect();
        let known = known::items(context, section);
        let known: Vec<_> = known.iter().filter(|known| known.is_from(&text.source)).collect();
        for at in likeness::pairs(&known, &own).into_iter().flatten() {
            let said = |known: &&&known::Known| {
                let now = known.now.as_ref();
                now.is_some_and(|now| {
                    likeness::SAID
                        .iter()
                        .all(|name| known::text(now, name) == known::text(&known.then, name))
                })
            };
            items.extend(known.get(at).filter(said).map(|known| known.item));
        }
        for (item, fields) in known::all(context, section) {
            let same = |own: &&&proposal::Proposal| {
                likeness::SAID.iter().all(|name| known::text(&fields, name) == own.text(name))
            };
            if own.iter().any(|own| same(&own)) {
                items.insert(item);
            }
        }
    }
    Ok(items)
}

fn split<'a>(text: &'a str, project: &Project, file: &Path) -> Result<Option<Split<'a>>, Failure> {
    let split = block::split(text);
    let split = split.map_err(|error| Failure::Block { file: file.to_owned(), error })?;
    if let Some(split) = &split
        && !project.context.starts_with(&split.mark.context)
    {
        let (file, context) = (file.to_owned(), split.mark.context.clone());
        return Err(Failure::ForeignBlock { file, line: split.line, context });
    }
    Ok(split)
}

/// A file's text; empty if there is none yet.
pub(crate) fn text_of(file: &Path) -> Result<String, Failure> {
    match fs::read(file) {
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_| Failure::NotText { file: file.to_owned() })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::Unreadable { file: file.to_owned(), error }),
    }
}
