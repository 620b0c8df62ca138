use proptest::collection::vec;
use proptest::prelude::*;

use super::scenario::Replica;
use crate::rewrite::rewrite;
use crate::{Edit, EditError, Op, Value};

/// What a replica does: an edit of an item, or taking in what another one has.
#[derive(Clone, Debug)]
enum Act {
    Edit(usize, u8, u8),
    Pull(usize, usize),
}

fn acts(peers: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..peers, any::<u8>(), any::<u8>()).prop_map(|(who, what, with)| Act::Edit(who, what, with)),
        1 => (0..peers, 0..peers).prop_map(|(who, whom)| Act::Pull(who, whom)),
    ];
    vec(act, 1..40)
}

fn replicas(count: usize) -> Vec<Replica> {
    (1..=count).map(|n| Replica::new(u8::try_from(n).unwrap(), &format!("peer {n}"))).collect()
}

/// Any edit that the numbers choose among the items that the replica has.
fn edit(replica: &Replica, what: u8, with: u8) -> Edit {
    let words = ["one", "two", "three\n", "must", "may", "deny", "allow", "done", "open", ""];
    let word = words[usize::from(with) % words.len()];
    let sections = ["rules", "tools", "tasks", "documents"];
    let section = sections[usize::from(what) % sections.len()].parse().unwrap();
    let items = replica.context.section(section).items;
    let item = items.get(usize::from(with) % items.len().max(1)).map(|item| item.id.to_string());
    let field = &section.fields()[usize::from(what / 4) % section.fields().len()];
    let (op, path, value) = match (item, what % 16) {
        (None, _) | (_, 15) => (Op::Add, section.name().to_owned(), Value::from("an item")),
        (Some(item), 14) => (Op::Delete, format!("{section}/{item}"), Value::Null),
        (Some(item), 12 | 13) => {
            (Op::Append, format!("{section}/{item}/{}", field.name), word.into())
        }
        (Some(item), 11) => (Op::Remove, format!("{section}/{item}/{}", field.name), word.into()),
        (Some(item), 10) => {
            let map = [("key".to_owned(), Value::Int(with.into()))];
            (Op::Set, format!("{section}/{item}/{}", field.name), Value::Map(map.into()))
        }
        (Some(_), 9) => {
            (Op::Set, format!("policies/{section}/{}", field.name), "last-writer".into())
        }
        (Some(item), 8) => {
            (Op::Set, format!("{section}/{item}/{}", field.name), Value::Int(with.into()))
        }
        (Some(item), _) => (Op::Set, format!("{section}/{item}/{}", field.name), word.into()),
    };
    let base = with.is_multiple_of(3).then(|| replica.context.version());
    Edit { op, path, value, old: None, base, if_unchanged: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn replicas_that_have_the_same_show_the_same(acts in acts(3), order in Just([0, 1, 2]).prop_shuffle()) {
        let mut replicas = replicas(3);
        for (number, act) in acts.iter().enumerate() {
            match act {
                Act::Edit(who, what, with) => {
                    let replica = &mut replicas[*who];
                    replica.by.time_ms = i64::try_from(number).unwrap();
                    let edit = edit(replica, *what, *with);
                    match replica.edit(&[edit], "") {
                        Ok(_) | Err(EditError::WrongValue { .. } | EditError::Unfit { .. }) => {}
                        Err(error) => prop_assert!(
                            matches!(error, EditError::UnknownVersion { .. } | EditError::Path(_)),
                            "{error}"
                        ),
                    }
                }
                Act::Pull(who, whom) => {
                    let whom = replicas[*whom].context.clone();
                    replicas[*who].pull(&whom);
                }
            }
        }
        let mut shown = Vec::new();
        for who in 0..3 {
            let all: Vec<_> = order.iter().map(|whom| replicas[*whom].context.clone()).collect();
            let turned = all.iter().cycle().skip(who).take(3);
            turned.for_each(|whom| replicas[who].pull(whom));
        }
        for replica in &replicas {
            let context = &replica.context;
            shown.push((context.export().to_string(), context.conflicts(), context.version()));
            let past = context.at(&context.version()).unwrap();
            prop_assert_eq!(past.export(), context.export());
        }
        prop_assert_eq!(&shown[0], &shown[1]);
        prop_assert_eq!(&shown[1], &shown[2]);
    }

    /// Two rewrite different lines of one text at once: the result has both.
    #[test]
    fn two_rewrites_at_once_are_both_there(lines in vec("[a-z ]{0,12}", 6..30), a in 0..3_usize, b in 4..6_usize, mine in "[A-Z]{1,9}", theirs in "[0-9]{1,9}") {
        let base = lines.join("\n") + "\n";
        let with = |at: usize, line: &str| {
            let mut lines = lines.clone();
            lines[at] = line.to_owned();
            lines.join("\n") + "\n"
        };
        let mut both = lines.clone();
        (both[a], both[b]) = (mine.clone(), theirs.clone());
        let mut replicas = replicas(2);
        let add = Edit {
            op: Op::Add,
            path: "documents".to_owned(),
            value: Value::Map([("title".to_owned(), "t".into()), ("body".to_owned(), base.as_str().into())].into()),
            old: None,
            base: None,
            if_unchanged: false,
        };
        let added = replicas[0].edit(&[add], "").unwrap();
        let first = replicas[0].context.clone();
        replicas[1].pull(&first);
        let path = format!("{}/body", added.answers[0].path);
        for (who, text) in [(0, with(a, &mine)), (1, with(b, &theirs))] {
            let base = Some(replicas[who].context.version());
            let edit = Edit { op: Op::Set, path: path.clone(), value: text.clone().into(), old: None, base, if_unchanged: false };
            replicas[who].edit(&[edit], "").unwrap();
            let id = replicas[who].context.locate(&path).unwrap().item.unwrap();
            prop_assert_eq!(replicas[who].context.body(&id), Some(text));
        }
        let second = replicas[1].context.clone();
        replicas[0].pull(&second);
        let id = replicas[0].context.locate(&path).unwrap().item.unwrap();
        let merged = replicas[0].context.body(&id).unwrap();
        let expected = both.join("\n") + "\n";
        prop_assert_eq!(merged, expected, "{:?}", rewrite(&base, &with(a, &mine)));
    }
}
