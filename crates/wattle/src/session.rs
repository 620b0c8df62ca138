//! A command at work on a context: where it is, as whom, and its open peer.

use std::path::{Path as FilePath, PathBuf};

use wattle_context::plain::brief;
use wattle_context::{Part, Path, PathError, Section};
use wattle_sync::{Identity, Options, Parts, Peer, Uplink};

use crate::failure::Failure;
use crate::place::{Place, person};

/// A context's name in a line.
const NAME_CHARS: usize = 80;

/// As whom somebody acts: the person of this machine, or one of their agents.
#[derive(Clone, Debug)]
pub(crate) struct Acting(pub(crate) Option<String>);

/// What a command works on.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    place: Place,
    acting: Acting,
    client: &'static str,
}

impl Session {
    /// The context that is given or found; `client` stands in the history.
    pub(crate) fn find(
        given: Option<&FilePath>,
        acting: Acting,
        client: &'static str,
    ) -> Result<Self, Failure> {
        Ok(Self { place: Place::find(given)?, acting, client })
    }

    /// The context that is nearest to a folder, upward.
    pub(crate) fn below(
        folder: &FilePath,
        acting: Acting,
        client: &'static str,
    ) -> Result<Self, Failure> {
        Ok(Self { place: Place::above(folder)?, acting, client })
    }

    /// The same, under another name in the history.
    pub(crate) fn with_client(&self, client: &'static str) -> Self {
        Self { place: self.place.clone(), acting: self.acting.clone(), client }
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

    /// Opens it for a moment, with a way to whoever grants leases.
    pub(crate) async fn asking(&self) -> Result<Peer, Failure> {
        let mut options = self.options()?;
        options.uplink = Uplink::ToAsk;
        options.links_as = self.person_behind()?;
        Ok(Peer::open(options).await?)
    }

    /// Opens it with links to the relays that it knows, and to `dial`.
    pub(crate) async fn online(&self, dial: Vec<String>) -> Result<Peer, Failure> {
        let mut options = self.options()?;
        options.dial = dial;
        options.links_as = self.person_behind()?;
        Ok(Peer::open(options).await?)
    }

    /// Opens it with links, for a program that names itself in the history.
    pub(crate) async fn online_as(&self, client: String) -> Result<Peer, Failure> {
        let mut options = self.options()?;
        options.client = client;
        options.links_as = self.person_behind()?;
        Ok(Peer::open(options).await?)
    }

    /// Opens it as somebody for another program, beside a peer of this process that has the links.
    pub(crate) async fn open_for(&self, whom: Acting, client: String) -> Result<Peer, Failure> {
        let other = Self { place: self.place.clone(), acting: whom, client: self.client };
        let mut options = other.options()?;
        options.client = client;
        options.uplink = Uplink::ToAsk;
        options.links_as = other.person_behind()?;
        Ok(Peer::open(options).await?)
    }

    /// Whose links an agent uses that works in its person's folder: the person's, who may read more.
    fn person_behind(&self) -> Result<Option<Identity>, Failure> {
        self.agent().map(|_| Acting(None).identity()).transpose()
    }

    /// Who acts.
    pub(crate) fn identity(&self) -> Result<Identity, Failure> {
        self.acting.identity()
    }

    /// Whether an agent acts, and which.
    pub(crate) fn agent(&self) -> Option<&str> {
        self.acting.0.as_deref()
    }

    fn options(&self) -> Result<Options, Failure> {
        let identity = self.identity()?;
        let mut options = Options::new(&self.place.directory, identity);
        options.client = self.client.to_owned();
        Ok(options)
    }
}

impl Acting {
    /// The name that somebody asked for.
    pub(crate) fn named(&self, name: Option<String>) -> Option<String> {
        name.or_else(|| self.0.clone())
    }

    /// Who takes part in something new: one of this machine's agents if it is called that, else its
    /// person; `name` is for a new key.
    pub(crate) fn newcomer(&self, name: Option<&str>) -> Result<Identity, Failure> {
        let folder = Identity::config_dir()?;
        if let Some(agent) = &self.0
            && Identity::agents(&folder)?.contains(agent)
        {
            return Ok(Identity::agent(&folder, agent)?);
        }
        Ok(Identity::load_or_create(&folder, &name.map_or_else(person, str::to_owned))?)
    }

    /// Who acts.
    fn identity(&self) -> Result<Identity, Failure> {
        let folder = Identity::config_dir()?;
        Ok(match &self.0 {
            None => Identity::load_or_create(&folder, &person())?,
            Some(name) => Identity::agent(&folder, name)?,
        })
    }
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
