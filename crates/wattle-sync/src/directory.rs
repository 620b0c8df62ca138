//! What is where in a directory, and its settings.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wattle_protocol::ContextId;

use crate::error::OpenError;
use crate::limits::{REMOTES_MAX, SETTINGS_BYTES_MAX};

#[cfg(test)]
mod tests;

/// The format of the settings.
const FORMAT: u64 = 1;

/// A directory that holds a context, or is about to.
#[derive(Clone, Debug)]
pub(crate) struct Directory(PathBuf);

/// What a directory remembers besides the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The context.
    pub(crate) context: ContextId,
    /// Remotes to dial, as they were given.
    pub(crate) remotes: Vec<String>,
}

impl Directory {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("context.db")
    }

    /// Locked by the process that holds the uplink.
    pub(crate) fn uplink_lock(&self) -> PathBuf {
        self.0.join("uplink.lock")
    }

    /// What the process that holds the uplink says about its links.
    pub(crate) fn uplink_report(&self) -> PathBuf {
        self.0.join("uplink.json")
    }

    /// Locked by the process that writes again what was taken out.
    pub(crate) fn replay_lock(&self) -> PathBuf {
        self.0.join("replay.lock")
    }

    fn settings(&self) -> PathBuf {
        self.0.join("settings.json")
    }

    /// Makes the directory, unless there is a context in it.
    pub(crate) fn make(&self) -> Result<(), OpenError> {
        if self.settings().exists() {
            return Err(OpenError::Exists { directory: self.0.clone() });
        }
        let made = fs::create_dir_all(&self.0).and_then(|()| {
            // A context belongs to its directory's owner, not into a repository of source code.
            fs::write(self.0.join(".gitignore"), "*\n")
        });
        made.map_err(|source| OpenError::Directory { path: self.0.clone(), source })
    }

    /// Removes what a context left that could not be joined, and the directory when nothing else is in it.
    pub(crate) fn give_back(&self) -> Result<(), OpenError> {
        let store = self.store();
        let beside = |ending: &str| {
            let mut path = store.clone().into_os_string();
            path.push(ending);
            PathBuf::from(path)
        };
        let settings = self.settings();
        let rest = [self.uplink_lock(), self.uplink_report(), self.0.join(".gitignore")];
        let files = [settings, beside("-wal"), beside("-shm"), store.clone()];
        for path in files.into_iter().chain(rest) {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(OpenError::Directory { path, source });
                }
                Ok(()) | Err(_) => {}
            }
        }
        // It stays when there is something else in it.
        fs::remove_dir(&self.0).ok();
        Ok(())
    }

    pub(crate) fn read(&self) -> Result<Settings, OpenError> {
        let path = self.settings();
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::NotFound { directory: self.0.clone() });
            }
            Err(source) => return Err(OpenError::Directory { path, source }),
        };
        let mut text = String::new();
        match file.take(SETTINGS_BYTES_MAX).read_to_string(&mut text) {
            Ok(_) => parse(&path, &text),
            Err(source) => Err(OpenError::Directory { path, source }),
        }
    }

    /// Writes the settings of a new context; of several that try at once, one succeeds.
    pub(crate) fn found(&self, settings: &Settings) -> Result<(), OpenError> {
        let apart = self.0.join(format!("settings.json.{}", &settings.context.to_string()[..16]));
        let path = self.settings();
        let founded = write(&apart, settings).and_then(|()| fs::hard_link(&apart, &path));
        fs::remove_file(&apart).ok();
        match founded {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OpenError::Exists { directory: self.0.clone() })
            }
            Err(source) => Err(OpenError::Directory { path, source }),
        }
    }

    /// Writes the settings anew.
    pub(crate) fn rewrite(&self, settings: &Settings) -> Result<(), OpenError> {
        let apart = self.0.join(format!("settings.json.{}", std::process::id()));
        let path = self.settings();
        write(&apart, settings)
            .and_then(|()| fs::rename(&apart, &path))
            .map_err(|source| OpenError::Directory { path, source })
    }
}

fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    let value = json!({
        "format": FORMAT,
        "context": settings.context.to_string(),
        "remotes": settings.remotes,
    });
    let mut file = fs::File::create(path)?;
    file.write_all(format!("{value:#}\n").as_bytes())?;
    file.sync_all()
}

fn parse(path: &Path, text: &str) -> Result<Settings, OpenError> {
    let problem = |problem: String| OpenError::Settings { path: path.to_owned(), problem };
    let value: Value = serde_json::from_str(text).map_err(|error| problem(error.to_string()))?;
    let found = value.get("format").and_then(Value::as_u64).unwrap_or_default();
    if found > FORMAT {
        return Err(OpenError::NewerFormat { path: path.to_owned(), found, known: FORMAT });
    }
    let context = value.get("context").and_then(Value::as_str).unwrap_or_default();
    let context = context.parse().map_err(|_| problem("it names no context".to_owned()))?;
    let remotes = value.get("remotes").and_then(Value::as_array).into_iter().flatten();
    let remotes = remotes.filter_map(Value::as_str).map(str::to_owned).take(REMOTES_MAX);
    Ok(Settings { context, remotes: remotes.collect() })
}
