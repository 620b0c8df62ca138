//! Files written whole: whoever reads one finds the old text or the new.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Puts a file in place of the one that is there, with its permissions. Where a link leads, that file is
/// written, and the link stays.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let place = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let unwritable = |error| Failure::Unwritable { file: file.to_owned(), error };
    apart(&place, bytes).map_err(unwritable)
}

fn apart(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut file = tempfile::Builder::new().prefix(".wattle-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let permissions = match fs::metadata(place) {
        Ok(known) => known.permissions(),
        Err(_) => readable(file.as_file().metadata()?.permissions()),
    };
    fs::set_permissions(file.path(), permissions)?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(())
}

/// A new file may be read by others, as every file that is no secret.
#[cfg(unix)]
fn readable(mut permissions: fs::Permissions) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(0o644);
    permissions
}

#[cfg(not(unix))]
fn readable(permissions: fs::Permissions) -> fs::Permissions {
    permissions
}
