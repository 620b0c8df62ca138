//! Keys that change, keys that are lost, and who orders.

use crate::desk::Desk;

#[test]
fn a_key_is_replaced_and_its_person_goes_on() {
    let ana = Desk::new("ana");
    ana.ok(&["agent", "add", "bot"]);
    ana.edit(&["tasks", "add", "Before"]);
    let before = ana.json(&["whoami"])["key"].as_str().unwrap().to_owned();
    let rotated = ana.json(&["rotate"]);
    assert_ne!(rotated["key"], before.as_str());
    let me = ana.json(&["whoami"]);
    assert_eq!((&me["key"], &me["member"]["now"]), (&rotated["key"], &"owner".into()));
    ana.edit(&["rules", "add", "After"]);
    ana.ok(&["--as", "bot", "edit", "tasks/before/notes", "append", "still here"]);
    let members = ana.json(&["members"]);
    let old =
        members["members"].as_array().unwrap().iter().find(|one| one["key"] == before.as_str());
    assert_eq!(old.unwrap()["ended"]["how"], "rotated");
    let shown = ana.ok(&["show"]);
    assert!(shown.contains("Before") && shown.contains("After"), "{shown}");
    assert_eq!(ana.json(&["audit", "verify"])["holds"], true);
}

#[test]
fn a_key_is_replaced_in_every_context_that_knows_it() {
    let ana = Desk::new("ana");
    let other = ana.project().join("other");
    std::fs::create_dir(&other).unwrap();
    let there = |args: &[&str]| ana.command_in(&other, args).output().unwrap();
    assert!(there(&["init", "second"]).status.success());
    ana.ok(&["rotate"]);
    assert!(!there(&["edit", "tasks", "add", "Locked out"]).status.success());
    let rotated = there(&["rotate"]);
    assert!(rotated.status.success(), "{rotated:?}");
    assert!(there(&["edit", "tasks", "add", "Back"]).status.success());
}

#[test]
fn a_recovery_key_makes_one_owner_again() {
    let ana = Desk::empty("ana");
    let made = ana.json(&["init", "garden", "--as", "ana", "--recovery"]);
    let recovery = made["recovery"].as_str().unwrap().to_owned();
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    std::fs::remove_dir_all(ana.config()).unwrap();
    let (code, err) = ana.refused(&["edit", "rules", "add", "Another"]);
    assert!(code == 1 && err.contains("no role in this context"), "{code} {err}");
    let wrong = ana.fed(&["recover"], "not a key\n");
    assert_eq!((wrong.code, wrong.err.lines().count()), (1, 1), "{wrong:?}");
    let recovered = ana.fed(&["recover", "--json"], &format!("{recovery}\n"));
    assert_eq!(recovered.code, 0, "{recovered:?}");
    ana.edit(&["rules", "add", "Another"]);
    assert_eq!(ana.json(&["whoami"])["member"]["now"], "owner");
    let lost = made["key"].as_str().unwrap();
    ana.ok(&["revoke", &lost[..12]]);
    assert!(ana.ok(&["show", "rules"]).contains("No deploys on Friday"));
}

#[test]
fn the_relay_orders_once_it_is_met_and_can_be_passed_by() {
    let ana = Desk::new("ana");
    assert_eq!(ana.json(&["sequencer"])["you"], true);
    let (up, link) = ana.up();
    Desk::empty("bob").join(&link);
    let at_relay = ana.json(&["sequencer"]);
    assert_eq!((&at_relay["you"], &at_relay["term"]), (&false.into(), &0.into()));
    assert_eq!(up.terminate(), 0);
    let waits = ana.json(&["revoke", "bob"]);
    assert!(waits["entry"].is_null() && waits["waiting"].is_string(), "{waits}");
    let status = ana.ok(&["status"]);
    assert!(status.contains("waits for the sequencer: revoke"), "{status}");
    let passed = ana.json(&["sequencer", "ana", "--pass-by"]);
    assert!(passed["entry"].is_u64(), "{passed}");
    let now = ana.json(&["sequencer"]);
    assert_eq!((&now["you"], &now["term"]), (&true.into(), &1.into()));
}
