//! The public keys that tokens are signed with, as a file or a server has them.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use wattle_sync::tls::TlsError;

/// What comes before the 32 bytes of an Ed25519 key in a PEM file: that it is one.
const SPKI_OF_ED25519: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Keys, and the names by which tokens say which one they are signed with.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Vec<(Option<String>, DecodingKey)>);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("the keys of tokens cannot be read from {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Neither PEM nor a JWK nor a set of them.
    #[error("{source_name} has no key in PEM, no JWK and no set of JWKs")]
    Unknown {
        /// The file or the address.
        source_name: String,
    },
    /// No Ed25519 key among them.
    #[error("{source_name} has no Ed25519 key to verify signatures with")]
    NoEd25519 {
        /// The file or the address.
        source_name: String,
    },
    /// The address is not one of HTTPS.
    #[error("{url} cannot be used: keys come over https, or from this machine over http")]
    Address {
        /// The address.
        url: String,
    },
    /// The authorities for the server cannot be read.
    #[error(transparent)]
    Authorities(TlsError),
    /// The server did not answer with keys.
    #[error("{url} did not answer with keys: {reason}")]
    Unanswered {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
}

impl Keys {
    /// No key at all.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads a PEM file, a JWK or a set of JWKs. Keys of other kinds are left out of a set.
    pub(super) fn read(source_name: &str, text: &str) -> Result<Self, KeysError> {
        let keys = if text.trim_start().starts_with('{') { of_json(text) } else { of_pem(text) };
        match keys {
            None => Err(KeysError::Unknown { source_name: source_name.to_owned() }),
            Some(keys) if keys.is_empty() => {
                Err(KeysError::NoEd25519 { source_name: source_name.to_owned() })
            }
            Some(keys) => Ok(Self(keys)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of a name. A token without a name, and a key without one, fit when there is only one key.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&DecodingKey> {
        let named = self.0.iter().find(|(own, _)| own.is_some() && own.as_deref() == name);
        let only = match self.0.as_slice() {
            [(own, key)] if own.is_none() || name.is_none() => Some(key),
            _ => None,
        };
        named.map(|(_, key)| key).or(only)
    }
}

fn of_json(text: &str) -> Option<Vec<(Option<String>, DecodingKey)>> {
    let set = serde_json::from_str::<JwkSet>(text).map(|set| set.keys);
    let keys = set.or_else(|_| serde_json::from_str::<Jwk>(text).map(|key| vec![key])).ok()?;
    Some(keys.into_iter().filter_map(of_jwk).collect())
}

fn of_jwk(jwk: Jwk) -> Option<(Option<String>, DecodingKey)> {
    if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
        return None;
    }
    let AlgorithmParameters::OctetKeyPair(parameters) = &jwk.algorithm else { return None };
    if parameters.curve != EllipticCurve::Ed25519 {
        return None;
    }
    let key = DecodingKey::from_ed_components(&parameters.x).ok()?;
    is_ed25519(&key).then_some((jwk.common.key_id, key))
}

fn is_ed25519(key: &DecodingKey) -> bool {
    key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == 32)
}

fn of_pem(text: &str) -> Option<Vec<(Option<String>, DecodingKey)>> {
    let found: Result<Vec<_>, _> =
        SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.ok().filter(|found| !found.is_empty())?;
    let raw = found.iter().filter_map(|der| der.strip_prefix(SPKI_OF_ED25519.as_slice()));
    let keys = raw.filter(|key| key.len() == 32);
    Some(keys.map(|key| (None, DecodingKey::from_ed_der(key))).collect())
}
