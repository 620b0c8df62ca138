//! Runs the examples of docs/merge.md.

use std::collections::BTreeSet;

use wattle_context::json::{edits_from_json, value_from_json};
use wattle_context::policy::{CustomPolicies, CustomPolicy};
use wattle_context::{
    Author, Candidate, Context, Document, Edit, ItemId, Landed, Op, Part, Policy, Section, Value,
};

const PAGE: &str = include_str!("../../../../docs/merge.md");
const ROLES: [&str; 5] = ["reader", "contributor", "editor", "maintainer", "owner"];

/// The contents of the fenced blocks of a language, with the line on which each begins.
fn blocks(language: &str) -> Vec<(usize, Vec<&'static str>)> {
    let mut blocks = Vec::new();
    let mut open = false;
    for (line, number) in PAGE.lines().zip(1..) {
        match line.strip_prefix("```") {
            Some(fence) => {
                open = !open && fence == language;
                if open {
                    blocks.push((number, Vec::new()));
                }
            }
            None if open => blocks.last_mut().unwrap().1.push(line),
            None => {}
        }
    }
    blocks
}

#[test]
fn what_is_in_force() {
    for (number, block) in blocks("merge") {
        let example = Example::of(&block);
        for order in orders(&example.candidates) {
            let values = example.policy.in_force(&order, &example.base, &registered());
            assert_eq!(values, example.in_force, "docs/merge.md:{number}");
        }
    }
}

/// Each author writes on a replica of their own, then a replica hears of it in any order.
#[test]
fn what_documents_show() {
    for (number, block) in blocks("merge") {
        let example = Example::of(&block);
        if example.policy == Policy::Merge {
            continue; // No field of values takes it.
        }
        let (start, changes) = written(&example);
        for order in orders(&changes) {
            let mut replica = start.clone();
            for changes in order {
                for (part, change) in changes {
                    replica.document_mut(&part).unwrap().apply(&[&change]).unwrap();
                }
            }
            assert_eq!(shown(&replica, &example), example.in_force, "docs/merge.md:{number}");
        }
    }
}

/// The context that all had, and what each of them wrote on it.
fn written(example: &Example) -> (Context, Vec<Changes>) {
    let (section, field) = place(example);
    let mut start = Context::new();
    start.insert(Part::Section(section), Document::new(Part::Section(section)));
    start.custom("longest", longest());
    start.ranks(example.candidates.iter().map(|written| (written.key, written.rank)).collect());
    let policy = format!("policies/{section}/{field}");
    let first = Candidate { value: example.base.clone(), ..candidate("nobody 0:00 null", 0) };
    let add = edit(Op::Add, &section.to_string(), "x");
    write(&mut start, &[add, edit(Op::Set, &policy, example.policy.to_string())], &first);
    write(&mut start, &value_edits(example, &first.value), &first);
    let changes = example.candidates.iter().map(|candidate| {
        write(&mut start.clone(), &value_edits(example, &candidate.value), candidate)
    });
    let changes = changes.collect();
    (start, changes)
}

type Changes = Vec<(Part, Vec<u8>)>;

/// An element of a set, or any value.
fn place(example: &Example) -> (Section, &'static str) {
    if matches!(example.policy, Policy::AddWins | Policy::RemoveWins) {
        (Section::Documents, "tags")
    } else {
        (Section::People, "preferences")
    }
}

/// Writing what is there already is no write, so who puts an element in takes it out first.
fn value_edits(example: &Example, value: &Value) -> Vec<Edit> {
    let (section, field) = place(example);
    let path = format!("{section}/{ITEM}/{field}");
    match value {
        Value::Bool(true) => vec![edit(Op::Remove, &path, "x"), edit(Op::Append, &path, "x")],
        Value::Bool(false) => vec![edit(Op::Remove, &path, "x")],
        Value::Null => vec![edit(Op::Remove, &format!("{path}/x"), Value::Null)],
        Value::Int(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
            vec![edit(Op::Set, &format!("{path}/x"), value.clone())]
        }
    }
}

fn edit(op: Op, path: &str, value: impl Into<Value>) -> Edit {
    Edit {
        op,
        path: path.to_owned(),
        value: value.into(),
        old: None,
        base: None,
        if_unchanged: false,
    }
}

fn write(context: &mut Context, edits: &[Edit], by: &Candidate) -> Changes {
    context.edit(edits, "", &author(by), &mut || ITEM).unwrap().changes
}

fn author(by: &Candidate) -> Author {
    Author {
        actor: [by.change[0]; 16],
        key: by.key,
        name: by.by.clone(),
        client: "test".to_owned(),
        time_ms: by.time,
    }
}

const ITEM: ItemId = ItemId(*b"0000000000000000");

fn shown(context: &Context, example: &Example) -> Vec<Value> {
    let (section, field) = place(example);
    let path = context.locate(&format!("{section}/{ITEM}/{field}/x")).unwrap();
    context.field(&path).unwrap().in_force
}

#[test]
fn every_policy_has_an_example() {
    let shown: BTreeSet<&str> =
        blocks("merge").iter().map(|(_, block)| name(&Example::of(block).policy)).collect();
    let all = [
        "add-wins",
        "authority",
        "counter",
        "custom",
        "first-writer",
        "furthest",
        "keep-all",
        "largest",
        "last-writer",
        "merge",
        "remove-wins",
        "smallest",
        "strictest",
    ];
    assert_eq!(shown, all.into());
}

