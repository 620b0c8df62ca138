//! Files to be imported: found, read, and given a title.

use std::collections::VecDeque;
use std::fs;
use std::path::{Component, Path, PathBuf};

use wattle_context::secrets;

use super::includes::{self, Include};
use super::kind::FileKind;
use crate::block;
use crate::failure::Failure;

/// Folders inside one that was named are left out when they are called so: made by tools, not written.
const MADE_BY_TOOLS: &[&str] = &["node_modules", "target"];
/// A folder deeper than this is a loop of links.
const FOLDERS_DEEP_MAX: usize = 64;
/// Folders with a dot in front that hold rules for agents.
const RULE_FOLDERS: &[&str] = &[".cursor", ".github"];
/// How far a file that another one names is followed.
const HOPS_MAX: usize = 4;

/// A text file, ready to become a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// Where it was read.
    pub(crate) file: PathBuf,
    /// What it is taken for.
    pub(crate) kind: FileKind,
    /// The file that is read when this one counts: itself, or the one that names it.
    pub(crate) reader: String,
    /// Its path below the project, or as it was given: what the document is known by.
    pub(crate) source: String,
    /// From its first heading, or its name.
    pub(crate) title: String,
    /// `text/markdown` or `text/plain`.
    pub(crate) media_type: &'static str,
    /// All of it; of a file with a managed block what stands outside, with the lines where they are.
    pub(crate) body: String,
    /// Whether there is a managed block in it.
    pub(crate) has_block: bool,
    /// Everything, as it was read.
    pub(crate) whole: String,
}

/// The files over which one was reached, itself last.
type Chain = Vec<String>;

/// Something about a file that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) source: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// What was found under the names that were given.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) texts: Vec<Text>,
    /// Files that are no UTF-8 text.
    pub(crate) binary: Vec<PathBuf>,
    /// Files that are named and not read.
    pub(crate) notes: Vec<Note>,
    /// Secrets, in files that are therefore not taken.
    pub(crate) secrets: Vec<Note>,
}

/// Reads files, and the Markdown and text files in folders, in the order of their names.
pub(crate) fn gather(names: &[PathBuf], root: &Path) -> Result<Gathered, Failure> {
    let mut files = Vec::new();
    for name in names {
        let known = fs::metadata(name).map_err(|error| unreadable(name, error))?;
        if known.is_dir() { walk(name, 0, &mut files)? } else { files.push(name.clone()) }
    }
    let mut gathered = Gathered::default();
    let mut waiting: VecDeque<(PathBuf, Chain)> =
        files.into_iter().map(|file| (file, Chain::new())).collect();
    while let Some((file, mut chain)) = waiting.pop_front() {
        let known = source(&file, root);
        if gathered.texts.iter().any(|text| text.source == known) {
            continue;
        }
        chain.push(known);
        let bytes = fs::read(&file).map_err(|error| unreadable(&file, error))?;
        let Ok(body) = String::from_utf8(bytes) else {
            gathered.binary.push(file);
            continue;
        };
        let source = chain.last().cloned().unwrap_or_default();
        gathered.secrets.extend(secrets::find(&body).into_iter().map(|secret| {
            let what = format!("{} ({})", secret.kind, secret.masked);
            Note { source: source.clone(), line: secret.line, what }
        }));
        let mut text = text(file, body, root)?;
        if let [reader, _, ..] = chain.as_slice() {
            text.reader.clone_from(reader);
            if text.kind == FileKind::Document {
                text.kind = FileKind::Including;
            }
        }
        if text.kind == FileKind::Including || chain.len() > 1 {
            let named = gathered.follow(&mut text, &chain, root);
            waiting.extend(named.into_iter().map(|file| (file, chain.clone())));
        }
        gathered.texts.push(text);
    }
    gathered.texts.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(gathered)
}

/// Reads one file, and nothing that it names.
pub(crate) fn alone(file: &Path, root: &Path) -> Result<Gathered, Failure> {
    let mut gathered = gather(&[file.to_owned()], root)?;
    let own = source(file, root);
    gathered.texts.retain(|text| text.source == own);
    gathered.notes.clear();
    if gathered.texts.is_empty() {
        return Err(Failure::NotText { file: file.to_owned() });
    }
    Ok(gathered)
}

impl Gathered {
    /// The files that a text names. A line that only names files that are read says nothing else.
    fn follow(&mut self, text: &mut Text, chain: &Chain, root: &Path) -> Vec<PathBuf> {
        let folder = text.file.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let (mut read, mut left) = (Vec::new(), Vec::new());
        for include in includes::includes(&text.body, &folder) {
            match unread(&include, chain, root) {
                None => read.push(include.file),
                Some(what) => {
                    left.push(include.line);
                    self.notes.push(Note { source: text.source.clone(), line: include.line, what });
                }
            }
        }
        let lines = text.body.split_inclusive('\n').enumerate().map(|(index, line)| {
            let goes = includes::only_names(line) && !left.contains(&(index + 1));
            if goes { "\n" } else { line }
        });
        text.body = lines.collect();
        read
    }
}

/// Why a file that is named is not read.
fn unread(include: &Include, chain: &Chain, root: &Path) -> Option<String> {
    let named = &include.named;
    let Ok(file) = fs::canonicalize(&include.file) else {
        return Some(format!("@{named} is not there"));
    };
    if !fs::canonicalize(root).is_ok_and(|root| file.starts_with(root)) {
        return Some(format!("@{named} is outside of the project: not read"));
    }
    if chain.contains(&source(&file, root)) {
        return Some(format!("@{named} leads in a circle: read once"));
    }
    (chain.len() > HOPS_MAX)
        .then(|| format!("@{named} is more than {HOPS_MAX} files away: not read"))
}

fn walk(folder: &Path, deep: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if deep > FOLDERS_DEEP_MAX {
        return Ok(());
    }
    let hidden =
        folder.components().any(|part| RULE_FOLDERS.iter().any(|name| part.as_os_str() == *name));
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_rules = FileKind::of(&path, "").is_instructions();
        if path.is_dir() {
            let visited = !name.starts_with('.') || RULE_FOLDERS.contains(&name.as_ref());
            if visited && !MADE_BY_TOOLS.contains(&name.as_ref()) {
                walk(&path, deep + 1, files)?;
            }
        } else if is_rules || (!hidden && media_type(&path).is_some()) {
            files.push(path);
        }
    }
    Ok(())
}

/// A file with this text.
pub(crate) fn text(file: PathBuf, body: String, root: &Path) -> Result<Text, Failure> {
    let whole = body.clone();
    let body = match body.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => body,
    };
    let kind = FileKind::of(&file, &body);
    let outside = match block::split(&body) {
        Err(error) if kind.is_instructions() => return Err(Failure::Block { file, error }),
        // Another text may well show marks without having a block.
        split => split.ok().flatten().map(|split| split.outside()),
    };
    let has_block = outside.is_some();
    let body = outside.unwrap_or(body);
    let media_type = media_type(&file).unwrap_or("text/plain");
    let heading = if media_type == "text/markdown" { heading(&body) } else { None };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let title = heading.unwrap_or(&stem);
    let title = title.chars().take(wattle_context::limits::TITLE_CHARS_MAX).collect();
    let source = source(&file, root);
    Ok(Text {
        reader: source.clone(),
        source,
        title,
        kind,
        media_type,
        body,
        has_block,
        whole,
        file,
    })
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
pub(crate) fn source(file: &Path, root: &Path) -> String {
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
