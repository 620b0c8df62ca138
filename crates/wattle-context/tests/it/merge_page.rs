//! Runs the examples of docs/merge.md.

use std::collections::BTreeSet;

use automerge::transaction::Transactable;
use automerge::{AutoCommit, ObjType, ROOT, ReadDoc};
use wattle_context::json::{edits_from_json, value_from_json};
use wattle_context::policy::CustomPolicies;
use wattle_context::rewrite::{Splice, overlaps, rewrite};
use wattle_context::{Candidate, Policy, Value};

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
    custom.insert(
        "longest",
        Box::new(|candidates, _| {
            let values = candidates.iter().map(|candidate| candidate.value.clone());
            values.max_by_key(|value| value.to_string().len()).into_iter().collect()
        }),
    );
    custom
}

fn orders(candidates: &[Candidate]) -> Vec<Vec<Candidate>> {
    let Some((last, rest)) = candidates.split_last() else { return vec![vec![]] };
    let with_last = |order: Vec<Candidate>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(with_last).collect()
}

#[test]
fn rewrites() {
    let mut answers = BTreeSet::new();
    for (number, block) in blocks("rewrite") {
        let (texts, after) =
            block.split_at(block.iter().position(|line| line.starts_with("=> ")).unwrap());
        let [base, mine, theirs] = ["base:", "mine:", "theirs:"].map(|name| section(texts, name));
        let base = base.unwrap();
        let mine = rewrite(&base, &mine.unwrap());
        let theirs = theirs.map(|theirs| rewrite(&base, &theirs)).unwrap_or_default();
        let answer = match (theirs.is_empty(), overlaps(&mine, &theirs, &base)) {
            (true, _) => "=> on top",
            (false, false) => "=> merged",
            (false, true) => "=> overlapping",
        };
        let (expected, text) = after.split_first().unwrap();
        assert_eq!(answer, *expected, "docs/merge.md:{number}");
        assert_eq!(merged(&base, &mine, &theirs), text.join("\n") + "\n", "docs/merge.md:{number}");
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

/// As two replicas do it.
fn merged(base: &str, mine: &[Splice], theirs: &[Splice]) -> String {
    let mut document = AutoCommit::new();
    let text = document.put_object(ROOT, "text", ObjType::Text).unwrap();
    document.splice_text(&text, 0, 0, base).unwrap();
    let mut other = document.fork().with_actor(vec![1].into());
    document.set_actor(vec![2].into());
    for (document, splices) in [(&mut document, mine), (&mut other, theirs)] {
        for splice in splices.iter().rev() {
            let delete = isize::try_from(splice.delete).unwrap();
            document.splice_text(&text, splice.at, delete, &splice.insert).unwrap();
        }
    }
    document.merge(&mut other).unwrap();
    document.text(&text).unwrap()
}

#[test]
fn edits_of_policies() {
    let edits = blocks("json");
    assert!(!edits.is_empty());
    for (number, block) in edits {
        for edit in edits_from_json(&block.join("\n")).unwrap() {
            assert!(edit.path.starts_with("policies/"), "docs/merge.md:{number}");
            edit.value.text().unwrap().parse::<Policy>().unwrap();
        }
    }
}