/// A new policy does not compile until it has a name here, and then an example must show it.
fn name(policy: &Policy) -> &'static str {
    match policy {
        Policy::KeepAll => "keep-all",
        Policy::Merge => "merge",
        Policy::AddWins => "add-wins",
        Policy::RemoveWins => "remove-wins",
        Policy::Counter => "counter",
        Policy::Smallest => "smallest",
        Policy::Largest => "largest",
        Policy::Strictest { .. } => "strictest",
        Policy::Furthest { .. } => "furthest",
        Policy::FirstWriter => "first-writer",
        Policy::LastWriter => "last-writer",
        Policy::Authority => "authority",
        Policy::Custom { .. } => "custom",
    }
}

struct Example {
    policy: Policy,
    base: Value,
    candidates: Vec<Candidate>,
    in_force: Vec<Value>,
}

impl Example {
    fn of(block: &[&str]) -> Self {
        let [policy, base, candidates @ .., in_force] = block else { panic!("{block:?}") };
        Self {
            policy: policy.strip_prefix("policy ").unwrap().parse().unwrap(),
            base: value(base.strip_prefix("base ").unwrap()),
            candidates: candidates
                .iter()
                .zip(1..)
                .map(|(line, change)| candidate(line, change))
                .collect(),
            in_force: in_force.strip_prefix("=> ").unwrap().split(" + ").map(value).collect(),
        }
    }
}

/// `ana[owner] 10:02 allow`
fn candidate(line: &str, change: u8) -> Candidate {
    let [who, when, what] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let (by, role) =
        who.strip_suffix(']').and_then(|who| who.split_once('[')).unwrap_or((who, "reader"));
    let (hours, minutes) = when.split_once(':').unwrap();
    let mut key = [0; 32];
    key[..by.len()].copy_from_slice(by.as_bytes());
    Candidate {
        change: [change; 32],
        value: value(what),
        time: (hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap()) * 60_000,
        key,
        by: by.to_owned(),
        why: String::new(),
        rank: ROLES.iter().position(|known| *known == role).unwrap().try_into().unwrap(),
    }
}

/// JSON, or a word.
fn value(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(|_| text.into(), |json| value_from_json(&json).unwrap())
}

fn registered() -> CustomPolicies {
    let mut custom = CustomPolicies::new();
    custom.insert("longest", longest());
    custom
}

fn longest() -> CustomPolicy {
    Box::new(|candidates, _| {
        let values = candidates.iter().map(|candidate| candidate.value.clone());
        values.max_by_key(|value| value.to_string().len()).into_iter().collect()
    })
}

fn orders<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    let Some((last, rest)) = all.split_last() else { return vec![vec![]] };
    let with_last = |order: Vec<T>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(with_last).collect()
}

/// Theirs comes first; mine is based on the version that both had.
#[test]
fn rewrites() {
    let mut answers = BTreeSet::new();
    for (number, block) in blocks("rewrite") {
        let end = block.iter().position(|line| line.starts_with("=> ")).unwrap();
        let (texts, after) = block.split_at(end);
        let [base, mine, theirs] = ["base:", "mine:", "theirs:"].map(|name| section(texts, name));
        let mut context = Context::new();
        let part = Part::Section(Section::Instructions);
        context.insert(part, Document::new(part));
        let body = format!("instructions/{ITEM}/body");
        let nobody = candidate("nobody 0:00 null", 0);
        write(&mut context, &[edit(Op::Add, "instructions", "x")], &nobody);
        write(&mut context, &[edit(Op::Set, &body, base.unwrap())], &nobody);
        let version = context.document(&part).unwrap().version();
        let based =
            |text: String| Edit { base: Some(version.clone()), ..edit(Op::Set, &body, text) };
        if let Some(theirs) = theirs {
            write(&mut context, &[based(theirs)], &candidate("theirs 10:02 null", 1));
        }
        let me = author(&candidate("me 10:03 null", 2));
        let edited = context.edit(&[based(mine.unwrap())], "", &me, &mut || ITEM).unwrap();
        let answer = match &edited.answers[0].landed {
            Landed::OnTop => "=> on top",
            Landed::Merged { .. } => "=> merged",
            Landed::Overlapping { .. } => "=> overlapping",
        };
        let (expected, text) = after.split_first().unwrap();
        assert_eq!(answer, *expected, "docs/merge.md:{number}");
        let shown = context.field(&context.locate(&body).unwrap()).unwrap().value;
        assert_eq!(shown, (text.join("\n") + "\n").into(), "docs/merge.md:{number}");
        answers.insert(answer);
    }
    assert_eq!(answers, ["=> on top", "=> merged", "=> overlapping"].into());
}

fn section(texts: &[&str], name: &str) -> Option<String> {
    let start = texts.iter().position(|line| *line == name)? + 1;
    let lines =
        texts[start..].iter().take_while(|line| !["base:", "mine:", "theirs:"].contains(line));
    Some(lines.map(|line| format!("{line}\n")).collect())
}

#[test]
fn edits_of_policies() {
    let mut context = Context::new();
    for part in Section::ALL.map(Part::Section) {
        context.insert(part, Document::new(part));
    }
    let edits = blocks("json");
    assert!(!edits.is_empty());
    for (number, block) in edits {
        let edits = edits_from_json(&block.join("\n")).unwrap();
        assert!(
            edits.iter().all(|edit| edit.path.starts_with("policies/")),
            "docs/merge.md:{number}"
        );
        write(&mut context, &edits, &candidate("ana 10:02 null", 1));
        for edit in edits {
            let path = context.locate(&edit.path).unwrap();
            assert_eq!(context.field(&path).unwrap().value, edit.value, "docs/merge.md:{number}");
        }
    }
}
