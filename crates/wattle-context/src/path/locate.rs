//! Finds what a path names: items by id, by a prefix of it, by the slug of their title or its first words.

use std::collections::BTreeSet;

use super::{Path, PathError};
use crate::context::Context;
use crate::limits::{ID_PREFIX_CHARS_MIN, PATH_BYTES_MAX};
use crate::read::{DELETED, Reading};
use crate::schema::{Kind, Part, Section};
use crate::value::{ItemId, Value};

pub(crate) fn locate(context: &Context, text: &str) -> Result<Path, PathError> {
    let malformed = || PathError::Malformed { path: text.chars().take(PATH_BYTES_MAX).collect() };
    if text.len() > PATH_BYTES_MAX || text.split('/').any(str::is_empty) {
        return Err(malformed());
    }
    match text.splitn(4, '/').collect::<Vec<_>>().as_slice() {
        ["policies", section, field] => policy(named(section)?, field),
        ["policies", ..] => Err(malformed()),
        [section] => Ok(Path::section(named(section)?)),
        [section, item] => {
            let section = named(section)?;
            Ok(Path::item(section, find(context, section, item)?))
        }
        [section, item, field, rest @ ..] => {
            let section = named(section)?;
            let item = find(context, section, item)?;
            below(Path::field(section, item, field), rest.first().copied())
        }
        [] => Err(malformed()),
    }
}

fn named(section: &str) -> Result<Section, PathError> {
    section.parse().map_err(|_| PathError::UnknownSection { name: section.to_owned() })
}

fn policy(section: Section, field: &str) -> Result<Path, PathError> {
    section.field(field).ok_or_else(|| unknown_field(section, field))?;
    Ok(Path::policy(section, field))
}

/// What lies below a map or a set is one key, slashes included.
fn below(path: Path, key: Option<&str>) -> Result<Path, PathError> {
    let name = path.field.as_deref().unwrap_or_default();
    let field = path.section.field(name);
    if field.is_none() && name != DELETED {
        return Err(unknown_field(path.section, name));
    }
    match (field.map(|field| field.kind), key) {
        (_, None) => Ok(path),
        (Some(Kind::Map | Kind::Set), Some(key)) => Ok(path.below(key)),
        (Some(Kind::Register | Kind::Text | Kind::Log | Kind::Body) | None, Some(_)) => {
            Err(PathError::TooDeep { path: path.to_string() })
        }
    }
}

fn unknown_field(section: Section, field: &str) -> PathError {
    let known = section.fields().iter().map(|field| field.name).collect();
    PathError::UnknownField { section, field: field.to_owned(), known }
}

fn find(context: &Context, section: Section, text: &str) -> Result<ItemId, PathError> {
    let unknown = || PathError::UnknownItem { section, item: text.to_owned() };
    let exact = text.parse::<ItemId>().ok();
    let Some(document) = context.document(&Part::Section(section)) else {
        return exact.ok_or_else(unknown);
    };
    let mut reading = Reading::new(context, section, document);
    if let Some(id) = exact.filter(|id| reading.knows(id)) {
        return Ok(id);
    }
    let (prefix, slug) = (text.to_ascii_lowercase(), slug(text));
    let beginning = format!("{slug}-");
    let (mut found, mut begun) = (BTreeSet::new(), BTreeSet::new());
    for (id, _) in reading.ids() {
        let slugs: Vec<String> =
            reading.titles(&id).iter().map(|title| self::slug(title)).collect();
        let by_prefix = text.len() >= ID_PREFIX_CHARS_MIN && id.to_string().starts_with(&prefix);
        let by_title = slugs.contains(&slug);
        let by_beginning = slugs.iter().any(|slug| slug.starts_with(&beginning));
        if (by_prefix || by_title || by_beginning) && reading.item(&id).is_some() {
            let set = if by_prefix || by_title { &mut found } else { &mut begun };
            set.insert(id);
        }
    }
    // The first words of a title are enough where no title is just these.
    if found.is_empty() && text.len() >= ID_PREFIX_CHARS_MIN {
        found = begun;
    }
    match (found.first(), found.len()) {
        (Some(id), 1) => Ok(*id),
        (None, _) => Err(unknown()),
        (Some(_), _) => {
            let candidates = found.iter().map(|id| Path::item(section, *id).to_string()).collect();
            Err(PathError::Ambiguous { section, item: text.to_owned(), candidates })
        }
    }
}

/// Lower case letters and digits of any script, with one dash between words.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

impl Reading<'_> {
    fn knows(&self, id: &ItemId) -> bool {
        self.object(id).is_some()
    }

    /// The item's title; all of them while it is contested.
    fn titles(&self, id: &ItemId) -> Vec<String> {
        let values = self.object(id).map(|item| self.raw(&item, self.title())).unwrap_or_default();
        values
            .into_iter()
            .filter_map(|value| match value {
                Value::Text(title) => Some(title),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::List(_) | Value::Map(_) => {
                    None
                }
            })
            .collect()
    }
}
