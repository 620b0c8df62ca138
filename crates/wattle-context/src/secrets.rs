//! Secrets that have no place in a shared context: private keys, tokens and passwords of known shapes.
//!
//! A context is kept by every replica for ever, so a secret that has come in cannot be taken back. What
//! is looked for has a shape of its own; a hash, an id or a public key has not, and passes. So do
//! placeholders: what says that it is an example, or is plainly no random text.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::edit::{Edit, EditError};
use crate::value::Value;

mod rules;

use rules::{RULES, Rule};

/// A secret that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// In which line, from 1 on.
    pub line: usize,
    /// What it is: `a GitHub token`.
    pub kind: &'static str,
    /// Enough of it to find it again, and not more.
    pub masked: String,
}

/// Runs of characters that nobody draws at random.
const RUNS: [&str; 4] = ["123456789", "0123456", "abcdefg", "qwertyui"];
/// Words that say that something only looks like a secret.
const PLACEHOLDERS: [&str; 9] =
    ["example", "xxxx", "placeholder", "your", "redacted", "dummy", "fake", "****", "...."];
/// So many different characters are in the shortest secret.
const DIFFERENT_MIN: usize = 6;
/// The token that the documentation of JSON web tokens shows.
const KNOWN_EXAMPLES: [&str; 1] = ["SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"];

/// The rules, compiled: all as one set to pass over what has none, and each for itself.
static COMPILED: LazyLock<Option<(RegexSet, Vec<Regex>)>> = LazyLock::new(|| {
    // The ends of words as ASCII knows them: with those of all scripts the search would be much slower.
    let pattern = |rule: &Rule| rule.pattern.replace(r"\b", r"(?-u:\b)");
    let each = RULES.iter().map(|rule| Regex::new(&pattern(rule))).collect::<Result<_, _>>();
    let set = RegexSet::new(RULES.iter().map(pattern));
    Some((set.ok()?, each.ok()?))
});

/// All secrets in a text, in the order of their lines.
pub fn find(text: &str) -> Vec<Secret> {
    let Some((set, each)) = &*COMPILED else { return Vec::new() };
    let mut found = Vec::new();
    for index in set.matches(text) {
        let (Some(rule), Some(regex)) = (RULES.get(index), each.get(index)) else { continue };
        let matches = regex.find_iter(text).filter(|one| !is_placeholder(rule, one.as_str()));
        found.extend(matches.map(|one| (one.start(), secret(rule, text, one.range()))));
    }
    found.sort_by_key(|(at, _)| *at);
    // One passage may fit several rules.
    found.dedup_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, secret)| secret).collect()
}

/// Refuses edits that would write a secret.
pub fn refuse(edits: &[Edit]) -> Result<(), EditError> {
    edits.iter().try_for_each(|edit| refuse_value(&edit.path, &edit.value))
}

/// Refuses a value that holds a secret.
pub fn refuse_value(path: &str, value: &Value) -> Result<(), EditError> {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) => Ok(()),
        Value::Text(text) => refuse_text(path, text),
        Value::List(texts) => texts.iter().try_for_each(|text| refuse_text(path, text)),
        Value::Map(fields) => fields.iter().try_for_each(|(name, value)| {
            let path = format!("{path}/{name}");
            refuse_text(&path, name)?;
            refuse_value(&path, value)
        }),
    }
}

/// Refuses a text that holds a secret.
pub fn refuse_text(path: &str, text: &str) -> Result<(), EditError> {
    match find(text).into_iter().next() {
        None => Ok(()),
        Some(Secret { line, kind, masked }) => {
            Err(EditError::Secret { path: path.to_owned(), line, kind, masked })
        }
    }
}

fn secret(rule: &Rule, text: &str, range: std::ops::Range<usize>) -> Secret {
    let before = text.get(..range.start).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let whole = text.get(range).unwrap_or_default();
    let shown: String = whole.chars().take(rule.shown).take_while(|c| !c.is_whitespace()).collect();
    Secret { line, kind: rule.kind, masked: format!("{shown}…") }
}

fn is_placeholder(rule: &Rule, secret: &str) -> bool {
    let lower = secret.to_lowercase();
    let mut different: Vec<char> = lower.chars().skip(rule.shown).collect();
    different.sort_unstable();
    different.dedup();
    different.len() < DIFFERENT_MIN
        || PLACEHOLDERS.iter().chain(&RUNS).any(|word| lower.contains(word))
        || KNOWN_EXAMPLES.iter().any(|known| secret.contains(known))
}

#[cfg(test)]
mod tests;
