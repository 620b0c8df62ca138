//! What earlier imports have made, as they left it.

use std::collections::BTreeMap;

use wattle_context::limits::HEAD_DIGITS;
use wattle_context::{Context, ItemId, ItemView, LogFilter, Part, Section, Value};

use super::CLIENT;

/// The values of an item.
pub(crate) type Fields = BTreeMap<String, Value>;

/// An item that an import has made or changed.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) item: ItemId,
    /// As the last import left it.
    pub(crate) then: Fields,
    /// As it is; none if it is deleted.
    pub(crate) now: Option<Fields>,
    /// The version after the last import.
    pub(crate) base: String,
}

impl Known {
    /// Whether it came from a file.
    pub(crate) fn is_from(&self, file: &str) -> bool {
        let below = text(&self.then, "source").strip_prefix(file);
        below.is_some_and(|below| below.is_empty() || below.starts_with('#'))
    }
}

/// The items of a section that imports have made, in the order in which they were made.
pub(crate) fn items(context: &Context, section: Section) -> Vec<Known> {
    let mut now: BTreeMap<ItemId, Fields> = all(context, section).into_iter().collect();
    let mut known = Vec::new();
    for (base, items) in last_imports(context, section) {
        let Ok(then) = context.at(&format!("{section}:{base}")) else { continue };
        for (item, then) in all(&then, section) {
            if items.contains(&item) {
                known.push(Known { item, then, now: now.remove(&item), base: base.clone() });
            }
        }
    }
    known
}

/// The items of a section that are there, with their values.
pub(crate) fn all(context: &Context, section: Section) -> Vec<(ItemId, Fields)> {
    context.section(section).items.into_iter().map(|item| (item.id, fields(item))).collect()
}

fn fields(item: ItemView) -> Fields {
    item.fields.into_iter().map(|(name, field)| (name, field.value)).collect()
}

/// A field that is a text; empty if there is none.
pub(crate) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::text).unwrap_or_default()
}

/// The last imports that touched each item, oldest first: a version, and the items.
fn last_imports(context: &Context, section: Section) -> Vec<(String, Vec<ItemId>)> {
    let filter = LogFilter { section: Some(section), ..LogFilter::default() };
    let mut seen = Vec::new();
    let mut imports = Vec::new();
    for entry in context.log(&filter) {
        if entry.part != Part::Section(section) || entry.client != CLIENT {
            continue;
        }
        let named = entry.paths.iter().filter_map(|path| path.split('/').nth(1)?.parse().ok());
        let mut items: Vec<ItemId> = named.collect();
        items.retain(|item| !seen.contains(item));
        seen.extend(items.iter().copied());
        if !items.is_empty() {
            imports.push((short(&entry.change), items));
        }
    }
    imports.reverse();
    imports
}

/// A document's text as the last import left it, and the version of that.
pub(crate) fn body(context: &Context, item: &ItemId) -> (Option<String>, String) {
    let part = Part::Body(*item);
    let filter =
        LogFilter { section: Some(Section::Documents), item: Some(*item), ..LogFilter::default() };
    let entry =
        context.log(&filter).into_iter().find(|entry| entry.part == part && entry.client == CLIENT);
    let base = entry.map(|entry| short(&entry.change));
    let then = base.as_ref().and_then(|base| context.at(&format!("{part}:{base}")).ok());
    let body = match then {
        Some(then) => then.body(item),
        None => context.body(item),
    };
    (base, body.unwrap_or_default())
}

fn short(change: &str) -> String {
    change.chars().take(HEAD_DIGITS).collect()
}
