//! Files to be imported: found, read, and given a title.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;

/// Folders inside one that was named are left out when they are called so: made by tools, not written.
const MADE_BY_TOOLS: &[&str] = &["node_modules", "target"];
/// A folder deeper than this is a loop of links.
const FOLDERS_DEEP_MAX: usize = 64;

/// A text file, ready to become a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// Where it was read.
    pub(crate) file: PathBuf,
    /// Its path below the project, or as it was given: what the document is known by.
    pub(crate) source: String,
    /// From its first heading, or its name.
    pub(crate) title: String,
    /// `text/markdown` or `text/plain`.
    pub(crate) media_type: &'static str,
    /// All of it.
    pub(crate) body: String,
}

/// What was found under the names that were given.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) texts: Vec<Text>,
    /// Files that are no UTF-8 text.
    pub(crate) binary: Vec<PathBuf>,
}

/// Reads files, and the Markdown and text files in folders, in the order of their names.
pub(crate) fn gather(names: &[PathBuf], root: &Path) -> Result<Gathered, Failure> {
    let mut files = Vec::new();
    for name in names {
        let known = fs::metadata(name).map_err(|error| unreadable(name, error))?;
        if known.is_dir() { walk(name, 0, &mut files)? } else { files.push(name.clone()) }
    }
    let mut gathered = Gathered::default();
    for file in files {
        let bytes = fs::read(&file).map_err(|error| unreadable(&file, error))?;
        match String::from_utf8(bytes) {
            Ok(body) => gathered.texts.push(text(file, body, root)),
            Err(_) => gathered.binary.push(file),
        }
    }
    gathered.texts.sort_by(|a, b| a.source.cmp(&b.source));
    gathered.texts.dedup_by(|a, b| a.source == b.source);
    Ok(gathered)
}

fn walk(folder: &Path, deep: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if deep > FOLDERS_DEEP_MAX {
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !MADE_BY_TOOLS.contains(&name.as_ref()) {
                walk(&path, deep + 1, files)?;
            }
        } else if media_type(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}

fn text(file: PathBuf, body: String, root: &Path) -> Text {
    let body = match body.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => body,
    };
    let media_type = media_type(&file).unwrap_or("text/plain");
    let heading = if media_type == "text/markdown" { heading(&body) } else { None };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let title = heading.unwrap_or(&stem);
    let title = title.chars().take(wattle_context::limits::TITLE_CHARS_MAX).collect();
    let source = source(&file, root);
    Text { source, title, media_type, body, file }
}

/// The first heading of a Markdown text, not of the code or the front matter in it.
pub(super) fn heading(body: &str) -> Option<&str> {
    let mut fence: Option<&str> = None;
    for line in without_front_matter(body).lines() {
        let line = line.trim_end();
        if let Some(open) = fence {
            if line.trim_start().starts_with(open) {
                fence = None;
            }
            continue;
        }
        fence = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        let title = title.trim().trim_end_matches('#').trim_end();
        let spaced = line.chars().nth(level).is_some_and(|c| c == ' ' || c == '\t');
        if (1..=6).contains(&level) && spaced && !title.is_empty() {
            return Some(title);
        }
    }
    None
}

fn without_front_matter(body: &str) -> &str {
    let Some(rest) = body.strip_prefix("---\n") else { return body };
    rest.split_once("\n---\n").map_or(body, |(_, text)| text)
}

/// What a document is known by when its file is imported again: the path below the project, where it
/// is there, so that it is the same on every machine.
fn source(file: &Path, root: &Path) -> String {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (file, root) = (whole(file), whole(root));
    let known = file.strip_prefix(&root).unwrap_or(&file);
    let parts = known.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::RootDir => Some(String::new()),
        Component::Prefix(_) | Component::CurDir | Component::ParentDir => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

fn media_type(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "md" | "markdown" | "mdc" => Some("text/markdown"),
        "txt" | "text" => Some("text/plain"),
        _ => None,
    }
}

fn unreadable(file: &Path, error: std::io::Error) -> Failure {
    Failure::Unreadable { file: file.to_owned(), error }
}

#[cfg(test)]
mod tests;
