//! What is written stays within what the protocol takes, whatever was there before.

use automerge::Change;

use super::scenario::Replica;
use crate::limits::{CHANGE_ACTORS_MAX, CHANGE_BYTES_TARGET, CHANGE_OPS_TARGET, DEPS_MAX};
use crate::{ACTOR_KEY_BYTES, Document, Edit, Edited, Op, Part, Section, Value};

fn edit(op: Op, path: &str, value: Value, base: Option<String>) -> Edit {
    Edit { op, path: path.to_owned(), value, old: None, base, if_unchanged: false }
}

fn replica() -> Replica {
    Replica::new(1, "ana")
}

fn add(replica: &mut Replica, body: &str) -> (String, Edited) {
    let fields = [("title".to_owned(), "t".into()), ("body".to_owned(), body.into())];
    let add = edit(Op::Add, "documents", Value::Map(fields.into()), None);
    let added = replica.edit(&[add], "").unwrap();
    (format!("{}/body", added.answers[0].path), added)
}

fn check(edited: &Edited) {
    for (_, bytes) in &edited.changes {
        let change = Change::try_from(bytes.as_slice()).unwrap();
        assert!(change.len() <= CHANGE_OPS_TARGET);
        assert!(bytes.len() <= 4 * CHANGE_BYTES_TARGET);
        assert!(change.other_actor_ids().len() <= CHANGE_ACTORS_MAX);
        assert!(change.deps().len() <= DEPS_MAX);
    }
}

#[test]
fn a_long_text_is_several_changes() {
    let mut ana = replica();
    let text = "äöü line\n".repeat(15_000);
    let (path, added) = add(&mut ana, &text);
    check(&added);
    assert_eq!(added.changes.len(), 4);
    let base = ana.context.version();
    ana.edit(&[edit(Op::Append, &path, "more\n".into(), None)], "").unwrap();
    let other = "ÄÖÜ lines\n".repeat(60) + "all of it new\n";
    let set = ana.edit(&[edit(Op::Set, &path, other.as_str().into(), Some(base))], "").unwrap();
    check(&set);
    let id = ana.context.locate(&path).unwrap().item.unwrap();
    assert_eq!(ana.context.body(&id), Some(other + "more\n"));
}

#[test]
fn a_text_of_many_writers_is_rewritten_in_several_changes() {
    let mut ana = replica();
    let (path, _) = add(&mut ana, "");
    for writer in 0..300_u16 {
        ana.by.actor[..2].copy_from_slice(&writer.to_be_bytes());
        ana.edit(&[edit(Op::Append, &path, "line\n".into(), None)], "").unwrap();
    }
    ana.by.actor = [7; 16];
    let set = ana.edit(&[edit(Op::Set, &path, "new".into(), None)], "").unwrap();
    check(&set);
    assert!(set.changes.len() > 1);
    let id = ana.context.locate(&path).unwrap().item.unwrap();
    assert_eq!(ana.context.body(&id), Some("new".to_owned()));
}

#[test]
fn many_heads_are_taken_up_step_by_step() {
    let mut ana = replica();
    let added = ana.edit(&[edit(Op::Add, "rules", "s".into(), None)], "").unwrap();
    let path = format!("{}/statement", added.answers[0].path);
    let part = Part::Section(Section::Rules);
    let before = ana.context.clone();
    for writer in 0..100 {
        let mut other = Replica::new(100 + writer, "other");
        other.pull(&before);
        let value = format!("statement {writer}").into();
        let edited = other.edit(&[edit(Op::Set, &path, value, None)], "").unwrap();
        let document: &mut Document = ana.context.document_mut(&part).unwrap();
        document.apply(&[&edited.changes[0].1]).unwrap();
    }
    assert_eq!(ana.context.conflicts()[0].candidates.len(), 100);
    for value in ["first", "last"] {
        check(&ana.edit(&[edit(Op::Set, &path, value.into(), None)], "").unwrap());
    }
    assert_eq!(ana.context.conflicts(), []);
    assert_eq!(ana.context.document(&part).unwrap().heads().len(), 1);
}

#[test]
fn one_author_who_writes_twice_on_one_base_conflicts_with_itself() {
    let mut ana = replica();
    let added = ana.edit(&[edit(Op::Add, "rules", "s".into(), None)], "").unwrap();
    let path = format!("{}/statement", added.answers[0].path);
    let base = Some(ana.context.version());
    let actors: Vec<_> = ["one", "two", "three"]
        .map(|value| {
            let edited = ana.edit(&[edit(Op::Set, &path, value.into(), base.clone())], "").unwrap();
            Change::try_from(edited.changes[0].1.as_slice()).unwrap()
        })
        .into_iter()
        .collect();
    assert_eq!(ana.context.conflicts()[0].candidates.len(), 3);
    assert!(ana.context.conflicts()[0].candidates.iter().all(|one| one.by == "ana"));
    let ids: Vec<&[u8]> = actors.iter().map(|one| one.actor_id().to_bytes()).collect();
    assert_eq!(ids.iter().map(|id| id.len()).collect::<Vec<_>>(), [16, 16, 16]);
    // All are of one key; they differ in what is random.
    assert!(ids.iter().all(|id| id[..ACTOR_KEY_BYTES] == ids[0][..ACTOR_KEY_BYTES]));
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
    // Each actor's first change names the author; the first actor's was the item.
    assert_eq!(actors.iter().filter(|one| one.author().is_some()).count(), 2);
}
