//! From what SQLite says to what has happened.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::error::StoreError;

/// How long one attempt waits for the lock of another process.
pub(super) const BUSY_TIMEOUT_MS: u64 = 5_000;
/// How many attempts are made: SQLite does not queue those who wait, so one may be unlucky for long.
pub(super) const BUSY_TRIES_MAX: u32 = 6;

/// Why an operation ended: SQLite failed, or the request was wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite or the disk.
    Sql(rusqlite::Error),
    /// Already named.
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// Whether another process holds a lock, so that trying again may help.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Self::Sql(error) => is_busy(error),
            Self::Store(_) => false,
        }
    }

    /// Names the situation.
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Sql(error) => situation(path, &error),
            Self::Store(error) => error,
        }
    }
}

/// Whether another process holds a lock.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Names the situation behind an error of SQLite.
pub(super) fn situation(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    let Some(sqlite) = error.sqlite_error() else {
        // What was stored could not be read back as what it was stored as.
        return StoreError::Corrupt { path, found: error.to_string() };
    };
    match sqlite.extended_code {
        ffi::SQLITE_IOERR_SHMSIZE => return StoreError::Full { path },
        ffi::SQLITE_READONLY_DBMOVED => return StoreError::Replaced { path },
        ffi::SQLITE_IOERR_CORRUPTFS => {
            return StoreError::Corrupt { path, found: error.to_string() };
        }
        _ => {}
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is open: SQLite may add codes")]
    match sqlite.code {
        ErrorCode::DiskFull => StoreError::Full { path },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly { path },
        ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation => {
            StoreError::Corrupt { path, found: error.to_string() }
        }
        ErrorCode::NotADatabase => StoreError::Foreign { path },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StoreError::Busy { path, waited_s: u64::from(BUSY_TRIES_MAX) * BUSY_TIMEOUT_MS / 1_000 }
        }
        ErrorCode::CannotOpen => cannot_open(&path, error),
        _ => StoreError::Io { path, found: error.to_string() },
    }
}

/// SQLite does not say why it cannot open a file; the file system may.
///
/// The file itself is only looked at, never opened: closing a second descriptor of it would drop the
/// locks that other handles of this process hold.
fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    let directory = directory_of(path);
    if !directory.is_dir() {
        return StoreError::Missing { path: directory.to_owned() };
    }
    if path.is_dir() {
        return StoreError::Foreign { path: path.to_owned() };
    }
    match try_directory(path) {
        Err(error) => system(path, &error),
        Ok(()) if is_read_only(path) => StoreError::ReadOnly { path: path.to_owned() },
        Ok(()) => StoreError::Io { path: path.to_owned(), found: error.to_string() },
    }
}

/// Whether files can be created beside this one.
fn try_directory(path: &Path) -> std::io::Result<()> {
    let mut probe = path.as_os_str().to_owned();
    probe.push("-probe");
    drop(File::create_new(&probe)?);
    std::fs::remove_file(&probe)
}

fn is_read_only(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly())
}

/// Names what the operating system has refused.
pub(super) fn system(path: &Path, error: &std::io::Error) -> StoreError {
    let path = path.to_owned();
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is open")]
    match error.kind() {
        ErrorKind::NotFound => StoreError::Missing { path },
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly { path }
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path },
        _ => StoreError::Io { path, found: error.to_string() },
    }
}

/// The directory that holds a file.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}
