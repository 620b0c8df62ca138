//! Files written whole: whoever reads one finds the old text or the new, after a crash too.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

use crate::failure::Failure;

/// Puts a file in place of the one that is there, as [`whole`] does.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    whole(file, bytes).map_err(|error| Failure::Unwritable { file: file.to_owned(), error })
}

/// Puts a file in place of the one that is there, with its permissions; a new one gets those that the
/// user's mask leaves. Where a link leads, that file is written, and the link stays. A file that is
/// read-only is left alone.
pub(crate) fn whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = real(file)?;
    match known(&place)? {
        Some(known) if known.permissions().readonly() => {
            let why = "it is read-only; let it be written first, as `chmod u+w` does";
            Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
        }
        Some(known) if known.is_file() => apart(&place, bytes, Some(known)),
        // A terminal or a pipe, which nothing can take the place of.
        Some(_) => fs::write(&place, bytes),
        None => apart(&place, bytes, None),
    }
}

/// Where a file really is: what a link leads to, also one above it.
pub(crate) fn real(file: &Path) -> io::Result<PathBuf> {
    if file.symlink_metadata().is_ok() {
        return fs::canonicalize(file).map_err(|error| {
            let nowhere = error.kind() == io::ErrorKind::NotFound;
            if nowhere { io::Error::new(error.kind(), "it is a link to nothing") } else { error }
        });
    }
    match (file.parent(), file.file_name()) {
        (Some(folder), Some(name)) if folder.is_dir() => Ok(fs::canonicalize(folder)?.join(name)),
        _ => Ok(file.to_owned()),
    }
}

fn known(place: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(place) {
        Ok(known) => Ok(Some(known)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn apart(place: &Path, bytes: &[u8], known: Option<Metadata>) -> io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut builder = Builder::new();
    // Not with the mode of a temporary file, which is for its owner alone.
    let mut file = builder.prefix(".wattle-").make_in(folder, |path| File::create_new(path))?;
    // Before there is anything in it: who may not read the old text may not read the new one.
    if let Some(known) = known {
        file.as_file().set_permissions(known.permissions())?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(place).map_err(|error| error.error)?;
    keep_name(folder)
}

/// Has the disk keep the name, too.
#[cfg(unix)]
fn keep_name(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems of networks cannot; the file is in its place.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn keep_name(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
