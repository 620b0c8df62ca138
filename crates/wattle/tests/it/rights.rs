//! Invitations, roles and revocation between two machines.

use serde_json::{Value as Json, json};

use crate::desk::Desk;

/// The names of an object's fields, in alphabetical order.
fn fields(json: &Json) -> Vec<&str> {
    let mut names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The member of that name.
fn member(desk: &Desk, name: &str) -> Json {
    let members = desk.json(&["members"]);
    let found = members["members"].as_array().unwrap().iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {members:#}")).clone()
}

#[test]
fn who_was_invited_does_what_the_role_allows_and_no_more() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    let (up, link) = ana.up();
    let bob = Desk::empty("bob");
    let joined = bob.join(&link);
    assert_eq!((&joined["role"], &joined["joined"]), (&"contributor".into(), &true.into()));
    bob.edit(&["tasks", "add", "Ship it", "--why", "from bob"]);
    bob.ok(&["sync", "--once"]);
    up.line_with("from bob");
    let before = bob.export();
    let (code, err) = bob.refused(&["edit", "rules/no-deploys/severity", "set", "may"]);
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
    assert!(err.contains("contributor") && err.contains("not write rules"), "{err}");
    assert_eq!(bob.export(), before);
    assert_eq!(ana.export(), before);
    assert_eq!(member(&ana, "bob")["now"], "contributor");
    assert_eq!(member(&bob, "ana")["now"], "owner");
    let told = bob.ok(&["whoami"]);
    assert!(told.contains("bob, contributor"), "{told}");
    assert_eq!(up.terminate(), 0);
}

#[test]
fn a_link_works_as_often_as_it_says() {
    let ana = Desk::new("ana");
    let (_up, link) = ana.up();
    Desk::empty("bob").join(&link);
    let eve = Desk::empty("eve");
    let (code, err) = eve.refused(&["join", &link]);
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
    assert!(err.contains("used up") && err.contains("nothing was made here"), "{err}");
    assert!(!eve.project().join(".wattle").exists());
    let twice = ana.invite(&["--role", "reader", "--uses", "2"]);
    for name in ["carol", "dan"] {
        assert_eq!(Desk::empty(name).join(&twice)["role"], "reader");
    }
    assert!(eve.refused(&["join", &twice]).1.contains("used up"));
    let own = ana.invite(&["--role", "read=tasks,documents;write=tasks"]);
    assert_eq!(eve.join(&own)["role"], "read=documents,tasks;write=tasks");
}

#[test]
fn a_link_that_was_withdrawn_or_has_expired_says_so() {
    let ana = Desk::new("ana");
    let (_up, _) = ana.up();
    let bob = Desk::empty("bob");
    let made = ana.json(&["invite", "--role", "editor"]);
    assert_eq!(
        fields(&made),
        ["entry", "invitation", "link", "relay", "role", "until", "uses", "waiting"]
    );
    let name = format!("inv-{}", &made["invitation"].as_str().unwrap()[..8]);
    assert!(ana.ok(&["members"]).contains(&name));
    assert!(ana.ok(&["revoke", &name]).contains("is withdrawn"));
    assert!(!ana.ok(&["members"]).contains(&name));
    let (code, err) = bob.refused(&["join", made["link"].as_str().unwrap()]);
    assert!(code == 1 && err.contains("was withdrawn"), "{code} {err}");
    // A second, by the clock of the relay.
    let link = ana.invite(&["--days", "0.00001", "--uses", "1000"]);
    let late = loop {
        let done = Desk::empty("bob").run(&["join", &link]);
        if done.code != 0 {
            break done;
        }
    };
    assert!(late.code == 1 && late.err.contains("has expired"), "{late:?}");
    assert!(!bob.project().join(".wattle").exists());
}

#[test]
fn a_link_that_leads_nowhere_is_warned_of() {
    let ana = Desk::new("ana");
    let alone = ana.run(&["invite"]);
    assert_eq!(alone.code, 0, "{alone:?}");
    assert!(
        alone.out.starts_with("wattle:///") && alone.err.contains("names no relay"),
        "{alone:?}"
    );
    let named = ana.run(&["invite", "--relay", "wattles://relay.example.org"]);
    assert!(named.out.starts_with("wattles://relay.example.org:4747/"), "{named:?}");
    assert!(!named.err.contains("relay"), "{named:?}");
    let here = ana.run(&["invite", "--relay", "wattle://127.0.0.1:4747"]);
    assert!(here.err.contains("this machine only"), "{here:?}");
    assert_eq!(ana.run(&["invite", "--days", "0"]).code, 2);
    assert_eq!(ana.run(&["invite", "--role", "king"]).code, 2);
}

#[test]
fn roles_change_and_end_while_both_work() {
    let ana = Desk::new("ana");
    ana.edit(&["people", "add", "Carol"]);
    let (up, link) = ana.up();
    let bob = Desk::empty("bob");
    bob.join(&link);
    let carol = r#"{"op": "set", "path": "people/carol/name", "value": "Caroline"}"#;
    assert_eq!(bob.fed(&["edit", "-"], carol).code, 1);
    let granted = ana.json(&["grant", "bob", "editor", "--days", "30"]);
    assert_eq!(
        fields(&granted),
        ["edits_per_minute", "entry", "key", "kind", "name", "role", "until", "waiting"]
    );
    assert_eq!((&granted["role"], &granted["kind"]), (&"editor".into(), &"person".into()));
    assert!(granted["entry"].is_u64() && granted["waiting"].is_null(), "{granted}");
    bob.ok(&["sync", "--once"]);
    bob.edit(&["people/carol/name", "set", "Caroline", "--why", "as editor"]);
    let sync = bob.start(&["sync"]);
    up.line_with("as editor");
    let (code, err) = bob.refused(&["grant", "ana", "reader"]);
    assert!(code == 1 && err.contains("wattle whoami"), "{code} {err}");
    let revoked = ana.ok(&["revoke", "bob"]);
    assert!(revoked.contains("bob is revoked"), "{revoked}");
    // The link is open: bob learns of it by itself.
    while bob.json(&["whoami"])["member"]["now"] != Json::Null {}
    let (code, err) = bob.refused(&["edit", "tasks", "add", "Late"]);
    assert!(code == 1 && err.contains("have ended"), "{code} {err}");
    assert_eq!(member(&ana, "bob")["ended"]["how"], "revoked");
    assert_eq!(ana.ok(&["show", "people/caroline/name"]), "Caroline\n");
    let (code, err) = ana.refused(&["grant", "bob", "reader"]);
    assert!(code == 1 && err.contains("never comes back"), "{code} {err}");
    drop(sync);
}

#[test]
fn whom_a_word_means_is_asked_when_it_is_not_clear() {
    let ana = Desk::new("ana");
    let (_up, _) = ana.up();
    let link = ana.invite(&["--uses", "2"]);
    let keys: Vec<String> = ["one", "two"]
        .iter()
        .map(|_| {
            let bob = Desk::empty("bob");
            bob.join(&link)["key"].as_str().unwrap().to_owned()
        })
        .collect();
    // Both have come to ana's machine.
    while ana.json(&["members"])["members"].as_array().unwrap().len() < 3 {}
    let (code, err) = ana.refused(&["grant", "bob", "editor"]);
    assert_eq!(code, 1, "{err}");
    for key in &keys {
        assert!(err.contains(&key[..8]), "{err}");
    }
    ana.ok(&["grant", &keys[0][..12], "editor"]);
    let (code, err) = ana.refused(&["revoke", "zoe"]);
    assert!(code == 1 && err.contains("zoe") && err.contains("ana"), "{code} {err}");
    let stranger = "ab".repeat(32);
    let (code, err) = ana.refused(&["grant", &stranger, "reader"]);
    assert!(code == 1 && err.contains("--name"), "{code} {err}");
    ana.ok(&["grant", &stranger, "reader", "--name", "ci", "--per-minute", "60"]);
    assert_eq!(member(&ana, "ci")["edits_per_minute"], 60);
    let (code, err) = ana.refused(&["grant", "ana", "reader"]);
    assert!(code == 1 && err.contains("own key"), "{code} {err}");
}

#[test]
fn the_audit_tells_what_happened_and_holds() {
    let ana = Desk::new("ana");
    ana.edit(&["tasks", "add", "Ship it"]);
    let (up, link) = ana.up();
    let bob = Desk::empty("bob");
    bob.join(&link);
    bob.edit(&["tasks", "add", "Second", "--why", "from bob"]);
    bob.ok(&["sync", "--once"]);
    up.line_with("from bob");
    ana.ok(&["revoke", "bob"]);
    let audit = ana.json(&["audit"]);
    let lines = audit["audit"].as_array().unwrap();
    let access: Vec<&Json> = lines.iter().filter(|line| line["kind"] == "access").collect();
    assert!(access.len() >= 3, "{audit:#}");
    assert!(access.iter().all(|line| line["entry"].is_u64()), "{audit:#}");
    let told = ana.ok(&["audit"]);
    assert!(told.contains("bob") && told.contains("contributor"), "{told}");
    let holds = ana.json(&["audit", "verify"]);
    assert_eq!((&holds["holds"], &holds["problems"]), (&true.into(), &json!([])), "{holds:#}");
    assert!(holds["seals"].as_u64().unwrap() >= 2, "{holds:#}");
    assert_eq!(up.terminate(), 0);
    let relay = ana.project().join(".wattle/relay/relay.db");
    let holds = ana.ok(&["audit", "verify", relay.to_str().unwrap()]);
    assert!(holds.contains("all of it holds"), "{holds}");
    let (code, err) = ana.refused(&["audit", "verify", "no-such-file"]);
    assert!(code == 1 && err.lines().count() == 1, "{code} {err}");
}

#[test]
fn programs_find_one_shape() {
    let ana = Desk::empty("ana");
    let made = ana.json(&["init", "garden", "--as", "ana"]);
    let (_up, link) = ana.up();
    let bob = Desk::empty("bob");
    let joined = bob.join(&link);
    assert_eq!(fields(&made), fields(&joined));
    assert_eq!((&made["role"], &made["you"]), (&"owner".into(), &"ana".into()));
    assert_eq!((&made["in_sync"], &joined["in_sync"]), (&Json::Null, &true.into()));
    let members = ana.json(&["members"]);
    assert_eq!(
        fields(&members),
        ["entries", "invitations", "members", "sequencer", "term", "waiting"]
    );
    assert_eq!(
        fields(&members["members"][0]),
        [
            "agent_of",
            "by",
            "edits_per_minute",
            "ended",
            "key",
            "kind",
            "name",
            "now",
            "role",
            "since",
            "sponsor",
            "until",
            "you"
        ]
    );
    assert_eq!(
        fields(&members["invitations"][0]),
        ["by", "invitation", "role", "state", "until", "used", "uses"]
    );
    assert_eq!(fields(&ana.json(&["whoami"])), ["key", "member", "name", "says"]);
    assert_eq!(fields(&ana.json(&["sequencer"])), ["entries", "sequencer", "term", "you"]);
    let status = ana.json(&["status"]);
    for field in ["role", "sequencer", "waiting", "agent_of", "uncounted", "forks"] {
        assert!(fields(&status).contains(&field), "{field}: {status:#}");
    }
}
