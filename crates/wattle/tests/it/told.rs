//! What fails, as programs read it.

use serde_json::{Value as Json, json};

use crate::desk::Desk;

/// The kind and the sentence of a failure; nothing else is printed.
fn failure(desk: &Desk, args: &[&str]) -> (String, String) {
    let done = desk.run(&[args, &["--json"]].concat());
    assert_eq!((done.out.as_str(), done.err.lines().count()), ("", 1), "{args:?}: {done:?}");
    let told: Json = serde_json::from_str(&done.err).unwrap();
    let error = told["error"].as_object().unwrap();
    assert_eq!(error["exit"], json!(done.code), "{args:?}: {done:?}");
    assert_eq!(error.len(), 3, "{told}");
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (text("kind"), text("message"))
}

#[test]
fn a_failure_is_one_line_of_json_for_who_asks_for_json() {
    let token = ["gh", "p_", "mZ8kQ2vT7xR4nB1cW6yL9dF3hJ5gS0aPqE2u"].concat();
    let ana = Desk::empty("ana");
    let (kind, message) = failure(&ana, &["show"]);
    assert_eq!(kind, "no_context");
    assert!(message.starts_with("there is no context in ") && message.contains("wattle init"));
    ana.ok(&["init"]);
    ana.ok(&["agent", "add", "bot"]);
    let rule = ana.edit(&["rules", "add", "One"]);
    let version = rule["v"].as_str().unwrap();
    ana.ok(&["edit", "rules/one/severity", "set", "may"]);
    let late = ["edit", "rules/one/severity", "set", "must", "--if-unchanged", "--base", version];
    let secret = format!("Use {token}");
    ana.write("AGENTS.md", "<!-- wattle:end -->\n");
    for (args, kind, part) in [
        (&["frobnicate"] as &[&str], "usage", "unrecognized subcommand 'frobnicate'"),
        (&["edit", "rules", "add"], "usage", "add"),
        (&["sync", "--timeout", "3"], "usage", "--once"),
        (&["init"], "occupied", "holds a context already"),
        (&["show", "rules/nothing"], "not_found", "no item \"nothing\" in rules"),
        (&["resolve", "C-00000000", "--keep", "a"], "not_found", "no open conflict"),
        (&["mcp", "token", "remove", "12345678"], "not_found", "no token 12345678"),
        (&["revoke", "nobody"], "not_found", "nobody here is called nobody"),
        (&late, "changed", "read it again"),
        (&["--as", "bot", "edit", "rules", "add", "Two"], "not_allowed", "may not write rules"),
        (&["edit", "tasks", "add", &secret], "secret", "line 1 of tasks/title"),
        (&["edit", "rules/one/severity", "set", "loud"], "invalid", "severity takes"),
        (&["join", "http://nowhere"], "invalid", "http://nowhere"),
        (&["import", "none.md"], "file", "none.md cannot be read"),
        (&["export", "--into", "AGENTS.md"], "file", "AGENTS.md, line 1: a managed block ends"),
        (&["--as", "none", "show"], "identity", "no agent none"),
        (&["sync", "--once"], "unreached", "no remote is known"),
    ] {
        let (found, message) = failure(&ana, args);
        assert_eq!(found, kind, "{args:?}: {message}");
        assert!(message.contains(part), "{args:?}: {message}");
    }
}

#[test]
fn what_stands_behind_two_dashes_asks_for_nothing() {
    let ana = Desk::new("ana");
    let done = ana.run(&["frobnicate", "--", "--json"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    assert!(done.err.starts_with("error: unrecognized subcommand"), "{done:?}");
    assert!(ana.run(&["--help", "--json"]).out.contains("Exit codes: 0 done"));
}
