//! `wattle hook`, called as Claude Code calls it: JSON on standard input, what is printed goes into the
//! session.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::client::{Client, Era, after};
use crate::desk::{Desk, Done};
use crate::tasks::out_of_reach;

const SESSION: &str = "5f3b1c1e-8a0e-4a55-9d51-2f7c7b1f9f10";

/// What Claude Code 2.1 sends when a session begins.
fn start_of(desk: &Desk, session: &str) -> Json {
    json!({
        "session_id": session,
        "transcript_path": format!("/home/ana/.claude/projects/-project/{session}.jsonl"),
        "cwd": desk.project(),
        "hook_event_name": "SessionStart",
        "source": "startup",
        "model": "some-model",
    })
}

/// What it sends with each prompt.
fn prompt_of(desk: &Desk, session: &str) -> Json {
    json!({
        "session_id": session,
        "transcript_path": format!("/home/ana/.claude/projects/-project/{session}.jsonl"),
        "cwd": desk.project(),
        "permission_mode": "default",
        "hook_event_name": "UserPromptSubmit",
        "prompt": "what is next? \"{}\" \u{1f331}",
    })
}

/// What a hook puts into the session; it must end well and complain of nothing.
fn told(desk: &Desk, which: &str, input: &Json) -> String {
    let done = desk.fed(&["hook", which], &input.to_string());
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{done:?}");
    done.out
}

fn brief(desk: &Desk, session: &str) -> String {
    told(desk, "brief", &start_of(desk, session))
}

fn changes(desk: &Desk, session: &str) -> String {
    told(desk, "changes", &prompt_of(desk, session))
}

/// A hook that has nothing to say does not stand in the way: one line on standard error, no more.
fn silent(done: &Done, said: &str) {
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{done:?}");
    assert_eq!(done.err.lines().count(), 1, "{done:?}");
    assert!(done.err.starts_with("wattle hook: ") && done.err.contains(said), "{done:?}");
}

/// Without what differs between two readings: the cursor, which holds the time.
fn lasting(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("cursor: "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_brief_is_that_of_context_read() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "No deploys on Friday", "--why", "two outages"]);
    let mut agent = Client::of_session(&ana, SESSION);
    let op = json!({ "op": "add", "path": "instructions",
        "value": { "title": "Be short", "body": "Answer in one sentence" } });
    agent.tool("context_edit", json!({ "ops": [op], "why": "it saves time" }));
    let brief = brief(&ana, SESSION);
    assert_eq!(lasting(&brief), lasting(&agent.brief()));
    let (people, agents) = brief.split_once("## Suggested by agents").unwrap();
    assert!(people.contains("No deploys on Friday") && !people.contains("Be short"), "{brief}");
    assert!(agents.contains("> - instructions/") && agents.contains("it saves time"), "{brief}");
}

#[test]
fn a_session_is_told_what_others_changed_once() {
    let ana = Desk::new("ana");
    let rule = ana.edit(&["rules", "add", "No deploys on Friday"]);
    let rule = rule["path"].as_str().unwrap().to_owned();
    assert_eq!(changes(&ana, SESSION), "", "a session that was told nothing begins here");
    brief(&ana, SESSION);
    assert_eq!(changes(&ana, SESSION), "");
    ana.edit(&[&format!("{rule}/severity"), "set", "should", "--why", "agreed"]);
    let mut other = Client::start(&ana, Era::Handshake, "planner");
    let op = json!({ "op": "add", "path": "tasks", "value": { "title": "Water the plants" } });
    other.tool("context_edit", json!({ "ops": [op], "why": "dry soil" }));
    let news = changes(&ana, SESSION);
    let (people, agents) = news.split_once("## By agents").unwrap();
    assert!(people.contains("severity = \"should\" — ana") && people.contains("agreed"), "{news}");
    assert!(!people.contains("Water") && agents.contains("> - tasks/"), "{news}");
    assert!(agents.contains("\"Water the plants\" — planner/"), "{news}");
    assert_eq!(changes(&ana, SESSION), "", "once");
    let late = changes(&ana, "another session");
    assert_eq!(late, "", "each session has its own memory");
}

/// What a session's own server wrote is no news to it, and it is to another.
#[test]
fn a_session_is_not_told_what_it_wrote_itself() {
    let ana = Desk::new("ana");
    brief(&ana, SESSION);
    brief(&ana, "another");
    let mut agent = Client::of_session(&ana, SESSION);
    let op = json!({ "op": "add", "path": "tasks", "value": { "title": "Ship it" } });
    agent.tool("context_edit", json!({ "ops": [op], "why": "planned" }));
    assert_eq!(changes(&ana, SESSION), "");
    let news = changes(&ana, "another");
    assert!(news.contains("Ship it") && news.contains("claude-code/"), "{news}");
}

