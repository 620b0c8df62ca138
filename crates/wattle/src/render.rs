//! A context as text for people.

use std::collections::BTreeMap;
use std::io;

use wattle_context::claim;
use wattle_context::conflict::letter;
use wattle_context::history::{Difference, LogEntry};
use wattle_context::limits::HEAD_DIGITS;
use wattle_context::plain::{ago, brief, clean, short};
use wattle_context::view::{FieldView, ItemView, SectionView};
use wattle_context::{Candidate, Conflict, ConflictKind, Section, Value};

use crate::screen::{Paint, Screen, say};

/// The fewest characters of an id that are shown.
const ID_CHARS_MIN: usize = 6;
/// A title in a list.
const TITLE_CHARS: usize = 76;
/// A value in a line.
const VALUE_CHARS: usize = 60;

/// How much of a section's items is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// One line each.
    Line,
    /// Every field.
    Full,
}

/// A section: its items, in short or with all their fields, and what is wrong in it.
pub(crate) fn section(screen: &mut Screen, view: &SectionView, depth: Depth) -> io::Result<()> {
    let paint = screen.paint;
    let count = paint.dim(&format!("{}", view.items.len()));
    say!(screen, "{}  {count}", paint.bold(view.section.name()))?;
    let digits = digits(&view.items);
    for item in &view.items {
        match depth {
            Depth::Line => say!(screen, "  {}", line(item, digits, paint))?,
            Depth::Full => self::item(screen, item, None)?,
        }
    }
    for defect in &view.defects {
        let what = paint.red(&format!("not well formed: {}", brief(&defect.what, VALUE_CHARS)));
        say!(screen, "  {} {what}", clean(&defect.path))?;
    }
    Ok(())
}

/// One item with all its fields.
pub(crate) fn item(screen: &mut Screen, item: &ItemView, body: Option<&str>) -> io::Result<()> {
    let paint = screen.paint;
    let path = paint.cyan(&format!("{}/{}", item.section, item.id));
    say!(screen, "{path}  {}", paint.bold(&brief(&title(item), TITLE_CHARS)))?;
    if let Some(conflict) = &item.conflict {
        conflict_line(screen, conflict)?;
    }
    let declared = item.section.fields().iter().map(|field| field.name);
    let known: Vec<&str> = declared.filter(|name| item.fields.contains_key(*name)).collect();
    let others = item.fields.keys().map(String::as_str).filter(|name| !known.contains(name));
    for name in known.iter().copied().chain(others) {
        if let Some(view) = item.fields.get(name).filter(|view| !is_blank(view)) {
            field(screen, name, view)?;
        }
    }
    if let Some(body) = body {
        say!(screen, "  {}", paint.dim(&format!("body  {} characters", body.chars().count())))?;
        for text in clean(body).lines() {
            say!(screen, "{}", format!("    {text}").trim_end())?;
        }
    }
    Ok(())
}

/// Whether a field says nothing: it is empty, and nobody disagrees.
fn is_blank(view: &FieldView) -> bool {
    view.value.is_empty() && view.conflict.is_none()
}

fn field(screen: &mut Screen, name: &str, view: &FieldView) -> io::Result<()> {
    let name = format!("{:<12}", clean(name));
    let name = screen.paint.dim(&name);
    let shown = clean(&view.value.to_string());
    if shown.contains('\n') {
        say!(screen, "  {name}")?;
        for text in shown.lines() {
            say!(screen, "{}", format!("    {text}").trim_end())?;
        }
    } else {
        say!(screen, "  {name} {shown}")?;
    }
    let entries = view.entries.values().filter_map(|entry| entry.conflict.as_ref());
    for conflict in view.conflict.iter().chain(entries) {
        conflict_line(screen, conflict)?;
    }
    Ok(())
}

