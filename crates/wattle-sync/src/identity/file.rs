//! The files that identities are kept in.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wattle_protocol::{Keypair, PublicKey};

use super::{Identity, lock};
use crate::error::IdentityError;
use crate::limits::IDENTITY_BYTES_MAX;
use crate::private;

const PERSON: &str = "identity.json";
const AGENTS: &str = "agents";
const ENDING: &str = ".json";
const AGENT_NAME_BYTES_MAX: usize = 64;

/// A file that an identity is kept in, or is to be.
#[derive(Clone, Debug)]
pub(super) struct File(PathBuf);

impl File {
    pub(super) fn of_person(config_dir: &Path) -> Self {
        Self(config_dir.join(PERSON))
    }

    pub(super) fn of_agent(config_dir: &Path, name: &str) -> Result<Self, IdentityError> {
        let plain = |c: char| c.is_alphanumeric() || "-_".contains(c);
        if name.is_empty() || name.len() > AGENT_NAME_BYTES_MAX || !name.chars().all(plain) {
            return Err(IdentityError::AgentName { name: name.chars().take(80).collect() });
        }
        Ok(Self(config_dir.join(AGENTS).join(format!("{name}{ENDING}"))))
    }

    /// Where the key is kept that is to replace this one.
    pub(super) fn next(&self) -> Self {
        self.beside("next")
    }

    /// Where the key is kept that this one has replaced.
    pub(super) fn old(&self) -> Self {
        self.beside("old")
    }

    pub(super) fn remove(&self) -> Result<(), IdentityError> {
        fs::remove_file(&self.0).map_err(|source| self.unwritable(source))
    }

    fn beside(&self, what: &str) -> Self {
        let mut name = self.0.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{what}"));
        Self(self.0.with_file_name(name))
    }

    pub(super) fn malformed(&self) -> IdentityError {
        IdentityError::Malformed { path: self.0.clone() }
    }

    fn unreadable(&self, source: io::Error) -> IdentityError {
        IdentityError::Unreadable { path: self.0.clone(), source }
    }

    fn unwritable(&self, source: io::Error) -> IdentityError {
        IdentityError::Unwritable { path: self.0.clone(), source }
    }

    /// The identity; none when there is no file.
    pub(super) fn read(&self, passphrase: Option<&str>) -> Result<Option<Identity>, IdentityError> {
        let file = match fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.unreadable(source)),
        };
        let open = private::open_to_others(&file).map_err(|source| self.unreadable(source))?;
        if let Some(mode) = open {
            return Err(IdentityError::TooOpen { path: self.0.clone(), mode });
        }
        let mut text = String::new();
        file.take(IDENTITY_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|source| self.unreadable(source))?;
        let value: Value = serde_json::from_str(&text).map_err(|_| self.malformed())?;
        self.parse(&value, passphrase).map(Some)
    }

    fn parse(&self, value: &Value, passphrase: Option<&str>) -> Result<Identity, IdentityError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let name = text("name").ok_or_else(|| self.malformed())?.to_owned();
        let secret = match (text("secret"), value.get("locked")) {
            (Some(secret), _) => secret.parse::<PublicKey>().map_err(|_| self.malformed())?.0,
            (None, Some(locked)) => {
                let key = text("key").and_then(|key| key.parse().ok());
                let key: PublicKey = key.ok_or_else(|| self.malformed())?;
                let path = || self.0.clone();
                let passphrase =
                    passphrase.ok_or_else(|| IdentityError::Locked { path: path() })?;
                lock::open(locked, &key, passphrase).map_err(|error| match error {
                    lock::Error::Malformed => self.malformed(),
                    lock::Error::Wrong => IdentityError::WrongPassphrase { path: path() },
                })?
            }
            (None, None) => return Err(self.malformed()),
        };
        Ok(Identity { keypair: Keypair::from_secret(&secret), name })
    }

    /// Writes a new file, whole or not at all; answers whether there was none before.
    pub(super) fn create(
        &self,
        identity: &Identity,
        passphrase: Option<&str>,
    ) -> Result<bool, IdentityError> {
        let text = text_of(identity, passphrase)?;
        let written = self.write_apart(identity, &text).and_then(|apart| {
            let linked = fs::hard_link(&apart, &self.0);
            fs::remove_file(&apart)?;
            linked
        });
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(self.unwritable(source)),
        }
    }

    /// Replaces the file.
    pub(super) fn rewrite(
        &self,
        identity: &Identity,
        passphrase: Option<&str>,
    ) -> Result<(), IdentityError> {
        let text = text_of(identity, passphrase)?;
        self.write_apart(identity, &text)
            .and_then(|apart| fs::rename(apart, &self.0))
            .map_err(|source| self.unwritable(source))
    }

    pub(super) fn replace_by_next(&self) -> Result<(), IdentityError> {
        let (next, old) = (self.next(), self.old());
        if !next.0.exists() {
            return Err(IdentityError::NoRotation { path: next.0 });
        }
        let old_is_gone = match fs::remove_file(&old.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
        // A link first: at no moment is there no identity.
        old_is_gone
            .and_then(|()| fs::hard_link(&self.0, &old.0))
            .and_then(|()| fs::rename(&next.0, &self.0))
            .map_err(|source| self.unwritable(source))
    }

    /// Written apart first, so that nobody ever reads half of it.
    fn write_apart(&self, identity: &Identity, text: &str) -> io::Result<PathBuf> {
        if let Some(folder) = self.0.parent() {
            private::make_folder(folder)?;
        }
        let mark = &identity.key().to_string()[..16];
        let apart = self.beside(&format!("{mark}.{}", std::process::id())).0;
        let mut file = private::create(&apart)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        Ok(apart)
    }
}

/// The names of the agents that have a file, in order.
pub(super) fn agents(config_dir: &Path) -> Result<Vec<String>, IdentityError> {
    let folder = config_dir.join(AGENTS);
    let unreadable = |source| IdentityError::Unreadable { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(ENDING));
        names.extend(name.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn text_of(identity: &Identity, passphrase: Option<&str>) -> Result<String, IdentityError> {
    let secret = identity.keypair.secret();
    let value = match passphrase {
        None => json!({ "name": identity.name, "secret": PublicKey(secret).to_string() }),
        Some(passphrase) => json!({
            "name": identity.name,
            "key": identity.key().to_string(),
            "locked": lock::close(&secret, &identity.key(), passphrase)?,
        }),
    };
    Ok(format!("{value}\n"))
}
