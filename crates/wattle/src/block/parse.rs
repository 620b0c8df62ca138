//! What stands in a managed block, piece by piece.

use wattle_context::Section;

/// The headings of the block.
pub(super) const RULES: &str = "## Rules";
pub(super) const INSTRUCTIONS: &str = "## Instructions";
/// The headings of how binding rules are, and the words for it.
pub(super) const SEVERITIES: [(&str, &str); 3] =
    [("### Must", "must"), ("### Should", "should"), ("### May", "may")];
/// The beginning of the line that says what the block is.
pub(super) const ABOUT: &str = "<!-- Shared context";
/// The first level of headings in the text of an instruction: those above are the block's own.
pub(super) const LEVEL_MIN: usize = 4;
/// What stands before the places that something is for.
const FOR: &str = "For: ";

/// Where in the block something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Below `## Rules`, and perhaps below how binding they are.
    Rules(Option<&'static str>),
    /// Below `## Instructions`.
    Instructions,
    /// Something that was written in between.
    Loose,
}

/// One piece: the text of one item, or something that was written in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its line in the block, from 1 on.
    pub(crate) line: usize,
    pub(crate) group: Group,
    /// As it stands there, without blank lines around it.
    pub(crate) text: String,
}

/// What a piece says of its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) section: Section,
    /// The statement or the title.
    pub(crate) name: String,
    /// The rationale or the body.
    pub(crate) text: String,
    /// The scope or the audience.
    pub(crate) places: Vec<String>,
    pub(crate) severity: Option<&'static str>,
}

/// The pieces of a block, in order.
pub(crate) fn pieces(inner: &str) -> Vec<Piece> {
    let mut state = Reading { pieces: Vec::new(), group: Group::Loose, open: false };
    let mut fence: Option<&str> = None;
    for (index, line) in inner.lines().enumerate() {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        let in_code = fence.is_some();
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            // In a bullet, code is indented as the rest of it.
            (None, Some(mark)) if !matches!(state.group, Group::Rules(_)) => fence = Some(mark),
            (Some(_) | None, _) => {}
        }
        if in_code || !state.heading(line) {
            state.line(index + 1, line, in_code);
        }
    }
    let mut pieces = state.pieces;
    pieces.iter_mut().for_each(|piece| piece.text.truncate(piece.text.trim_end().len()));
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

struct Reading {
    pieces: Vec<Piece>,
    group: Group,
    /// Whether the last piece goes on.
    open: bool,
}

impl Reading {
    /// Whether a line is one of the block's own headings, or what it says of itself.
    fn heading(&mut self, line: &str) -> bool {
        let severity = SEVERITIES.iter().find(|(heading, _)| line.trim_end() == *heading);
        let group = match (line.trim_end(), severity) {
            (RULES, _) => Group::Rules(None),
            (INSTRUCTIONS, _) => Group::Instructions,
            (_, Some((_, severity))) if matches!(self.group, Group::Rules(_)) => {
                Group::Rules(Some(severity))
            }
            (line, _) if line.starts_with(ABOUT) && self.pieces.is_empty() => self.group.clone(),
            _ => return false,
        };
        self.group = group;
        self.open = false;
        true
    }

    fn line(&mut self, number: usize, line: &str, in_code: bool) {
        let begins = match &self.group {
            Group::Rules(_) => line.starts_with("- "),
            Group::Instructions => !in_code && line.starts_with("### "),
            Group::Loose => false,
        };
        let goes_on = match &self.group {
            Group::Rules(_) => line.is_empty() || line.starts_with("  "),
            // Another heading of the block's own level ends it.
            Group::Instructions => in_code || !(line.starts_with("## ") || line.starts_with("# ")),
            Group::Loose => true,
        };
        let loose = self.pieces.last().is_some_and(|piece| piece.group == Group::Loose);
        if begins || !(self.open && (goes_on || loose)) {
            if line.trim().is_empty() {
                return;
            }
            let group = if begins { self.group.clone() } else { Group::Loose };
            self.pieces.push(Piece { line: number, group, text: String::new() });
            self.open = true;
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.text.push_str(line);
            piece.text.push('\n');
        }
    }
}

