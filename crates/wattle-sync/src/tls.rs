//! TLS of links.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Certificates of a peer.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A PEM file of authorities that are trusted besides those of the system.
    pub authorities: Option<PathBuf>,
    /// With what it listens; without, it listens without TLS.
    pub server: Option<ServerFiles>,
}

/// What a peer that listens shows to others.
#[derive(Clone, Debug)]
pub struct ServerFiles {
    /// A PEM file with the chain, its own certificate first.
    pub certificates: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{} has no certificate or key in PEM that can be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The certificate and the key do not fit.
    #[error("the certificates cannot be used: {source}")]
    Unusable {
        /// Why.
        source: rustls::Error,
    },
    /// Not a name that a certificate can have.
    #[error("{host} is no name that a certificate can have")]
    Name {
        /// The name.
        host: String,
    },
}

/// What dialling needs.
pub fn connector(options: &TlsOptions) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &options.authorities {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|source| TlsError::Unusable { source })?;
        }
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Unusable { source })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What listening needs.
pub fn acceptor(files: &ServerFiles) -> Result<TlsAcceptor, TlsError> {
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, &e))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| TlsError::Unusable { source })?
        .with_no_client_auth()
        .with_single_cert(certificates(&files.certificates)?, key)
        .map_err(|source| TlsError::Unusable { source })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The name that the other side's certificate must have.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name { host: host.to_owned() })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
