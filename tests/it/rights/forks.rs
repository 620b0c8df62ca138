//! Two logs of one context: an owner passes the sequencer by, or the sequencer lies. The audit tells both.

use wattle_protocol::access::{Action, Grant, Log, Proposal};
use wattle_protocol::{ContextId, Keypair};
use wattle_sync::access::Passing;
use wattle_sync::audit::{AuditLine, Audited};
use wattle_tests::raw::Raw;

use super::*;

/// Two owners who have the same log, in which ana granted something last; both are closed.
async fn two_owners(folder: &Path) -> [Identity; 2] {
    let [ana_key, zoe_key] = ["ana", "zoe"].map(identity);
    let made = Options { recovery: Some(zoe_key.key()), ..options(folder, &ana_key) };
    let ana = Peer::create(made, "rights").await.unwrap();
    let address = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let relay = Some(format!("wattle://{address}"));
    let link = JoinLink { relay, context: ana.context_id(), secret: None };
    let zoe = Peer::join(options(folder, &zoe_key), &link).await.unwrap();
    zoe.settled(PATIENCE).await.unwrap();
    zoe.close().await;
    ana.close().await;
    [ana_key, zoe_key]
}

async fn opened(folder: &Path, identity: &Identity) -> Peer {
    Peer::open(options(folder, identity)).await.unwrap()
}

fn grant_of(name: &str, role: &Role) -> Grant {
    let (key, name) = (identity(name).key(), name.to_owned());
    let (kind, rights) = (Kind::Person, role.rights());
    Grant { key, name, kind, rights, until: None, edits_per_minute: None }
}

/// Waits for a line of the audit.
async fn audited(peer: &Peer, so: impl Fn(&AuditLine) -> bool) -> AuditLine {
    let waiting = async {
        loop {
            if let Some(line) = peer.audit().await.unwrap().into_iter().find(&so) {
                return line;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("a line of the audit")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_an_owner_passed_by_is_told_as_void() {
    let folder = tempfile::tempdir().unwrap();
    let [ana_key, zoe_key] = two_owners(folder.path()).await;
    let ana = opened(folder.path(), &ana_key).await;
    let Grant { key, name, kind, .. } = grant_of("bob", &Role::Editor);
    let (role, until, edits_per_minute) = (Role::Editor, None, None);
    let terms = GrantTerms { key, name, kind, role, until, edits_per_minute };
    let outcome = ana.grant(terms).await.unwrap();
    let Outcome::Done { entry } = outcome else { panic!("{outcome:?}") };
    ana.close().await;

    let zoe = opened(folder.path(), &zoe_key).await;
    zoe.set_sequencer(zoe.key(), Passing::PassBy).await.unwrap();
    let address = zoe.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let ana = opened(folder.path(), &ana_key).await;
    ana.dial(&format!("wattle://{address}")).unwrap();
    let void = audited(&ana, |line| matches!(line.what, Audited::Void { .. })).await;
    assert_eq!(void.entry, Some(entry));
    assert_eq!(void.by.map(|by| by.key), Some(ana_key.key().to_string()));
    let Audited::Void { action } = void.what else { unreachable!() };
    assert_eq!(action, "granted editor to bob");
    let members = ana.members().await.unwrap();
    assert_eq!(members.sequencer, Some(zoe_key.key()));
    assert!(members.members.iter().all(|member| member.key != key));
    ana.close().await;
    zoe.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequencer_that_signed_two_entries_with_one_number_is_told_as_a_fork() {
    let folder = tempfile::tempdir().unwrap();
    let [ana_key, zoe_key] = two_owners(folder.path()).await;
    let ana = opened(folder.path(), &ana_key).await;
    let address = ana.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let terms = InviteTerms { role: Role::Reader, uses: 1, until: None };
    let (_, outcome) = ana.invite(terms).await.unwrap();
    let Outcome::Done { entry } = outcome else { panic!("{outcome:?}") };
    let zoe = opened(folder.path(), &zoe_key).await;
    zoe.dial(&format!("wattle://{address}")).unwrap();
    let invited = |line: &AuditLine| line.entry == Some(entry);
    audited(&zoe, invited).await;
    ana.close().await;

    let address = zoe.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut liar = Raw::dial(address, &ana_key.keypair).await;
    let context = zoe.context_id();
    let other = other_entry(&mut liar, context, &ana_key.keypair).await;
    liar.say(&Message::Access { context, from: entry, entries: vec![other] }).await;
    let forked = audited(&zoe, |line| matches!(line.what, Audited::Forked { .. })).await;
    assert_eq!(forked.entry, Some(entry));
    assert_eq!(forked.by.map(|by| by.key), Some(ana_key.key().to_string()));
    let Audited::Forked { here, other } = forked.what else { unreachable!() };
    assert_ne!(here, other);
    // The log that came first stays.
    assert!(zoe.audit().await.unwrap().iter().any(invited));
    assert!(zoe.members().await.unwrap().members.iter().all(|member| member.name != "eve"));
    zoe.close().await;
}

/// An entry for the place after the record, where there is one already.
async fn other_entry(liar: &mut Raw, context: ContextId, key: &Keypair) -> Blob {
    let (access_entries, access_head, record, documents) = (0, [0; 32], None, vec![]);
    let open = wattle_protocol::message::Open {
        context,
        access_entries,
        access_head,
        record,
        documents,
        more: false,
    };
    liar.say(&Message::Open(open)).await;
    let known = liar.until(|message| matches!(message, Message::Access { .. })).await;
    let Message::Access { entries, .. } = known else { unreachable!() };
    let log = Log::read(&entries[..1]).unwrap();
    let action = Action::Grant(grant_of("eve", &Role::Owner));
    let (based_on, nonce, author) = (1, [9; 16], key.public());
    let proposal = Proposal { context, based_on, nonce, author, action }.sign(key);
    log.sequence(&proposal, (0, vec![]), key).unwrap()
}
