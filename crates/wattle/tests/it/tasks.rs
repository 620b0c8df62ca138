//! Agents that share out tasks among them.

use std::collections::BTreeSet;

use serde_json::json;

use crate::client::{Client, Era, after};
use crate::desk::Desk;

fn task(desk: &Desk, value: &serde_json::Value) -> String {
    desk.edit(&["tasks", "add", &value.to_string()])["path"].as_str().unwrap().to_owned()
}

/// Somebody orders the context who never answers: nobody grants leases.
pub(crate) fn out_of_reach(desk: &Desk) {
    desk.ok(&["sequencer", &"5a".repeat(32)]);
}

#[test]
fn the_next_task_is_the_most_urgent_whose_way_is_free() {
    let ana = Desk::new("ana");
    two_tasks(&ana);
    let mut one = Client::start(&ana, Era::Stateless, "planner");
    let mut other = Client::start(&ana, Era::Handshake, "coder");
    share_out(&mut one, &mut other);
}

/// One that is ready, and one behind it; and one that nobody wants.
pub(crate) fn two_tasks(ana: &Desk) {
    let first = task(ana, &json!({ "title": "First", "priority": 1 }));
    task(ana, &json!({ "title": "Second", "priority": 9, "depends_on": [first] }));
    task(ana, &json!({ "title": "Gone", "priority": 9, "status": "cancelled" }));
}

/// A planner and a coder, of two tasks.
pub(crate) fn share_out(one: &mut Client, other: &mut Client) {
    let told = one.tool("task_claim", json!({}));
    assert!(told.starts_with("leased: ") && told.contains("First"), "{told}");
    let handle = after(&told, "\nclaim: ");
    assert!(other.brief().contains("held by planner/"));
    let none = other.tool("task_claim", json!({}));
    assert!(none.contains("No task is ready: 2 tasks are"), "{none}");
    let lost = other.tool("task_claim", json!({ "id": "first" }));
    assert!(lost.starts_with("lost: ") && lost.contains("held by planner/"), "{lost}");
    let again = one.tool("task_claim", json!({ "id": "first" }));
    assert_eq!(after(&again, "\nclaim: "), handle, "{again}");
    let done = json!({ "claim": handle, "status": "done", "note": "it is in main" });
    assert!(one.tool("task_update", done).contains("your claim has ended"));
    let told = other.tool("task_claim", json!({}));
    assert!(told.contains("Second"), "{told}");
    let seen = other.tool("context_read", json!({ "paths": ["tasks/first"] }));
    assert!(seen.contains("it is in main") && seen.contains("status: done"), "{seen}");
}

