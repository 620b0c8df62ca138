//! Two directories and a relay.

use crate::desk::Desk;

#[test]
fn two_directories_become_equal() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    let (up, link) = ana.up();
    let bot = Desk::empty("bot");
    let joined = bot.join(&link);
    assert_eq!((&joined["name"], &joined["in_sync"]), (&"garden".into(), &true.into()));
    assert_eq!(bot.export(), ana.export());
    bot.edit(&["tasks", "add", "Ship it", "--why", "from bot"]);
    bot.ok(&["sync", "--once"]);
    let line = up.line_with("from bot");
    assert!(line.contains("tasks/") && line.contains("wattle://"), "{line}");
    ana.edit(&["documents", "add", "Runbook"]);
    ana.edit(&["documents/runbook/body", "set", "one\ntwo\n", "--why", "the text"]);
    up.line_with("the text");
    ana.ok(&["sync", "--once"]);
    bot.ok(&["sync", "--once"]);
    assert_eq!(bot.export(), ana.export());
    assert!(bot.ok(&["status"]).contains("everything here is durable there"));
    assert_eq!(up.terminate(), 0);
}

#[test]
fn a_conflict_is_seen_by_both_and_settled_once() {
    let ana = Desk::new("ana");
    ana.edit(&["tasks", "add", "One"]);
    let (up, link) = ana.up();
    let bot = Desk::empty("bot");
    bot.join(&link);
    let id = ana.json(&["show", "tasks"])["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("tasks/{id}/title");
    bot.edit(&[&path, "set", "Bot's", "--why", "tests"]);
    ana.edit(&[&path, "set", "Ana's", "--why", "plans"]);
    up.line_with("plans");
    ana.ok(&["sync", "--once"]);
    bot.ok(&["sync", "--once"]);
    up.line_with("tests");
    let seen = ana.json(&["conflicts"]);
    assert_eq!(seen, bot.json(&["conflicts"]));
    let conflict = &seen["conflicts"][0];
    let name = conflict["id"].as_str().unwrap();
    assert_eq!(conflict["path"], path);
    let told = bot.ok(&["conflicts"]);
    assert!(told.contains("Ana's") && told.contains("Bot's") && told.contains("plans"), "{told}");
    assert!(ana.ok(&["show"]).contains("1 conflict: wattle conflicts"));
    assert!(ana.ok(&["show", "tasks"]).contains(&format!("⚠ {name}")));
    let candidates = conflict["candidates"].as_array().unwrap();
    let keep = candidates.iter().find(|candidate| candidate["value"] == "Ana's").unwrap();
    bot.ok(&["resolve", name, "--keep", keep["key"].as_str().unwrap(), "--why", "agreed"]);
    bot.ok(&["sync", "--once"]);
    up.line_with("agreed");
    assert_eq!(ana.ok(&["conflicts"]), "no conflicts\n");
    assert_eq!(ana.ok(&["show", &path]), "Ana's\n");
    assert_eq!(ana.export(), bot.export());
    let (code, err) = ana.refused(&["resolve", name, "--keep", "a"]);
    assert!(code == 1 && err.contains(name), "{code} {err}");
}

#[test]
fn a_link_that_leads_nowhere_leaves_nothing_behind() {
    let ana = Desk::new("ana");
    let (up, link) = ana.up();
    let bot = Desk::empty("bot");
    let relay = link.rsplit_once('/').unwrap().0;
    let unknown = format!("{relay}/{}", "0".repeat(64));
    let (code, err) = bot.refused(&["join", &unknown, "--timeout", "2"]);
    assert!(code == 1 && err.contains("nothing was made here"), "{code} {err}");
    assert!(!bot.project().join(".wattle").exists());
    assert_eq!(up.terminate(), 0);
    let (code, err) = bot.refused(&["join", &link, "--timeout", "1"]);
    assert!(code == 1 && err.contains("nothing was made here"), "{code} {err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(!bot.project().join(".wattle").exists());
}

#[test]
fn staying_connected_shows_what_comes() {
    let ana = Desk::new("ana");
    let (up, link) = ana.up();
    let bot = Desk::empty("bot");
    bot.join(&link);
    let sync = bot.start(&["sync"]);
    sync.line_with("connected");
    ana.edit(&["tasks", "add", "One", "--why", "live"]);
    let line = sync.line_with("live");
    assert!(line.contains("ana") && line.contains("tasks/"), "{line}");
    bot.edit(&["tasks/one/priority", "set", "3", "--why", "back"]);
    up.line_with("back");
    assert_eq!(ana.ok(&["show", "tasks/one/priority"]), "3\n");
    assert_eq!(sync.terminate(), 0);
    assert_eq!(up.terminate(), 0);
}

#[test]
fn a_port_in_use_is_said() {
    let ana = Desk::new("ana");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let before = ana.export();
    let (code, err) = ana.refused(&["up", "--listen", &address]);
    assert!(code == 1 && err.contains(&address) && err.lines().count() == 1, "{code} {err}");
    assert_eq!(ana.export(), before);
}

#[test]
fn a_relay_that_is_gone_is_said() {
    let ana = Desk::new("ana");
    let (up, link) = ana.up();
    let bot = Desk::empty("bot");
    bot.ok(&["join", &link]);
    assert_eq!(up.terminate(), 0);
    let (code, err) = bot.refused(&["sync", "--once", "--timeout", "1"]);
    assert!(code == 1 && err.contains("wattle://127.0.0.1:"), "{code} {err}");
    bot.edit(&["tasks", "add", "Offline is fine"]);
}
