//! Where a context is, and who is at this machine.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The folder inside a project that holds its context.
const FOLDER: &str = ".wattle";

/// A context's folder, and the project around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `…/.wattle`.
    pub(crate) directory: PathBuf,
    /// The folder that it is in.
    pub(crate) root: PathBuf,
}

impl Place {
    /// The context's folder: in `given`, or the nearest one upward from here.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(given) = given {
            let place = Self::at(given);
            return if place.directory.is_dir() {
                Ok(place)
            } else {
                Err(Failure::NoContext { from: given.to_owned() })
            };
        }
        Self::above(&here()?)
    }

    /// The nearest context upward from a folder.
    pub(crate) fn above(folder: &Path) -> Result<Self, Failure> {
        let mut places = folder.ancestors().map(Self::at);
        let found = places.find(|place| place.directory.is_dir());
        found.ok_or_else(|| Failure::NoContext { from: folder.to_owned() })
    }

    /// Where a new context goes: in `given`, or here.
    pub(crate) fn fresh(given: Option<&Path>) -> Result<Self, Failure> {
        Ok(match given {
            Some(given) => Self::at(given),
            None => Self::at(&here()?),
        })
    }

    /// `folder` may be the project's or the context's own.
    fn at(folder: &Path) -> Self {
        if folder.file_name().is_some_and(|name| name == FOLDER) {
            let root = folder.parent().unwrap_or(folder).to_owned();
            return Self { directory: folder.to_owned(), root };
        }
        Self { directory: folder.join(FOLDER), root: folder.to_owned() }
    }
}

/// What to call the person at this machine, unless they say so.
pub(crate) fn person() -> String {
    ["USER", "USERNAME", "LOGNAME"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "someone".to_owned())
}

fn here() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| Failure::Here { error })
}
