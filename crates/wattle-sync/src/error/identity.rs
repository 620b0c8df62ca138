//! Why there is no identity.

use std::io;
use std::path::PathBuf;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no home directory to put it in.
    #[error("no place for the identity: set WATTLE_CONFIG_DIR or HOME")]
    NoPlace,
    /// It cannot be read.
    #[error("the identity {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the identity {} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not an identity.
    #[error("{} is not an identity: a name and a secret key are expected", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others on this machine can read it.
    #[error("{} can be read by others (mode {mode:o}): `chmod 600` it, and consider another key", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is protected, and no passphrase was given.
    #[error("{} is protected by a passphrase: give it in WATTLE_PASSPHRASE", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// No such agent has a key here.
    #[error("no agent {name} has a key on this machine: {}", known_agents(known))]
    NoAgent {
        /// Which was asked for.
        name: String,
        /// Those that have one.
        known: Vec<String>,
    },
    /// There is an agent of that name already.
    #[error("an agent {name} has a key on this machine already")]
    AgentExists {
        /// The name.
        name: String,
    },
    /// Not the name of an agent.
    #[error("{name:?} is no name for an agent: letters, digits, - and _, at most 64 bytes")]
    AgentName {
        /// What was given.
        name: String,
    },
    /// No new key waits.
    #[error("there is no new key in {}", path.display())]
    NoRotation {
        /// Where it would be.
        path: PathBuf,
    },
    /// Not the text of a recovery key, or with a mistake in it.
    #[error(
        "not a recovery key: it has 58 letters and digits, and one of these is mistaken or missing"
    )]
    Recovery,
    /// The key cannot be made of the passphrase.
    #[error("no memory for the protection of the key: 64 MiB are needed")]
    NoMemory,
    /// The system gives no randomness for a new key.
    #[error("the system gives no randomness for a new key")]
    NoRandomness,
}

fn known_agents(known: &[String]) -> String {
    match known {
        [] => "make one with `wattle agent add NAME`".to_owned(),
        known => format!("{} have", known.join(", ")),
    }
}
