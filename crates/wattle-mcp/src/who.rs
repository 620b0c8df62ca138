//! Who wrote something, as the history tells it: a person at the command, or an agent through this face.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use wattle_context::plain::hex;
use wattle_context::plain::{ago, brief};
use wattle_context::{Candidate, Context, ItemView, LogEntry, LogFilter, Part, Section};

use crate::desk::Scene;
use crate::limits::CLIENT_CHARS_MAX;
use crate::text::because;

/// With this begins the client of every edit that an agent makes through this face.
const AGENT: &str = "mcp:";
/// The program of people.
const PEOPLE: &str = "wattle";
/// With this begins the reason of what a person chose when a client asked; no agent can write it.
pub(crate) const DECIDED: &str = "a person decided";

/// This server, as the history names it.
#[derive(Clone, Debug)]
pub(crate) struct Me {
    /// The key, in hexadecimal.
    pub(crate) key: String,
    /// The client: different for every process, or for every session where the client names it.
    pub(crate) client: String,
    /// Whether it has ever claimed a task.
    pub(crate) claimed: Arc<AtomicBool>,
}

/// Who wrote something, when and why.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    name: String,
    key: String,
    client: String,
    time_ms: i64,
    why: String,
    /// How new it is among the changes of its document: 0 is the newest.
    rank: usize,
}

/// Who has last written each field of a section.
#[derive(Clone, Debug)]
pub(crate) struct Authors<'a> {
    by_path: BTreeMap<String, Rc<Written>>,
    agents: &'a BTreeSet<String>,
}

/// The client that stands in the history for a program that calls itself so.
pub(crate) fn client(program: &str, mark: &str) -> String {
    let letters = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = program.chars().map(letters).take(CLIENT_CHARS_MAX).collect();
    format!("{AGENT}{name}/{mark}")
}

/// The mark of a session: the same in every process of it.
pub(crate) fn mark_of(session: &str) -> String {
    hex(Sha256::digest(session.as_bytes()).iter().take(2))
}

/// The reason as it may stand in the history of an agent's edit: none that says a person decided.
pub(crate) fn own_words(why: &str) -> String {
    let claims = why.trim_start().to_lowercase().starts_with(DECIDED);
    if claims { format!("the agent says: {why}") } else { why.to_owned() }
}

impl Me {
    /// The program and this process of it, without the mark of agents.
    pub(crate) fn program(&self) -> &str {
        self.client.strip_prefix(AGENT).unwrap_or(&self.client)
    }
}

impl Written {
    pub(crate) fn of(entry: LogEntry, rank: usize) -> Self {
        Self {
            name: entry.by,
            key: entry.key,
            client: entry.client,
            time_ms: entry.time_ms,
            why: entry.why,
            rank,
        }
    }

    /// Whether it was this process.
    pub(crate) fn is(&self, me: &Me) -> bool {
        self.key == me.key && self.client == me.client
    }

    /// Whether a person wrote it, or chose it when asked, as far as the program that wrote it tells;
    /// what is signed by an agent's own key no person has written, whatever it says.
    pub(crate) fn by_person(&self) -> bool {
        let program = self.client.split(' ').next().unwrap_or_default();
        program == PEOPLE || (self.client.starts_with(AGENT) && self.why.starts_with(DECIDED))
    }

    /// Whether one of these keys signed it.
    pub(crate) fn signed_by(&self, keys: &BTreeSet<String>) -> bool {
        keys.contains(&self.key)
    }

    /// `ana`, or `claude-code/1a2b for ana`.
    pub(crate) fn label(&self) -> String {
        label(&self.name, &self.client)
    }

    /// Who, when and why.
    pub(crate) fn told(&self, now_ms: i64) -> String {
        format!("{}, {}{}", self.label(), ago(self.time_ms, now_ms), because(&self.why))
    }

    /// The same, and with which key.
    pub(crate) fn signed(&self, now_ms: i64) -> String {
        let key: String = self.key.chars().take(8).collect();
        format!("{} (key {key}), {}{}", self.label(), ago(self.time_ms, now_ms), because(&self.why))
    }

    pub(crate) const fn time_ms(&self) -> i64 {
        self.time_ms
    }
}

/// The name of an author, and of the program that wrote on their behalf.
pub(crate) fn label(name: &str, client: &str) -> String {
    let name = if name.is_empty() { "unknown".to_owned() } else { brief(name, 40) };
    match client.strip_prefix(AGENT) {
        Some(agent) => format!("{} for {name}", brief(agent, 60)),
        None => name,
    }
}

/// Who wrote a candidate: its name alone does not tell two agents of one person apart.
pub(crate) fn of_candidate(context: &Context, part: Part, candidate: &Candidate) -> String {
    let entries = context.document(&part).map(|document| document.entries(&[candidate.change]));
    let entry = entries.and_then(|entries| entries.into_iter().next());
    entry.map_or_else(|| label(&candidate.by, ""), |entry| label(&entry.by, &entry.client))
}

impl<'a> Authors<'a> {
    /// The authors of a section, and of the bodies that are loaded.
    pub(crate) fn of(scene: Scene<'a>, section: Section) -> Self {
        let log = scene.context.log(&LogFilter { section: Some(section), ..LogFilter::default() });
        let mut authors = BTreeMap::new();
        for (rank, mut entry) in log.into_iter().enumerate() {
            let paths = std::mem::take(&mut entry.paths);
            let written = Rc::new(Written::of(entry, rank));
            for path in paths {
                authors.entry(path).or_insert_with(|| Rc::clone(&written));
            }
        }
        Self { by_path: authors, agents: scene.agents }
    }

    /// Who last wrote a field, or the item as a whole.
    pub(crate) fn field(&self, item: &ItemView, field: &str) -> Option<&Written> {
        let item = format!("{}/{}", item.section, item.id);
        let field = format!("{item}/{field}");
        let below = format!("{field}/");
        let own = self.by_path.get(&field).into_iter().chain(self.by_path.get(&item));
        let under =
            self.by_path.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below));
        let all = own.chain(under.map(|(_, written)| written));
        all.min_by_key(|written| written.rank).map(Rc::as_ref)
    }

    /// Who last wrote anything of an item.
    pub(crate) fn item(&self, item: &ItemView) -> Option<&Written> {
        let item = format!("{}/{}", item.section, item.id);
        let whole =
            self.by_path.range(item.clone()..).take_while(|(path, _)| path.starts_with(&item));
        whole.map(|(_, written)| written).min_by_key(|written| written.rank).map(Rc::as_ref)
    }

    /// The newest of what binds readers of an item that no person has written; none if a person has
    /// written all of it.
    pub(crate) fn unapproved(&self, item: &ItemView) -> Option<&Written> {
        let says = |field: &&&str| item.fields.get(**field).is_some_and(|f| !f.value.is_empty());
        let binding = binding(item.section).iter().filter(says);
        let written = binding.filter_map(|name| self.field(item, name));
        written
            .filter(|written| !written.by_person() || written.signed_by(self.agents))
            .min_by_key(|written| written.rank)
    }
}

/// The fields that readers are bound by.
const fn binding(section: Section) -> &'static [&'static str] {
    match section {
        Section::Instructions => &["title", "body", "audience", "enabled"],
        Section::Tools => &["pattern", "effect", "subjects", "limits", "expires"],
        Section::Rules => &["statement", "severity", "scope", "enabled"],
        Section::People | Section::Documents | Section::Tasks => &[],
    }
}

#[cfg(test)]
mod tests;
