//! A Markdown file of instructions, taken apart: its headings and bullets, as what they could become.
//!
//! Nothing is dropped: what is not made a rule stays in the text under its heading, to the letter.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};
use wattle_context::limits::{STATEMENT_CHARS_MAX, TITLE_CHARS_MAX};

use super::words::{self, Severity};

/// Between the headings of a title.
const BELOW: &str = " › ";

/// A rule, from one bullet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bullet {
    /// Its line, from 1 on.
    pub(crate) line: usize,
    /// The first paragraph, on one line.
    pub(crate) statement: String,
    /// What stands below that.
    pub(crate) rationale: String,
    /// How binding it sounds.
    pub(crate) severity: Option<Severity>,
}

/// What stands under one heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// Of the heading, or of the first text; from 1 on.
    pub(crate) line: usize,
    /// The headings down to this one; empty before the first.
    pub(crate) title: String,
    /// All text that is not made rules.
    pub(crate) body: String,
    /// The bullets that read as rules.
    pub(crate) rules: Vec<Bullet>,
}

/// A heading with what stands under it, up to the next.
struct Heading {
    level: HeadingLevel,
    text: String,
    whole: Range<usize>,
}

/// A list at the top level.
struct List {
    whole: Range<usize>,
    items: Vec<Range<usize>>,
    ordered: bool,
    boxes: bool,
}

/// Takes a text apart. `name` is the file's: a first heading that only repeats it says nothing.
pub(crate) fn passages(text: &str, name: &str) -> Vec<Passage> {
    let (headings, lists) = outline(text);
    let first = headings.first().map_or(text.len(), |heading| heading.whole.start);
    let mut passages = Vec::new();
    let before = Passage {
        line: first_line(text, 0..first),
        ..passage((text, &lists), 0..first, (String::new(), false))
    };
    passages.extend(Some(before).filter(|before| !before.is_empty()));
    let mut above: Vec<(HeadingLevel, String)> = Vec::new();
    for (index, heading) in headings.iter().enumerate() {
        let end = headings.get(index + 1).map_or(text.len(), |next| next.whole.start);
        let under = heading.whole.end..end;
        above.retain(|(level, _)| *level < heading.level);
        let ruled = words::are_rules(&heading.text)
            || above
                .last()
                .is_some_and(|(level, text)| *level != HeadingLevel::H1 && words::are_rules(text));
        let title = title(&above, &heading.text);
        let mut passage = passage((text, &lists), under, (title, ruled));
        passage.line = line_of(text, heading.whole.start);
        let parent = headings.get(index + 1).is_some_and(|next| next.level > heading.level);
        let only_named =
            heading.level == HeadingLevel::H1 && words::names_file(&heading.text, name);
        // A heading with nothing of its own is in the titles of those below it.
        let carried = passage.is_bare() && (parent || only_named);
        let shown = carried && !only_named || heading.level != HeadingLevel::H1;
        above.push((heading.level, if shown { heading.text.clone() } else { String::new() }));
        if !carried {
            passages.push(passage);
        }
    }
    passages
}

impl Passage {
    fn is_bare(&self) -> bool {
        self.body.is_empty() && self.rules.is_empty()
    }

    /// Counts lines from an earlier one on.
    pub(crate) fn move_down(&mut self, lines: usize) {
        self.line += lines;
        self.rules.iter_mut().for_each(|rule| rule.line += lines);
    }

    fn is_empty(&self) -> bool {
        self.is_bare() && self.title.is_empty()
    }
}

/// The headings and lists that stand at the top level.
fn outline(text: &str) -> (Vec<Heading>, Vec<List>) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let (mut headings, mut lists) = (Vec::<Heading>::new(), Vec::<List>::new());
    let mut deep = 0_usize;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                match (&tag, deep) {
                    (Tag::Heading { level, .. }, 0) => {
                        let raw = text.get(range.clone()).unwrap_or_default();
                        headings.push(Heading { level: *level, text: bare(raw), whole: range });
                    }
                    (Tag::List(first), 0) => lists.push(List {
                        whole: range,
                        items: Vec::new(),
                        ordered: first.is_some(),
                        boxes: false,
                    }),
                    (Tag::Item, 1) => {
                        lists
                            .iter_mut()
                            .next_back()
                            .into_iter()
                            .for_each(|list| list.items.push(range.clone()));
                    }
                    _ => {}
                }
                deep += 1;
            }
            Event::End(_) => deep = deep.saturating_sub(1),
            Event::TaskListMarker(_) => {
                lists.iter_mut().next_back().into_iter().for_each(|list| list.boxes = true);
            }
            Event::Text(_)
            | Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule => {}
        }
    }
    (headings, lists)
}

