//! Opening a file: refuse what is not ours before touching it, create or migrate what is.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use wattle_protocol::StoreId;

use crate::error::StoreError;
use crate::sqlite::failure::{self, BUSY_TIMEOUT_MS, BUSY_TRIES_MAX, Failure, directory_of};
use crate::sqlite::schema::{self, Format, STEPS};

/// What to do when there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// Create it.
    Create,
    /// Refuse.
    Refuse,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Opened {
    /// Ready for use.
    pub(super) connection: Connection,
    /// The name of the storage.
    pub(super) id: StoreId,
    /// Which file it is, whatever its path names later.
    pub(super) file: FileId,
}

/// Tells two files with one path apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
}

/// Opens the file, creates it if it is absent and may be, and migrates it if it is older.
pub(super) fn open(path: &Path, absent: Absent) -> Result<Opened, StoreError> {
    check_size(path, absent)?;
    connect(path, absent).map_err(|failure| failure.at(path))
}

impl FileId {
    /// Of the file that has this path now.
    pub(super) fn at(path: &Path) -> Result<Self, StoreError> {
        let metadata = std::fs::metadata(path).map_err(|error| failure::system(path, &error))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Ok(Self { device_and_inode: (metadata.dev(), metadata.ino()) })
        }
        #[cfg(not(unix))]
        {
            // There a file that is open cannot be removed.
            let _ = metadata;
            Ok(Self {})
        }
    }
}

/// SQLite takes a file of a few bytes for an empty database and would write over it.
fn check_size(path: &Path, absent: Absent) -> Result<(), StoreError> {
    const SMALLEST_PAGE_BYTES: u64 = 512;
    let foreign = Err(StoreError::Foreign { path: path.to_owned() });
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => foreign,
        Ok(metadata) if (1..SMALLEST_PAGE_BYTES).contains(&metadata.len()) => foreign,
        Ok(metadata) if metadata.len() == 0 && absent == Absent::Refuse => foreign,
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match absent {
            Absent::Create => Ok(()),
            Absent::Refuse => Err(StoreError::Missing { path: path.to_owned() }),
        },
        Err(error) => Err(failure::system(path, &error)),
    }
}

fn connect(path: &Path, absent: Absent) -> Result<Opened, Failure> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if absent == Absent::Create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    bring_up_to_date(&connection, path)?;
    enter_wal(&connection, path)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    let id = schema::store_id(&connection)?;
    Ok(Opened { connection, id, file: FileId::at(path)? })
}

fn bring_up_to_date(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let format = schema::format(connection, STEPS)?;
    match format {
        Format::Foreign => return Err(StoreError::Foreign { path: path.to_owned() }.into()),
        Format::Newer(version) => return Err(newer(path, version).into()),
        Format::Empty | Format::Ours => {}
    }
    if schema::is_unbound(connection)? {
        return Err(StoreError::Unbound { path: path.to_owned() }.into());
    }
    // SQLite opens a file for reading alone when it may not write it.
    if connection.is_readonly("main")? {
        return Err(StoreError::ReadOnly { path: path.to_owned() }.into());
    }
    schema::migrate(connection, STEPS, random_id(path)?)?;
    if format == Format::Empty {
        sync_directory(path)?;
    }
    Ok(())
}

fn newer(path: &Path, version: u32) -> StoreError {
    StoreError::Newer { path: path.to_owned(), version, supported: schema::newest(STEPS) }
}

fn random_id(path: &Path) -> Result<StoreId, StoreError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| StoreError::Io { path: path.to_owned(), found: error.to_string() })?;
    Ok(StoreId(id))
}

/// A file is only there after a power cut when its directory knows of it.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    File::open(directory_of(path))
        .and_then(|directory| directory.sync_all())
        .map_err(|error| failure::system(path, &error))?;
    Ok(())
}

/// Write-ahead logging is a property of the file, set once; SQLite does not wait for it on its own.
fn enter_wal(connection: &Connection, path: &Path) -> Result<(), Failure> {
    const PAUSE: Duration = Duration::from_millis(20);
    let tries = u128::from(BUSY_TRIES_MAX) * u128::from(BUSY_TIMEOUT_MS) / PAUSE.as_millis();
    for _ in 0..tries {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let found = format!("no write-ahead log on this file system, only \"{mode}\"");
                return Err(StoreError::Io { path: path.to_owned(), found }.into());
            }
            Err(error) if failure::is_busy(&error) => std::thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    let waited_s = u64::from(BUSY_TRIES_MAX) * BUSY_TIMEOUT_MS / 1_000;
    Err(StoreError::Busy { path: path.to_owned(), waited_s }.into())
}
