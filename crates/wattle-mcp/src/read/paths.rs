//! What paths name: sections, items, fields and bodies.

use wattle_context::plain::short;
use wattle_context::{Part, Path, Section};
use wattle_sync::{Heads, Parts};

use super::{foot, parts_of};
use crate::args::View;
use crate::desk::{Opened, Scene};
use crate::limits::TOKEN_BYTES;
use crate::page::Page;
use crate::show;
use crate::text::{fenced, head};
use crate::trouble::Trouble;
use crate::who::Authors;

/// What is kept free of a cut text's room for the words that say so.
const CUT_BYTES: usize = 160;

/// A path that names something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: Path,
}

impl Place {
    /// The body that it names or belongs to.
    pub(crate) fn body(&self) -> Option<Part> {
        let field = self.path.field.as_deref();
        let reads = self.path.section == Section::Documents && field.is_none_or(|f| f == "body");
        self.path.item.filter(|_| reads).map(Part::Body)
    }
}

/// Finds what paths name.
pub(crate) async fn located(desk: &Opened, paths: &[String]) -> Result<Vec<Place>, Trouble> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let paths = paths.to_vec();
    let locate = move |scene: Scene<'_>| -> Result<Vec<Place>, Trouble> {
        let locate = |path: &String| {
            let path = scene.context.locate(path.trim_matches('/'))?;
            Ok(Place { path })
        };
        paths.iter().map(locate).collect()
    };
    desk.view(Parts::Sections, locate).await?
}

/// Shows what paths name.
pub(crate) async fn run(
    desk: &Opened,
    (paths, view, max_tokens): (&[String], View, Option<usize>),
    heads: Heads,
) -> Result<String, Trouble> {
    let places = if paths.is_empty() {
        let path = |section| Place { path: Path::section(section) };
        Section::ALL.into_iter().map(path).collect()
    } else {
        located(desk, paths).await?
    };
    let parts = parts_of(&places);
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(max_tokens);
        let several = places.len();
        for (index, place) in places.iter().enumerate() {
            // Each path gets an even share of what is left.
            let mut part = page.part(several - index);
            show(scene, (&place.path, view), &mut part)?;
            page.put(&part);
        }
        Ok(page.end(&foot(scene, &heads)))
    };
    desk.view(parts, read).await?
}

fn show(scene: Scene<'_>, (path, view): (&Path, View), page: &mut Page) -> Result<(), Trouble> {
    let missing = || Trouble::Missing { path: path.to_string() };
    match (&path.item, path.field.as_deref()) {
        (None, None) => section(scene, (path.section, view), page),
        (Some(_), None) => {
            let item = scene.context.item(path).ok_or_else(missing)?;
            let authors = Authors::of(scene, path.section);
            for line in show::item(scene, &item, &authors) {
                whole(page, &line, path);
            }
            body(scene, path, page);
        }
        (Some(_), Some("body")) if path.section == Section::Documents => {
            if !body(scene, path, page) {
                return Err(missing());
            }
        }
        (_, Some(name)) => {
            let view = scene.context.field(path).ok_or_else(missing)?;
            page.line(&format!("## {} · v {}", short(&path.to_string()), view.version));
            let authors = Authors::of(scene, path.section);
            let item = scene.context.item(&Path { field: None, rest: Vec::new(), ..path.clone() });
            let who = item.and_then(|item| Some(authors.field(&item, name)?.told(scene.now_ms)));
            whole(page, &show::field(path.section, name, &view, who), path);
            for conflict in view.into_conflicts() {
                page.line(&show::conflict(scene, &conflict));
            }
        }
    }
    Ok(())
}

fn section(scene: Scene<'_>, (section, view): (Section, View), page: &mut Page) {
    let seen = scene.context.section(section);
    let authors = Authors::of(scene, section);
    let heading = format!("# {section} · v {}", seen.version);
    if seen.items.is_empty() {
        page.line(&format!("{heading}\n(nothing in it; items have {})", fields(section)));
        return;
    }
    let line = |item: &wattle_context::ItemView| match view {
        View::Full => show::item(scene, item, &authors).join("\n"),
        View::Brief | View::Conflicts | View::History => {
            let who = authors.item(item).map(|written| written.label());
            format!("{} — {}", show::line(item, scene.now_ms), who.unwrap_or_default())
        }
    };
    let lines: Vec<String> = seen.items.iter().map(line).collect();
    page.block(&heading, &lines, "query=…, single paths, or a larger max_tokens");
    for defect in &seen.defects {
        page.line(&format!("not well formed: {}: {}", short(&defect.path), defect.what));
    }
}

/// What fields the items of a section have.
fn fields(section: Section) -> String {
    let names: Vec<&str> = section.fields().iter().map(|field| field.name).collect();
    names.join(", ")
}

/// The body of a knowledge document, if it is there.
fn body(scene: Scene<'_>, path: &Path, page: &mut Page) -> bool {
    let Some(item) = path.item.filter(|_| path.section == Section::Documents) else { return false };
    let Some(text) = scene.context.body(&item) else { return false };
    let version = scene.context.document(&Part::Body(item)).map(|document| document.version());
    let address = short(&Path::field(path.section, item, "body").to_string());
    page.line(&format!("## {address} · v {}", version.unwrap_or_default()));
    whole(page, &fenced(&text), path);
    true
}

/// A text as a whole, or its beginning with what to do about the rest.
fn whole(page: &mut Page, text: &str, path: &Path) {
    if page.line(text) {
        return;
    }
    let shown = head(text, page.room().saturating_sub(CUT_BYTES));
    let tokens = (text.len() / TOKEN_BYTES + 400).next_multiple_of(100);
    let fence = if text.contains("```") { "\n```" } else { "" };
    page.line(&format!(
        "{shown}{fence}\n… cut after {} of {} bytes: call with max_tokens={tokens}, paths=[\"{}\"]",
        shown.len(),
        text.len(),
        short(&path.to_string())
    ));
}