#[test]
fn conflicts_are_told_when_they_open_and_when_they_close() {
    let ana = Desk::new("ana");
    let rule = ana.edit(&["rules", "add", "Deploy at any time"]);
    let path = format!("{}/statement", rule["path"].as_str().unwrap());
    brief(&ana, SESSION);
    let mut one = Client::start(&ana, Era::Handshake, "planner");
    let mut other = Client::start(&ana, Era::Handshake, "coder");
    let base = after(&one.tool("context_read", json!({ "paths": ["rules"] })), "# rules · v ");
    one.set((&path, "Deploy from noon on"), &base, "mornings are quiet");
    let conflict = after(&other.set((&path, "Deploy until noon"), &base, "evenings"), "! ");
    let news = changes(&ana, SESSION);
    let (_, opened) = news.split_once("## New conflicts").unwrap();
    assert!(opened.contains(&conflict) && opened.contains("Deploy until noon"), "{news}");
    assert_eq!(changes(&ana, SESSION), "");
    ana.ok(&["resolve", &conflict, "--keep", "a", "--why", "it is quieter"]);
    let news = changes(&ana, SESSION);
    assert!(
        news.contains("## Settled") && news.contains(&format!("- {conflict} rules/")),
        "{news}"
    );
    assert!(news.contains("## By people"), "{news}");
}

#[test]
fn a_claim_that_is_lost_is_told_once() {
    let ana = Desk::new("ana");
    let task = ana.edit(&["tasks", "add", "First"]);
    let task = task["path"].as_str().unwrap().to_owned();
    out_of_reach(&ana);
    let mut agent = Client::of_session(&ana, SESSION);
    agent.tool("task_claim", json!({ "id": "First" }));
    brief(&ana, SESSION);
    assert_eq!(changes(&ana, SESSION), "");
    // A replica that was apart has given the task away before.
    let shown = ana.json(&["show", &task]);
    let claims = shown["fields"]["claims"]["value"].as_object().unwrap();
    let mut earlier: Json =
        serde_json::from_str(claims.values().next().unwrap().as_str().unwrap()).unwrap();
    earlier["claim"] = "00000000".into();
    earlier["key"] = "0".repeat(64).into();
    earlier["name"] = "planner/0000".into();
    earlier["at_ms"] = (earlier["at_ms"].as_i64().unwrap() - 5_000).into();
    let path = format!("{task}/claims/00000000");
    let op = json!({ "op": "set", "path": path, "value": earlier.to_string() });
    let done = ana.fed(&["edit", "-"], &op.to_string());
    assert_eq!(done.code, 0, "{done:?}");
    let news = changes(&ana, SESSION);
    assert!(
        news.contains("## Claims that are lost") && news.contains("held by planner/0000"),
        "{news}"
    );
    ana.edit(&["rules", "add", "Something else"]);
    let news = changes(&ana, SESSION);
    assert!(news.contains("Something else") && !news.contains("Claims that are lost"), "{news}");
}

#[test]
fn what_is_told_is_bounded() {
    let ana = Desk::new("ana");
    brief(&ana, SESSION);
    let long = "a long title ".repeat(14);
    let ops: Vec<Json> = (0..200)
        .map(|n| {
            let title = format!("{n} {long}");
            json!({ "op": "add", "path": "tasks", "value": { "title": title } })
        })
        .collect();
    let done = ana.fed(&["edit", "-"], &Json::from(ops).to_string());
    assert_eq!(done.code, 0, "{done:?}");
    let news = changes(&ana, SESSION);
    assert!((1_000..=4_000).contains(&news.len()), "{} bytes", news.len());
    assert!(news.contains(" more: context_read") && news.contains("\ncursor: "), "{news}");
    let brief = brief(&ana, SESSION);
    // Longer output than 10,000 characters is cut by the client.
    assert!((1_000..=8_000).contains(&brief.len()), "{} bytes", brief.len());
}

