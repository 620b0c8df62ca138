//! What the memory server of the Model Context Protocol keeps: entities, what was observed of them, and
//! relations, one JSON object per line.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wattle_context::limits::{TITLE_CHARS_MAX, WORD_CHARS_MAX};

use super::gather::Text;
use super::proposal::{self, Proposal};

/// One entity, as a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name, by which relations know it.
    pub(crate) name: String,
    /// The name, as far as a title goes.
    pub(crate) title: String,
    /// Its type.
    pub(crate) kind: String,
    /// Observations, then relations.
    pub(crate) body: String,
}

/// What is known of one entity.
#[derive(Default)]
struct Known {
    line: usize,
    kind: String,
    observed: Vec<String>,
    related: Vec<String>,
    /// Lines that are not understood.
    other: Vec<String>,
}

/// One document per entity, in the order of their names. Nothing is dropped: relations of an entity that
/// is not there make one, and what is not understood is kept as it is.
pub(crate) fn proposals(text: &Text) -> Vec<Proposal> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for (index, line) in text.body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let json: Json = serde_json::from_str(line).unwrap_or_default();
        let word = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let name = word("name").or_else(|| word("from")).unwrap_or_default();
        let entity =
            known.entry(name).or_insert_with(|| Known { line: index + 1, ..Known::default() });
        match (json.get("type").and_then(Json::as_str), word("name"), word("to")) {
            (Some("entity"), Some(_), _) => {
                entity.line = index + 1;
                entity.kind = word("entityType").unwrap_or_default();
                let observations =
                    json.get("observations").and_then(Json::as_array).into_iter().flatten();
                let observed = observations.filter_map(Json::as_str).map(str::to_owned);
                observed.for_each(|one| push_new(&mut entity.observed, one));
            }
            (Some("relation"), _, Some(to)) => {
                let relation = word("relationType").unwrap_or_default();
                push_new(&mut entity.related, format!("{relation} {to}"));
            }
            _ => entity.other.push(line.to_owned()),
        }
    }
    let entries = known.into_iter();
    entries
        .map(|(name, known)| proposal::remembered(known.line, &text.source, known.entry(name)))
        .collect()
}

impl Known {
    fn entry(self, name: String) -> Entry {
        let mut body = bullets(&self.observed);
        for (heading, lines) in
            [("Relations", bullets(&self.related)), ("Not understood", self.other.join("\n"))]
        {
            if !lines.is_empty() {
                let apart = if body.is_empty() { "" } else { "\n" };
                body.push_str(&format!("{apart}## {heading}\n\n{lines}"));
            }
        }
        let title: String = name.chars().take(TITLE_CHARS_MAX).collect();
        let title = if title.trim().is_empty() { "Without a name".to_owned() } else { title };
        Entry { title, kind: self.kind.chars().take(WORD_CHARS_MAX).collect(), body, name }
    }
}

/// The same observation is kept once.
fn push_new(lines: &mut Vec<String>, line: String) {
    if !lines.contains(&line) {
        lines.push(line);
    }
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {}\n", line.replace('\n', "\n  "))).collect()
}

#[cfg(test)]
mod tests;
