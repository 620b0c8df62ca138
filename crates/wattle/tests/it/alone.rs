//! One person, one directory: every command, its exit codes and its JSON.

use std::io::Read;
use std::process::Stdio;

use serde_json::json;

use crate::desk::Desk;

#[test]
fn a_context_is_made_edited_and_read() {
    let ana = Desk::empty("ana");
    let made = ana.ok(&["init", "--name", "garden", "--as", "ana"]);
    assert!(made.starts_with("context garden in "), "{made}");
    assert!(ana.ok(&["show"]).contains("Nothing in it yet"));
    let added = ana.edit(&["rules", "add", "No deploys on Friday", "--why", "two outages"]);
    assert_eq!(added["landed"], "on_top");
    let path = added["path"].as_str().unwrap();
    let id = path.strip_prefix("rules/").unwrap();
    assert_eq!(id.len(), 16);
    let set = ana.edit(&["rules/no-deploys/severity", "set", "should"]);
    assert_eq!(set["path"], format!("{path}/severity"));
    let shown = ana.ok(&["show", "rules"]);
    assert!(shown.contains("No deploys on Friday  should"), "{shown}");
    assert!(shown.contains(&id[..6]), "{shown}");
    let item = ana.json(&["show", path]);
    assert_eq!(item["path"], path);
    assert_eq!(item["fields"]["statement"]["value"], "No deploys on Friday");
    assert_eq!(item["fields"]["severity"]["value"], "should");
    let whole = ana.json(&["show"]);
    assert_eq!(whole["name"], "garden");
    assert_eq!(whole["sections"]["rules"]["items"][0]["id"], id);
    assert_eq!(whole["conflicts"], json!([]));
    let field = ana.ok(&["show", &format!("rules/{}/statement", &id[..8])]);
    assert_eq!(field, "No deploys on Friday\n");
}

#[test]
fn values_are_what_the_field_takes() {
    let ana = Desk::new("ana");
    ana.edit(&["tasks", "add", r#"{"title": "Ship it", "priority": 2}"#]);
    ana.edit(&["tasks/ship-it/priority", "set", "7"]);
    ana.edit(&["tasks/ship-it/notes", "append", "-- first"]);
    ana.edit(&["tasks/ship-it/title", "set", "42"]);
    let item = ana.json(&["show", "tasks/42"]);
    assert_eq!(item["fields"]["priority"]["value"], 7);
    assert_eq!(item["fields"]["notes"]["value"], json!(["-- first"]));
    assert_eq!(item["fields"]["title"]["value"], "42");
    ana.edit(&["documents", "add", "API"]);
    ana.write("api.md", "# API\n\nport 80\n");
    ana.edit(&["documents/api/body", "set", "@api.md"]);
    ana.edit(&["documents/api/body", "replace", "--old", "port 80", "port 443"]);
    assert_eq!(ana.ok(&["show", "documents/api/body"]), "# API\n\nport 443\n");
    let fed = ana.fed(&["edit", "documents/api/body", "set", "-"], "from a pipe\n");
    assert_eq!(fed.code, 0, "{fed:?}");
    assert_eq!(ana.body("api").0, "from a pipe\n");
}

#[test]
fn json_edits_are_one_transaction() {
    let ana = Desk::new("ana");
    let both = r#"[{"op": "add", "path": "tasks", "value": {"title": "One"}},
                   {"op": "add", "path": "tasks", "value": {"title": "Two"}}]"#;
    let done = ana.fed(&["edit", "-", "--json", "--why", "start"], both);
    assert_eq!(done.code, 0, "{done:?}");
    let answers: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(answers["answers"].as_array().unwrap().len(), 2);
    let log = ana.json(&["log"]);
    assert!(log["log"].as_array().unwrap().iter().any(|entry| entry["why"] == "start"));
    let half = r#"[{"op": "add", "path": "tasks", "value": {"title": "Three"}},
                   {"op": "set", "path": "tasks/nothing/title", "value": "Four"}]"#;
    let before = ana.export();
    let done = ana.fed(&["edit", "-"], half);
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(ana.export(), before);
}

