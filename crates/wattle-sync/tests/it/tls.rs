//! Links over TLS, with an authority of our own.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::tempdir;
use wattle_sync::tls::{ServerFiles, TlsOptions};
use wattle_sync::{NotSettled, OpenError, Options, Peer, Role};

use crate::support::{add_rule, export, invite, options, settled};

#[tokio::test]
async fn peers_meet_over_tls_when_they_trust_the_authority_and_only_then() {
    let home = tempdir().unwrap();
    let authority = home.path().join("authority.pem");
    let server = certificates(home.path());
    let of_ana = Options {
        tls: TlsOptions { authorities: None, server: Some(server) },
        listen: None,
        ..options(&home.path().join("ana"), "ana")
    };
    let ana = Peer::create(of_ana, "garden").await.unwrap();
    add_rule(&ana, "one").await;
    let address = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let relay = format!("wattles://127.0.0.1:{}", address.port());
    let link = invite(&ana, Role::Maintainer, &relay).await;

    let trusting = Options {
        tls: TlsOptions { authorities: Some(authority), server: None },
        ..options(&home.path().join("bob"), "bob")
    };
    let bob = Peer::join(trusting, &link).await.unwrap();
    settled(&[&bob]).await;
    assert_eq!(export(&ana).await, export(&bob).await);

    let doubting = Options {
        access_patience: std::time::Duration::from_millis(200),
        ..options(&home.path().join("eve"), "eve")
    };
    let eve = Peer::join(doubting, &link).await.unwrap();
    let error = eve.settled(std::time::Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, NotSettled::Unreached { .. }), "{error}");
    assert!(error.to_string().contains("no TLS: "), "{error}");
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_refused_before_anything_is_made() {
    let home = tempdir().unwrap();
    let directory = home.path().join("ana");
    let missing = Some(home.path().join("nowhere.pem"));
    let options = Options {
        tls: TlsOptions { authorities: missing, server: None },
        ..options(&directory, "ana")
    };
    let error = Peer::create(options, "garden").await.unwrap_err();
    assert!(matches!(error, OpenError::Tls(_)), "{error}");
    assert!(!directory.exists());
}

fn certificates(home: &Path) -> ServerFiles {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    fs::write(home.join("authority.pem"), certificate.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let signed = params.signed_by(&key, &issuer).unwrap();
    let files = ServerFiles { certificates: home.join("server.pem"), key: home.join("server.key") };
    fs::write(&files.certificates, signed.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}
