//! Short names for what the scenarios do.

use std::path::Path;
use std::time::Duration;

use wattle_context::{Edit, Op, Value};
use wattle_protocol::Keypair;
use wattle_sync::{
    GrantTerms, Identity, InviteTerms, JoinLink, Kind, Options, Outcome, Parts, Peer, Role,
};

/// Longer than anything here takes; only a fault waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn options(directory: &Path, name: &str) -> Options {
    log();
    Options::new(directory, identity(name))
}

/// The identity of somebody: of one name always the same.
pub(crate) fn identity(name: &str) -> Identity {
    let mut secret = [7; 32];
    secret.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
    Identity { keypair: Keypair::from_secret(&secret), name: name.to_owned() }
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

/// A new directory for the context of another peer, which listens at `relay` and invites a maintainer.
pub(crate) async fn join(directory: &Path, name: &str, of: &Peer, relay: &str) -> Peer {
    let link = invite(of, Role::Maintainer, relay).await;
    Peer::join(options(directory, name), &link).await.unwrap()
}

/// An invitation for one, to be taken up at an address.
pub(crate) async fn invite(of: &Peer, role: Role, relay: &str) -> JoinLink {
    let (link, outcome) = of.invite(InviteTerms { role, uses: 1, until: None }).await.unwrap();
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    JoinLink { relay: Some(relay.to_owned()), ..link }
}

/// Gives somebody's key a role.
pub(crate) async fn grant(by: &Peer, name: &str, kind: Kind, role: Role) -> Outcome {
    let key = identity(name).key();
    let name = name.to_owned();
    let terms = GrantTerms { key, name, kind, role, until: None, edits_per_minute: None };
    by.grant(terms).await.unwrap()
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

/// Asks again and again until it is so.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it never became so");
}
