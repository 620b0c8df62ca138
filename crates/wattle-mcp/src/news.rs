//! What others have changed since a version.

use std::collections::BTreeMap;

use wattle_context::plain::short;
use wattle_context::{Context, FieldView, ItemId, LogEntry, Part, Path, Section, Value};
use wattle_sync::{Heads, Parts};

use crate::cursor::Cursor;
use crate::desk::Scene;
use crate::limits::NEWS_NAMED_MAX;
use crate::show;
use crate::text::quoted;
use crate::trouble::Trouble;
use crate::who::{Me, Written};

/// Below a task: the records of its claims.
const CLAIMS: &str = "/claims/";

/// A place that others have changed.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// The item, the field, or the part of it.
    pub(crate) path: String,
    /// The newest of the changes.
    pub(crate) by: Written,
    /// Whether it is only known that one of several bodies has changed.
    perhaps: bool,
}

/// The documents that tell what is new since a cursor.
pub(crate) fn parts(cursor: &Cursor, heads: &Heads) -> Parts {
    let sections = Section::ALL.into_iter().map(Part::Section);
    let bodies = cursor.bodies_since(heads).into_iter().map(Part::Body);
    Parts::These(sections.chain(bodies).collect())
}

/// What others have changed since a cursor, the newest first.
pub(crate) fn since(
    scene: Scene<'_>,
    cursor: &Cursor,
    heads: &Heads,
) -> Result<Vec<News>, Trouble> {
    let mut news = Vec::new();
    for section in Section::ALL {
        let Some(document) = scene.context.document(&Part::Section(section)) else { continue };
        let version = cursor.section(section);
        let entries = document.entries_since(version.unwrap_or_default());
        let unknown = || Trouble::Cursor { given: version.unwrap_or_default().to_owned() };
        news.extend(grouped(entries.ok_or_else(unknown)?, scene.me));
    }
    for item in cursor.bodies_since(heads) {
        news.extend(body(scene, item, cursor));
    }
    news.sort_by_key(|news| std::cmp::Reverse(news.by.time_ms()));
    Ok(news)
}

/// What others have changed in one document since a version that an edit was based on.
pub(crate) fn since_base(context: &Context, (part, base): (Part, &str), me: &Me) -> Vec<News> {
    let entries = context.document(&part).and_then(|document| document.entries_since(base));
    grouped(entries.unwrap_or_default(), me)
}

/// One for each place: by whom it was changed last, if by another.
fn grouped(entries: Vec<LogEntry>, me: &Me) -> Vec<News> {
    let mut newest: BTreeMap<String, News> = BTreeMap::new();
    for entry in entries {
        let by = Written::of(entry.clone(), 0);
        if by.is(me) {
            continue;
        }
        for path in entry.paths.into_iter().map(place) {
            let news = News { path: path.clone(), by: by.clone(), perhaps: false };
            newest.insert(path, news);
        }
    }
    newest.into_values().collect()
}

/// What a path stands for: the records of a claim say together who holds the task.
fn place(path: String) -> String {
    match path.split_once(CLAIMS) {
        Some((task, _)) if task.starts_with("tasks/") => format!("{task}/claims"),
        Some(_) | None => path,
    }
}

/// A body whose digest is another: what others wrote since then, or perhaps before and came late.
fn body(scene: Scene<'_>, item: ItemId, cursor: &Cursor) -> Option<News> {
    let document = scene.context.document(&Part::Body(item))?;
    let entries = document.entries_since("")?;
    let newest = entries.last().cloned()?;
    let others = entries.into_iter().rev().map(|entry| Written::of(entry, 0));
    let by = others.into_iter().find(|by| !by.is(scene.me))?;
    let new = by.time_ms() >= cursor.at_ms();
    let path = Path::field(Section::Documents, item, "body").to_string();
    let own_newer = Written::of(newest, 0).is(scene.me);
    (new || !own_newer).then_some(News { path, by, perhaps: !new })
}

impl News {
    /// The place, what it holds now, and who changed it, when and why.
    pub(crate) fn line(&self, scene: Scene<'_>) -> String {
        let perhaps = if self.perhaps { " (perhaps; it came late)" } else { "" };
        let now = now(scene, &self.path);
        let who = self.by.told(scene.now_ms);
        format!("- {}{now}{perhaps} — {who}", short(&self.path))
    }

    /// Whether a person wrote it, and not with an agent's key.
    pub(crate) fn by_person(&self, scene: Scene<'_>) -> bool {
        self.by.by_person() && !self.by.signed_by(scene.agents)
    }

    /// Whether it lies at or below a path, or above it.
    pub(crate) fn concerns(&self, paths: &[Path]) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let touches = |path: &Path| {
            let path = path.to_string();
            within(&self.path, &path) || within(&path, &self.path)
        };
        paths.is_empty() || paths.iter().any(touches)
    }
}

/// The line that ends an answer: what others have changed since what the caller had read.
pub(crate) fn named(news: &[News]) -> Option<String> {
    let (first, _) = news.split_first()?;
    let name = |news: &News| format!("{} ({})", short(&news.path), news.by.label());
    let mut named = name(first);
    for news in news.iter().skip(1).take(NEWS_NAMED_MAX - 1) {
        named.push_str(&format!(", {}", name(news)));
    }
    if news.len() > NEWS_NAMED_MAX {
        named.push_str(&format!(" and {} more", news.len() - NEWS_NAMED_MAX));
    }
    Some(format!("changed by others since your base: {named}"))
}

/// What stands at a path now.
fn now(scene: Scene<'_>, text: &str) -> String {
    let context = scene.context;
    let Ok(path) = context.locate(text) else { return String::new() };
    if path.field.as_deref() == Some("claims") {
        let Some(task) = context.item(&path) else { return " is deleted".to_owned() };
        let held = show::holder(&task, scene.now_ms);
        let field = task.fields.get("claims").and_then(|field| field.conflict.as_ref());
        let conflict = field.map(|conflict| format!(" ! {}", conflict.id)).unwrap_or_default();
        return format!(": {}{conflict}", held.unwrap_or_else(|| "held by nobody".to_owned()));
    }
    if path.field.as_deref() == Some("body") && path.section == Section::Documents {
        return String::new();
    }
    if path.field.is_some() {
        let field = context.field(&path);
        return field.map(|field| format!(" = {}", field_now(&field))).unwrap_or_default();
    }
    match (path.item, context.item(&path)) {
        (Some(_), Some(item)) => format!(" = {}", quoted(&Value::Text(show::title(&item)), 200)),
        (Some(_), None) => " is deleted".to_owned(),
        (None, _) => String::new(),
    }
}

fn field_now(field: &FieldView) -> String {
    let all: Vec<String> = field.in_force.iter().map(|value| quoted(value, 300)).collect();
    let conflict = field.conflict.as_ref().map(|conflict| format!(" ! {}", conflict.id));
    let value = if all.is_empty() { quoted(&field.value, 300) } else { all.join(" | ") };
    format!("{value}{}", conflict.unwrap_or_default())
}
