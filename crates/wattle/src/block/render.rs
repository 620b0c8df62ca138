//! Rules and instructions as the text of a managed block.

use std::collections::BTreeSet;

use wattle_context::plain::brief;
use wattle_context::{Conflict, Context, ItemId, ItemView, Section, Value};

use super::fields;
use super::parse::{self, Group, Piece, Said};

/// The sections that a block shows.
pub(crate) const SECTIONS: [Section; 2] = [Section::Instructions, Section::Rules];

/// What is written between the marks, and which item each piece of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) inner: String,
    pub(crate) version: String,
    /// In the order of the pieces.
    pub(crate) entries: Vec<Entry>,
}

/// The item of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) section: Section,
    pub(crate) item: ItemId,
    /// By how much the headings in its text are pushed down.
    pub(crate) deeper: usize,
    /// Shown as a quotation: an open conflict, or something that plain text cannot say.
    pub(crate) quoted: bool,
}

/// The block of a context, without the items that are `elsewhere` in the file.
pub(crate) fn render(context: &Context, name: &str, elsewhere: &BTreeSet<ItemId>) -> Rendered {
    let name = brief(name, 80).replace("--", "—");
    let mut page = Page {
        inner: format!(
            "{} “{name}”, written by `wattle export`. Edits between the marks are taken in by `wattle import`. -->\n",
            parse::ABOUT
        ),
        entries: Vec::new(),
    };
    page.rules(&shown(context, Section::Rules, elsewhere));
    page.instructions(&shown(context, Section::Instructions, elsewhere));
    Rendered { inner: page.inner, version: version(context), entries: page.entries }
}

/// The version of what a block shows.
fn version(context: &Context) -> String {
    let tokens = SECTIONS.map(|section| format!("{section}:{}", context.section(section).version));
    tokens.join(";")
}

fn shown(context: &Context, section: Section, elsewhere: &BTreeSet<ItemId>) -> Vec<ItemView> {
    let items = context.section(section).items.into_iter();
    let off = |item: &ItemView| value(item, "enabled").bool() == Some(false);
    items.filter(|item| !elsewhere.contains(&item.id) && !off(item)).collect()
}

struct Page {
    inner: String,
    entries: Vec<Entry>,
}

impl Page {
    fn rules(&mut self, items: &[ItemView]) {
        if items.is_empty() {
            return;
        }
        self.inner.push_str(&format!("\n{}\n", parse::RULES));
        let severities = parse::SEVERITIES.map(|(heading, word)| (Some(heading), Some(word)));
        for (heading, severity) in [(None, None)].into_iter().chain(severities) {
            let own: Vec<&ItemView> =
                items.iter().filter(|item| value(item, "severity").text() == severity).collect();
            if let Some(heading) = heading.filter(|_| !own.is_empty()) {
                self.inner.push_str(&format!("\n{heading}\n"));
            }
            let gap = if own.is_empty() { "" } else { "\n" };
            self.inner.push_str(gap);
            for item in own {
                let group = Group::Rules(severity);
                self.item(item, group, "");
            }
        }
    }

    fn instructions(&mut self, items: &[ItemView]) {
        if items.is_empty() {
            return;
        }
        self.inner.push_str(&format!("\n{}\n", parse::INSTRUCTIONS));
        for item in items {
            self.item(item, Group::Instructions, "\n");
        }
    }

    fn item(&mut self, item: &ItemView, group: Group, gap: &str) {
        let said = said(item, &group);
        let deeper = deeper(&said.text);
        let text = plain(&said, &group, deeper);
        let text = text.filter(|text| holds(text, &group, (&said, deeper)));
        let conflicts = item.clone().into_conflicts();
        let (text, quoted) = match text.filter(|_| conflicts.is_empty()) {
            Some(text) => (text, false),
            None => (quotation(&said, &group, &conflicts), true),
        };
        self.inner.push_str(&format!("{gap}{text}\n"));
        let deeper = if quoted { 0 } else { deeper };
        self.entries.push(Entry { section: item.section, item: item.id, deeper, quoted });
    }
}

