//! A command at work on a context: where it is, as whom, and its open peer.

use std::path::{Path as FilePath, PathBuf};

use wattle_context::{Part, Path, PathError, Section};
use wattle_sync::{Identity, IdentityError, Options, Parts, Peer, Uplink};

use crate::failure::Failure;
use crate::place::{Place, person};
use crate::screen::brief;

/// A context's name in a line.
const NAME_CHARS: usize = 80;

/// What a command works on.
#[derive(Debug)]
pub(crate) struct Session {
    place: Place,
    client: &'static str,
}

impl Session {
    /// The context that is given or found; `client` stands in the history.
    pub(crate) fn find(given: Option<&FilePath>, client: &'static str) -> Result<Self, Failure> {
        Ok(Self { place: Place::find(given)?, client })
    }

    /// The folder around the context's.
    pub(crate) fn root(&self) -> &FilePath {
        &self.place.root
    }

    /// The context's own folder.
    pub(crate) fn directory(&self) -> &FilePath {
        &self.place.directory
    }

    /// Opens it for a moment, without links: another process may hold the uplink.
    pub(crate) async fn open(&self) -> Result<Peer, Failure> {
        let mut options = self.options()?;
        options.uplink = Uplink::Never;
        Ok(Peer::open(options).await?)
    }

    /// Opens it with links to the relays that it knows, and to `dial`.
    pub(crate) async fn online(&self, dial: Vec<String>) -> Result<Peer, Failure> {
        let mut options = self.options()?;
        options.dial = dial;
        Ok(Peer::open(options).await?)
    }

    /// Opens it with links, for a program that names itself in the history.
    pub(crate) async fn online_as(&self, client: String) -> Result<Peer, Failure> {
        let mut options = self.options()?;
        options.client = client;
        Ok(Peer::open(options).await?)
    }

    fn options(&self) -> Result<Options, Failure> {
        let identity = identity(None)?;
        let mut options = Options::new(&self.place.directory, identity);
        options.client = self.client.to_owned();
        Ok(options)
    }
}

/// Who is at this machine; `name` is for a new key.
pub(crate) fn identity(name: Option<String>) -> Result<Identity, IdentityError> {
    Identity::load_or_create(&Identity::config_dir()?, &name.unwrap_or_else(person))
}

/// What a context is called, or its id while the name has not arrived yet.
pub(crate) async fn name(peer: &Peer) -> String {
    match peer.name().await {
        Some(name) => brief(&name, NAME_CHARS),
        None => peer.context_id().to_string().chars().take(16).collect(),
    }
}

/// What a path names, and the documents that show it. An item that is gone is looked for in the past, too.
pub(crate) async fn locate(
    peer: &Peer,
    path: &str,
    at: Option<&str>,
) -> Result<(Path, Vec<Part>), Failure> {
    let part = Part::Section(section_of(path)?);
    let (text, version) = (path.to_owned(), at.map(str::to_owned));
    let path = peer
        .view(Parts::These(vec![part]), move |context| {
            let now = context.locate(&text);
            let then = version.and_then(|version| context.at(&version).ok());
            match (now, then) {
                (Err(_), Some(then)) => then.locate(&text),
                (now, _) => now,
            }
        })
        .await??;
    let body = path.item.filter(|_| path.section == Section::Documents).map(Part::Body);
    Ok((path, [part].into_iter().chain(body).collect()))
}

fn section_of(path: &str) -> Result<Section, PathError> {
    let mut names = path.trim_matches('/').split('/');
    let first = names.next().unwrap_or_default();
    let name = if first == "policies" { names.next().unwrap_or_default() } else { first };
    name.parse().map_err(|_| PathError::UnknownSection { name: name.to_owned() })
}

/// A folder as it is told to people.
pub(crate) fn told(folder: &FilePath) -> PathBuf {
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}
