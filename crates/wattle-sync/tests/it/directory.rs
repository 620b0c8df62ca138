//! What a directory holds, and what is said when it does not.

use std::fs;

use tempfile::tempdir;
use wattle_sync::{JoinLink, OpenError, Peer};

use crate::support::{add_rule, create, export, options};

#[tokio::test]
async fn what_was_acknowledged_is_there_when_it_is_opened_again() {
    let home = tempdir().unwrap();
    let peer = create(home.path(), "ana").await;
    add_rule(&peer, "one").await;
    let before = export(&peer).await;
    let context = peer.context_id();
    peer.close().await;
    let peer = Peer::open(options(home.path(), "ana")).await.unwrap();
    assert_eq!((peer.context_id(), export(&peer).await), (context, before));
    assert_eq!(peer.name().await.as_deref(), Some("garden"));
}

#[tokio::test]
async fn a_peer_that_nobody_holds_lets_go_of_its_directory() {
    let home = tempdir().unwrap();
    drop(create(home.path(), "ana").await);
    let peer = Peer::open(options(home.path(), "ana")).await.unwrap();
    peer.close().await;
}

#[tokio::test]
async fn a_closed_peer_says_so() {
    let home = tempdir().unwrap();
    let peer = create(home.path(), "ana").await;
    let other = peer.clone();
    peer.close().await;
    assert_eq!(other.status().await.unwrap_err().to_string(), "the peer is closed");
    other.close().await;
}

#[tokio::test]
async fn a_directory_that_is_not_right_is_refused_with_a_sentence() {
    let home = tempdir().unwrap();
    let error = Peer::open(options(home.path(), "ana")).await.unwrap_err();
    assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
    assert!(error.to_string().contains("wattle init"), "{error}");

    create(home.path(), "ana").await.close().await;
    let error = Peer::create(options(home.path(), "ana"), "again").await.unwrap_err();
    assert!(matches!(error, OpenError::Exists { .. }), "{error}");
    let link = JoinLink { relay: None, context: wattle_sync::ContextId([1; 32]), secret: None };
    let error = Peer::join(options(home.path(), "ana"), &link).await.unwrap_err();
    assert!(matches!(error, OpenError::Exists { .. }), "{error}");

    fs::write(home.path().join("context.db"), "not a database").unwrap();
    let error = Peer::open(options(home.path(), "ana")).await.unwrap_err();
    assert!(matches!(error, OpenError::Store(_)), "{error}");
    assert_eq!(fs::read(home.path().join("context.db")).unwrap(), b"not a database");
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_a_sentence() {
    let home = tempdir().unwrap();
    let peer = create(home.path(), "ana").await;
    let taken = peer.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = peer.listen(taken).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {taken}: ")), "{error}");
}
