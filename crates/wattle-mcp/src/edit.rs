//! `context_edit`.

use std::collections::BTreeSet;

use wattle_context::json::edits_from_json;
use wattle_context::plain::{brief, short, touches};
use wattle_context::{Answer, Conflict, Edit, Landed, Op, Part, Path, Section};
use wattle_sync::Parts;

use crate::args;
use crate::desk::{Opened, Scene};
use crate::news::{self, News};
use crate::page::Page;
use crate::read::foot;
use crate::show;
use crate::text::{WHY_CHARS, quoted};
use crate::trouble::Trouble;
use crate::who::{Authors, Me, own_words};

/// Who else wrote.
const BY_CHARS: usize = 40;

/// Sections that bind others: who edits there says what they had read.
const GUARDED: [Section; 3] = [Section::Rules, Section::Tools, Section::People];

/// Makes the edits, and says how they met what others did.
pub(crate) async fn run(desk: &Opened, args: args::Edit) -> Result<String, Trouble> {
    let edits = edits_from_json(&args.ops.to_string())?;
    let wrong = |problem: &str| Err(Trouble::Argument { problem: problem.to_owned() });
    if edits.is_empty() {
        return wrong("ops is empty");
    }
    if args.why.trim().is_empty() {
        return wrong("why is empty: one line for those who read the history");
    }
    let unread: Vec<Edit> = edits.iter().filter(|edit| is_unread(edit)).cloned().collect();
    if !unread.is_empty() {
        let shown = desk.view(Parts::Sections, move |scene| to_read(scene, &unread)).await?;
        return Err(Trouble::Unread { shown });
    }
    let ops: Vec<Op> = edits.iter().map(|edit| edit.op).collect();
    let bases = bases(&edits);
    let answers = desk.peer.edit(edits, &own_words(&args.why)).await?.answers;
    told(desk, (ops, answers), bases).await
}

/// How edits landed, the conflicts that are open now, and what others changed since the bases.
pub(crate) async fn told(
    desk: &Opened,
    (ops, answers): (Vec<Op>, Vec<Answer>),
    bases: Vec<(String, String)>,
) -> Result<String, Trouble> {
    let heads = desk.peer.heads().await?;
    let based: BTreeSet<Part> = bases.iter().filter_map(|(path, _)| body_of(path)).collect();
    let sections = Section::ALL.into_iter().map(Part::Section);
    let parts = Parts::These(sections.chain(based).collect());
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(None);
        let lines: Vec<String> =
            ops.iter().zip(&answers).flat_map(|(op, answer)| landing(scene, *op, answer)).collect();
        page.block("Durable here:", &lines, "context_read shows what they are now");
        for conflict in conflicts(&answers) {
            page.line(&show::conflict(scene, conflict));
        }
        let news = news::named(&since(scene, &bases)).into_iter();
        page.end(&news.chain(foot(scene, &heads)).collect::<Vec<_>>())
    };
    desk.view(parts, read).await
}

/// Whether an edit changes what binds others without saying what its author had read.
fn is_unread(edit: &Edit) -> bool {
    let section = section_of(&edit.path);
    let adds = edit.op == Op::Add && !edit.path.contains('/');
    let guarded = section.is_some_and(|section| GUARDED.contains(&section));
    guarded && !adds && edit.base.is_none()
}

fn section_of(path: &str) -> Option<Section> {
    path.trim_start_matches("policies/").split('/').next()?.parse().ok()
}

/// What stands where edits would have written.
fn to_read(scene: Scene<'_>, edits: &[Edit]) -> String {
    let mut page = Page::new(None);
    let mut seen = BTreeSet::new();
    for edit in edits {
        let Ok(path) = scene.context.locate(&edit.path) else {
            page.line(&format!("{}: names nothing", brief(&edit.path, 100)));
            continue;
        };
        let item = Path { field: None, rest: Vec::new(), ..path.clone() };
        if !seen.insert(item.clone()) {
            continue;
        }
        if let Some(view) = scene.context.item(&item) {
            let authors = Authors::of(scene, path.section);
            page.line(&show::item(scene, &view, &authors).join("\n"));
        } else {
            let version = scene.context.section(path.section).version;
            page.line(&format!("{} · v {version}", path.section));
        }
    }
    page.end(&[])
}

/// Which versions edits were based on, by the paths as they were given.
fn bases(edits: &[Edit]) -> Vec<(String, String)> {
    let based = edits.iter().filter_map(|edit| Some((edit.path.clone(), edit.base.clone()?)));
    based.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The body that a path with a full id names.
fn body_of(path: &str) -> Option<Part> {
    let mut parts = path.split('/').skip(1);
    let (item, field) = (parts.next()?, parts.next()?);
    (field == "body" && section_of(path) == Some(Section::Documents))
        .then(|| item.parse().ok().map(Part::Body))?
}

/// What others changed since the bases, each place once.
fn since(scene: Scene<'_>, bases: &[(String, String)]) -> Vec<News> {
    let mut news: Vec<News> = Vec::new();
    let documents: BTreeSet<(Part, &str)> = bases
        .iter()
        .filter_map(|(path, base)| {
            let part = body_of(path).or_else(|| section_of(path).map(Part::Section))?;
            Some((part, token(part, base)?))
        })
        .collect();
    for based in documents {
        for new in others(scene, based, scene.me) {
            if !news.iter().any(|known| known.path == new.path) {
                news.push(new);
            }
        }
    }
    news
}

fn others(scene: Scene<'_>, based: (Part, &str), me: &Me) -> Vec<News> {
    news::since_base(scene.context, based, me)
}

/// The token of one document in the version of a context, or the token itself.
fn token(part: Part, version: &str) -> Option<&str> {
    if !version.contains(':') {
        return Some(version);
    }
    let name = part.to_string();
    let mut tokens = version.split(';').filter_map(|entry| entry.split_once(':'));
    tokens.find(|(of, _)| *of == name).map(|(_, token)| token)
}

/// One edit: what was done where, how it met what others did, and what it replaced unseen.
fn landing(scene: Scene<'_>, op: Op, answer: &Answer) -> Vec<String> {
    let done = match op {
        Op::Set => "set",
        Op::Add => "added",
        Op::Replace => "replaced in",
        Op::Append => "appended to",
        Op::Remove => "removed from",
        Op::Delete => "deleted",
    };
    let landed = match &answer.landed {
        Landed::OnTop => "on top".to_owned(),
        Landed::Merged { with } => {
            format!("merged with {}", touches(with, (BY_CHARS, WHY_CHARS), scene.now_ms))
        }
        Landed::Overlapping { with } => {
            format!(
                "overlapping with {}: read it again",
                touches(with, (BY_CHARS, WHY_CHARS), scene.now_ms)
            )
        }
    };
    let path = short(&answer.path);
    let mut lines = vec![format!("- {done} {path}: {landed} · v {}", answer.version)];
    if let Some(replaced) = answer.replaced.as_ref().filter(|value| !value.is_empty()) {
        lines.push(format!("  it replaced {}", quoted(replaced, 300)));
    }
    lines
}

/// The conflicts that are open where edits were made, each once.
fn conflicts(answers: &[Answer]) -> Vec<&Conflict> {
    let mut seen = BTreeSet::new();
    let open = answers.iter().filter_map(|answer| answer.conflict.as_ref());
    open.filter(|conflict| seen.insert(conflict.id.as_str())).collect()
}