/// What an item says, as a block can say it.
fn said(item: &ItemView, group: &Group) -> Said {
    let text = |name: &str| value(item, name).text().unwrap_or_default().to_owned();
    let list = |name: &str| value(item, name).list().unwrap_or_default().to_vec();
    let (name, body, places) = fields(item.section);
    let severity = if let Group::Rules(severity) = group { *severity } else { None };
    let body = text(body);
    let trimmed = body.trim_end().trim_start_matches('\n').to_owned();
    Said { section: item.section, name: text(name), text: trimmed, places: list(places), severity }
}

fn value<'a>(item: &'a ItemView, name: &str) -> &'a Value {
    item.fields.get(name).map_or(&Value::Null, |field| &field.value)
}

/// By how much the headings of a text must go down to be below those of the block.
fn deeper(text: &str) -> usize {
    let highest = text.lines().filter_map(parse::heading_level).min();
    highest.map_or(0, |level| parse::LEVEL_MIN.saturating_sub(level))
}

/// An item as plain text.
fn plain(said: &Said, group: &Group, deeper: usize) -> Option<String> {
    let name = parse::marked(&said.name);
    let body = parse::marked(&said.text);
    Some(match group {
        Group::Rules(_) => {
            let places = match said.places.as_slice() {
                [] => String::new(),
                places => format!(" (for {})", parse::listed(places)),
            };
            let lines = body
                .lines()
                .map(|line| if line.is_empty() { String::new() } else { format!("  {line}") });
            let below = lines.collect::<Vec<_>>().join("\n");
            let gap = if below.is_empty() { "" } else { "\n\n" };
            format!("- {name}{places}{gap}{below}")
        }
        Group::Instructions => {
            if said.text.lines().filter_map(parse::heading_level).any(|level| level + deeper > 6) {
                return None;
            }
            let places = match said.places.as_slice() {
                [] => String::new(),
                places => format!("\n\n{}", parse::for_line(places)),
            };
            let body = parse::pushed(&body, |level| level + deeper);
            let gap = if body.is_empty() { "" } else { "\n\n" };
            format!("### {name}{places}{gap}{body}")
        }
        Group::Loose => return None,
    })
}

/// Whether a text can be read back as exactly this item.
fn holds(text: &str, group: &Group, (said, deeper): (&Said, usize)) -> bool {
    let (heading, next) = match group {
        Group::Rules(severity) => {
            let severity =
                severity.and_then(|word| parse::SEVERITIES.iter().find(|(_, own)| *own == word));
            let below = severity.map_or_else(String::new, |(heading, _)| format!("\n{heading}\n"));
            (format!("{}\n{below}", parse::RULES), "- next")
        }
        Group::Instructions | Group::Loose => (format!("{}\n", parse::INSTRUCTIONS), "### next"),
    };
    let pieces = parse::pieces(&format!("{heading}\n{text}\n{next}\n"));
    let [own, other] = pieces.as_slice() else { return false };
    other.text == next && own.text == text && own.said(deeper) == *said
}

/// An item as a quotation: with its open conflicts, every value of each.
fn quotation(said: &Said, group: &Group, conflicts: &[Conflict]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for conflict in conflicts {
        let id = &conflict.id;
        lines.push(format!(
            "⚠ {id} is open: `wattle resolve {id}` settles it. Until then all of this stands:"
        ));
        for (letter, candidate) in conflict.lettered() {
            let value = &candidate.value;
            let by = brief(&candidate.by, 40);
            lines.extend(format!("{letter}) {value} ({by})").lines().map(str::to_owned));
        }
    }
    let name_is_open = conflicts
        .iter()
        .any(|conflict| conflict.path.ends_with("/statement") || conflict.path.ends_with("/title"));
    if !name_is_open && *group != Group::Instructions {
        lines.extend(said.name.lines().map(str::to_owned));
    }
    lines.extend(said.text.lines().map(str::to_owned));
    let quoted = lines.iter().map(|line| parse::marked(&format!("> {line}")));
    match group {
        Group::Instructions | Group::Loose => {
            let name = brief(said.name.trim_start_matches('#'), 200);
            let quoted: Vec<String> = quoted.collect();
            format!("### {}\n\n{}", parse::marked(&name), quoted.join("\n"))
        }
        Group::Rules(_) => format!("- {}", quoted.collect::<Vec<_>>().join("\n  ")),
    }
}

/// The pieces of what was written, each with its item.
pub(crate) fn paired(rendered: &Rendered) -> Vec<(Piece, &Entry)> {
    parse::pieces(&rendered.inner).into_iter().zip(&rendered.entries).collect()
}