#[test]
fn a_report_without_the_claim_is_kept_and_changes_nothing() {
    let ana = Desk::new("ana");
    let path = task(&ana, &json!({ "title": "Only", "status": "open" }));
    let mut one = Client::start(&ana, Era::Stateless, "planner");
    let mut other = Client::start(&ana, Era::Stateless, "coder");
    let mine = after(&one.tool("task_claim", json!({})), "\nclaim: ");
    let hand_over = json!({
        "claim": mine, "status": "released", "to": "coder", "note": "half of it is done",
    });
    one.tool("task_update", hand_over);
    let told = other.tool("task_claim", json!({}));
    assert!(told.starts_with("leased: "), "{told}");
    let theirs = after(&told, "\nclaim: ");
    let late = one.tool("task_update", json!({ "claim": mine, "status": "done", "note": "late" }));
    assert!(late.starts_with("lost: ") && late.contains("held by coder/"), "{late}");
    let renewed = one.tool("task_claim", json!({ "claim": mine }));
    assert!(renewed.starts_with("lost: "), "{renewed}");
    other.tool("task_update", json!({ "claim": theirs, "status": "blocked", "note": "no key" }));
    let seen = one.tool("context_read", json!({ "paths": [path] }));
    for part in
        ["suggested for coder", "half of it", "stale claim, reported done", "status: blocked"]
    {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let wrong = one.refused("task_update", json!({ "claim": "mine", "status": "done" }));
    assert!(wrong.contains("is no claim"), "{wrong}");
}

#[test]
fn who_was_overtaken_while_apart_is_told_with_the_next_answer() {
    let ana = Desk::new("ana");
    let path = task(&ana, &json!({ "title": "Only" }));
    out_of_reach(&ana);
    let mut agent = Client::start(&ana, Era::Stateless, "coder");
    let claim = after(&agent.tool("task_claim", json!({})), "\nclaim: ");
    assert!(!agent.brief().contains("lost: "));
    let record: serde_json::Value = {
        let task = ana.json(&["show", &path]);
        let claims = task["fields"]["claims"]["value"].as_object().unwrap();
        serde_json::from_str(claims.values().next().unwrap().as_str().unwrap()).unwrap()
    };
    let mut earlier = record.clone();
    earlier["claim"] = "00000000".into();
    earlier["key"] = "0".repeat(64).into();
    earlier["name"] = "planner/0000".into();
    earlier["at_ms"] = (record["at_ms"].as_i64().unwrap() - 5_000).into();
    let op = json!({
        "op": "set",
        "path": format!("{path}/claims/00000000"),
        "value": earlier.to_string(),
    });
    let done = ana.fed(&["edit", "-"], &op.to_string());
    assert_eq!(done.code, 0, "{done:?}");
    let told = agent.brief();
    assert!(told.contains("\nlost: tasks/") && told.contains("held by planner/0000"), "{told}");
    let note = json!({ "claim": claim, "status": "in_progress", "note": "as far as I came" });
    let told = agent.tool("task_update", note);
    assert!(told.starts_with("lost: ") && told.contains("note was kept"), "{told}");
    assert!(!agent.brief().contains("lost: "));
}

/// What an agent sees of the conflicts, once the text is among them.
fn conflicts_with(agent: &mut Client, text: &str) -> String {
    loop {
        let seen = agent.tool("context_read", json!({ "view": "conflicts" }));
        if seen.contains(text) {
            return seen;
        }
        let cursor = after(&seen, "cursor: ");
        agent.tool("context_read", json!({ "since": cursor, "wait_s": 55 }));
    }
}

#[test]
fn two_agents_apart_claim_one_task_meet_and_settle_who_goes_on() {
    let zoe = Desk::new("zoe");
    task(&zoe, &json!({ "title": "Only" }));
    let (up, link) = zoe.up();
    let (ana, bot) = (Desk::empty("ana"), Desk::empty("bot"));
    ana.join(&zoe.invite(&["--role", "contributor"]));
    bot.join(&zoe.invite(&["--role", "contributor"]));
    let mut one = Client::start(&ana, Era::Stateless, "planner");
    let mut other = Client::start(&bot, Era::Handshake, "coder");
    assert!(one.brief().contains("Only") && other.brief().contains("Only"));
    let address = link.rsplit_once('/').unwrap().0.trim_start_matches("wattle://").to_owned();
    assert_eq!(up.terminate(), 0);
    let told = one.tool("task_claim", json!({}));
    assert!(told.starts_with("optimistic: "), "{told}");
    let planners = after(&told, "\nclaim: ");
    let told = other.tool("task_claim", json!({}));
    assert!(told.starts_with("optimistic: "), "{told}");
    let coders = after(&told, "\nclaim: ");
    let _up = zoe.start(&["up", "--listen", &address, "--json"]);
    let seen = conflicts_with(&mut one, "claimed by 2 that did not know of each other");
    let name = after(&seen, "! ");
    let there = conflicts_with(&mut other, &name);
    for part in ["a) ", "b) ", "planner/", "coder/", "claimed", " holds"] {
        assert!(seen.contains(part) && there.contains(part), "{part}: {seen}\n{there}");
    }
    assert!(one.brief().contains(&name) && other.brief().contains(&name));
    settled_for_the_other((&mut one, &planners), (&mut other, &coders), (&name, &seen));
}

/// Two know of the conflict: the planner, who holds the task, keeps the coder's claim.
fn settled_for_the_other(
    (one, planners): (&mut Client, &str),
    (other, coders): (&mut Client, &str),
    (name, seen): (&str, &str),
) {
    let lost = other.tool("task_claim", json!({ "claim": coders }));
    assert!(lost.starts_with("lost: ") && lost.contains("held by planner/"), "{lost}");
    // It has come further: the planner leaves it the task.
    let line = seen.lines().find(|line| line.contains(") coder/")).unwrap();
    let letter = line.trim().split(')').next().unwrap();
    let merge = json!({ "conflict": name, "how": "merge", "value": "both" });
    assert!(one.refused("context_resolve", merge).contains("keep one of them"));
    let keep =
        json!({ "conflict": name, "how": "keep", "keep": letter, "why": "it is nearly done" });
    let told = one.tool("context_resolve", keep);
    assert!(told.contains(&format!("{name} is settled")), "{told}");
    assert!(told.contains("held by coder/") && told.contains("\nlost: tasks/"), "{told}");
    let lost = one.tool("task_claim", json!({ "claim": planners }));
    assert!(lost.starts_with("lost: ") && lost.contains("held by coder/"), "{lost}");
    conflicts_with(other, "No conflict is open.");
    assert!(!other.brief().contains("lost: "));
    let mine = other.tool("task_claim", json!({ "claim": coders }));
    assert!(mine.starts_with("leased: ") || mine.starts_with("optimistic: "), "{mine}");
    let note = json!({ "claim": planners, "status": "in_progress", "note": "as far as I came" });
    let told = one.tool("task_update", note);
    assert!(told.starts_with("lost: ") && told.contains("note was kept"), "{told}");
    assert!(!one.brief().contains("lost: "));
}

#[test]
fn many_agents_on_one_folder_hold_each_task_once() {
    let ana = Desk::new("ana");
    for number in 0..6 {
        task(&ana, &json!({ "title": format!("Task {number}") }));
    }
    let agents =
        (0..3).map(|number| Client::start(&ana, Era::Stateless, &format!("agent{number}")));
    let held: Vec<BTreeSet<String>> = std::thread::scope(|scope| {
        let work = |mut agent: Client| {
            let mut held = BTreeSet::new();
            loop {
                let told = agent.tool("task_claim", json!({}));
                if told.starts_with("No task is ready") {
                    return (agent, held);
                }
                if told.starts_with("leased: ") {
                    held.insert(after(&told, "\nclaim: "));
                }
            }
        };
        let threads: Vec<_> = agents.map(|agent| scope.spawn(move || work(agent))).collect();
        let done: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        // Who was overtaken learns it now, and everybody sees the same owners.
        done.into_iter()
            .map(|(mut agent, held)| {
                let mut keeps = |claim: &String| {
                    agent.tool("task_claim", json!({ "claim": claim })).starts_with("leased: ")
                };
                held.into_iter().filter(&mut keeps).collect()
            })
            .collect()
    });
    let tasks: Vec<&str> =
        held.iter().flatten().map(|claim| claim.split('.').next().unwrap()).collect();
    let distinct: BTreeSet<&&str> = tasks.iter().collect();
    assert_eq!((tasks.len(), distinct.len()), (6, 6), "{held:?}");
}

#[test]
fn people_and_scripts_claim_as_agents_do() {
    let ana = Desk::new("ana");
    let first = task(&ana, &json!({ "title": "First", "priority": 2 }));
    task(&ana, &json!({ "title": "Second" }));
    let claimed = ana.json(&["task", "claim"]);
    assert_eq!(claimed["standing"], "leased", "{claimed}");
    let claim = claimed["claim"].as_str().unwrap();
    assert!(first.ends_with(claim.split('.').next().unwrap()));
    assert_eq!(ana.json(&["fence", "check", claim])["fence"], claimed["fence"]);
    let mut agent = Client::start(&ana, Era::Stateless, "coder");
    let told = agent.tool("task_claim", json!({ "id": "first" }));
    assert!(told.starts_with("lost: ") && told.contains("held by ana"), "{told}");
    let listed = ana.json(&["task", "list"]);
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 2);
    assert!(ana.ok(&["task", "list"]).contains("held by ana"));
    let renewed = ana.json(&["task", "renew", claim, "--for", "60"]);
    assert_eq!(renewed["fence"], claimed["fence"], "renewal keeps the fence");
    ana.ok(&["task", "report", "review", claim, "--note", "look at it"]);
    ana.ok(&["task", "release", claim]);
    let (code, told) = ana.refused(&["fence", "check", claim]);
    assert!(code == 1 && told.contains("has ended or expired"), "{told}");
    let again = ana.json(&["task", "claim", "first"]);
    assert_ne!(again["fence"], claimed["fence"], "none is given twice");
    let mut check = ana.command(&["fence", "check"]);
    check.env("WATTLE_CLAIM", again["claim"].as_str().unwrap());
    assert!(check.output().unwrap().status.success());
    ana.ok(&["task", "done", again["claim"].as_str().unwrap()]);
    let shown = ana.json(&["show", &first]);
    assert_eq!(shown["fields"]["status"]["value"], "done", "{shown}");
    let (code, told) = ana.refused(&["task", "claim", "first"]);
    assert!(code == 1 && told.contains("is done"), "{told}");
    let (code, _) = ana.refused(&["fence", "check", "mine"]);
    assert_eq!(code, 2);
}

