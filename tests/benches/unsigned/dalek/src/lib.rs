//! Stands in for the library of signatures: finds every signature good, and makes none but those of
//! a handshake, which the other end of a link checks.

/// What a proof of a link begins with.
const LINK: &[u8] = b"wattle/link/1";

pub use real::{Signature, SignatureError};

/// A public key that is taken for one without a look.
pub struct VerifyingKey([u8; 32]);

/// A secret key.
#[derive(Clone)]
pub struct SigningKey(real::SigningKey);

/// Making signatures.
pub trait Signer {
    /// Signs a handshake, and gives zeros for everything else.
    fn sign(&self, bytes: &[u8]) -> Signature;
}

impl VerifyingKey {
    /// Any bytes are one.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignatureError> {
        Ok(Self(*bytes))
    }

    /// The bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Finds every signature good.
    pub fn verify_strict(&self, _: &[u8], _: &Signature) -> Result<(), SignatureError> {
        Ok(())
    }
}

impl SigningKey {
    /// From its bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(real::SigningKey::from_bytes(bytes))
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key().to_bytes())
    }
}

impl Signer for SigningKey {
    fn sign(&self, bytes: &[u8]) -> Signature {
        if bytes.starts_with(LINK) {
            real::Signer::sign(&self.0, bytes)
        } else {
            Signature::from_bytes(&[0; 64])
        }
    }
}
