//! A context carried as JSON: its values, or all that it is.

use serde_json::Value as Json;

use crate::desk::Desk;

/// A desk with something in every section, references between items, policies, and an open conflict.
fn garden() -> Desk {
    let ana = Desk::new("ana");
    let rule = ana.edit(&[
        "rules",
        "add",
        r#"{"statement": "Never push", "scope": ["src/**"], "examples": ["a", "b"]}"#,
    ]);
    ana.edit(&["instructions", "add", r#"{"title": "Build", "body": "one\ntwo\n", "order": 3}"#]);
    ana.edit(&["people", "add", r#"{"name": "ana", "preferences": {"tea": true, "cups": 3}}"#]);
    ana.edit(&[
        "documents",
        "add",
        r##"{"title": "API", "body": "# API\n\nport 80\n", "tags": ["x"]}"##,
    ]);
    let first = ana.edit(&["tasks", "add", "Plant"]);
    let first = first["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let second = format!(
        r#"{{"title": "Water", "parent": "{first}", "depends_on": ["{first}"], "notes": ["n1"]}}"#
    );
    ana.edit(&["tasks", "add", &second]);
    ana.edit(&[
        "tools",
        "add",
        r#"{"pattern": "bash(rm *)", "effect": "deny", "limits": {"calls": 2}}"#,
    ]);
    ana.edit(&["policies/rules/statement", "set", "last-writer"]);
    ana.edit(&["policies/rules/statement", "remove"]);
    ana.edit(&["policies/tasks/priority", "set", "largest"]);
    let path = rule["path"].as_str().unwrap();
    let version = ana.json(&["show", path])["v"].as_str().unwrap().to_owned();
    let path = format!("{path}/statement");
    for statement in ["Never push to main", "Push with a lease"] {
        ana.edit(&[&path, "set", statement, "--base", &version]);
    }
    assert_eq!(ana.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 1);
    ana
}

#[test]
fn the_values_of_a_context_make_an_equal_one() {
    let ana = garden();
    let exported = ana.export();
    let bob = Desk::new("bob");
    bob.write("context.json", &exported);
    let foretold = bob.json(&["import", "context.json"]);
    assert_eq!((&foretold["dry_run"], &foretold["new"]), (&true.into(), &7.into()));
    assert_eq!(bob.export(), "{}\n");
    bob.ok(&["import", "--yes", "context.json"]);
    assert_eq!(bob.export(), exported);
    assert_eq!(bob.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 1);
    bob.ok(&["import", "--yes", "context.json"]);
    assert_eq!(bob.export(), exported, "a second time changes nothing");
}

#[test]
fn into_a_context_with_a_history_items_come_under_new_ids_and_once() {
    let ana = garden();
    let exported = ana.export();
    let bob = Desk::new("bob");
    bob.edit(&["tasks", "add", "Rest"]);
    bob.write("context.json", &exported);
    bob.ok(&["import", "--yes", "context.json"]);
    let told: Json = serde_json::from_str(&bob.export()).unwrap();
    let tasks = told["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 3);
    let named = |title: &str| tasks.iter().find(|task| task["title"] == title).unwrap();
    assert_eq!(named("Water")["parent"], named("Plant")["id"], "references follow");
    assert_eq!(named("Water")["depends_on"][0], named("Plant")["id"]);
    assert!(!exported.contains(named("Plant")["id"].as_str().unwrap()));
    let before = bob.export();
    let again = bob.json(&["import", "--yes", "context.json"]);
    assert_eq!((&again["new"], &again["rewritten"]), (&0.into(), &0.into()), "{again:#}");
    assert_eq!(bob.export(), before);
}

#[test]
fn a_full_export_becomes_a_replica_that_has_everything() {
    let ana = garden();
    ana.ok(&["export", "--full", "-o", "garden.json"]);
    let full = std::fs::read_to_string(ana.project().join("garden.json")).unwrap();
    let elsewhere = ana.project().parent().unwrap().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let run = |args: &[&str]| {
        let done = ana.command_in(&elsewhere, args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let file = ana.project().join("garden.json");
    let file = file.to_str().unwrap();
    assert!(run(&["import", file]).contains("nothing was written"));
    assert!(!elsewhere.join(".wattle").exists());
    run(&["import", "--yes", file]);
    for command in [
        &["export", "--json"][..],
        &["export", "--full"],
        &["conflicts", "--json"],
        &["log", "--json"],
        &["members", "--json"],
        &["audit", "verify", "--json"],
    ] {
        assert_eq!(run(command), ana.ok(command), "{command:?}");
    }
    assert_eq!(run(&["export", "--full"]), full);
    run(&["edit", "tasks", "add", "Go on"]);
    // What was changed on the way is refused, and leaves nothing.
    let mut json: Json = serde_json::from_str(&full).unwrap();
    let documents = json["documents"].as_array_mut().unwrap();
    let tasks = documents.iter_mut().find(|one| one["scope"] == 4).unwrap();
    tasks["changes"].as_array_mut().unwrap().remove(1);
    let bob = Desk::empty("bob");
    bob.write("garden.json", &json.to_string());
    let (code, why) = bob.refused(&["import", "--yes", "garden.json"]);
    assert_eq!(code, 1);
    assert!(why.starts_with("wattle: nothing was made here: "), "{why}");
    assert!(!bob.project().join(".wattle").exists());
}
