//! Edits by chance: new items, and edits of the items that some peer has made before.

use std::collections::BTreeMap;

use wattle_context::edit::Op;
use wattle_context::value::Value;

use crate::names::name_field;
use crate::rng::Rng;
use crate::scenario::{Act, Choice, Deed, Line};

/// Remembers what there is to edit.
pub(super) struct Writer {
    items: Vec<(&'static str, String)>,
    made: u64,
    marks: u64,
}

/// As many items are edited at one time.
const ITEMS_MAX: usize = 24;

/// What can be set to what.
const REGISTERS: &[(&str, &str, &[&str])] = &[
    ("instructions", "title", &["Be brief", "Be exact", "Be kind"]),
    ("instructions", "priority", &["1", "2", "3"]),
    ("people", "name", &["Ana", "Bea", "Cid"]),
    ("documents", "title", &["Plan", "Notes", "Log"]),
    ("documents", "status", &["draft", "current", "stale"]),
    ("tasks", "status", &["open", "in_progress", "review", "done"]),
    ("tasks", "title", &["Ship", "Test", "Write"]),
    ("tools", "effect", &["allow", "ask", "deny"]),
    ("rules", "statement", &["Never deploy on Friday", "Always test", "Ask first"]),
    ("rules", "severity", &["must", "should", "may"]),
    ("rules", "enabled", &["true", "false"]),
];

/// Texts that are merged.
const TEXTS: &[(&str, &str)] = &[
    ("instructions", "body"),
    ("people", "about"),
    ("documents", "body"),
    ("tasks", "spec"),
    ("rules", "rationale"),
];

/// Sets and logs.
const LISTS: &[(&str, &str)] =
    &[("documents", "tags"), ("tasks", "notes"), ("rules", "scope"), ("instructions", "audience")];

const SECTIONS: &[&str] = &["instructions", "people", "documents", "tasks", "tools", "rules"];

const WORDS: &[&str] = &["north", "south", "east", "west", "amber", "river", "stone", "cloud"];

impl Writer {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), made: 0, marks: 0 }
    }

    /// The tasks that there may be, the newest last.
    pub(super) fn tasks(&self) -> Vec<&String> {
        self.items.iter().filter(|(section, _)| *section == "tasks").map(|(_, item)| item).collect()
    }

    pub(super) fn act(&mut self, peer: String, rng: &mut Rng) -> Act {
        let deed = match rng.within(0..=99) {
            0..=24 => self.add(rng),
            25..=54 => self.set(rng),
            55..=74 => self.write(rng),
            75..=86 => self.list(rng),
            87..=90 => self.delete(rng),
            91..=95 => self.mark(),
            _ => self.resolve(rng),
        };
        let deed = deed.unwrap_or_else(|| self.new_item(rng));
        // The peer may not have heard of the item yet, or somebody may have deleted it.
        Act { peer, deed, may_fail: true }
    }

    fn add(&mut self, rng: &mut Rng) -> Option<Deed> {
        Some(self.new_item(rng))
    }

    fn new_item(&mut self, rng: &mut Rng) -> Deed {
        let section = rng.pick(SECTIONS).copied().unwrap_or("rules");
        let alias = format!("i{}", self.made);
        let name = name_field(section).unwrap_or("title").to_owned();
        let title = format!("{} {}", words(1, rng), self.made);
        self.made += 1;
        let value = Value::Map(BTreeMap::from([(name, Value::Text(title))]));
        if self.items.len() == ITEMS_MAX {
            // Few items, so that the peers meet.
            self.items.remove(0);
        }
        self.items.push((section, alias.clone()));
        let path = section.to_owned();
        Deed::Edit(Line { op: Op::Add, path, value, old: None, base: None, alias: Some(alias) })
    }

    fn set(&mut self, rng: &mut Rng) -> Option<Deed> {
        let (section, field, values) = rng.pick(REGISTERS)?;
        let value = match *rng.pick(values)? {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            word => word.parse().map_or_else(|_| Value::from(word), Value::Int),
        };
        self.line(Op::Set, (section, field), (value, rng))
    }

    fn write(&mut self, rng: &mut Rng) -> Option<Deed> {
        let place = *rng.pick(TEXTS)?;
        let lines = rng.within(1..=4);
        let text: String = (0..lines).map(|_| words(6, rng) + "\n").collect();
        let op = if rng.permille(600) { Op::Append } else { Op::Set };
        self.line(op, place, (Value::Text(text), rng))
    }

    fn list(&mut self, rng: &mut Rng) -> Option<Deed> {
        let place = *rng.pick(LISTS)?;
        let remove = rng.permille(300) && place.1 != "notes";
        let op = if remove { Op::Remove } else { Op::Append };
        self.line(op, place, (Value::Text(words(1, rng)), rng))
    }

    fn delete(&self, rng: &mut Rng) -> Option<Deed> {
        let (section, item) = rng.pick(&self.items)?;
        let path = format!("{section}/{item}");
        let (value, old, base, alias) = (Value::Null, None, None, None);
        Some(Deed::Edit(Line { op: Op::Delete, path, value, old, base, alias }))
    }

    fn mark(&mut self) -> Option<Deed> {
        self.marks += 1;
        Some(Deed::Mark(format!("m{}", self.marks)))
    }

    fn resolve(&self, rng: &mut Rng) -> Option<Deed> {
        let (section, item) = rng.pick(&self.items)?;
        let field = name_field(section)?;
        let path = format!("{section}/{item}/{field}");
        Some(Deed::Resolve { path, choice: Choice::Keep("a".to_owned()) })
    }

    /// An edit of one of the items of a section, sometimes as of an earlier version.
    fn line(&self, op: Op, place: (&str, &str), (value, rng): (Value, &mut Rng)) -> Option<Deed> {
        let (section, field) = place;
        let items: Vec<&String> = self
            .items
            .iter()
            .filter(|(found, _)| *found == section)
            .map(|(_, item)| item)
            .collect();
        let path = format!("{section}/{}/{field}", rng.pick(&items)?);
        let base = (self.marks > 0 && op == Op::Set && rng.permille(400))
            .then(|| format!("m{}", rng.within(1..=self.marks)));
        Some(Deed::Edit(Line { op, path, value, old: None, base, alias: None }))
    }
}

fn words(count: usize, rng: &mut Rng) -> String {
    let words: Vec<&str> = (0..count).filter_map(|_| rng.pick(WORDS).copied()).collect();
    words.join(" ")
}
