//! Agents: keys of their own, less than their person may do.

use crate::desk::Desk;

#[test]
fn an_agent_does_its_work_and_leaves_the_rules_alone() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    ana.edit(&["tasks", "add", "Ship it"]);
    let made = ana.json(&["agent", "add", "bot", "--role", "contributor", "--days", "7"]);
    assert_eq!((&made["kind"], &made["role"]), (&"agent".into(), &"contributor".into()));
    assert_eq!(made["entry"], 1);
    ana.ok(&["--as", "bot", "edit", "tasks/ship-it/notes", "append", "done", "--why", "by bot"]);
    let rule = ["edit", "rules/no-deploys/severity", "set", "may"];
    let (code, err) = ana.refused(&[&["--as", "bot"], &rule[..]].concat());
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
    assert!(err.contains("contributor") && err.contains("not write rules"), "{err}");
    let by_variable = ana.command(&rule).env("WATTLE_AS", "bot").output().unwrap();
    assert_eq!(by_variable.status.code(), Some(1));
    ana.ok(&rule);
    let told = ana.ok(&["log", "tasks"]);
    assert!(told.contains("bot (agent of ana)"), "{told}");
    let log = ana.json(&["log", "tasks", "-n", "1"]);
    let entry = &log["log"][0];
    assert_eq!(
        (&entry["by"], &entry["kind"], &entry["agent_of"]),
        (&"bot".into(), &"agent".into(), &"ana".into())
    );
    let told = ana.ok(&["--as", "bot", "whoami"]);
    assert!(told.contains("bot, contributor, agent of ana"), "{told}");
    assert!(ana.ok(&["agent", "list"]).contains("contributor"));
}

#[test]
fn an_agent_gives_nothing_on_and_ends_when_it_is_removed() {
    let ana = Desk::new("ana");
    ana.ok(&["agent", "add", "bot"]);
    for tried in [
        &["invite"] as &[&str],
        &["grant", "bot", "owner"],
        &["revoke", "ana"],
        &["agent", "add", "other"],
        &["rotate"],
        &["sequencer", "bot"],
    ] {
        let (code, err) = ana.refused(&[&["--as", "bot"], tried].concat());
        assert!(code == 1 && err.lines().count() == 1, "{tried:?}: {code} {err}");
    }
    let (code, err) = ana.refused(&["agent", "add", "king", "--role", "owner"]);
    assert!(code == 1 && err.lines().count() == 1, "{code} {err}");
    assert!(!ana.ok(&["agent", "list"]).contains("king"));
    let removed = ana.ok(&["agent", "remove", "bot"]);
    assert!(removed.contains("bot is removed"), "{removed}");
    let (code, err) = ana.refused(&["--as", "bot", "edit", "tasks", "add", "Late"]);
    assert!(code == 1 && err.contains("no agent bot"), "{code} {err}");
    assert!(ana.ok(&["agent", "list"]).contains("no agents"));
    let members = ana.json(&["members"]);
    let bot = members["members"].as_array().unwrap().iter().find(|one| one["name"] == "bot");
    assert_eq!(bot.unwrap()["ended"]["how"], "revoked");
    assert_eq!(ana.run(&["agent", "remove", "bot"]).code, 1);
}

#[test]
fn an_agent_has_a_budget() {
    let ana = Desk::new("ana");
    ana.ok(&["agent", "add", "bot", "--per-minute", "2"]);
    let edits: Vec<i32> = (0..4)
        .map(|number| ana.run(&["--as", "bot", "edit", "tasks", "add", &number.to_string()]).code)
        .collect();
    assert_eq!(edits, [0, 0, 1, 1]);
    let (_, err) = ana.refused(&["--as", "bot", "edit", "tasks", "add", "more"]);
    assert!(err.contains("2 edits per minute"), "{err}");
    ana.edit(&["tasks", "add", "ana has none"]);
}

#[test]
fn an_agent_works_in_a_folder_of_its_own_too() {
    let ana = Desk::new("ana");
    ana.edit(&["tasks", "add", "Ship it"]);
    ana.ok(&["agent", "add", "bot"]);
    let (up, link) = ana.up();
    let link = link.split_once('#').unwrap().0;
    let other = ana.project().join("elsewhere");
    std::fs::create_dir(&other).unwrap();
    let joined = ana.command_in(&other, &["--as", "bot", "join", link]).output().unwrap();
    assert!(joined.status.success(), "{joined:?}");
    let edit = ["--as", "bot", "edit", "tasks/ship-it/notes", "append", "on it", "--why", "far"];
    assert!(ana.command_in(&other, &edit).output().unwrap().status.success());
    let sync = ana.command_in(&other, &["--as", "bot", "sync", "--once"]).output().unwrap();
    assert!(sync.status.success(), "{sync:?}");
    let line = up.line_with("far");
    assert!(line.contains("bot"), "{line}");
}

#[test]
fn an_agent_takes_part_where_its_person_does_not() {
    let (ana, zoe) = (Desk::new("ana"), Desk::new("zoe"));
    ana.ok(&["agent", "add", "bot"]);
    let key = ana.json(&["--as", "bot", "whoami"])["key"].as_str().unwrap().to_owned();
    zoe.ok(&["grant", &key, "contributor", "--name", "bot"]);
    zoe.edit(&["tasks", "add", "Ship it"]);
    let (up, link) = zoe.up();
    let link = link.split_once('#').unwrap().0;
    let other = ana.project().join("elsewhere");
    std::fs::create_dir(&other).unwrap();
    let edit = ["edit", "tasks/ship-it/notes", "append", "on it", "--why", "far"];
    // The links are the agent's own, at the first start and at the next ones.
    for args in [&["join", link] as &[&str], &edit, &["sync", "--once"]] {
        let done = ana.command_in(&other, &[&["--as", "bot"], args].concat()).output().unwrap();
        assert!(done.status.success(), "{args:?}: {done:?}");
    }
    let line = up.line_with("far");
    assert!(line.contains("bot"), "{line}");
    let alone = ana.command_in(&other, &["sync", "--once"]).output().unwrap();
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
}
