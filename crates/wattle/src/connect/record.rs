//! How a file was before it was changed: enough to give back the same bytes.
//!
//! What an edit leaves behind (a blank object, a comma) cannot be told from what was there before. So
//! what was in the place of the change is kept beside the user's keys, with a digest of the file after
//! it. If the file is still that one, it becomes what it was, to the byte; else only the entry is taken
//! out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wattle_context::plain::hex;

use super::splice::ends;
use crate::write;

/// How a file was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The file, for people who look.
    file: PathBuf,
    /// The digest of the file after the change.
    after: String,
    /// Whether there was a file.
    existed: bool,
    /// Where the change begins, in bytes.
    at: usize,
    /// How many bytes it put there.
    put: usize,
    /// What was in their place.
    was: String,
    /// Folders that were made for it, the outermost first.
    folders: Vec<PathBuf>,
}

impl Record {
    /// Of a change from `before`; none if there was no file.
    pub(super) fn of(
        file: &Path,
        (before, after): (Option<&str>, &str),
        folders: Vec<PathBuf>,
    ) -> Self {
        let old = before.unwrap_or_default();
        let (start, end) = ends(old, after);
        Self {
            file: file.to_owned(),
            after: digest(after.as_bytes()),
            existed: before.is_some(),
            at: start,
            put: after.len() - start - end,
            was: old.get(start..old.len() - end).unwrap_or_default().to_owned(),
            folders,
        }
    }

    /// The file as it was, if nobody has changed it since; `None` inside if there was none.
    pub(super) fn undone(&self, now: &str) -> Option<Option<String>> {
        if digest(now.as_bytes()) != self.after {
            return None;
        }
        let head = now.get(..self.at)?;
        let tail = now.get(self.at.checked_add(self.put)?..)?;
        Some(self.existed.then(|| format!("{head}{}{tail}", self.was)))
    }

    /// The folders that were made for the file.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

/// The records of this user.
#[derive(Clone, Debug)]
pub(super) struct Records {
    folder: PathBuf,
}

impl Records {
    pub(super) fn new(config_dir: &Path) -> Self {
        Self { folder: config_dir.join("connected") }
    }

    /// What is known of a file; what cannot be read is not known.
    pub(super) fn of(&self, file: &Path) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.place(file)).ok()?).ok()
    }

    /// Keeps a record.
    pub(super) fn keep(&self, record: &Record) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        write::whole(&self.place(&record.file), &serde_json::to_vec_pretty(record)?)
    }

    /// Forgets what is known of a file.
    pub(super) fn forget(&self, file: &Path) -> io::Result<()> {
        match fs::remove_file(self.place(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn place(&self, file: &Path) -> PathBuf {
        let name = digest(file.to_string_lossy().as_bytes());
        self.folder.join(format!("{name}.json"))
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