#[test]
fn a_rewrite_keeps_what_others_did_meanwhile() {
    let ana = Desk::new("ana");
    ana.edit(&["documents", "add", "Runbook"]);
    ana.edit(&["documents/runbook/body", "set", "one\ntwo\nthree\nfour\n"]);
    let (read, version) = ana.body("runbook");
    ana.edit(&["documents/runbook/body", "replace", "--old", "one", "ONE"]);
    let rewritten = read.replace("four", "FOUR");
    let landed = ana.edit(&["documents/runbook/body", "set", &rewritten, "--base", &version]);
    assert_eq!(landed["landed"], "merged");
    assert_eq!(ana.body("runbook").0, "ONE\ntwo\nthree\nFOUR\n");
    let (_, version) = ana.body("runbook");
    let landed = ana.edit(&["documents/runbook/body", "set", "all new\n", "--base", &version]);
    assert_eq!(landed["landed"], "on_top");
    assert_eq!(ana.body("runbook").0, "all new\n");
}

#[test]
fn exit_codes_say_what_kind_of_end_it_was() {
    let ana = Desk::empty("ana");
    let (code, err) = ana.refused(&["show"]);
    assert_eq!(code, 1);
    assert!(
        err.starts_with("wattle: there is no context in ") && err.contains("wattle init"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
    ana.ok(&["init"]);
    let (code, err) = ana.refused(&["init"]);
    assert!(code == 1 && err.contains("holds a context already"), "{code} {err}");
    for usage in [
        &["frobnicate"] as &[&str],
        &["edit", "rules"],
        &["edit", "rules", "add"],
        &["edit", "rules/x/statement", "replace", "y"],
        &["edit", "rules/x/statement", "set", "y", "--if-unchanged"],
        &["resolve", "C-00000000"],
        &["sync", "--timeout", "3"],
    ] {
        assert_eq!(ana.run(usage).code, 2, "{usage:?}");
    }
    for missing in [
        &["show", "rules/nothing"] as &[&str],
        &["show", "nothing"],
        &["show", "rules", "--at", "rules:0123456789abcdef"],
        &["show", "--at", "nonsense"],
        &["diff", "rules:0123456789abcdef"],
        &["edit", "rules/nothing/severity", "set", "must"],
        &["edit", "documents/x", "set", "@no-such-file"],
        &["resolve", "C-00000000", "--keep", "a"],
        &["import", "no-such-file"],
        &["join", "http://nowhere"],
        &["sync", "--once"],
    ] {
        let done = ana.run(missing);
        assert_eq!((done.code, done.err.lines().count()), (1, 1), "{missing:?}: {done:?}");
        assert!(done.err.starts_with("wattle: "), "{done:?}");
    }
    assert_eq!(ana.run(&["--help"]).code, 0);
}

#[test]
fn an_edit_may_ask_to_be_refused() {
    let ana = Desk::new("ana");
    let version = ana.edit(&["rules", "add", "One"])["v"].as_str().unwrap().to_owned();
    let set = |value| {
        let path = "rules/one/severity";
        ana.run(&["edit", path, "set", value, "--base", &version, "--if-unchanged"])
    };
    assert_eq!(set("may").code, 0);
    let late = set("must");
    assert_eq!((late.code, late.err.lines().count()), (3, 1), "{late:?}");
    assert!(late.err.contains("by ana (just now)") && late.err.contains("wattle show"), "{late:?}");
    assert_eq!(ana.ok(&["show", "rules/one/severity"]), "may\n");
}

#[test]
fn history_tells_who_and_why_and_shows_the_past() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "One", "--why", "the first"]);
    let before = ana.json(&["show"])["v"].as_str().unwrap().to_owned();
    ana.edit(&["rules/one/statement", "set", "Two", "--why", "the second"]);
    let log = ana.json(&["log", "rules"]);
    let told: Vec<_> = log["log"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["by"].as_str().unwrap(), entry["why"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("ana", "the second"), ("ana", "the first")]);
    assert_eq!(ana.json(&["log", "rules/two", "-n", "1"])["log"].as_array().unwrap().len(), 1);
    let text = ana.ok(&["log"]);
    assert!(text.contains("ana") && text.contains("\u{201c}the second\u{201d}"), "{text}");
    let past = ana.json(&["show", "rules", "--at", &before]);
    assert_eq!(past["items"][0]["fields"]["statement"]["value"], "One");
    let differences = ana.json(&["diff", &before]);
    let difference = &differences["differences"][0];
    assert_eq!((&difference["before"], &difference["after"]), (&json!("One"), &json!("Two")));
    let text = ana.ok(&["diff", &before]);
    assert!(text.contains("- One") && text.contains("+ Two"), "{text}");
    ana.edit(&["documents", "add", "Later"]);
    ana.edit(&["documents/later/body", "set", "a new text\n"]);
    let text = ana.ok(&["diff", &before]);
    assert!(text.contains("+ the item") && text.contains("+ a new text"), "{text}");
    let exported = ana.ok(&["export", "--json", "--at", &before]);
    assert!(exported.contains("One") && !exported.contains("Two"), "{exported}");
}

