//! An answer that is written line by line until its room is used up.

use crate::limits::{ANSWER_TOKENS, ANSWER_TOKENS_MAX, ANSWER_TOKENS_MIN, TOKEN_BYTES};

/// What is kept free for the lines that end every answer.
const FOOT_BYTES: usize = 480;

/// An answer in the making.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    text: String,
    bytes_max: usize,
}

impl Page {
    /// A page of so many tokens, its foot included.
    pub(crate) fn new(tokens: Option<usize>) -> Self {
        let tokens = tokens.unwrap_or(ANSWER_TOKENS).clamp(ANSWER_TOKENS_MIN, ANSWER_TOKENS_MAX);
        Self { text: String::new(), bytes_max: (tokens * TOKEN_BYTES).saturating_sub(FOOT_BYTES) }
    }

    /// Writes lines, or nothing if they have no room; answers whether they had.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        let fits = line.len() < self.room();
        if fits {
            self.text.push_str(line);
            self.text.push('\n');
        }
        fits
    }

    /// Bytes that are free.
    pub(crate) fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.text.len())
    }

    /// A page for a part of this one: with a share of its room.
    pub(crate) fn part(&self, share: usize) -> Self {
        Self { text: String::new(), bytes_max: self.room() / share }
    }

    /// Puts a part in.
    pub(crate) fn put(&mut self, part: &Self) {
        self.text.push_str(&part.text);
    }

    /// Lines with a heading; if not all have room, the last line says how to get the others.
    pub(crate) fn block(&mut self, heading: &str, lines: &[String], more: &str) {
        if lines.is_empty() || !self.line(heading) {
            return;
        }
        let last = more.len() + 24;
        for (index, line) in lines.iter().enumerate() {
            let left = lines.len() - index;
            let ends = left == 1;
            if (!ends && line.len() + last >= self.room()) || !self.line(line) {
                self.text.push_str(&format!("… {left} more: {more}\n"));
                return;
            }
        }
    }

    /// The text with its last lines, for which there is always room.
    pub(crate) fn end(mut self, foot: &[String]) -> String {
        for line in foot {
            self.text.push_str(line);
            self.text.push('\n');
        }
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

#[cfg(test)]
mod tests;
