//! What a file of instructions names with `@`, to be read with it.

use std::path::{Path, PathBuf};

/// A file that another one names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Include {
    /// The line where it stands, from 1 on.
    pub(crate) line: usize,
    /// As it stands there.
    pub(crate) named: String,
    /// Where that is.
    pub(crate) file: PathBuf,
}

/// The files that a text names, outside of code. `folder` is the one of the file it is in.
pub(crate) fn includes(text: &str, folder: &Path) -> Vec<Include> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) => fence = Some(mark),
            (Some(_), _) => {}
            (None, None) => found.extend(named(line).map(|named| {
                let file = folder.join(named);
                Include { line: index + 1, named: named.to_owned(), file }
            })),
        }
    }
    found
}

/// Whether a line only names files.
pub(crate) fn only_names(line: &str) -> bool {
    let mut words = line.split_whitespace().filter(|word| *word != "-").peekable();
    words.peek().is_some() && words.all(|word| path(word).is_some())
}

fn named(line: &str) -> impl Iterator<Item = &str> {
    // What stands between backquotes is code: every second part.
    line.split('`').step_by(2).flat_map(|part| part.split_whitespace().filter_map(path))
}

/// `@docs/style.md` names a file; `@ana` a person, and `a@b.org` an address.
fn path(word: &str) -> Option<&str> {
    let path = word.strip_prefix('@')?.trim_end_matches([',', ';', ':', ')']).trim_end_matches('.');
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_file =
        name.split_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && !ending.is_empty());
    (is_file && !path.contains('@')).then_some(path)
}

#[cfg(test)]
mod tests;