impl Piece {
    /// What it says of its item. `deeper` is by how much the headings in its text were pushed down.
    pub(crate) fn said(&self, deeper: usize) -> Said {
        match self.group {
            Group::Rules(severity) => rule(&self.text, severity),
            Group::Instructions => instruction(&self.text, deeper),
            Group::Loose => loose(&self.text),
        }
    }

    /// Whether it shows something that cannot be written as plain text.
    pub(crate) fn is_quoted(&self) -> bool {
        self.text.lines().any(|line| line.trim_start().trim_start_matches("- ").starts_with("> "))
    }
}

fn rule(text: &str, severity: Option<&'static str>) -> Said {
    let text = unmarked(text);
    let lines: Vec<&str> = text
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let indent = if index == 0 { "- " } else { "  " };
            line.strip_prefix(indent).unwrap_or(line)
        })
        .collect();
    let end = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len());
    let (statement, rest) = lines.split_at_checked(end).unwrap_or_default();
    let statement = statement.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let (name, places) = scoped(statement.trim());
    let text = rest.join("\n").trim_matches('\n').to_owned();
    Said { section: Section::Rules, name, text, places, severity }
}

fn instruction(text: &str, deeper: usize) -> Said {
    let text = unmarked(text);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let name = first.trim_start_matches('#').trim().to_owned();
    let rest = rest.trim_matches('\n');
    let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
    let (places, body) = match line.strip_prefix(FOR).and_then(places) {
        Some(places) => (places, below.trim_matches('\n')),
        None => (Vec::new(), rest),
    };
    let text = pushed(body, |level| level.saturating_sub(deeper).max(1));
    Said { section: Section::Instructions, name, text, places, severity: None }
}

/// Something in between becomes an instruction, named by its heading or its first line.
fn loose(text: &str) -> Said {
    let said = instruction(text, 0);
    if text.starts_with('#') && !said.name.is_empty() {
        return said;
    }
    let first = text.lines().next().unwrap_or_default();
    let name: String = first.trim_start_matches(['-', '*', '>', ' ']).chars().take(80).collect();
    let name = if name.trim().is_empty() { "Note".to_owned() } else { name };
    Said { name, text: unmarked(text), ..said }
}

/// The headings of a text on other levels; not what looks like one in code.
pub(super) fn pushed(text: &str, level: impl Fn(usize) -> usize) -> String {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) => fence = Some(mark),
            (Some(_) | None, _) => {}
        }
        match heading_level(line).filter(|_| fence.is_none()) {
            Some(own) => lines.push("#".repeat(level(own)) + line.trim_start_matches('#')),
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// The level of a line that is a heading.
pub(super) fn heading_level(line: &str) -> Option<usize> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    ((1..=6).contains(&level) && rest.starts_with(' ')).then_some(level)
}

/// A statement and what it is for: `… (for `crates/**`)`.
fn scoped(statement: &str) -> (String, Vec<String>) {
    let split = statement.strip_suffix(')').and_then(|text| text.rsplit_once(" (for "));
    match split.and_then(|(name, list)| Some((name, places(list)?))) {
        Some((name, places)) => (name.to_owned(), places),
        None => (statement.to_owned(), Vec::new()),
    }
}

/// A list of places: each between backquotes.
fn places(list: &str) -> Option<Vec<String>> {
    let each = list.trim().split(", ").map(|place| {
        let inner = place.strip_prefix('`')?.strip_suffix('`')?;
        (!inner.is_empty() && !inner.contains('`')).then(|| inner.to_owned())
    });
    each.collect()
}

/// How places are written.
pub(super) fn listed(places: &[String]) -> String {
    places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ")
}

/// The line of an instruction that says whom it is for.
pub(super) fn for_line(places: &[String]) -> String {
    format!("{FOR}{}", listed(places))
}

/// Marks in the text of an item are written so that they are none.
pub(super) fn marked(text: &str) -> String {
    text.replace("<!-- wattle:", "<!-- wattle&#58;")
}

fn unmarked(text: &str) -> String {
    text.replace("<!-- wattle&#58;", "<!-- wattle:")
}
