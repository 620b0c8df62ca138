//! What is asked for together is done in order.

use std::collections::BTreeSet;
use std::time::Duration;

use tempfile::{TempDir, tempdir};
use wattle_protocol::access::{Action, Closure, Log, Proposal};
use wattle_protocol::{Blob, Change, ContextId, LinkId};

use super::*;
use crate::audit::Audit;
use crate::config::Config;
use crate::inbox::Gate;
use crate::metrics::Metrics;
use crate::relay::Shared;
use writer::{DOCUMENT, Writer, genesis, keypair, record};

#[expect(dead_code, reason = "what sockets need is not needed here")]
#[path = "../../tests/it/writer.rs"]
mod writer;

fn start(data: &TempDir, context_bytes_max: Option<u64>) -> (Disk, Arc<Shared>) {
    let mut config = Config::new(data.path());
    config.limits.context_bytes_max = context_bytes_max;
    let metrics = Metrics::new();
    let audit = Audit::open(None, &metrics).unwrap();
    let shared = Arc::new(Shared::new(config, (audit, metrics), None));
    let path = data.path().join("relay.db");
    let store = SqliteStore::open(&path).unwrap();
    let compactor = Compactor::start(&path, Arc::clone(&shared)).unwrap();
    (Disk::start(store, compactor, Arc::clone(&shared)).unwrap(), shared)
}

/// The next so many answers.
fn answers(shared: &Shared, count: usize) -> Vec<StoreReply> {
    let mut replies = Vec::new();
    while replies.len() < count {
        let waiting = shared.inbox.take(Some(Duration::from_secs(30)), Gate::Open);
        assert!(!waiting.notices.is_empty(), "only {replies:?}");
        for notice in waiting.notices {
            if let Notice::Store(reply) = notice {
                replies.push(reply);
            }
        }
    }
    replies
}

fn append(context: ContextId, changes: Vec<Change>) -> StoreRequest {
    StoreRequest::Append { context, document: DOCUMENT, link: LinkId(1), changes }
}

#[test]
fn a_cutoff_names_everything_that_was_asked_for_before_it_and_nothing_later() {
    let data = tempdir().unwrap();
    let (disk, shared) = start(&data, None);
    let (owner, guest) = (keypair(1), keypair(2));
    let record = record(1, &owner);
    let context = record.id();
    let mut writer = Writer::new(guest.clone(), context);
    disk.ask(StoreRequest::AppendAccess { context, from: 0, entries: vec![record.to_bytes()] });
    disk.ask(append(context, vec![genesis()]));
    // More than one commit takes, each in a request of its own, then the barrier, then more.
    let mut actors = BTreeSet::new();
    for _ in 0..COMMIT_REQUESTS_MAX + 10 {
        let change = writer.write(10);
        actors.insert(change.header.actor);
        disk.ask(append(context, vec![change]));
    }
    disk.ask(StoreRequest::Cutoffs { context, keys: vec![guest.public()] });
    disk.ask(append(context, vec![writer.write(10)]));
    let before = COMMIT_REQUESTS_MAX + 12;
    let replies = answers(&shared, before + 2);
    let last = (COMMIT_REQUESTS_MAX + 10) as u64;
    let upto = vec![(DOCUMENT, actors.into_iter().map(|actor| (actor, last)).collect())];
    let closes = vec![Closure { key: guest.public(), upto }];
    assert_eq!(replies[before], StoreReply::Cutoffs { context, closes: closes.clone() });
    assert!(
        matches!(&replies[before + 1], StoreReply::Appended { positions, .. } if positions.len() == 1)
    );

    // The entry that it is for is stored before what is asked for after it.
    let log = Log::begin(&record);
    let action = Action::Revoke { key: guest.public() };
    let (based_on, nonce, author) = (1, [0; 16], owner.public());
    let proposal = Proposal { context, based_on, nonce, author, action }.sign(&owner);
    let entry = log.sequence(&proposal, (1, closes), &owner).unwrap();
    disk.ask(append(context, vec![writer.write(10)]));
    disk.ask(StoreRequest::AppendAccess { context, from: 1, entries: vec![entry.clone()] });
    disk.ask(append(context, vec![writer.write(10)]));
    disk.ask(StoreRequest::LoadContext { context });
    let replies = answers(&shared, 4);
    assert!(matches!(&replies[0], StoreReply::Appended { .. }), "{replies:?}");
    assert_eq!(replies[1], StoreReply::AccessAppended { context, entries: 2 });
    assert!(matches!(&replies[2], StoreReply::Appended { .. }), "{replies:?}");
    let StoreReply::Context { access, .. } = &replies[3] else { panic!("{replies:?}") };
    assert_eq!(access[..], [record.to_bytes(), entry]);
}

#[test]
fn what_is_over_the_quota_is_declined_and_access_entries_never_are() {
    let data = tempdir().unwrap();
    let (disk, shared) = start(&data, Some(1_000));
    let record = record(2, &keypair(1));
    let context = record.id();
    let mut writer = Writer::new(keypair(1), context);
    disk.ask(append(context, vec![genesis()]));
    let large = append(context, vec![writer.write(2_000)]);
    disk.ask(large.clone());
    let entries: Vec<Blob> = vec![record.to_bytes()];
    disk.ask(StoreRequest::AppendAccess { context, from: 0, entries });
    let replies = answers(&shared, 3);
    let declined = |reply: &StoreReply| {
        let StoreReply::Declined { request, refusal } = reply else { return None };
        Some((request.clone(), refusal.code))
    };
    let found: Vec<_> = replies.iter().filter_map(declined).collect();
    assert_eq!(found, [(large, wattle_protocol::message::Code::Quota)]);
    assert!(replies.contains(&StoreReply::AccessAppended { context, entries: 1 }));
    assert_eq!(shared.metrics.appends_waiting.get(), 0);
}
