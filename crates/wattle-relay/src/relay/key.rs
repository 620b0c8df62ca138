//! The relay's own key: made at the first start, kept beside the store.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use wattle_protocol::{Keypair, PublicKey};

use super::StartError;

pub(super) fn load_or_create(data: &Path) -> Result<Keypair, StartError> {
    let path = data.join("relay.key");
    match fs::read_to_string(&path) {
        Ok(text) => {
            // A secret is written as a key is: 32 bytes in hexadecimal.
            let secret: PublicKey =
                text.trim().parse().map_err(|_| StartError::Key { path: path.clone() })?;
            Ok(Keypair::from_secret(&secret.0))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(data),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(StartError::Key { path }),
        Err(error) => Err(StartError::Data { path: data.to_owned(), error }),
    }
}

fn create(data: &Path) -> Result<Keypair, StartError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(StartError::Randomness)?;
    write(data, &secret).map_err(|error| StartError::Data { path: data.to_owned(), error })?;
    Ok(Keypair::from_secret(&secret))
}

/// Whole or not at all, and for the eyes of its owner only.
fn write(data: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let part = data.join("relay.key.part");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    writeln!(file, "{}", PublicKey(*secret))?;
    file.sync_all()?;
    fs::rename(&part, data.join("relay.key"))?;
    File::open(data)?.sync_all()
}
