//! Contexts on this machine that are served to agents at `/mcp`, beside the relay's own work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wattle_mcp::ServeError;
use wattle_mcp::http::{Endpoint, Offer, OpenAs, Reach, Terms, Tokens};
use wattle_sync::{Identity, IdentityError, OpenError, Options, Peer};

use crate::settings::Agents;

/// The folder inside a project that holds its context.
const FOLDER: &str = ".wattle";
/// What a folder with a context has in it.
const SETTINGS: &str = "settings.json";
/// The name of the person's key, if there is none yet; a context that was joined has one.
const NAME: &str = "relay";

/// Why contexts cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentsError {
    #[error("[mcp] contexts: there is no context in {}: `wattle join` one there, as the user of this relay", folder.display())]
    NoContext { folder: PathBuf },
    #[error("[mcp] keys: {0}")]
    NoKeys(#[from] IdentityError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Why a context is not open.
#[derive(Debug, thiserror::Error)]
enum NotOpen {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Serves what the settings name.
pub(crate) fn endpoint(agents: &Agents, origins: &[String]) -> Result<Endpoint, AgentsError> {
    let keys = match &agents.keys {
        Some(keys) => keys.clone(),
        None => Identity::config_dir()?,
    };
    let offers = agents.contexts.iter().map(|folder| offer(folder, &keys));
    let offers = offers.collect::<Result<Vec<_>, _>>()?;
    let terms = Terms {
        origins: origins.to_vec(),
        hosts: agents.hosts.clone(),
        reach: if agents.beyond_loopback { Reach::Anywhere } else { Reach::ThisMachine },
    };
    if terms.reach == Reach::Anywhere {
        tracing::warn!(
            "agents' tokens are taken over the network: only TLS in front keeps them secret"
        );
    }
    Ok(Endpoint::new(offers, terms)?)
}

fn offer(folder: &Path, keys: &Path) -> Result<Offer, AgentsError> {
    let inside = folder.join(FOLDER);
    let directory = if inside.is_dir() { inside } else { folder.to_owned() };
    if !directory.join(SETTINGS).is_file() {
        return Err(AgentsError::NoContext { folder: folder.to_owned() });
    }
    let tokens = Tokens::of(&directory);
    let keys = keys.to_owned();
    let open: OpenAs = Arc::new(move |agent, client| {
        let (directory, keys) = (directory.clone(), keys.clone());
        Box::pin(async move {
            let opened = open((&directory, &keys), agent.as_deref(), client).await;
            opened.map_err(|why| why.to_string())
        })
    });
    Ok(Offer { tokens, open })
}

async fn open(
    (directory, keys): (&Path, &Path),
    agent: Option<&str>,
    client: String,
) -> Result<Peer, NotOpen> {
    let Some(agent) = agent else {
        let person = Identity::load_or_create(keys, NAME)?;
        return Ok(Peer::open(options(directory, person, client)).await?);
    };
    let agent = Identity::agent(keys, agent)?;
    // The person's links may read more, where the person takes part.
    let links_as = Some(Identity::load_or_create(keys, NAME)?);
    Ok(Peer::open(Options { links_as, ..options(directory, agent, client) }).await?)
}

fn options(directory: &Path, identity: Identity, client: String) -> Options {
    Options { client, ..Options::new(directory, identity) }
}
