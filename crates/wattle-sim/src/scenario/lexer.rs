//! Words, quoted texts and signs.

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Bare.
    Word(String),
    /// In quotes, with the escapes replaced.
    Text(String),
    /// One of `: = + [ ] ,`.
    Sign(char),
}

/// Why a line has no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LexError {
    /// A quote is open at the end.
    #[error("a quoted text does not end")]
    Unterminated,
    /// An escape that does not exist.
    #[error("unknown escape \\{escape}")]
    Escape {
        /// The character after the backslash.
        escape: char,
    },
}

const SIGNS: &str = ":=+[],";

/// Splits a line; a comment ends it.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, LexError> {
    let mut tokens = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(&next) = rest.peek() {
        if next == '#' {
            break;
        }
        if next == '"' {
            rest.next();
            tokens.push(Token::Text(quoted(&mut rest)?));
        } else if SIGNS.contains(next) {
            rest.next();
            tokens.push(Token::Sign(next));
        } else if next.is_whitespace() {
            rest.next();
        } else {
            let mut word = String::new();
            while let Some(c) = rest
                .next_if(|c| !c.is_whitespace() && !SIGNS.contains(*c) && *c != '"' && *c != '#')
            {
                word.push(c);
            }
            tokens.push(Token::Word(word));
        }
    }
    Ok(tokens)
}

fn quoted(rest: &mut impl Iterator<Item = char>) -> Result<String, LexError> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(text),
            '\\' => match rest.next() {
                Some('n') => text.push('\n'),
                Some(c @ ('"' | '\\')) => text.push(c),
                Some(escape) => return Err(LexError::Escape { escape }),
                None => return Err(LexError::Unterminated),
            },
            c => text.push(c),
        }
    }
    Err(LexError::Unterminated)
}
