//! Rights that change while the relay runs: it orders the access log, and acts on it at once.

use serde_json::Value;
use tempfile::tempdir;
use wattle_protocol::access::{Action, Grant, Invitation, Kind, Rights, redeem_bytes};
use wattle_protocol::message::Code;
use wattle_protocol::{Keypair, PublicKey};
use wattle_sync::Role;

use crate::audit::line;
use crate::client::{Client, Seen, Who};
use crate::process::{Relay, until};
use crate::writer::{Writer, keypair, record};

fn grant(key: &Keypair, rights: Rights) -> Action {
    Action::Grant(Grant {
        key: key.public(),
        name: "guest".to_owned(),
        kind: Kind::Person,
        rights,
        until: None,
        edits_per_minute: None,
    })
}

/// Waits until the relay is the one that orders the log; answers the number of entries then.
async fn handed_over(ana: &Client) -> u64 {
    ana.until("the hand-over", |seen| seen.in_sync && seen.entries > 1).await.entries
}

fn name(key: PublicKey) -> Value {
    Value::from(key.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_open_links_and_everything_of_it_is_in_the_audit_log() {
    let data = tempdir().unwrap();
    let file = data.path().join("audit.jsonl");
    let arguments = ["--listen", "127.0.0.1:0", "--audit-log", file.to_str().unwrap()];
    let relay = Relay::start_with(data.path(), arguments);
    let record = record(40, &keypair(1));
    let (ana_who, guest_key) = (Who::new(keypair(1), &record), keypair(50));
    let ana = Client::start(relay.address, ana_who.clone()).await;
    let entries = handed_over(&ana).await;
    ana.propose(&ana_who, grant(&guest_key, Role::Reader.rights()));
    ana.until("the grant", |seen| seen.entries > entries).await;

    let guest = Client::start(relay.address, Who::new(keypair(50), &record)).await;
    guest.until("sync", |seen| seen.in_sync).await;
    ana.propose(&ana_who, Action::Revoke { key: guest_key.public() });
    let seen = guest.until("the end", |seen| seen.ended).await;
    assert_eq!(seen.closed.map(|(code, _)| code), Some(4437));

    let (by_ana, by_guest) = (name(keypair(1).public()), name(guest_key.public()));
    let entry = |number: u64, action: &str, subject: &Value| {
        line(
            &file,
            &[
                ("act", "entry".into()),
                ("number", number.into()),
                ("action", action.into()),
                ("author", by_ana.clone()),
                ("subject", subject.clone()),
                ("context", record.id().to_string().into()),
            ],
        )
    };
    entry(0, "begin", &by_ana);
    entry(1, "set-sequencer", &name(seen.relay.unwrap()));
    entry(2, "grant", &by_guest);
    entry(3, "revoke", &by_guest);
    line(&file, &[("act", "closed".into()), ("by", by_guest), ("code", 4437.into())]);
    until("the same in the relay's log", || {
        let log = relay.logged().join("\n");
        (log.contains("audit") && log.contains("revoke")).then_some(())
    });
    assert_eq!(relay.metric("wattle_panics_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_wished_and_may_not_is_in_the_audit_log() {
    let data = tempdir().unwrap();
    let file = data.path().join("audit.jsonl");
    let arguments = ["--listen", "127.0.0.1:0", "--audit-log", file.to_str().unwrap()];
    let relay = Relay::start_with(data.path(), arguments);
    let record = record(45, &keypair(1));
    let (ana_who, guest_who) = (Who::new(keypair(1), &record), Who::new(keypair(52), &record));
    let ana = Client::start(relay.address, ana_who.clone()).await;
    let entries = handed_over(&ana).await;
    let secret = keypair(99);
    let (until, rights, uses) = (None, Role::Reader.rights(), 1);
    let invitation = Invitation { key: secret.public(), rights, uses, until };
    ana.propose(&ana_who, Action::Invite(invitation));
    ana.until("the invitation", |seen| seen.entries > entries).await;
    let declined = |by: &Who, action: &str, subject: PublicKey, code: Code| {
        line(
            &file,
            &[
                ("act", "declined".into()),
                ("context", record.id().to_string().into()),
                ("by", name(by.key.public())),
                ("author", name(by.key.public())),
                ("action", action.into()),
                ("subject", name(subject)),
                ("code", code.number().into()),
            ],
        )
    };

    let guest = Client::start(relay.address, guest_who.clone()).await;
    guest.propose(&guest_who, redeem(&guest_who, &secret));
    guest.until("sync", |seen| seen.in_sync).await;
    guest.propose(&guest_who, grant(&guest_who.key, Role::Owner.rights()));
    let told = |code: Code| move |seen: &Seen| seen.refused.iter().any(|one| one.code == code);
    guest.until("the refusal", told(Code::SelfGrant)).await;
    declined(&guest_who, "grant", guest_who.key.public(), Code::SelfGrant);

    let late_who = Who::new(keypair(53), &record);
    let late = Client::start(relay.address, late_who.clone()).await;
    late.propose(&late_who, redeem(&late_who, &secret));
    late.until("the refusal", told(Code::UsedUp)).await;
    declined(&late_who, "redeem", secret.public(), Code::UsedUp);

    // Who may not know of the context is told that there is none; the operator is told what it was.
    let eve_who = Who::new(keypair(54), &record);
    let eve = Client::start(relay.address, eve_who.clone()).await;
    eve.propose(&eve_who, Action::Revoke { key: keypair(1).public() });
    eve.until("the refusal", told(Code::Unknown)).await;
    declined(&eve_who, "revoke", keypair(1).public(), Code::Forbidden);
}

/// Takes an invitation up.
fn redeem(who: &Who, secret: &Keypair) -> Action {
    let (invitation, key) = (secret.public(), who.key.public());
    let proof = secret.sign(&redeem_bytes(&who.record.id(), &invitation, &key));
    Action::Redeem { invitation, name: "guest".to_owned(), proof }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_log_that_cannot_be_written_is_counted_and_holds_up_nobody() {
    let data = tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--audit-log", "/dev/full"];
    let relay = Relay::start_with(data.path(), arguments);
    let record = record(46, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &record)).await;
    handed_over(&ana).await;
    let change = Writer::new(keypair(1), record.id()).write(10);
    let hash = change.header.hash;
    ana.commit(vec![change]);
    ana.until_durable(&[hash]).await;
    until("the count", || (relay.metric("wattle_audit_lines_lost_total") >= 2.0).then_some(()));
    until("the reason in the log", || {
        let log = relay.logged().join("\n");
        log.contains("the audit log cannot be written").then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_killed_goes_on_ordering_with_the_same_key() {
    let data = tempdir().unwrap();
    let relay = Relay::start(data.path());
    let record = record(41, &keypair(1));
    let ana_who = Who::new(keypair(1), &record);
    let ana = Client::start(relay.address, ana_who.clone()).await;
    let entries = handed_over(&ana).await;
    let before = ana.seen().relay;
    relay.kill();
    ana.until("the end", |seen| seen.ended).await;
    let relay = Relay::start(data.path());
    let ana = Client::start(relay.address, ana_who.clone()).await;
    let seen = ana.until("sync", |seen| seen.in_sync).await;
    assert_eq!((seen.relay, seen.entries), (before, entries));
    ana.propose(&ana_who, grant(&keypair(51), Role::Contributor.rights()));
    ana.until("the grant", |seen| seen.entries > entries).await;
    let guest = Client::start(relay.address, Who::new(keypair(51), &record)).await;
    // What it writes before it knows of its grant does not count.
    guest.until("the grant", |seen| seen.in_sync).await;
    let change = Writer::new(keypair(51), record.id()).write(10);
    let hash = change.header.hash;
    guest.commit(vec![change]);
    ana.until_has(&[hash]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_context_over_its_quota_takes_no_change_and_others_do() {
    let data = tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--context-bytes-max", "20000"];
    let relay = Relay::start_with(data.path(), arguments);
    let full = record(42, &keypair(1));
    let ana = Client::start(relay.address, Who::new(keypair(1), &full)).await;
    let mut writer = Writer::new(keypair(1), full.id());
    let first = writer.write(1_000);
    let fits = first.header.hash;
    ana.commit(vec![first]);
    ana.until_durable(&[fits]).await;
    let large = writer.write(30_000);
    let too_much = large.header.hash;
    ana.commit(vec![large]);
    let over = |code: u16| code == 4514;
    ana.until("the refusal", |seen| {
        seen.refused.iter().any(|refusal| over(refusal.code.number()))
            || seen.closed.as_ref().is_some_and(|(code, _)| over(*code))
    })
    .await;
    assert!(!ana.seen().durable.contains(&too_much));
    let page = relay.get("/metrics").1;
    assert!(page.contains(r#"wattle_refusals_total{code="4514"}"#), "{page}");
    let held = relay.metric("wattle_context_bytes");
    assert!((1_000.0..20_000.0).contains(&held), "{held}");

    let other = record(43, &keypair(1));
    let bot = Client::start(relay.address, Who::new(keypair(1), &other)).await;
    let change = Writer::new(keypair(1), other.id()).write(1_000);
    let hash = change.header.hash;
    bot.commit(vec![change]);
    bot.until_durable(&[hash]).await;
}
