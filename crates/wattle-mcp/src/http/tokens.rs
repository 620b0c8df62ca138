//! The bearer tokens of a context: one small file each, with the digest of the token and whom it serves.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wattle_context::plain::hex;
use wattle_sync::clock::now_s;
use wattle_sync::private;

use crate::limits::{TOKEN_BYTES_MAX, TOKENS_MAX};

/// With this begins every token.
const PREFIX: &str = "wattle_";
/// The folder of the tokens, in that of the context.
const FOLDER: &str = "mcp-tokens";
/// What a file of a token ends with.
const ENDING: &str = ".json";
/// The format of the files.
const FORMAT: u64 = 1;
const ID_BYTES: usize = 4;
const SECRET_BYTES: usize = 32;

/// The tokens of the context in a directory. Every process looks at the files themselves: what was
/// added or removed counts at once.
#[derive(Clone, Debug)]
pub struct Tokens {
    folder: PathBuf,
}

/// A token, without what it opens with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is called; the first part of it.
    pub id: String,
    /// As which agent of the serving machine its bearer acts; as its person if there is none.
    pub agent: Option<String>,
    /// The key that the agent had when the token was made, in hexadecimal.
    pub key: Option<String>,
    /// Its end, in seconds since 1970.
    pub until_s: Option<u64>,
    /// When it was made, in seconds since 1970.
    pub made_s: u64,
    digest: String,
}

/// Whom a new token serves, and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenTerms {
    /// An agent of this machine, and its key in hexadecimal; the person of this machine without one.
    pub agent: Option<(String, String)>,
    /// The end, in seconds since 1970; without one it is good until it is removed.
    pub until_s: Option<u64>,
}

/// Why tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// They cannot be read.
    #[error("the tokens in {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// They cannot be written.
    #[error("the tokens in {} cannot be written: {source}", path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is none of a token.
    #[error("{} is not the file of a token, or of a newer version: remove it, and make another token", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others on the machine could let themselves in, or see whom it serves.
    #[error("{} is open to others (mode {mode:o}): remove it, and make another token", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There are too many.
    #[error("there are {most} tokens already: remove some")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// There is none that is called so.
    #[error("there is no token {id}: `wattle mcp token list` lists them")]
    Unknown {
        /// What was given.
        id: String,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// What is in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    format: u64,
    digest: String,
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    made: u64,
}

impl Tokens {
    /// Those of the context in this directory, like `.wattle`.
    pub fn of(directory: &Path) -> Self {
        Self { folder: directory.join(FOLDER) }
    }

    /// Makes a token; answers it, which is written nowhere, and what is known of it.
    pub fn add(&self, terms: TokenTerms) -> Result<(String, Token), TokenError> {
        if self.list()?.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany { most: TOKENS_MAX });
        }
        let id = random::<ID_BYTES>()?;
        let token = format!("{PREFIX}{id}_{}", random::<SECRET_BYTES>()?);
        let (agent, key) = terms.agent.unzip();
        let made = now_s();
        let until = terms.until_s;
        let stored = Stored { format: FORMAT, digest: digest(&token), agent, key, until, made };
        let path = self.path(&id);
        self.write(&path, &stored).map_err(|source| TokenError::Unwritable { path, source })?;
        Ok((token, stored.named(id)))
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unreadable(source)),
        };
        let mut tokens = Vec::new();
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(ENDING));
            if let Some(id) = id.filter(|id| is_hex(id, ID_BYTES)) {
                tokens.extend(self.read(id)?);
            }
        }
        tokens.sort_by(|a, b| (a.made_s, &a.id).cmp(&(b.made_s, &b.id)));
        Ok(tokens)
    }

    /// Removes the token that is called so, or is it; answers what it was called. Who uses it is
    /// turned away within seconds.
    pub fn remove(&self, named: &str) -> Result<String, TokenError> {
        let id = parts(named).map_or(named, |(id, _)| id);
        let unknown = || TokenError::Unknown { id: id.chars().take(80).collect() };
        if !is_hex(id, ID_BYTES) {
            return Err(unknown());
        }
        let path = self.path(id);
        match fs::remove_file(&path) {
            Ok(()) => Ok(id.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown()),
            Err(source) => Err(TokenError::Unwritable { path, source }),
        }
    }

    /// The token that somebody has shown, if it is one of these; its end is not looked at.
    pub(super) fn find(&self, shown: &str) -> Result<Option<Token>, TokenError> {
        let Some((id, secret)) = parts(shown) else { return Ok(None) };
        if !is_hex(id, ID_BYTES) || !is_hex(secret, SECRET_BYTES) {
            return Ok(None);
        }
        let shown = digest(shown);
        let known = self.read(id)?;
        Ok(known.filter(|known| known.digest.as_bytes().ct_eq(shown.as_bytes()).into()))
    }

    /// Whether a token that was found once is there still, and has not ended.
    pub(super) fn still(&self, token: &Token) -> bool {
        let now = self.read(&token.id);
        // A disk that cannot be read for a moment ends nobody's work; new requests are refused then.
        now.map_or(true, |now| now.is_some_and(|now| now == *token && !now.is_over()))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}{ENDING}"))
    }

    fn read(&self, id: &str) -> Result<Option<Token>, TokenError> {
        let path = self.path(id);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(TokenError::Unreadable { path, source }),
        };
        match private::open_to_others(&file) {
            Ok(None) => {}
            Ok(Some(mode)) => return Err(TokenError::TooOpen { path, mode }),
            Err(source) => return Err(TokenError::Unreadable { path, source }),
        }
        let mut text = String::new();
        if let Err(source) = file.take(TOKEN_BYTES_MAX).read_to_string(&mut text) {
            return Err(TokenError::Unreadable { path, source });
        }
        match serde_json::from_str::<Stored>(&text) {
            Ok(stored) if stored.format == FORMAT => Ok(Some(stored.named(id.to_owned()))),
            Ok(_) | Err(_) => Err(TokenError::Malformed { path }),
        }
    }

    fn write(&self, path: &Path, stored: &Stored) -> io::Result<()> {
        private::make_folder(&self.folder)?;
        let text = serde_json::to_string(stored)?;
        let mut file = private::create(path)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if written.is_err() {
            // Half a token is none; that it could not be written is what is told.
            fs::remove_file(path).ok();
        }
        written
    }
}

impl Token {
    /// Whether its end has come.
    pub fn is_over(&self) -> bool {
        self.until_s.is_some_and(|until| until <= now_s())
    }

    /// By what its bearer is known among those who are served.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

impl Stored {
    fn named(self, id: String) -> Token {
        Token {
            id,
            agent: self.agent,
            key: self.key,
            until_s: self.until,
            made_s: self.made,
            digest: self.digest,
        }
    }
}

/// The name of a token, and its secret.
fn parts(token: &str) -> Option<(&str, &str)> {
    token.strip_prefix(PREFIX)?.split_once('_')
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == 2 * bytes && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn random<const BYTES: usize>() -> Result<String, TokenError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| TokenError::NoRandomness)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests;