#[test]
fn an_export_is_stable_and_markdown_reads_well() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    ana.edit(&["documents", "add", "Runbook"]);
    ana.edit(&["documents/runbook/body", "set", "Deploy with care.\n"]);
    let exported = ana.export();
    assert_eq!(exported, ana.export());
    assert!(exported.ends_with("}\n"), "{exported}");
    let page = ana.ok(&["export", "--markdown"]);
    assert!(page.starts_with("# garden\n"), "{page}");
    assert!(page.contains("## Rules\n\n### No deploys on Friday\n"), "{page}");
    assert!(page.contains("### Runbook\n"), "{page}");
    assert!(page.ends_with("### No deploys on Friday\n\n") || page.contains("Deploy with care.\n"));
    ana.ok(&["export", "--json", "-o", "context.json"]);
    let written = std::fs::read_to_string(ana.project().join("context.json")).unwrap();
    assert_eq!(written, exported);
}

#[test]
fn a_context_is_found_from_below_and_by_name() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "One"]);
    let below = ana.project().join("src/deep");
    std::fs::create_dir_all(&below).unwrap();
    let found = ana.command_in(&below, &["show", "rules"]).output().unwrap();
    assert!(String::from_utf8(found.stdout).unwrap().contains("One"));
    let elsewhere = std::env::temp_dir();
    let project = ana.project();
    let named = ana
        .command_in(&elsewhere, &["show", "rules", "--dir", project.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(String::from_utf8(named.stdout).unwrap().contains("One"));
    let by_variable = ana
        .command_in(&elsewhere, &["show", "rules"])
        .env("WATTLE_DIR", project.join(".wattle"))
        .output()
        .unwrap();
    assert!(String::from_utf8(by_variable.stdout).unwrap().contains("One"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let ana = Desk::new("ana");
    let long = "word ".repeat(40_000);
    ana.edit(&["documents", "add", "Long"]);
    let fed = ana.fed(&["edit", "documents/long/body", "set", "-"], &long);
    assert_eq!(fed.code, 0, "{fed:?}");
    let mut command = ana.command(&["show", "documents/long/body"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"" as &[u8]));
}

#[test]
fn watching_tells_what_other_processes_do() {
    let ana = Desk::new("ana");
    let watch = ana.start(&["watch"]);
    watch.line_with("watching garden");
    ana.edit(&["rules", "add", "One", "--why", "because"]);
    let line = watch.line_with("because");
    assert!(line.contains("ana") && line.contains("rules/"), "{line}");
    assert!(line.ends_with("from this directory"), "{line}");
    assert_eq!(watch.terminate(), 0);
}

#[test]
fn a_key_that_is_there_keeps_its_name() {
    let ana = Desk::new("ana");
    let other = ana.project().join("other");
    std::fs::create_dir(&other).unwrap();
    let made = ana.command_in(&other, &["init", "--as", "bob"]).output().unwrap();
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(told.contains("you are ana, owner, and not bob"), "{told}");
}

#[test]
fn policies_are_part_of_the_context() {
    let ana = Desk::new("ana");
    ana.edit(&["policies/rules/statement", "set", "last-writer"]);
    assert_eq!(ana.ok(&["show", "policies/rules/statement"]), "last-writer\n");
    let (code, err) = ana.refused(&["edit", "policies/rules/statement", "set", "nonsense"]);
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
}

#[test]
fn status_tells_what_is_here() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "One"]);
    let status = ana.json(&["status"]);
    assert_eq!(status["name"], "garden");
    let rules = status["documents"].as_array().unwrap().iter().find(|d| d["document"] == "rules");
    assert!(rules.unwrap()["changes"].as_u64().unwrap() >= 1, "{status}");
    assert!(ana.ok(&["status"]).contains("garden"));
}
