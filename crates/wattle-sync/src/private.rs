//! Files for one user of the machine alone: keys, and what lets somebody act with them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

/// Makes a new file that its owner alone may read and write. One that is there is an error.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path)
}

/// Makes a folder that its owner alone may enter, and those above it that are missing. One that is
/// there stays as it is.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)
}

/// The permissions of a file that others may read or write; none if it is its owner's alone.
#[cfg(unix)]
pub fn open_to_others(file: &File) -> io::Result<Option<u32>> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// The permissions of a file that others may read or write: not known on this system.
#[cfg(not(unix))]
pub fn open_to_others(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}