#[test]
fn an_optimistic_claim_says_so_and_holds_by_what_is_known() {
    let ana = Desk::new("ana");
    task(&ana, &json!({ "title": "Only" }));
    out_of_reach(&ana);
    let claimed = ana.json(&["task", "claim"]);
    assert_eq!(claimed["standing"], "optimistic", "{claimed}");
    let checked = ana.json(&["fence", "check", claimed["claim"].as_str().unwrap()]);
    assert_eq!(checked["standing"], "optimistic", "{checked}");
}

#[test]
fn the_next_task_is_one_that_is_meant_for_whoever_asks() {
    let ana = Desk::new("ana");
    task(&ana, &json!({ "title": "Sign", "priority": 9, "meant_for": "person" }));
    task(&ana, &json!({ "title": "Design", "priority": 8, "meant_for": "designer, Planner" }));
    task(&ana, &json!({ "title": "Lead", "priority": 7, "meant_for": "maintainer" }));
    task(&ana, &json!({ "title": "Nobody", "priority": 6, "meant_for": "zoe" }));
    let mut coder = Client::start(&ana, Era::Stateless, "coder");
    let mut planner = Client::start(&ana, Era::Stateless, "planner");
    // With the key of an owner: it has the lower roles too.
    let told = coder.tool("task_claim", json!({}));
    assert!(told.contains("Lead") && told.contains("[priority 7; meant_for maintainer"), "{told}");
    let none = coder.tool("task_claim", json!({}));
    assert!(none.contains("No task is ready") && none.contains("meant for others"), "{none}");
    let told = planner.tool("task_claim", json!({}));
    assert!(told.contains("Design") && !told.contains("which you are not"), "{told}");
    let claimed = ana.ok(&["task", "claim"]);
    assert!(claimed.contains("Sign") && !claimed.contains("meant for"), "{claimed}");
    let (code, told) = ana.refused(&["task", "claim"]);
    assert!(code == 1 && told.contains("meant for others"), "{told}");
    let told = coder.tool("task_claim", json!({ "id": "nobody" }));
    assert!(told.starts_with("leased: "), "{told}");
    assert!(told.contains("It is meant for zoe, which you are not"), "{told}");
}
