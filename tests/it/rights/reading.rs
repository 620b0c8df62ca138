//! Who reads what: nothing of a section without a right to it, and nothing at all after the end.

use std::time::Instant;

use wattle_protocol::limits::FRAME_BYTES_MAX;
use wattle_protocol::message::Have;
use wattle_protocol::wire;
use wattle_sync::Code;
use wattle_tests::raw::{Heard, Raw};

use super::*;

/// Everything but people.
fn stranger_to_people() -> Role {
    let read = Section::ALL.into_iter().filter(|section| *section != Section::People).collect();
    Role::Selection { read, write: vec![Section::Tasks] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_people_gets_no_byte_of_it() {
    let house = House::new().await;
    let (carol, eve) = (house.joins(&identity("carol"), Role::Editor).await, identity("eve"));
    house.grants(&eve, stranger_to_people()).await;
    let mut reader = Raw::dial(house.address(), &eve.keypair).await;
    reader.open(house.ana.context_id(), vec![]).await;

    let mut secrets =
        vec![house.writes(&house.ana, Section::People, "Grace Brewster Hopper").await];
    secrets.push(house.writes(&carol, Section::People, "Mary Jackson").await);
    secrets.push(house.writes(&house.ana, Section::People, "Katherine Johnson").await);
    until_has(&house.ana, Section::People, secrets[1]).await;
    let (hash, bytes) = {
        let part = Part::Section(Section::People);
        let document = house.ana.view(Parts::All, move |context| {
            let document = context.document(&part).unwrap();
            (document.heads(), document.changes())
        });
        document.await.unwrap()
    };
    assert!(bytes.len() >= 4);
    let seen = house.writes(&house.ana, Section::Tasks, "Feed the cat").await;
    reader
        .until(|message| {
            matches!(message, Message::Changes(changes) if changes.changes.iter().any(|(bytes, _)| {
                wattle_protocol::Header::parse(bytes).unwrap().hash == seen
            }))
        })
        .await;

    let captured = reader.heard.concat();
    let holds = |part: &[u8]| captured.windows(part.len()).any(|window| window == part);
    assert!(holds(b"Feed the cat") && holds(b"Ask before you delete."));
    for name in ["Augusta", "Grace", "Hopper", "Mary Jackson", "Katherine"] {
        assert!(!holds(name.as_bytes()), "{name}");
    }
    secrets.extend(hash.into_iter().map(ChangeHash));
    secrets.extend(bytes.iter().map(|one| wattle_protocol::Header::parse(one).unwrap().hash));
    for secret in secrets {
        assert!(!holds(&secret.0), "{secret}");
    }
    let (context, people) = (house.ana.context_id(), document(Section::People));
    assert!(!holds(&people.id(&context).0));
    let named = |section: Section| {
        let key = document(section);
        holds(&[&context.0[..], &[key.scope], &key.item].concat())
    };
    assert!(named(Section::Tasks) && !named(Section::People));
    house.ends(vec![carol]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_read_cannot_be_told_from_what_is_not_there() {
    let house = House::new().await;
    let eve = identity("eve");
    house.grants(&eve, stranger_to_people()).await;
    let part = Part::Section(Section::People);
    let heads =
        house.ana.view(Parts::All, move |context| context.document(&part).unwrap().heads()).await;
    let heads: Vec<ChangeHash> = heads.unwrap().into_iter().map(ChangeHash).collect();
    let there = document(Section::People);
    let nowhere = DocumentKey { item: [7; 16], ..there };
    let change = forge(&house.ana, &eve, add(Section::People, "Eve")).await;
    let mut answers = Vec::new();
    for asked in [there, nowhere] {
        let loaded = house.relay.stats().documents;
        let mut reader = Raw::dial(house.address(), &eve.keypair).await;
        let (cursor, samples) = (Position(0), heads.clone());
        let have = Have { document: asked, cursor, heads: heads.clone(), samples };
        reader.open(house.ana.context_id(), vec![have]).await;
        // And a change for it, by somebody who may not write it either.
        let (context, changes) =
            (house.ana.context_id(), vec![(change.bytes.clone(), change.seal)]);
        let done = false;
        let changes = Changes { context, document: asked, changes, cursor, done };
        reader.say(&Message::Changes(changes)).await;
        let answer = reader.until(|message| refused(message).is_some()).await;
        assert_eq!(refused(&answer).map(|(code, _)| code), Some(Code::Forbidden));
        answers.push((told_of(&reader.heard, asked), house.relay.stats().documents - loaded));
    }
    let last = answers.pop();
    assert_eq!(
        last,
        answers.pop(),
        "frame by frame, byte by byte, and as many documents looked up"
    );
    house.ends(vec![]).await;
}

/// The frames of a link, but for the name of what was asked for, and without what others have done.
fn told_of(heard: &[Vec<u8>], asked: DocumentKey) -> Vec<Vec<u8>> {
    let frames = heard.iter().filter(|frame| {
        let message = wire::decode(frame, FRAME_BYTES_MAX).unwrap();
        !matches!(message, Message::Changes(_) | Message::Saved { .. } | Message::Presence { .. })
    });
    let name = [&[asked.scope][..], &asked.item].concat();
    let renamed = |frame: &Vec<u8>| {
        let mut frame = frame.clone();
        for at in 0..frame.len().saturating_sub(name.len() - 1) {
            if frame[at..].starts_with(&name) {
                frame[at..at + name.len()].fill(0xaa);
            }
        }
        frame
    };
    frames.map(renamed).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_an_open_link_within_a_second() {
    let house = House::new().await;
    let eve = identity("eve");
    house.grants(&eve, Role::Reader).await;
    let mut reader = Raw::dial(house.address(), &eve.keypair).await;
    reader.open(house.ana.context_id(), vec![]).await;
    let begun = Instant::now();
    house.ana.revoke(eve.key()).await.unwrap();
    let code = reader.until_closed().await;
    let took = begun.elapsed();
    eprintln!("a revocation closed the link after {} ms", took.as_millis());
    assert_eq!(code, Code::Revoked.number());
    assert!(took < Duration::from_secs(5), "{took:?}");

    // And nothing is served after it.
    let mut again = Raw::dial(house.address(), &eve.keypair).await;
    again
        .say(&Message::Open(wattle_protocol::message::Open {
            context: house.ana.context_id(),
            access_entries: 0,
            access_head: [0; 32],
            record: None,
            documents: vec![],
            more: false,
        }))
        .await;
    loop {
        match again.hear().await {
            Heard::Message(Message::Opened(_) | Message::Changes(_) | Message::Snapshot(_)) => {
                panic!("served after the end")
            }
            Heard::Message(Message::Refused(refusal)) => {
                assert_eq!(refusal.code, Code::Revoked);
                break;
            }
            Heard::Message(_) => {}
            Heard::Closed(code) => {
                assert_eq!(code, Code::Revoked.number());
                break;
            }
        }
    }
    house.ends(vec![]).await;
}
