//! A secret key under a passphrase: Argon2id makes a key of it, XChaCha20-Poly1305 seals the secret.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::{Value, json};
use wattle_protocol::PublicKey;

use crate::error::IdentityError;
use crate::hex::{hex, unhex};

/// 64 MiB and three passes: the second choice of RFC 9106, on one lane.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
/// A file that asks for more than this is not opened: it would be a trap.
const COST_MAX: Cost = Cost { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };
const NAME: &str = "argon2id, xchacha20poly1305";

/// Why it stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// Not what `close` makes.
    Malformed,
    /// Another passphrase, or another file.
    Wrong,
}

#[derive(Clone, Copy, Debug)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Seals a secret.
pub(super) fn close(
    secret: &[u8; 32],
    key: &PublicKey,
    passphrase: &str,
) -> Result<Value, IdentityError> {
    let mut salt = [0; 16];
    let mut nonce = [0; 24];
    for bytes in [&mut salt[..], &mut nonce[..]] {
        getrandom::fill(bytes).map_err(|_| IdentityError::NoRandomness)?;
    }
    let sealed = cipher(passphrase, &salt, COST)
        .and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload(secret, key)).ok())
        .ok_or(IdentityError::NoMemory)?;
    Ok(json!({
        "with": NAME,
        "memory_kib": COST.memory_kib,
        "passes": COST.passes,
        "lanes": COST.lanes,
        "salt": hex(&salt),
        "nonce": hex(&nonce),
        "secret": hex(&sealed),
    }))
}

/// Opens what [`close`] made.
pub(super) fn open(locked: &Value, key: &PublicKey, passphrase: &str) -> Result<[u8; 32], Error> {
    let Lock { cost, salt, nonce, sealed } = read(locked).ok_or(Error::Malformed)?;
    let cipher = cipher(passphrase, &salt, cost).ok_or(Error::Malformed)?;
    let secret =
        cipher.decrypt(&XNonce::from(nonce), payload(&sealed, key)).map_err(|_| Error::Wrong)?;
    secret.try_into().map_err(|_| Error::Malformed)
}

/// What is needed besides the passphrase.
struct Lock {
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

fn read(locked: &Value) -> Option<Lock> {
    let number = |name: &str| u32::try_from(locked.get(name)?.as_u64()?).ok();
    let bytes = |name: &str| unhex(locked.get(name)?.as_str()?);
    let cost = Cost {
        memory_kib: number("memory_kib")?,
        passes: number("passes")?,
        lanes: number("lanes")?,
    };
    let affordable = cost.memory_kib <= COST_MAX.memory_kib
        && cost.passes <= COST_MAX.passes
        && cost.lanes <= COST_MAX.lanes;
    let known = locked.get("with")?.as_str()? == NAME;
    let (salt, nonce) = (bytes("salt")?.try_into().ok()?, bytes("nonce")?.try_into().ok()?);
    let sealed = bytes("secret")?;
    (affordable && known).then_some(Lock { cost, salt, nonce, sealed })
}

fn cipher(passphrase: &str, salt: &[u8], cost: Cost) -> Option<XChaCha20Poly1305> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key)
        .ok()?;
    Some(XChaCha20Poly1305::new(&key.into()))
}

/// The public key is sealed with it: one file's lock does not fit into another.
fn payload<'a>(msg: &'a [u8], key: &'a PublicKey) -> Payload<'a, 'a> {
    Payload { msg, aad: &key.0 }
}