/// A heading without its marks: those in front and behind, or the line below.
fn bare(raw: &str) -> String {
    let raw = raw.trim();
    if raw.starts_with('#') {
        let text = raw.trim_start_matches('#').trim();
        let open = text.trim_end_matches('#');
        let closed = open.is_empty() || open.ends_with([' ', '\t']);
        return if closed { open.trim() } else { text }.to_owned();
    }
    let mut lines: Vec<&str> = raw.lines().map(str::trim).collect();
    lines.pop();
    lines.join(" ")
}

fn title(above: &[(HeadingLevel, String)], own: &str) -> String {
    let parts = above.iter().map(|(_, text)| text.as_str()).chain([own]);
    let parts: Vec<&str> = parts.map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join(BELOW)
}

/// What stands in a stretch of the text under a title.
fn passage(
    (text, lists): (&str, &[List]),
    under: Range<usize>,
    (title, ruled): (String, bool),
) -> Passage {
    let (mut parts, mut rules, mut at) = (Vec::new(), Vec::new(), under.start);
    for list in lists.iter().filter(|list| under.contains(&list.whole.start)) {
        let before = text.get(at..list.whole.start).unwrap_or_default();
        // A list that continues a sentence belongs to it.
        let led_in = before.trim_end().ends_with(':');
        if let Some(bullets) = bullets(text, list).filter(|bullets| {
            !led_in && !list.boxes && !list.ordered && (ruled || words::sound_like_rules(bullets))
        }) {
            parts.push(before);
            rules.extend(bullets);
            // Behind the last bullet there may be what names a link: the parser counts it to the list.
            at = list.items.last().map_or(list.whole.end, |item| item.end);
        }
    }
    parts.push(text.get(at..under.end).unwrap_or_default());
    let parts = parts.into_iter().map(trim_blank).filter(|part| !part.is_empty());
    let mut body = parts.collect::<Vec<_>>().join("\n\n");
    let short: String = title.chars().take(TITLE_CHARS_MAX).collect();
    if short != title {
        body = [title, body].join("\n\n");
    }
    Passage { line: 0, title: short, body, rules }
}

/// The bullets of a list; none if one of them is more than a rule can hold.
fn bullets(text: &str, list: &List) -> Option<Vec<Bullet>> {
    list.items.iter().map(|item| bullet(text, item.clone())).collect()
}

fn bullet(text: &str, item: Range<usize>) -> Option<Bullet> {
    let raw = text.get(item.clone())?;
    let indent = text.get(..item.start)?.rsplit('\n').next()?.chars().count();
    let marker = raw.find(char::is_whitespace)?;
    let content = marker + raw.get(marker..)?.len()
        - raw.get(marker..)?.trim_start_matches([' ', '\t']).len();
    let mut lines = vec![raw.get(content..)?.lines().next().unwrap_or_default()];
    lines.extend(raw.lines().skip(1).map(|line| dedent(line, indent + content)));
    let ends = |line: &str| line.trim().is_empty() || words::begins_block(line);
    let first = lines.iter().skip(1).position(|line| ends(line)).map_or(lines.len(), |at| at + 1);
    let (statement, rest) = lines.split_at_checked(first)?;
    let statement = statement.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let statement = statement.trim().to_owned();
    if statement.is_empty() || statement.chars().count() > STATEMENT_CHARS_MAX {
        return None;
    }
    let rationale = trim_blank(&rest.join("\n")).to_owned();
    let severity = words::severity(&statement);
    Some(Bullet { line: line_of(text, item.start), statement, rationale, severity })
}

/// A line without so much of its indentation.
fn dedent(line: &str, columns: usize) -> &str {
    let blank = line.chars().take(columns).take_while(|c| *c == ' ' || *c == '\t').count();
    line.get(blank..).unwrap_or_default()
}

/// Without blank lines around it, and without blanks at its end.
fn trim_blank(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.split_inclusive('\n').take_while(|line| line.trim().is_empty());
    text.get(start.map(str::len).sum()..).unwrap_or_default()
}

fn first_line(text: &str, range: Range<usize>) -> usize {
    let part = text.get(range).unwrap_or_default();
    line_of(text, part.len() - part.trim_start().len())
}

/// The line of a byte, from 1 on.
fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().bytes().filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
