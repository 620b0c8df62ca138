//! Who somebody is on this machine: a name and a secret key, in a file that only they can read.

use std::path::{Path, PathBuf};

use wattle_protocol::{Keypair, PublicKey};

use crate::error::IdentityError;

mod file;
mod lock;
mod recovery;
#[cfg(test)]
mod tests;

use file::File;

/// The environment variable with the passphrase of a person's identity.
pub const PASSPHRASE: &str = "WATTLE_PASSPHRASE";

/// A principal: a key and the name that others see beside what it did.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The key.
    pub keypair: Keypair,
    /// For people to read.
    pub name: String,
}

impl Identity {
    /// Where identities are kept: `WATTLE_CONFIG_DIR`, else `$XDG_CONFIG_HOME/wattle`, else `~/.config/wattle`.
    pub fn config_dir() -> Result<PathBuf, IdentityError> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        set("WATTLE_CONFIG_DIR")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("XDG_CONFIG_HOME")?).join("wattle")))
            .or_else(|| Some(PathBuf::from(set("HOME")?).join(".config").join("wattle")))
            .ok_or(IdentityError::NoPlace)
    }

    /// The identity of a configuration directory; `name` is given to a new one. The passphrase is that
    /// of `WATTLE_PASSPHRASE`; when it is set, a new file is protected by it.
    ///
    /// Of several processes that make it at once, one wins and all get the same.
    pub fn load_or_create(config_dir: &Path, name: &str) -> Result<Self, IdentityError> {
        Self::load_or_create_with(config_dir, name, passphrase().as_deref())
    }

    /// [`Self::load_or_create`] with a passphrase that was asked for.
    pub fn load_or_create_with(
        config_dir: &Path,
        name: &str,
        passphrase: Option<&str>,
    ) -> Result<Self, IdentityError> {
        let file = File::of_person(config_dir);
        if let Some(identity) = file.read(passphrase)? {
            return Ok(identity);
        }
        // Another process may be first; then its key is read.
        file.create(&Self::random(name)?, passphrase)?;
        file.read(passphrase)?.ok_or_else(|| file.malformed())
    }

    /// The key of an agent that works on this machine.
    pub fn agent(config_dir: &Path, name: &str) -> Result<Self, IdentityError> {
        let file = File::of_agent(config_dir, name)?;
        match file.read(None)? {
            Some(identity) => Ok(identity),
            None => Err(IdentityError::NoAgent {
                name: name.to_owned(),
                known: Self::agents(config_dir)?,
            }),
        }
    }

    /// Makes the key of an agent. Its file never has a passphrase: the agent would have to know that of
    /// its person.
    pub fn create_agent(config_dir: &Path, name: &str) -> Result<Self, IdentityError> {
        let identity = Self::random(name)?;
        if File::of_agent(config_dir, name)?.create(&identity, None)? {
            return Ok(identity);
        }
        Err(IdentityError::AgentExists { name: name.to_owned() })
    }

    /// The names of the agents that have a key on this machine, in order.
    pub fn agents(config_dir: &Path) -> Result<Vec<String>, IdentityError> {
        file::agents(config_dir)
    }

    /// Removes the key of an agent from this machine.
    pub fn remove_agent(config_dir: &Path, name: &str) -> Result<(), IdentityError> {
        File::of_agent(config_dir, name)?.remove()
    }

    /// The key that the present one has replaced last, if one has.
    pub fn previous(config_dir: &Path) -> Result<Option<Self>, IdentityError> {
        File::of_person(config_dir).old().read(passphrase().as_deref())
    }

    /// A new key, kept beside the present one until [`Self::conclude_rotation`]. Asked again, it is
    /// the same.
    pub fn prepare_rotation(&self, config_dir: &Path) -> Result<Self, IdentityError> {
        let next = File::of_person(config_dir).next();
        let passphrase = passphrase();
        next.create(&Self::random(&self.name)?, passphrase.as_deref())?;
        next.read(passphrase.as_deref())?.ok_or_else(|| next.malformed())
    }

    /// Puts the new key in the place of the old one, which stays beside it with the ending `.old`.
    pub fn conclude_rotation(config_dir: &Path) -> Result<(), IdentityError> {
        File::of_person(config_dir).replace_by_next()
    }

    /// Writes the identity's file anew: protected by a passphrase, or without one.
    pub fn protect(
        &self,
        config_dir: &Path,
        passphrase: Option<&str>,
    ) -> Result<(), IdentityError> {
        File::of_person(config_dir).rewrite(self, passphrase)
    }

    /// A new identity that is not written anywhere.
    pub fn random(name: &str) -> Result<Self, IdentityError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| IdentityError::NoRandomness)?;
        Ok(Self { keypair: Keypair::from_secret(&secret), name: name.to_owned() })
    }

    /// The secret key as a text to be kept on paper: whoever has it is this principal.
    pub fn recovery_text(&self) -> String {
        recovery::text(&self.keypair)
    }

    /// The identity of such a text.
    pub fn from_recovery(text: &str, name: &str) -> Result<Self, IdentityError> {
        let keypair = recovery::keypair(text).ok_or(IdentityError::Recovery)?;
        Ok(Self { keypair, name: name.to_owned() })
    }

    /// The principal.
    pub fn key(&self) -> PublicKey {
        self.keypair.public()
    }
}

fn passphrase() -> Option<String> {
    std::env::var(PASSPHRASE).ok().filter(|passphrase| !passphrase.is_empty())
}
