//! Files of others: read whole, written in one step.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// The longest configuration that is edited.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Where a file really is: what a link leads to is changed, and the link stays.
pub(super) fn real(file: &Path) -> io::Result<PathBuf> {
    if file.symlink_metadata().is_ok() {
        return fs::canonicalize(file);
    }
    // The file is not there; a folder above it may be a link.
    match (file.parent(), file.file_name()) {
        (Some(folder), Some(name)) if folder.is_dir() => Ok(fs::canonicalize(folder)?.join(name)),
        _ => Ok(file.to_owned()),
    }
}

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

/// Writes a file in one step, with the permissions that it has.
pub(super) fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let permissions = match fs::metadata(file) {
        Ok(metadata) => Some(metadata.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mut builder = Builder::new();
    builder.prefix(".wattle-");
    let mut fresh = builder.make_in(folder, |path| fs::File::create_new(path))?;
    fresh.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        fresh.as_file().set_permissions(permissions)?;
    }
    fresh.as_file().sync_all()?;
    fresh.persist(file).map_err(|error| error.error)?;
    Ok(())
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
