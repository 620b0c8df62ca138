//! A context carried in a file: nothing is lost on the way, and nothing untrue comes in.

use tempfile::tempdir;
use wattle_context::{Context, LogFilter, Op, Value};
use wattle_sync::pack::{from_json, pack, to_json, unpack};
use wattle_sync::{Parts, Peer};

use crate::support::{create, edit, options};

/// Numbers without order, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Everything that can be read of a context: values, candidates, conflicts, defects, bodies and history.
async fn seen(peer: &Peer) -> String {
    let read = |context: &mut Context| {
        let sections = wattle_context::Section::ALL.map(|section| context.section(section));
        let (conflicts, log) = (context.conflicts(), context.log(&LogFilter::default()));
        format!(
            "{:#}\n{sections:#?}\n{conflicts:#?}\n{log:#?}\n{}",
            context.export(),
            context.version()
        )
    };
    peer.view(Parts::All, read).await.unwrap()
}

/// A few edits of each of two processes on one directory, some of them at the same time.
async fn scramble(directory: &std::path::Path, first: &Peer, dice: &mut Dice) {
    let other = Peer::open(options(directory, "ana")).await.unwrap();
    for round in 0..3 + dice.roll(4) {
        let title = format!("item {round}");
        let section = ["rules", "tasks", "documents", "instructions"][dice.roll(4)];
        let name = if section == "rules" { "statement" } else { "title" };
        let fields = [(name.to_owned(), Value::from(title.as_str()))];
        let added =
            first.edit(vec![edit(Op::Add, section, Value::Map(fields.into()))], "more").await;
        let path = added.unwrap().answers.remove(0).path;
        let version = first.view(Parts::All, |context| context.version()).await.unwrap();
        match dice.roll(3) {
            0 => {
                // Two that do not know of each other.
                for (peer, value) in [(first, "one"), (&other, "two")] {
                    let mut set = edit(Op::Set, &format!("{path}/{name}"), value);
                    set.base = Some(version.clone());
                    peer.edit(vec![set], "at once").await.unwrap();
                }
            }
            1 if section == "documents" => {
                let body = "word ".repeat(1 + dice.roll(400));
                other
                    .edit(vec![edit(Op::Set, &format!("{path}/body"), body)], "text")
                    .await
                    .unwrap();
            }
            _ => {
                other.edit(vec![edit(Op::Delete, &path, Value::Null)], "away").await.unwrap();
            }
        }
    }
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unpacked_equals_what_was_packed() {
    for seed in 0..6 {
        let home = tempdir().unwrap();
        let (here, there) = (home.path().join("here"), home.path().join("there"));
        let ana = create(&here, "ana").await;
        scramble(&here, &ana, &mut Dice(seed)).await;
        let packed = pack(&here).unwrap();
        let carried = serde_json::from_str(&to_json(&packed).to_string()).unwrap();
        let carried = from_json(&carried).unwrap();
        assert_eq!(carried, packed, "seed {seed}");
        unpack(&there, &carried).unwrap();
        assert_eq!(pack(&there).unwrap(), packed, "seed {seed}");
        let again = Peer::open(options(&there, "ana")).await.unwrap();
        assert_eq!(again.name().await.as_deref(), Some("garden"));
        assert_eq!(seen(&again).await, seen(&ana).await, "seed {seed}");
        // And life goes on there.
        again.edit(vec![edit(Op::Add, "tasks", "go on")], "").await.unwrap();
        again.close().await;
        ana.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_was_changed_is_refused_and_leaves_nothing() {
    let home = tempdir().unwrap();
    let (here, there) = (home.path().join("here"), home.path().join("there"));
    let ana = create(&here, "ana").await;
    ana.edit(vec![edit(Op::Add, "tasks", "first")], "").await.unwrap();
    ana.edit(vec![edit(Op::Add, "tasks", "second")], "").await.unwrap();
    ana.close().await;
    let packed = pack(&here).unwrap();
    let mut unsigned = packed.clone();
    unsigned.documents[0].1.iter_mut().for_each(|change| change.seal = None);
    let mut gap = packed.clone();
    gap.documents[0].1.remove(1);
    let mut rightless = packed.clone();
    rightless.access.clear();
    let mut forged = packed.clone();
    for change in &mut forged.documents[0].1 {
        change.seal.iter_mut().for_each(|seal| seal.signature.0[0] ^= 1);
    }
    for changed in [unsigned, gap, rightless, forged] {
        assert!(unpack(&there, &changed).is_err());
        assert!(!there.exists(), "nothing is left");
    }
    unpack(&there, &packed).unwrap();
    assert!(unpack(&there, &packed).is_err(), "there is one already");
    assert_eq!(pack(&there).unwrap(), packed);
}
