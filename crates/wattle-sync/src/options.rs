//! How a peer is opened.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wattle_context::{Candidate, Value};
use wattle_protocol::PublicKey;

use crate::clock::Clock;
use crate::identity::Identity;
use crate::limits::ACCESS_PATIENCE;
use crate::tls::TlsOptions;

/// A merge policy of the application: from the concurrent values and their common base to what is in force.
pub type Custom = Arc<dyn Fn(&[Candidate], &Value) -> Vec<Value> + Send + Sync>;

/// How a peer is opened.
#[derive(Clone)]
pub struct Options {
    /// The directory of the context, like `.wattle`.
    pub directory: PathBuf,
    /// Who edits.
    pub identity: Identity,
    /// Who proves their key on links, when it is not the one who edits: the person whose directory an
    /// agent works in. Links then carry what the person may read and write. It counts only while that
    /// key is a member of the context; else links are of the one who edits.
    pub links_as: Option<Identity>,
    /// The program, for people to read.
    pub client: String,
    /// Remotes to dial, besides those that the directory remembers.
    pub dial: Vec<String>,
    /// Where to take links from others.
    pub listen: Option<SocketAddr>,
    /// Whether this process may hold the uplink.
    pub uplink: Uplink,
    /// Merge policies of the application, by name.
    pub customs: Vec<(String, Custom)>,
    /// Certificates.
    pub tls: TlsOptions,
    /// A second owner of a context that is made: the key to fall back on when the owner's is lost.
    pub recovery: Option<PublicKey>,
    /// How long a wish for the access log, or the taking up of an invitation, is waited for.
    pub access_patience: Duration,
    /// What time it is: by it grants end, budgets are counted, and edits are dated.
    pub clock: Clock,
    /// A token of a login, for relays that ask for one. Sent over TLS, and to this machine itself.
    pub token: Option<String>,
}

/// Whether a process dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Uplink {
    /// It dials when no other process on the directory does.
    #[default]
    Auto,
    /// It dials only to ask for leases.
    ToAsk,
    /// It never dials.
    Never,
}

impl Options {
    /// A peer that dials what the directory remembers, and does not listen.
    pub fn new(directory: impl Into<PathBuf>, identity: Identity) -> Self {
        Self {
            directory: directory.into(),
            identity,
            links_as: None,
            client: "wattle".to_owned(),
            dial: Vec::new(),
            listen: None,
            uplink: Uplink::default(),
            customs: Vec::new(),
            tls: TlsOptions::default(),
            recovery: None,
            access_patience: ACCESS_PATIENCE,
            clock: Clock::default(),
            token: None,
        }
    }

    /// With a merge policy of the application.
    #[must_use]
    pub fn custom(
        mut self,
        name: &str,
        function: impl Fn(&[Candidate], &Value) -> Vec<Value> + Send + Sync + 'static,
    ) -> Self {
        self.customs.push((name.to_owned(), Arc::new(function)));
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customs: Vec<&String> = self.customs.iter().map(|(name, _)| name).collect();
        f.debug_struct("Options")
            .field("directory", &self.directory)
            .field("identity", &self.identity)
            .field("links_as", &self.links_as)
            .field("client", &self.client)
            .field("dial", &self.dial)
            .field("listen", &self.listen)
            .field("uplink", &self.uplink)
            .field("customs", &customs)
            .field("tls", &self.tls)
            .field("recovery", &self.recovery)
            .field("access_patience", &self.access_patience)
            .finish_non_exhaustive()
    }
}
