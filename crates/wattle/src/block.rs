//! The managed block of a file: what Wattle writes between two marks. Everything else is left alone to
//! the byte.

use std::ops::Range;

use wattle_context::Section;
use wattle_context::plain::hex;

pub(crate) mod base;
pub(crate) mod parse;
pub(crate) mod render;
pub(crate) mod take;

use sha2::{Digest, Sha256};

const BEGIN: &str = "<!-- wattle:begin";
const END: &str = "<!-- wattle:end";
const CLOSE: &str = "-->";
/// Hexadecimal digits of hashes and of the context's id in a mark.
const DIGITS: usize = 16;

/// Why a block cannot be made out. The file stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    /// It begins and never ends.
    #[error(
        "line {line}: the managed block begins here and does not end: put back `<!-- wattle:end -->`, or delete this mark"
    )]
    Unclosed {
        /// Where.
        line: usize,
    },
    /// It ends and never began.
    #[error(
        "line {line}: a managed block ends here that did not begin: delete this mark, or put back the one above"
    )]
    Unopened {
        /// Where.
        line: usize,
    },
    /// A block in a block.
    #[error(
        "line {line}: a managed block begins here, inside the one of line {first}: delete one of the two"
    )]
    Nested {
        /// Where.
        line: usize,
        /// Where the outer one begins.
        first: usize,
    },
    /// A block after a block.
    #[error(
        "line {line}: a second managed block begins here, after the one of line {first}: delete one of the two"
    )]
    Second {
        /// Where.
        line: usize,
        /// Where the other one begins.
        first: usize,
    },
    /// A mark that was changed.
    #[error(
        "line {line}: this mark of the managed block was changed: restore it, or delete the block and export again"
    )]
    Mark {
        /// Where.
        line: usize,
    },
}

/// What the first mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The beginning of the context's id.
    pub(crate) context: String,
    /// The version that was exported.
    pub(crate) version: String,
    /// The beginning of the hash of what was written.
    pub(crate) hash: String,
}

/// A file with a managed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    text: &'a str,
    /// From the first mark to the end of the last.
    whole: Range<usize>,
    /// The line of the first mark.
    pub(crate) line: usize,
    /// What the first mark says.
    pub(crate) mark: Mark,
    /// What stands between the marks, with plain line ends.
    pub(crate) inner: String,
}

impl Mark {
    /// The mark of what is to be written.
    pub(crate) fn new(context: &str, version: &str, inner: &str) -> Self {
        let context = context.chars().take(DIGITS).collect();
        Self { context, version: version.to_owned(), hash: hash(inner) }
    }

    fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(BEGIN)?.trim_end().strip_suffix(CLOSE)?;
        let mut words = rest.split_whitespace();
        let mut word = |name: &str| words.next()?.strip_prefix(name).map(str::to_owned);
        let mark = Self { context: word("context=")?, version: word("v=")?, hash: word("hash=")? };
        words.next().is_none().then_some(mark)
    }
}

/// The fields that a block shows: the name, the text, and whom it is for.
pub(crate) fn fields(section: Section) -> (&'static str, &'static str, &'static str) {
    match section {
        Section::Rules => ("statement", "rationale", "scope"),
        Section::Instructions
        | Section::People
        | Section::Documents
        | Section::Tasks
        | Section::Tools => ("title", "body", "audience"),
    }
}

/// The beginning of the hash of a text.
pub(crate) fn hash(text: &str) -> String {
    hex(Sha256::digest(text.as_bytes()).iter().take(DIGITS / 2))
}

/// A file's text around its managed block; none if it has none.
pub(crate) fn split(text: &str) -> Result<Option<Split<'_>>, BlockError> {
    let (mut at, mut found) = (0, None::<Split<'_>>);
    let mut open: Option<(usize, usize, usize, Mark)> = None;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let (number, start) = (index + 1, at);
        at += whole.len();
        let line = whole.trim_end_matches(['\n', '\r']).trim_start_matches('\u{feff}');
        if line.starts_with(BEGIN) {
            match (&open, &found) {
                (Some((first, ..)), _) => {
                    return Err(BlockError::Nested { line: number, first: *first });
                }
                (None, Some(split)) => {
                    return Err(BlockError::Second { line: number, first: split.line });
                }
                (None, None) => {}
            }
            let mark = Mark::read(line).ok_or(BlockError::Mark { line: number })?;
            let start = start + whole.len() - whole.trim_start_matches('\u{feff}').len();
            open = Some((number, start, at, mark));
        } else if line.starts_with(END) {
            let Some((first, begins, inner, mark)) = open.take() else {
                return Err(BlockError::Unopened { line: number });
            };
            if line.trim_end() != "<!-- wattle:end -->" {
                return Err(BlockError::Mark { line: number });
            }
            let inner = text.get(inner..start).unwrap_or_default().replace("\r\n", "\n");
            found = Some(Split {
                text,
                whole: begins..start + line.trim_end().len(),
                line: first,
                mark,
                inner,
            });
        }
    }
    match open {
        Some((line, ..)) => Err(BlockError::Unclosed { line }),
        None => Ok(found),
    }
}

impl Split<'_> {
    /// What stands outside, on the lines where it is.
    pub(crate) fn outside(&self) -> String {
        let block = self.text.get(self.whole.clone()).unwrap_or_default();
        let lines = block.matches('\n').map(|_| "\n");
        let before = self.text.get(..self.whole.start).unwrap_or_default();
        let after = self.text.get(self.whole.end..).unwrap_or_default();
        [before].into_iter().chain(lines).chain([after]).collect()
    }
}

/// A file's text with a block in place of the one that it has, or at its end.
pub(crate) fn with(text: &str, mark: &Mark, inner: &str) -> Result<String, BlockError> {
    let Mark { context, version, hash } = mark;
    let block =
        format!("{BEGIN} context={context} v={version} hash={hash} {CLOSE}\n{inner}{END} {CLOSE}");
    let crlf =
        text.find('\n').is_some_and(|at| text.get(..at).is_some_and(|line| line.ends_with('\r')));
    let end = if crlf { "\r\n" } else { "\n" };
    let block = block.replace('\n', end);
    if let Some(split) = split(text)? {
        let before = text.get(..split.whole.start).unwrap_or_default();
        let after = text.get(split.whole.end..).unwrap_or_default();
        return Ok([before, &block, after].concat());
    }
    let bare = text.trim_start_matches('\u{feff}').is_empty();
    Ok(if bare {
        [text, &block, end].concat()
    } else if text.ends_with('\n') {
        [text, end, &block, end].concat()
    } else {
        [text, end, end, &block].concat()
    })
}

#[cfg(test)]
mod tests;