/// A conflict with every value, as `wattle conflicts` lists it.
pub(crate) fn conflict(screen: &mut Screen, conflict: &Conflict, now_ms: i64) -> io::Result<()> {
    let paint = screen.paint;
    let what = match conflict.kind {
        ConflictKind::Value => "written by several at once",
        ConflictKind::EditDelete => "deleted by one while another edited it",
        ConflictKind::Claim => "claimed by several who did not know of each other",
    };
    let how = match conflict.kind {
        ConflictKind::Value | ConflictKind::EditDelete => "--keep LETTER | --value VALUE",
        ConflictKind::Claim => "--keep LETTER",
    };
    let id = paint.yellow(&conflict.id);
    say!(screen, "{id}  {}  {}", paint.bold(&short(&conflict.path)), paint.dim(what))?;
    for (letter, candidate) in letters().zip(&conflict.candidates) {
        let held = if conflict.in_force.contains(&candidate.value) { "in force" } else { "" };
        let value = value_of(conflict, candidate);
        let whose = paint.dim(&format!("{}{}", whose(candidate, now_ms), comma(held)));
        say!(screen, "  {letter}  {value}  {whose}")?;
    }
    if !conflict.base.is_null() {
        say!(screen, "  {}", paint.dim(&format!("before: {}", quoted(&conflict.base))))?;
    }
    say!(screen, "  {}", paint.dim(&format!("settle: wattle resolve {} {how}", conflict.id)))
}

fn value_of(conflict: &Conflict, candidate: &Candidate) -> String {
    match conflict.kind {
        ConflictKind::Value | ConflictKind::EditDelete => quoted(&candidate.value),
        ConflictKind::Claim => brief(&claim::told(&candidate.value), VALUE_CHARS),
    }
}

/// A change, as `wattle log` and `wattle watch` print it.
pub(crate) fn log_entry(entry: &LogEntry, when: &str, paint: Paint) -> String {
    let change: String = entry.change.chars().take(HEAD_DIGITS).collect();
    let by = if entry.by.is_empty() { "unknown" } else { &entry.by };
    let paths = match entry.paths.as_slice() {
        [] => entry.part.to_string(),
        [path] => short(path),
        [path, others @ ..] => format!("{} and {} more", short(path), others.len()),
    };
    let why = if entry.why.is_empty() {
        String::new()
    } else {
        format!("  \u{201c}{}\u{201d}", brief(&entry.why, VALUE_CHARS))
    };
    format!(
        "{}  {}  {:<10}  {paths}{why}",
        paint.dim(&change),
        paint.green(&format!("{:<8}", brief(by, 20))),
        when
    )
}

/// What a field was and is.
pub(crate) fn difference(screen: &mut Screen, difference: &Difference) -> io::Result<()> {
    let paint = screen.paint;
    say!(screen, "{}", paint.bold(&short(&difference.path)))?;
    let is_item = difference.path.split('/').count() == 2;
    let (before, after) = if is_item {
        (existence(&difference.before), existence(&difference.after))
    } else {
        (lines(&difference.before), lines(&difference.after))
    };
    for line in before.iter().filter(|line| !after.contains(line)) {
        say!(screen, "  {}", paint.red(&format!("- {line}")))?;
    }
    for line in after.iter().filter(|line| !before.contains(line)) {
        say!(screen, "  {}", paint.green(&format!("+ {line}")))?;
    }
    Ok(())
}

/// What people call an item.
pub(crate) fn title(item: &ItemView) -> String {
    let named = item.fields.get(item.section.title()).map(|field| field.value.to_string());
    named.unwrap_or_else(|| "(no title)".to_owned())
}

/// A value on one line, quoted where it is a text.
pub(crate) fn quoted(value: &Value) -> String {
    let text = brief(&value.to_string(), VALUE_CHARS);
    if value.text().is_some() { format!("\u{201c}{text}\u{201d}") } else { text }
}

fn line(item: &ItemView, digits: usize, paint: Paint) -> String {
    let id: String = item.id.to_string().chars().take(digits).collect();
    let mut line = format!("{}  {}", paint.cyan(&id), brief(&title(item), TITLE_CHARS));
    let marks: Vec<String> = key_fields(item.section)
        .iter()
        .filter_map(|(name, shown)| {
            let value = &item.fields.get(*name)?.value;
            mark((*shown, *name), value)
        })
        .collect();
    if !marks.is_empty() {
        line.push_str("  ");
        line.push_str(&paint.dim(&marks.join(" · ")));
    }
    for conflict in conflicts(item) {
        line.push_str(&format!("  {}", paint.yellow(&format!("⚠ {}", conflict.id))));
    }
    line
}