#[test]
fn whatever_happens_a_hook_ends_well() {
    let ana = Desk::new("ana");
    let nowhere = Desk::empty("bob");
    silent(
        &nowhere.fed(&["hook", "brief"], &start_of(&nowhere, SESSION).to_string()),
        "no context",
    );
    silent(
        &nowhere.fed(&["hook", "changes"], &prompt_of(&nowhere, SESSION).to_string()),
        "no context",
    );
    let no_session = json!({ "cwd": ana.project() }).to_string();
    for garbage in ["", "{", "[]", "null", "\u{0}\u{1}", no_session.as_str()] {
        silent(&ana.fed(&["hook", "brief"], garbage), "session_id");
        silent(&ana.fed(&["hook", "changes"], garbage), "session_id");
    }
    let input = prompt_of(&ana, SESSION).to_string();
    silent(&ana.fed(&["hook", "tomorrow"], &input), "not understood");
    silent(&ana.fed(&["--as", "bot", "hook", "changes", "--loud"], &input), "not understood");
    silent(&ana.fed(&["hook", "changes", "--as", "nobody"], &input), "nobody");
    silent(&ana.fed(&["hook", "changes", "--dir", "/nowhere/at/all"], &input), "no context");
    // Only hooks are so patient.
    assert_eq!(ana.run(&["edit", "rules", "add", "hook", "--loud"]).code, 2);
}

#[test]
fn a_broken_store_is_one_line_and_stays_as_it_is() {
    let ana = Desk::new("ana");
    let folder = ana.project().join(".wattle");
    let stores: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sqlite" || ending == "db"))
        .collect();
    assert_eq!(stores.len(), 1, "{stores:?}");
    fs::write(&stores[0], "this is no store").unwrap();
    silent(&ana.fed(&["hook", "brief"], &start_of(&ana, SESSION).to_string()), "");
    silent(&ana.fed(&["hook", "changes"], &prompt_of(&ana, SESSION).to_string()), "");
    assert_eq!(fs::read(&stores[0]).unwrap(), b"this is no store");
}

/// A client that does not close the input: the hook gives up.
#[test]
fn a_hook_does_not_wait_for_ever() {
    let ana = Desk::new("ana");
    let mut command = ana.command(&["hook", "changes"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let input = child.stdin.take();
    let done = child.wait_with_output().unwrap().into();
    drop(input);
    silent(&done, "longer than 2 s");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn a_damaged_memory_begins_anew() {
    let ana = Desk::new("ana");
    brief(&ana, SESSION);
    let sessions = ana.project().join(".wattle/sessions");
    let file = fs::read_dir(&sessions).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "{").unwrap();
    assert_eq!(changes(&ana, SESSION), "");
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    assert!(changes(&ana, SESSION).contains("No deploys"));
    let unknown = fs::read_to_string(&file).unwrap().replace("rules:", "rules:0123456789abcdef.");
    fs::write(&file, unknown).unwrap();
    ana.edit(&["rules", "add", "No deploys on Saturday"]);
    let input = prompt_of(&ana, SESSION).to_string();
    silent(&ana.fed(&["hook", "changes"], &input), "not known here any more");
    ana.edit(&["rules", "add", "No deploys on Sunday"]);
    assert!(changes(&ana, SESSION).contains("Sunday"));
}

#[test]
fn old_sessions_are_forgotten() {
    let ana = Desk::new("ana");
    let sessions = ana.project().join(".wattle/sessions");
    fs::create_dir(&sessions).unwrap();
    for number in 0..100 {
        fs::write(sessions.join(format!("{number}.json")), "{}").unwrap();
    }
    let old = sessions.join("old.json");
    let file = fs::File::create(&old).unwrap();
    let past = std::time::SystemTime::now() - Duration::from_secs(30 * 24 * 3_600);
    file.set_modified(past).unwrap();
    brief(&ana, SESSION);
    assert!(!old.exists());
    let left = fs::read_dir(&sessions).unwrap().count();
    assert_eq!(left, 64);
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    assert!(changes(&ana, SESSION).contains("No deploys"), "the newest is kept");
}

/// A hook that is run in a folder, and told of a project.
fn run_in(desk: &Desk, folder: &Path, project: Option<&Path>, input: &Json) -> Done {
    let mut command = desk.command_in(folder, &["hook", "brief"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(project.map(|project| ("CLAUDE_PROJECT_DIR", project)));
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// The context is that of the project in which the client was started, wherever its shell is now.
#[test]
fn the_project_is_that_of_the_client() {
    let (ana, elsewhere) = (Desk::new("ana"), Desk::empty("bob"));
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    let deep = ana.project().join("src/deep");
    fs::create_dir_all(&deep).unwrap();
    let mut input = start_of(&ana, SESSION);
    input["cwd"] = json!(deep);
    let found = run_in(&ana, &elsewhere.project(), None, &input);
    assert!(found.out.contains("No deploys"), "{found:?}");
    let other = elsewhere.project();
    silent(&run_in(&ana, &ana.project(), Some(&other), &input), "no context");
    input = json!({ "session_id": SESSION });
    let found = run_in(&ana, &deep, None, &input);
    assert!(found.out.contains("No deploys"), "{found:?}");
}
