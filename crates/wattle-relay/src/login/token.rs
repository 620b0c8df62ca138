//! What a token says, and whether it holds: a JWT, signed with EdDSA, bound to the key of the link.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Validation};
use serde::Deserialize;
use wattle_protocol::access::Rights;
use wattle_protocol::identity::{Signature, verify};
use wattle_protocol::io::Login;
use wattle_protocol::message::Code;
use wattle_protocol::{ContextId, PublicKey};
use wattle_sync::Role;

use super::keys::Keys;
use super::{Denied, Granted};

/// Why a token opens nothing. Only the operator reads this.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("there is no token")]
    Absent,
    #[error("the token is no JWT: {0}")]
    Shape(Error),
    #[error("the token is signed with {0:?}, and only EdDSA counts")]
    Algorithm(Algorithm),
    #[error("the token is signed with the key {0:?}, which is not known here")]
    UnknownKey(Option<String>),
    #[error("the token's signature does not hold")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token does not count yet (nbf)")]
    Early,
    #[error("the token is for another audience (aud)")]
    Audience,
    #[error("the token's claims are not those that it needs: {0}")]
    Claims(Error),
    #[error("the token is bound to no key (cnf)")]
    Unbound,
    #[error("the token is bound to another key (cnf)")]
    OtherKey,
    #[error("the token names no role: {found:?}")]
    Role { found: String },
    #[error("the token names no context: {found:?}")]
    Context { found: String },
}

/// The claims that are read here; `exp`, `nbf` and `aud` are checked by the library.
#[derive(Debug, Deserialize)]
struct Claims {
    exp: serde_json::Number,
    cnf: Option<Confirmation>,
    contexts: Option<Contexts>,
    role: Option<String>,
    #[serde(default)]
    founds: bool,
}

/// The key that a token is bound to (RFC 7800): as a JWK, or in hexadecimal.
#[derive(Debug, Deserialize)]
struct Confirmation {
    jwk: Option<Confirmed>,
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Confirmed {
    kty: String,
    crv: String,
    x: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Contexts {
    /// A star for all of them.
    Text(String),
    Several(Vec<String>),
}

/// Which key a token says that it is signed with. Fails on what is no token.
pub(super) fn key_name(token: &[u8]) -> Result<Option<String>, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Absent);
    }
    let header = jsonwebtoken::decode_header(token).map_err(TokenError::Shape)?;
    if header.alg == Algorithm::EdDSA {
        Ok(header.kid)
    } else {
        Err(TokenError::Algorithm(header.alg))
    }
}

/// What a token opens for the link of a key.
pub(super) fn check(
    token: &[u8],
    keys: &Keys,
    (audience, link_key): (Option<&str>, &PublicKey),
) -> Result<Granted, TokenError> {
    install();
    let name = key_name(token)?;
    let key = keys.find(name.as_deref()).ok_or(TokenError::UnknownKey(name))?;
    let decoded = jsonwebtoken::decode(token, key, &validation(audience)).map_err(told_apart)?;
    let claims: Claims = decoded.claims;
    if bound_to(claims.cnf)? != *link_key {
        return Err(TokenError::OtherKey);
    }
    let rights = claims.role.map_or(Ok(Rights::ALL), |role| rights(&role))?;
    let contexts = contexts(claims.contexts)?;
    let login = Login { contexts, rights, founds: claims.founds };
    Ok(Granted { login, until: claims.exp.as_f64().map(|exp| exp as u64) })
}

fn validation(audience: Option<&str>) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_nbf = true;
    // Without an audience of its own the relay takes no token that is meant for somebody else.
    if let Some(audience) = audience {
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
    }
    validation
}

fn told_apart(error: Error) -> TokenError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum is not exhaustive")]
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::Early,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidToken => TokenError::Shape(error),
        _ => TokenError::Claims(error),
    }
}

fn bound_to(confirmation: Option<Confirmation>) -> Result<PublicKey, TokenError> {
    let confirmation = confirmation.ok_or(TokenError::Unbound)?;
    match (confirmation.jwk, confirmation.key) {
        (Some(jwk), _) if jwk.kty == "OKP" && jwk.crv == "Ed25519" => {
            let key = DecodingKey::from_ed_components(&jwk.x).map_err(TokenError::Claims)?;
            let bytes = key.try_get_as_bytes().map_err(TokenError::Claims)?;
            bytes.try_into().map(PublicKey).map_err(|_| TokenError::Unbound)
        }
        (None, Some(key)) => key.parse().map_err(|_| TokenError::Unbound),
        (Some(_), _) | (None, None) => Err(TokenError::Unbound),
    }
}

fn contexts(claimed: Option<Contexts>) -> Result<Option<Vec<ContextId>>, TokenError> {
    let parse =
        |text: &String| text.parse().map_err(|_| TokenError::Context { found: text.clone() });
    match claimed {
        None => Ok(None),
        Some(Contexts::Text(text)) if text == "*" => Ok(None),
        Some(Contexts::Text(text)) => parse(&text).map(|context| Some(vec![context])),
        Some(Contexts::Several(texts)) if texts.iter().any(|text| text == "*") => Ok(None),
        Some(Contexts::Several(texts)) => {
            texts.iter().map(parse).collect::<Result<_, _>>().map(Some)
        }
    }
}

fn rights(role: &str) -> Result<Rights, TokenError> {
    let role: Role = role.parse().map_err(|_| TokenError::Role { found: role.to_owned() })?;
    Ok(role.rights())
}

impl From<TokenError> for Denied {
    fn from(error: TokenError) -> Self {
        let code = match &error {
            TokenError::Expired => Code::Expired,
            TokenError::Signature | TokenError::UnknownKey(_) => Code::BadSignature,
            TokenError::Absent
            | TokenError::Shape(_)
            | TokenError::Algorithm(_)
            | TokenError::Early
            | TokenError::Audience
            | TokenError::Claims(_)
            | TokenError::Unbound
            | TokenError::OtherKey
            | TokenError::Role { .. }
            | TokenError::Context { .. } => Code::Forbidden,
        };
        Self::token(code, error)
    }
}

/// The library's cryptography is that of the protocol: one implementation of Ed25519, and strict.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Once per process. A program around this relay may have installed another one; that does as well.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if PROVIDER.install_default().is_err() {
            tracing::debug!("tokens are verified by the program's own cryptography");
        }
    });
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return Err(ErrorKind::UnsupportedAlgorithm.into());
    }
    let bytes = key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Verifier(PublicKey(bytes))))
}

struct Verifier(PublicKey);

impl signature::Verifier<Vec<u8>> for Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let signature = signature.as_slice().try_into().map_err(|_| signature::Error::new())?;
        let holds = verify(&self.0, message, &Signature(signature));
        holds.then_some(()).ok_or_else(signature::Error::new)
    }
}

impl JwtVerifier for Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
