//! The two hooks in Claude Code's settings: what runs when a session begins, and before each prompt.

use jsonc_parser::cst::{CstArray, CstNode, CstObject};
use serde_json::{Value as Json, json};

use super::entry::Program;
use super::jsonc::{input, is_blank, object_in, parse, top};
use super::unfit::Unfit;

/// The events, and what `wattle hook` is called with at each.
pub(super) const EVENTS: [(&str, &str); 2] =
    [("SessionStart", "brief"), ("UserPromptSubmit", "changes")];
/// When the client gives up on a hook, which itself gives up earlier.
const TIMEOUT_S: u64 = 5;

/// The hook of an event as it is written.
pub(super) fn written(program: &Program, hook: &str) -> Json {
    let words = std::iter::once(program.command.clone()).chain(program.args(&["hook", hook]));
    let command: Vec<String> = words.map(|word| quoted(&word)).collect();
    json!({ "type": "command", "command": command.join(" "), "timeout": TIMEOUT_S })
}

/// The program of a hook that is ours, to the letter.
pub(super) fn read(found: &Json, hook: &str) -> Option<Program> {
    let words = words(found.get("command")?.as_str()?)?;
    let program = Program::read(&words, &["hook", hook])?;
    (written(&program, hook) == *found).then_some(program)
}

/// The hook of an event that runs this program, whoever wrote it.
pub(super) fn find(text: &str, (event, hook): (&'static str, &str)) -> Result<Option<Json>, Unfit> {
    let root = parse(text)?;
    let Some(groups) = groups(&top(&root)?, event)? else { return Ok(None) };
    let found = ours(&groups, hook).and_then(|(_, one)| one.to_serde_value());
    Ok(found)
}

/// The text with this hook at an event, beside those of others.
pub(super) fn put(
    text: &str,
    (event, hook): (&'static str, &str),
    value: &Json,
) -> Result<String, Unfit> {
    let root = parse(text)?;
    let top = top(&root)?;
    let groups = match groups(&top, event)? {
        Some(groups) => groups,
        None => top.object_value_or_set("hooks").array_value_or_set(event),
    };
    match ours(&groups, hook) {
        Some((_, old)) => drop(old.as_object().and_then(|old| old.replace_with(input(value)))),
        None => drop(groups.append(input(&json!({ "hooks": [value] })))),
    }
    Ok(root.to_string())
}

/// The text without this hook; what it leaves empty goes with it.
pub(super) fn take(text: &str, (event, hook): (&'static str, &str)) -> Result<String, Unfit> {
    let root = parse(text)?;
    let top = top(&root)?;
    let Some(groups) = groups(&top, event)? else { return Ok(text.to_owned()) };
    let Some((group, one)) = ours(&groups, hook) else { return Ok(text.to_owned()) };
    one.remove();
    if group.array_value("hooks").is_some_and(|hooks| is_bare(&hooks)) {
        group.remove();
    }
    if let Some(hooks) = object_in(&top, "hooks")? {
        if is_bare(&groups)
            && let Some(property) = hooks.get(event)
        {
            property.remove();
        }
        if is_blank(&hooks)
            && let Some(property) = top.get("hooks")
        {
            property.remove();
        }
    }
    Ok(root.to_string())
}

fn is_bare(list: &CstArray) -> bool {
    list.elements().is_empty() && !list.children().iter().any(CstNode::is_comment)
}

fn groups(top: &CstObject, event: &'static str) -> Result<Option<CstArray>, Unfit> {
    let Some(hooks) = object_in(top, "hooks")? else { return Ok(None) };
    let Some(property) = hooks.get(event) else { return Ok(None) };
    property.array_value().map(Some).ok_or(Unfit::NoList { event })
}

/// The group and the hook in it whose command is this one.
fn ours(groups: &CstArray, hook: &str) -> Option<(CstObject, CstNode)> {
    let groups = groups.elements().into_iter().filter_map(|group| group.as_object());
    let mut all = groups.flat_map(|group| {
        let hooks = group.array_value("hooks").map(|list| list.elements()).unwrap_or_default();
        hooks.into_iter().map(move |one| (group.clone(), one))
    });
    all.find(|(_, one)| {
        let value = one.to_serde_value().unwrap_or_default();
        let command = value.get("command").and_then(Json::as_str).unwrap_or_default();
        let words = words(command).unwrap_or_default();
        let mut names = words.iter();
        let runs = names.next().is_some_and(|name| name.contains("wattle"));
        runs && words.ends_with(&["hook".to_owned(), hook.to_owned()])
    })
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words of a command; none if it is more than words.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            '"' | '$' | '`' | '|' | '&' | ';' | '<' | '>' | '(' | ')' | '\n' => return None,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests;
