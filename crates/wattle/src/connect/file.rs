//! Files of others: read whole, and taken away again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The longest configuration that is edited.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file's bytes; none if there is none.
pub(super) fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::other("it is no file"));
        }
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            return Err(io::Error::other("it is longer than a configuration can be"));
        }
        Ok(_) => {}
    }
    fs::read(file).map(Some)
}

/// Makes the folder of a file; answers what was made, the outermost first.
pub(super) fn make_folder(file: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(folder) = file.parent() else { return Ok(Vec::new()) };
    let missing = folder.ancestors().take_while(|folder| !folder.exists());
    let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    missing.reverse();
    fs::create_dir_all(folder)?;
    Ok(missing)
}

/// Removes a file, and the folders that were made for it if nothing else is in them.
pub(super) fn remove(file: &Path, folders: &[PathBuf]) -> io::Result<()> {
    fs::remove_file(file)?;
    for folder in folders.iter().rev() {
        // Somebody else put something there: it stays.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}
