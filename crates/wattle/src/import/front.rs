//! What stands between `---` at the beginning of a file of rules: a description, and for which files.
//!
//! Editors write this loosely (`globs: *.ts, *.tsx` is no YAML), so it is read line by line.

/// What was said there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Front {
    /// What the rules are about.
    pub(crate) description: Option<String>,
    /// The files that they are for; none for all.
    pub(crate) globs: Vec<String>,
    /// Lines that say something else, as they are.
    pub(crate) rest: Vec<String>,
    /// The lines before the text.
    pub(crate) lines: usize,
}

/// Keys that say for which files something is: in Cursor's rules, and in Copilot's.
const GLOBS: [&str; 3] = ["globs", "applyTo", "paths"];

/// Splits what is said about a text from the text.
pub(crate) fn split(text: &str) -> (Front, &str) {
    let mut front = Front::default();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_fence = |line: &&str| line.trim_end() == "---";
    if !lines.first().is_some_and(is_fence) {
        return (front, text);
    }
    let Some(end) = lines.iter().skip(1).position(is_fence).map(|at| at + 1) else {
        return (front, text);
    };
    let mut key = "";
    for line in lines.iter().take(end).skip(1).map(|line| line.trim_end()) {
        match (line.trim_start().strip_prefix("- "), line.split_once(':')) {
            (Some(element), _) => front.take(key, element),
            (None, Some((name, value))) if !name.contains(' ') => {
                key = name;
                front.take(name, value);
            }
            (None, _) => front.take("", line),
        }
    }
    front.lines = end + 1;
    let bytes = lines.iter().take(end + 1).map(|line| line.len()).sum();
    (front, text.get(bytes..).unwrap_or_default())
}

impl Front {
    fn take(&mut self, key: &str, value: &str) {
        let value = value.trim();
        if GLOBS.contains(&key) {
            let list = value.trim_start_matches('[').trim_end_matches(']');
            let globs = elements(list).into_iter().map(unquoted).filter(|glob| !glob.is_empty());
            self.globs.extend(globs.filter(|glob| *glob != "**").map(str::to_owned));
        } else if key == "description" {
            self.description = Some(unquoted(value).to_owned()).filter(|text| !text.is_empty());
        } else if !value.is_empty() && !["alwaysApply", "name"].contains(&key) {
            let line = if key.is_empty() { value.to_owned() } else { format!("{key}: {value}") };
            self.rest.push(line);
        }
    }
}

/// Split at commas, save those in braces: `*.{ts,tsx}` is one.
fn elements(list: &str) -> Vec<&str> {
    let mut deep = 0_usize;
    let split = list.split(move |c: char| {
        deep = match c {
            '{' => deep + 1,
            '}' => deep.saturating_sub(1),
            _ => deep,
        };
        c == ',' && deep == 0
    });
    split.collect()
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let quoted = |mark: char| text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests;
