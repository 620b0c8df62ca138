//! `wattle show`.

use serde_json::{Value as Json, json};
use wattle_context::json::{conflict_to_json, defect_to_json, field_to_json, item_to_json};
use wattle_context::plain::clean;
use wattle_context::{
    Conflict, Context, FieldView, ItemId, ItemView, Part, Path, Section, SectionView,
};
use wattle_sync::clock::now_ms;
use wattle_sync::{Parts, Peer};

use crate::args;
use crate::failure::Failure;
use crate::render::{self, Depth};
use crate::screen::{Form, Screen, say};
use crate::session::{self, Session};
use crate::version;
use crate::who::Roll;

/// A version that names more documents than these is too long for a line.
const VERSION_PARTS_SHOWN: usize = 12;

/// What a path leads to, read at one version.
enum Seen {
    All { sections: Vec<SectionView>, conflicts: Vec<Conflict>, version: String },
    Section(SectionView),
    Item { item: Box<ItemView>, body: Option<Body> },
    Field { path: Path, field: Box<FieldView> },
    Body { path: Path, body: Body },
}

/// A body and its version.
struct Body {
    text: String,
    version: String,
}

/// Prints the context, or what the path names.
pub(crate) async fn run(
    session: &Session,
    args: args::Show,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let peer = session.open().await?;
    let mut seen = match (args.path, args.at) {
        (None, at) => whole(&peer, at).await?,
        (Some(path), at) => named(&peer, path, at).await?,
    };
    let name = session::name(&peer).await;
    match screen.form {
        Form::Json => screen.json(&to_json(&seen, &name))?,
        Form::Text => {
            if seen.conflicts().next().is_some() {
                let roll = Roll::of(&peer).await?;
                seen.conflicts().for_each(|conflict| roll.sign(conflict));
            }
            let depth = if args.full { Depth::Full } else { Depth::Line };
            print(screen, &seen, (&name, depth))?;
        }
    }
    Ok(())
}

impl Seen {
    /// The conflicts that are printed with their authors.
    fn conflicts(&mut self) -> Box<dyn Iterator<Item = &mut Conflict> + '_> {
        match self {
            Self::All { sections, .. } => {
                Box::new(sections.iter_mut().flat_map(|view| &mut view.items).flat_map(of_item))
            }
            Self::Section(view) => Box::new(view.items.iter_mut().flat_map(of_item)),
            Self::Item { item, .. } => Box::new(of_item(item)),
            Self::Field { field, .. } => Box::new(of_field(field)),
            Self::Body { .. } => Box::new(std::iter::empty()),
        }
    }
}

fn of_item(item: &mut ItemView) -> impl Iterator<Item = &mut Conflict> {
    item.conflict.iter_mut().chain(item.fields.values_mut().flat_map(of_field))
}

fn of_field(field: &mut FieldView) -> impl Iterator<Item = &mut Conflict> {
    let entries = field.entries.values_mut().filter_map(|entry| entry.conflict.as_mut());
    field.conflict.iter_mut().chain(entries)
}

async fn whole(peer: &Peer, at: Option<String>) -> Result<Seen, Failure> {
    let parts = match &at {
        Some(version) => Parts::These(version::parts(version)),
        None => Parts::All,
    };
    peer.view(parts, move |context| {
        let past = past(context, at.as_deref())?;
        let context = past.as_ref().unwrap_or(context);
        Ok(Seen::All {
            sections: Section::ALL.into_iter().map(|section| context.section(section)).collect(),
            conflicts: context.conflicts(),
            version: context.version(),
        })
    })
    .await?
}

async fn named(peer: &Peer, path: String, at: Option<String>) -> Result<Seen, Failure> {
    let (path, mut parts) = session::locate(peer, &path, at.as_deref()).await?;
    parts.extend(at.iter().flat_map(|version| version::parts(version)));
    peer.view(Parts::These(parts), move |context| {
        let at = at.map(|version| of_part(version, &path));
        let past = past(context, at.as_deref())?;
        read(past.as_ref().unwrap_or(context), path)
    })
    .await?
}

/// A version of one document alone, as a version of the context.
fn of_part(version: String, path: &Path) -> String {
    if version.contains(':') {
        return version;
    }
    let part = match (&path.item, &path.field) {
        (Some(item), Some(field)) if is_body(path.section, field) => Part::Body(*item),
        _ => Part::Section(path.section),
    };
    format!("{part}:{version}")
}

fn past(context: &Context, at: Option<&str>) -> Result<Option<Context>, Failure> {
    Ok(at.map(|version| context.at(version)).transpose()?)
}

