//! Hand edits of a managed block, as edits based on the version that was written there.

use std::collections::BTreeMap;
use std::path::Path;

use wattle_context::{Context, Op, Path as ItemPath, Section, Value};

use super::known;
use super::plan::{Fate, Step, edit};
use crate::block::fields;
use crate::block::parse::Said;
use crate::block::render::{Entry, Rendered};
use crate::block::take::{Taken, taken};
use crate::failure::Failure;

/// What becomes of each hand edit. `line` is the one of the block's first mark.
pub(crate) fn steps(
    context: &Context,
    (file, source, line): (&Path, &str, usize),
    base: &Rendered,
    inner: &str,
) -> Result<Vec<Step>, Failure> {
    let past = context.at(&base.version)?;
    let hand = Hand { context, past: &past, base, source };
    let steps = taken(base, inner).into_iter().map(|taken| match taken {
        Taken::Edited { entry, line: at, was, is } => Ok(hand.edited(&entry, line + at, &was, &is)),
        Taken::Deleted { entry, was } => Ok(hand.deleted(&entry, &was)),
        Taken::Added { line: at, is } => Ok(hand.added(line + at, &is)),
        Taken::Unclear { entry, line: at } => Err(Failure::Quoted {
            file: file.to_owned(),
            line: line + at,
            path: ItemPath::item(entry.section, entry.item).to_string(),
        }),
    });
    steps.collect()
}

struct Hand<'a> {
    context: &'a Context,
    /// As of the version that was written.
    past: &'a Context,
    base: &'a Rendered,
    source: &'a str,
}

impl Hand<'_> {
    fn edited(&self, entry: &Entry, line: usize, was: &Said, is: &Said) -> Step {
        let (name, text, places) = fields(entry.section);
        let mut changed: Vec<(&str, Value)> = Vec::new();
        if entry.quoted || was.name != is.name {
            changed.push((name, is.name.as_str().into()));
        }
        if was.text != is.text && !(entry.quoted && is.text.is_empty()) {
            changed.push((text, self.around(entry, text, &is.text).into()));
        }
        if was.places != is.places && !entry.quoted {
            changed.push((places, is.places.clone().into()));
        }
        if was.severity != is.severity {
            changed.push(("severity", is.severity.map_or(Value::Null, Value::from)));
        }
        let path = ItemPath::item(entry.section, entry.item);
        // Somebody may have written the same meanwhile.
        let is_there = |field: &str, value: &Value| {
            let now = self.context.field(&ItemPath::field(entry.section, entry.item, field));
            now.is_some_and(|now| now.value == *value && now.conflict.is_none())
        };
        changed.retain(|(field, value)| !is_there(field, value));
        let edits = changed.into_iter().map(|(field, value)| {
            edit(Op::Set, &format!("{path}/{field}"), value, Some(self.base.version.clone()))
        });
        let fate = if edits.len() == 0 { Fate::Unchanged } else { Fate::Rewritten };
        Step {
            edits: edits.collect(),
            ..self.step((line, entry.section), &is.name, fate, Some(entry))
        }
    }

    fn deleted(&self, entry: &Entry, was: &Said) -> Step {
        let path = ItemPath::item(entry.section, entry.item);
        let title = if entry.quoted { path.to_string() } else { was.name.clone() };
        if self.context.item(&path).is_none() {
            return self.step((0, entry.section), &title, Fate::Deleted, Some(entry));
        }
        let edits =
            vec![edit(Op::Delete, &path.to_string(), Value::Null, Some(self.base.version.clone()))];
        Step { edits, ..self.step((0, entry.section), &title, Fate::Removed, Some(entry)) }
    }

    fn added(&self, line: usize, is: &Said) -> Step {
        let (name, text, places) = fields(is.section);
        let there = known::all(self.context, is.section).into_iter().find(|(_, fields)| {
            known::text(fields, name) == is.name
                && known::text(fields, text).trim() == is.text.trim()
        });
        if let Some((item, _)) = there {
            let step = self.step((line, is.section), &is.name, Fate::Unchanged, None);
            return Step { item: Some(item), ..step };
        }
        let given = [
            (name, Value::from(is.name.as_str())),
            (text, is.text.as_str().into()),
            (places, is.places.clone().into()),
            ("severity", is.severity.map_or(Value::Null, Value::from)),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        let fields: BTreeMap<String, Value> =
            given.map(|(name, value)| (name.to_owned(), value)).collect();
        let add = edit(Op::Add, is.section.name(), Value::Map(fields), None);
        Step { edits: vec![add], ..self.step((line, is.section), &is.name, Fate::New, None) }
    }

    /// A text with the blanks around it that the block does not show.
    fn around(&self, entry: &Entry, field: &str, text: &str) -> String {
        let path = ItemPath::field(entry.section, entry.item, field);
        let was = self.past.field(&path).and_then(|field| field.value.text().map(str::to_owned));
        let was = was.unwrap_or_default();
        let inner = was.trim_end().trim_start_matches('\n');
        let Some(start) = was.find(inner).filter(|_| !inner.is_empty() && !text.is_empty()) else {
            return text.to_owned();
        };
        let before = was.get(..start).unwrap_or_default();
        let after = was.get(start + inner.len()..).unwrap_or_default();
        [before, text, after].concat()
    }

    fn step(
        &self,
        (line, section): (usize, Section),
        title: &str,
        fate: Fate,
        entry: Option<&Entry>,
    ) -> Step {
        Step {
            source: self.source.to_owned(),
            line,
            section,
            title: title.to_owned(),
            item: entry.map(|entry| entry.item),
            fate,
            edits: Vec::new(),
            new_id: None,
            rivals: Vec::new(),
        }
    }
}