/// The conflicts of an item that are open.
fn conflicts(item: &ItemView) -> Vec<&Conflict> {
    let fields = item.fields.values();
    let own = fields.clone().filter_map(|field| field.conflict.as_ref());
    let below = fields.flat_map(|field| &field.entries).filter_map(|(_, e)| e.conflict.as_ref());
    let mut seen = BTreeMap::new();
    for conflict in item.conflict.iter().chain(own).chain(below) {
        seen.entry(conflict.id.as_str()).or_insert(conflict);
    }
    seen.into_values().collect()
}

/// How a field is shown in an item's line.
#[derive(Clone, Copy)]
enum Shown {
    /// Its value says enough.
    Value,
    /// With its name before it.
    Named,
    /// Its name, if it is true.
    IfTrue,
    /// This, if it is false.
    IfFalse(&'static str),
}

fn key_fields(section: Section) -> &'static [(&'static str, Shown)] {
    use Shown::{IfFalse, IfTrue, Named, Value};
    match section {
        Section::Instructions => {
            &[("audience", Named), ("priority", Named), ("enabled", IfFalse("disabled"))]
        }
        Section::People => &[("goals", Named)],
        Section::Documents => {
            &[("kind", Value), ("status", Value), ("tags", Value), ("pinned", IfTrue)]
        }
        Section::Tasks => {
            &[("status", Value), ("priority", Named), ("meant_for", Named), ("parent", Named)]
        }
        Section::Tools => &[("effect", Value), ("subjects", Named), ("expires", Named)],
        Section::Rules => {
            &[("severity", Value), ("scope", Named), ("enabled", IfFalse("disabled"))]
        }
    }
}

fn mark((shown, name): (Shown, &str), value: &Value) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    let text = brief(&value.to_string(), 30);
    match shown {
        Shown::Value => Some(text),
        Shown::Named => Some(format!("{name} {text}")),
        Shown::IfTrue => (value.bool() == Some(true)).then(|| name.to_owned()),
        Shown::IfFalse(word) => (value.bool() == Some(false)).then(|| word.to_owned()),
    }
}

fn conflict_line(screen: &mut Screen, conflict: &Conflict) -> io::Result<()> {
    let values: Vec<String> = letters()
        .zip(&conflict.candidates)
        .map(|(letter, candidate)| {
            format!("{letter} {} ({})", value_of(conflict, candidate), clean(&candidate.by))
        })
        .collect();
    let line = format!("⚠ {}  {}", conflict.id, values.join("  "));
    say!(screen, "    {}", screen.paint.yellow(&line))
}

/// Enough characters of the ids to tell the items apart.
fn digits(items: &[ItemView]) -> usize {
    let mut ids: Vec<String> = items.iter().map(|item| item.id.to_string()).collect();
    ids.sort();
    let shared = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let pairs = ids.iter().zip(ids.iter().skip(1)).map(|(a, b)| shared(a, b) + 1);
    pairs.max().unwrap_or_default().max(ID_CHARS_MIN)
}

fn letters() -> impl Iterator<Item = String> {
    (0..).map(letter)
}

fn whose(candidate: &Candidate, now_ms: i64) -> String {
    let why = if candidate.why.is_empty() {
        String::new()
    } else {
        format!(": {}", brief(&candidate.why, VALUE_CHARS))
    };
    format!("{}, {}{why}", clean(&candidate.by), ago(candidate.time, now_ms))
}

fn comma(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(", {text}") }
}

/// An item's own difference is that it came or went.
fn existence(value: &Value) -> Vec<String> {
    if value.is_null() { Vec::new() } else { vec!["the item".to_owned()] }
}

fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::List(list) => list.iter().map(|text| brief(text, 200)).collect(),
        Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Map(_) => {
            clean(&value.to_string()).lines().map(str::to_owned).collect()
        }
    }
}
