//! What sessions were told: a small file for each, in the context's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use wattle_context::plain::hex;
use wattle_mcp::Told;

use crate::write;

/// Sessions that are remembered.
const SESSIONS_MAX: usize = 64;
/// For how long.
const AGE_MAX: Duration = Duration::from_secs(14 * 24 * 3_600);
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The file of one session.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    file: PathBuf,
}

/// What a session was told cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// The file is there and cannot be read.
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {error}", file.display())]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Memory {
    /// Of a session on the context in this folder. The client chooses the id, so it is hashed.
    pub(super) fn of(directory: &Path, session: &str) -> Self {
        let name = hex(Sha256::digest(session.as_bytes()).iter().take(16));
        let folder = directory.join("sessions");
        Self { file: folder.join(format!("{name}.json")), folder }
    }

    /// What the session was told; none if it is new here, or if the file is not one of ours.
    pub(super) fn told(&self) -> Result<Option<Told>, MemoryError> {
        match fs::metadata(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Ok(None),
            Ok(_) | Err(_) => {}
        }
        let read = fs::read(&self.file);
        let bytes =
            read.map_err(|error| MemoryError::Unreadable { file: self.file.clone(), error })?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Keeps it, in one step, and forgets sessions that are old or too many.
    pub(super) fn keep(&self, told: &Told) -> Result<(), MemoryError> {
        let written = self.write(told);
        written.map_err(|error| MemoryError::Unwritable { file: self.file.clone(), error })?;
        // Sessions that stay too long do no harm; the next hook tries again.
        self.forget().ok();
        Ok(())
    }

    fn write(&self, told: &Told) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        write::whole(&self.file, &serde_json::to_vec(told)?)
    }

    fn forget(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let oldest = SystemTime::now().checked_sub(AGE_MAX);
        let too_many = files.len().saturating_sub(SESSIONS_MAX);
        for (index, (modified, file)) in files.into_iter().enumerate() {
            let old = oldest.is_some_and(|oldest| modified < oldest);
            if (old || index < too_many) && file != self.file {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}
