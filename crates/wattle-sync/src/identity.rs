//! Who somebody is on this machine: a name and a secret key, in a file that only they can read.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use wattle_protocol::{Keypair, PublicKey};

use crate::error::IdentityError;
use crate::limits::IDENTITY_BYTES_MAX;

#[cfg(test)]
mod tests;

const FILE: &str = "identity.json";

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

    /// The identity of a configuration directory; `name` is given to a new one.
    ///
    /// Of several processes that make it at once, one wins and all get the same.
    pub fn load_or_create(config_dir: &Path, name: &str) -> Result<Self, IdentityError> {
        let path = config_dir.join(FILE);
        match read(&path)? {
            Some(identity) => Ok(identity),
            None => {
                let identity = Self::random(name)?;
                match identity.write(config_dir, &path) {
                    Ok(()) => Ok(identity),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        read(&path)?.ok_or(IdentityError::Malformed { path })
                    }
                    Err(source) => Err(IdentityError::Unwritable { path, source }),
                }
            }
        }
    }

    /// A new identity that is not written anywhere.
    pub fn random(name: &str) -> Result<Self, IdentityError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| IdentityError::NoRandomness)?;
        Ok(Self { keypair: Keypair::from_secret(&secret), name: name.to_owned() })
    }

    /// The principal.
    pub fn key(&self) -> PublicKey {
        self.keypair.public()
    }

    /// Written apart and linked into place, so that nobody ever reads half of it.
    fn write(&self, config_dir: &Path, path: &Path) -> io::Result<()> {
        fs::create_dir_all(config_dir)?;
        let secret = PublicKey(self.keypair.secret()).to_string();
        let text = serde_json::json!({ "name": self.name, "secret": secret }).to_string() + "\n";
        let apart = config_dir.join(format!("{FILE}.{}", &self.key().to_string()[..16]));
        let mut file = private(&apart)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::hard_link(&apart, path));
        fs::remove_file(&apart)?;
        written
    }
}

fn read(path: &Path) -> Result<Option<Identity>, IdentityError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(IdentityError::Unreadable { path: path.to_owned(), source }),
    };
    let mut text = String::new();
    file.take(IDENTITY_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|source| IdentityError::Unreadable { path: path.to_owned(), source })?;
    parse(&text).map(Some).ok_or_else(|| IdentityError::Malformed { path: path.to_owned() })
}

fn parse(text: &str) -> Option<Identity> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let name = value.get("name")?.as_str()?.to_owned();
    let secret: PublicKey = value.get("secret")?.as_str()?.parse().ok()?;
    Some(Identity { keypair: Keypair::from_secret(&secret.0), name })
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}
