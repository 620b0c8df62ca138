//! Which tasks can be worked on next.

use std::collections::BTreeSet;

use super::{owner, records};
use crate::context::Context;
use crate::schema::Section;
use crate::value::Value;
use crate::view::ItemView;

/// Who would claim a task: what it may be called where a task says whom it is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimant {
    words: BTreeSet<String>,
}

impl Claimant {
    /// Somebody of these roles and names, whatever their letters' case.
    pub fn called(words: impl IntoIterator<Item = String>) -> Self {
        Self { words: words.into_iter().map(|word| plain_word(&word)).collect() }
    }

    /// Whether a task is meant for this one: it names nobody, or one of the words.
    pub fn fits(&self, task: &ItemView) -> bool {
        let named = meant_for(task);
        named.is_empty() || named.iter().any(|word| self.words.contains(&plain_word(word)))
    }
}

/// Whom a task is meant for: roles and names; nobody where everybody may take it.
pub fn meant_for(task: &ItemView) -> Vec<String> {
    // While several values stand side by side, each of them counts.
    let values = task.fields.get("meant_for").into_iter().flat_map(|field| &field.in_force);
    let words = values.filter_map(Value::text).flat_map(|text| text.split(','));
    let mut named: Vec<String> = Vec::new();
    for word in words.map(str::trim).filter(|word| !word.is_empty()) {
        if !named.iter().any(|known| known == word) {
            named.push(word.to_owned());
        }
    }
    named
}

fn plain_word(word: &str) -> String {
    word.trim().to_lowercase()
}

/// The tasks that can be worked on by this one: open, held by nobody, meant for everybody or them, with
/// nothing undone before them. The most important come first; of equal ones another for each `turn`, so
/// that not all run for the same.
pub fn ready(context: &Context, (who, now_ms): (&Claimant, i64), turn: u8) -> Vec<ItemView> {
    let tasks = context.section(Section::Tasks).items;
    let mut ready: Vec<ItemView> = tasks
        .into_iter()
        .filter(|task| who.fits(task) && is_ready(context, task, now_ms))
        .collect();
    ready.sort_by_key(|task| std::cmp::Reverse(priority(task)));
    let first = ready.first().map(priority);
    let equals = ready.iter().take_while(|task| Some(priority(task)) == first).count();
    if let Some(equals) = ready.get_mut(..equals).filter(|equals| !equals.is_empty()) {
        equals.rotate_left(usize::from(turn) % equals.len());
    }
    ready
}

/// How a task has ended, if it has.
pub fn ended(task: &ItemView) -> Option<String> {
    Some(word(task, "status")).filter(|status| ["done", "cancelled"].contains(&status.as_str()))
}

#[cfg(test)]
mod tests;

fn is_ready(context: &Context, task: &ItemView, now_ms: i64) -> bool {
    let open = matches!(word(task, "status").as_str(), "" | "nothing" | "open");
    let depends = task.fields.get("depends_on").and_then(|field| field.value.list());
    let done = |name: &String| {
        let path = if name.contains('/') { name.clone() } else { format!("tasks/{name}") };
        let path = context.locate(&path).ok();
        let item = path.and_then(|path| context.item(&path));
        item.is_some_and(|item| word(&item, "status") == "done")
    };
    // Whoever holds it, by a lease or not: it is held.
    open && depends.unwrap_or_default().iter().all(done)
        && owner(&records(task), now_ms, &|_| true).is_none()
}

fn priority(task: &ItemView) -> i64 {
    task.fields.get("priority").and_then(|field| field.value.int()).unwrap_or_default()
}

fn word(task: &ItemView, field: &str) -> String {
    task.fields.get(field).map(|field| field.value.to_string()).unwrap_or_default()
}
