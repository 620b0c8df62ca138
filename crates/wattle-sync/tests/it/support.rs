//! Short names for what the scenarios do.

use std::path::Path;
use std::time::Duration;

use wattle_context::{Edit, Op, Value};
use wattle_sync::{Identity, JoinLink, Options, Parts, Peer};

/// Longer than anything here takes; only a fault waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn options(directory: &Path, name: &str) -> Options {
    log();
    Options::new(directory, Identity::random(name).unwrap())
}

/// What the peers say, when a test fails and `RUST_LOG` asks for it.
pub(crate) fn log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init().ok();
}

/// A new context.
pub(crate) async fn create(directory: &Path, name: &str) -> Peer {
    Peer::create(options(directory, name), "garden").await.unwrap()
}

/// A new directory for the context of another peer, which listens at `relay`.
pub(crate) async fn join(directory: &Path, name: &str, of: &Peer, relay: &str) -> Peer {
    let link = JoinLink { relay: Some(relay.to_owned()), context: of.context_id() };
    Peer::join(options(directory, name), &link).await.unwrap()
}

/// Listens on a free port.
pub(crate) async fn listen(peer: &Peer) -> String {
    let address = peer.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    format!("wattle://{address}")
}

pub(crate) fn edit(op: Op, path: &str, value: impl Into<Value>) -> Edit {
    let (path, value) = (path.to_owned(), value.into());
    Edit { op, path, value, old: None, base: None, if_unchanged: false }
}

/// Adds a rule; answers its path.
pub(crate) async fn add_rule(peer: &Peer, statement: &str) -> String {
    let value = Value::Map([("statement".to_owned(), statement.into())].into());
    let edited = peer.edit(vec![edit(Op::Add, "rules", value)], "a test").await.unwrap();
    edited.answers[0].path.clone()
}

pub(crate) async fn export(peer: &Peer) -> String {
    peer.view(Parts::All, |context| context.export().to_string()).await.unwrap()
}

pub(crate) async fn settled(peers: &[&Peer]) {
    for peer in peers {
        peer.settled(PATIENCE).await.unwrap();
    }
}
