//! Why a client was not connected.

use std::io;
use std::path::{Path, PathBuf};

use super::unfit::Unfit;

/// Why a client was not connected, or not disconnected. The file that is named is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// A configuration that cannot be edited.
    #[error("{} is left alone: {unfit}", file.display())]
    Unfit {
        /// Which.
        file: PathBuf,
        /// Why.
        unfit: Unfit,
    },
    /// An entry that is not what this program writes.
    #[error(
        "{} holds an entry that was changed by hand, and is left alone:\n{entry}\n--force replaces it, or takes it out",
        file.display()
    )]
    ByHand {
        /// Which file.
        file: PathBuf,
        /// What stands there.
        entry: String,
    },
    /// A file that cannot be read.
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that cannot be written.
    #[error("{} cannot be written: {error}", file.display())]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that somebody else wrote meanwhile.
    #[error("{} was changed by another program meanwhile, and is left alone: try again", file.display())]
    Moved {
        /// Which.
        file: PathBuf,
    },
    /// Nobody said yes.
    #[error("nothing was changed: say --yes, or run it at a terminal")]
    NotAsked,
    /// Somebody said no.
    #[error("nothing was changed")]
    Declined,
    /// A client whose configuration file names no servers over HTTP.
    #[error(
        "Claude Desktop takes servers over HTTP in its settings, under Connectors, and not in a file"
    )]
    NoRemote,
    /// An address that is none.
    #[error("{url:?} is no address of a server: it begins with http:// or https://")]
    NoUrl {
        /// What was given.
        url: String,
    },
    /// A name that no variable has.
    #[error(
        "{name:?} is no name of an environment variable; the token itself does not belong here"
    )]
    NoVariable {
        /// What was given.
        name: String,
    },
    /// A path that cannot stand in a configuration.
    #[error("{} cannot be written into a configuration: it is not UTF-8", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// The system does not say where the user is at home.
    #[error("the home folder is not known: set HOME")]
    NoHome,
}

impl ConnectError {
    pub(super) fn unreadable(file: &Path, error: io::Error) -> Self {
        Self::Unreadable { file: file.to_owned(), error }
    }
}
