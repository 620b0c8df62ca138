//! Checking stores offline, whole ones and ones with a bit turned.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use wattle_context::{Document, Op};
use wattle_protocol::identity::Receipt;
use wattle_protocol::io::Snapshot;
use wattle_protocol::{ChangeHash, Keypair, Position};
use wattle_store::{SqliteStore, Store};
use wattle_sync::audit::verify;
use wattle_sync::part::part_of;
use wattle_sync::{Kind, Role, Verification};

use crate::support::{add_rule, create, edit, grant};

/// A context with a few members, edits in two documents, and a revocation. Closed.
async fn context(directory: &Path) -> PathBuf {
    let ana = create(directory, "ana").await;
    let rule = add_rule(&ana, "deploys need a review").await;
    ana.edit(vec![edit(Op::Set, &format!("{rule}/severity"), "must")], "strict").await.unwrap();
    ana.edit(vec![edit(Op::Add, "tasks", "water the beds")], "dry").await.unwrap();
    grant(&ana, "bob", Kind::Person, Role::Editor).await;
    grant(&ana, "cleo", Kind::Agent, Role::Contributor).await;
    ana.revoke(crate::support::identity("bob").key()).await.unwrap();
    ana.edit(vec![edit(Op::Add, "tasks", "weed")], "after it").await.unwrap();
    ana.close().await;
    directory.join("context.db")
}

fn change(file: &Path, statement: &str) {
    let connection = Connection::open(file).unwrap();
    assert_eq!(connection.execute(statement, []).unwrap(), 1, "{statement}");
}