fn read(context: &Context, path: Path) -> Result<Seen, Failure> {
    let missing = || Failure::Missing { path: path.to_string() };
    match (&path.item, &path.field) {
        (None, None) => Ok(Seen::Section(context.section(path.section))),
        (Some(item), None) => {
            let body = (path.section == Section::Documents).then(|| body(context, item)).flatten();
            let item = Box::new(context.item(&path).ok_or_else(missing)?);
            Ok(Seen::Item { item, body })
        }
        (Some(item), Some(field)) if is_body(path.section, field) => {
            let body = body(context, item).ok_or_else(missing)?;
            Ok(Seen::Body { path, body })
        }
        (_, Some(_)) => {
            let field = Box::new(context.field(&path).ok_or_else(missing)?);
            Ok(Seen::Field { path, field })
        }
    }
}

fn body(context: &Context, item: &ItemId) -> Option<Body> {
    let text = context.body(item)?;
    let version = context.document(&Part::Body(*item))?.version();
    Some(Body { text, version })
}

fn is_body(section: Section, field: &str) -> bool {
    section == Section::Documents && field == "body"
}

fn print(screen: &mut Screen, seen: &Seen, how: (&str, Depth)) -> Result<(), Failure> {
    let (name, depth) = how;
    match seen {
        Seen::All { sections, conflicts, version } => {
            say!(screen, "{}", screen.paint.bold(&clean(name)))?;
            for view in sections.iter().filter(|view| !is_empty(view)) {
                say!(screen)?;
                render::section(screen, view, depth)?;
            }
            ending(screen, sections, conflicts)?;
            version_line(screen, version)?;
        }
        Seen::Section(view) => {
            render::section(screen, view, depth)?;
            version_line(screen, &view.version)?;
        }
        Seen::Item { item, body } => {
            render::item(screen, item, body.as_ref().map(|body| body.text.as_str()))?;
            version_line(screen, &item.version)?;
            if let Some(body) = body {
                let line = format!("version {} (of the body)", body.version);
                say!(screen, "{}", screen.paint.dim(&line))?;
            }
        }
        Seen::Field { field, .. } => {
            for value in &field.in_force {
                say!(screen, "{}", clean(&value.to_string()))?;
            }
            if let Some(conflict) = &field.conflict {
                render::conflict(screen, conflict, now_ms())?;
            }
        }
        Seen::Body { body, .. } => screen.text(&body.text)?,
    }
    Ok(())
}

/// What to do next: with nothing there, or with conflicts.
fn ending(
    screen: &mut Screen,
    sections: &[SectionView],
    conflicts: &[Conflict],
) -> Result<(), Failure> {
    say!(screen)?;
    if sections.iter().all(is_empty) {
        say!(
            screen,
            "Nothing in it yet. For a start: wattle edit rules add \"No deploys on Friday\""
        )?;
    }
    match conflicts.len() {
        0 => {}
        1 => say!(screen, "{}", screen.paint.yellow("1 conflict: wattle conflicts"))?,
        open => {
            let line = format!("{open} conflicts: wattle conflicts");
            say!(screen, "{}", screen.paint.yellow(&line))?;
        }
    }
    Ok(())
}

fn version_line(screen: &mut Screen, version: &str) -> Result<(), Failure> {
    let parts = version.split(';').count();
    let line = if parts > VERSION_PARTS_SHOWN {
        format!("version of {parts} documents: wattle show --json has it")
    } else {
        format!("version {version}")
    };
    Ok(say!(screen, "{}", screen.paint.dim(&line))?)
}

fn is_empty(view: &SectionView) -> bool {
    view.items.is_empty() && view.defects.is_empty()
}

fn to_json(seen: &Seen, name: &str) -> Json {
    match seen {
        Seen::All { sections, conflicts, version } => {
            let sections = sections
                .iter()
                .map(|view| (view.section.name().to_owned(), section_to_json(view)))
                .collect::<serde_json::Map<_, _>>();
            let conflicts: Vec<Json> = conflicts.iter().map(conflict_to_json).collect();
            json!({
                "name": name,
                "v": version,
                "sections": sections,
                "conflicts": conflicts,
            })
        }
        Seen::Section(view) => section_to_json(view),
        Seen::Item { item, body } => {
            let mut json = item_to_json(item);
            if let (Some(body), Some(object)) = (body, json.as_object_mut()) {
                let body = json!({ "value": body.text, "v": body.version });
                object.insert("body".to_owned(), body);
            }
            json
        }
        Seen::Field { path, field } => {
            let mut json = json!({ "path": path.to_string() });
            if let (Some(object), Json::Object(field)) =
                (json.as_object_mut(), field_to_json(field))
            {
                object.extend(field);
            }
            json
        }
        Seen::Body { path, body } => json!({
            "path": path.to_string(),
            "value": body.text,
            "v": body.version,
        }),
    }
}

/// `{section, v, items, defects}`.
fn section_to_json(view: &SectionView) -> Json {
    json!({
        "section": view.section.name(),
        "v": view.version,
        "items": view.items.iter().map(item_to_json).collect::<Vec<_>>(),
        "defects": view.defects.iter().map(defect_to_json).collect::<Vec<_>>(),
    })
}