fn what(verification: &Verification) -> Vec<&str> {
    verification.problems.iter().map(|problem| problem.what.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_store_has_no_problem() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    let verification = verify(directory.path()).unwrap();
    assert_eq!(verification.problems, []);
    assert_eq!(verification, verify(&file).unwrap());
    assert_eq!((verification.contexts, verification.entries, verification.proposals), (1, 4, 3));
    assert_eq!((verification.documents, verification.unsigned, verification.refused), (2, 0, 0));
    assert_eq!((verification.changes, verification.seals), (6, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_in_a_seal() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(
        &file,
        "UPDATE log SET seal = CAST(substr(seal, 1, 100) || x'00' || substr(seal, 102) AS BLOB)
         WHERE id = (SELECT max(id) FROM log)",
    );
    let verification = verify(&file).unwrap();
    assert_eq!(
        what(&verification),
        ["its signature does not hold", "no signature of its author covers it"]
    );
    assert_eq!(verification.problems[0].document.as_deref(), Some("tasks"));
    assert!(verification.problems[0].change.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_in_a_change() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(
        &file,
        "UPDATE log SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'aa' AS BLOB)
         WHERE id = (SELECT max(id) FROM log)",
    );
    let verification = verify(&file).unwrap();
    assert!(what(&verification)[0].starts_with("its bytes are damaged"), "{verification:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_row_says_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(&file, "UPDATE log SET time = time + 1 WHERE id = (SELECT max(id) FROM log)");
    let verification = verify(&file).unwrap();
    assert_eq!(what(&verification), ["its bytes say something else than the store does"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_in_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(
        &file,
        "UPDATE access SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) ||
             CASE substr(bytes, -1) WHEN x'01' THEN x'02' ELSE x'01' END AS BLOB)
         WHERE number = 2",
    );
    let verification = verify(&file).unwrap();
    assert_eq!(verification.problems[0].entry, Some(2));
    assert!(what(&verification)[0].contains("signature does not hold"), "{verification:?}");
    assert_eq!(verification.entries, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_removed() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(&file, "DELETE FROM access WHERE number = 1");
    let verification = verify(&file).unwrap();
    assert!(what(&verification)[0].contains("does not follow"), "{verification:?}");
}

/// The log that is left holds, but the last edit says that its author knew more of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_entry_removed() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(&file, "DELETE FROM access WHERE number = 3");
    let verification = verify(&file).unwrap();
    assert_eq!(
        what(&verification),
        ["its signer knew 4 entries of the access log; 3 are here and hold"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_was_removed() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    change(&file, "UPDATE log SET seal = NULL WHERE id = (SELECT max(id) FROM log)");
    let verification = verify(&file).unwrap();
    assert_eq!(what(&verification), ["no signature of its author covers it"]);
    assert_eq!(verification.unsigned, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    let mut store = SqliteStore::open_existing(&file).unwrap();
    let context = store.contexts().unwrap()[0];
    let summary = store.documents(&context).unwrap().remove(0);
    let (document, heads) = (summary.document, summary.heads);
    let (honest, liar) = (Keypair::from_secret(&[1; 32]), Keypair::from_secret(&[2; 32]));
    let signed = |keys, heads: &[ChangeHash]| Receipt::sign(keys, (&context, &document), heads, 4);
    store.put_receipt(&context, &document, &heads, &signed(&honest, &heads)).unwrap();
    let verification = verify(&file).unwrap();
    assert_eq!((verification.receipts, what(&verification)), (1, Vec::new()));

    let nowhere = [ChangeHash([9; 32])];
    store.put_receipt(&context, &document, &nowhere, &signed(&liar, &nowhere)).unwrap();
    let verification = verify(&file).unwrap();
    assert_eq!(verification.receipts, 2);
    assert!(what(&verification)[0].ends_with("has signed to have it, and it is not here"));

    store.put_receipt(&context, &document, &nowhere, &signed(&liar, &heads)).unwrap();
    let verification = verify(&file).unwrap();
    assert_eq!(verification.receipts, 1);
    assert!(what(&verification)[0].ends_with("is not signed by it"), "{verification:?}");
}

/// As a relay keeps it: the bytes of early changes are gone, and a snapshot has their place.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_pruned() {
    let directory = tempfile::tempdir().unwrap();
    let file = context(directory.path()).await;
    let relay = directory.path().join("relay.db");
    std::fs::copy(&file, &relay).unwrap();
    let mut store = SqliteStore::open_existing(&relay).unwrap();
    let context = store.contexts().unwrap()[0];
    let summary = store.documents(&context).unwrap().remove(0);
    let part = part_of(&summary.document).unwrap();
    let changes = store.read_after(&context, &summary.document, Position(0), usize::MAX).unwrap();
    let mut document = Document::new(part);
    let bytes: Vec<&[u8]> = changes.iter().map(|(_, change)| &change.bytes[..]).collect();
    document.apply(&bytes).unwrap();
    let seals = changes.iter().filter_map(|(_, change)| Some((change.header.hash, change.seal?)));
    let seals = seals.collect::<Vec<_>>();
    let snapshot = |upto| Snapshot {
        upto,
        bytes: document.save().into(),
        seals: seals[seals.len() - 1..].to_vec(),
    };
    // The newest covers all; the bytes of what the one before it covers are dropped.
    let newest = summary.last;
    store
        .put_snapshot(&context, &summary.document, &snapshot(Position(newest.0 - 1)), true)
        .unwrap();
    store.put_snapshot(&context, &summary.document, &snapshot(newest), true).unwrap();
    let verification = verify(&relay).unwrap();
    assert_eq!(what(&verification), Vec::<&str>::new());
    assert!(verification.pruned > 0, "{verification:?}");
    assert_eq!(verification.snapshots, 1);
    drop(store);

    change(
        &relay,
        "UPDATE snapshot SET seals = CAST(substr(seals, 1, 135) || x'00' AS BLOB)
         WHERE upto = (SELECT max(upto) FROM snapshot)",
    );
    // The change's own row still has the seal.
    assert_eq!(what(&verify(&relay).unwrap()), Vec::<&str>::new());
    change(
        &relay,
        "UPDATE log SET time = time + 1 WHERE id = (SELECT max(id) FROM log WHERE bytes IS NULL)",
    );
    let verification = verify(&relay).unwrap();
    assert_eq!(what(&verification), ["its bytes say something else than the store does"]);
}

#[test]
fn what_is_no_store() {
    let directory = tempfile::tempdir().unwrap();
    let error = verify(directory.path()).unwrap_err().to_string();
    assert!(error.starts_with("no store in "), "{error}");
    assert!(verify(&directory.path().join("absent.db")).is_err());
}
