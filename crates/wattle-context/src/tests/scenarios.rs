use super::scenario::run;

#[test]
fn concurrent_statements_are_both_kept_until_settled() {
    run(r#"
        peers ana bob
        ana: add rules "deploys need a review" as r
        sync
        ana: set r/statement "no deploys on Friday"
        bob: set r/statement "deploys on Friday are fine"
        sync
        expect * r/statement = both ["deploys on Friday are fine", "no deploys on Friday"]
        conflicts * 1
        equal
        bob: resolve r/statement keep:no deploys on Friday
        sync
        expect * r/statement = "no deploys on Friday"
        conflicts * 0
        equal
    "#);
}

#[test]
fn equal_values_are_no_conflict() {
    run(r#"
        peers ana bob
        ana: add rules "one" as r
        sync
        ana: set r/statement "two"
        bob: set r/statement "two"
        sync
        expect * r/statement = "two"
        conflicts * 0
    "#);
}

#[test]
fn two_settlements_at_once_conflict_again() {
    run(r#"
        peers ana bob cleo
        ana: add rules "base" as r
        sync
        ana: set r/statement "one"
        bob: set r/statement "two"
        sync
        ana: resolve r/statement keep:one
        bob: resolve r/statement keep:two
        cleo: resolve r/statement "three"
        sync
        expect * r/statement = both ["one", "three", "two"]
        conflicts * 1
        ana: resolve r/statement keep:three
        sync
        expect * r/statement = "three"
        conflicts * 0
        equal
    "#);
}

#[test]
fn a_settlement_supersedes_only_what_it_saw() {
    run(r#"
        peers ana bob cleo
        ana: add rules "base" as r
        sync
        ana: set r/statement "one"
        bob: set r/statement "two"
        cleo: set r/statement "late"
        sync ana bob
        ana: resolve r/statement keep:one
        sync
        expect * r/statement = both ["late", "one"]
        conflicts * 1
        equal
    "#);
}

#[test]
fn the_answer_says_how_an_edit_met_others() {
    run(r#"
        peers ana bob
        ana: add rules {"statement": "s", "severity": "may"} as r
        sync
        bob: read v
        bob: set r/severity "should" base v
        landed ontop
        sync
        bob: read v
        ana: set r/statement "t"
        sync
        bob: set r/severity "must" base v
        landed merged ana
        sync
        ana: set r/severity "may"
        sync
        bob: set r/statement "u" base v
        landed overlapping ana
        sync
        expect * r/statement = both ["t", "u"]
        equal
    "#);
}

#[test]
fn a_write_without_a_base_is_on_top_and_says_what_it_replaced() {
    let world = run(r#"
        peers ana
        ana: add rules "one" as r
        ana: set r/statement "two"
        landed ontop
    "#);
    let context = &world.replicas["ana"].context;
    assert_eq!(context.log(&Default::default()).len(), 2);
}

#[test]
fn who_asks_is_refused_when_something_changed() {
    run(r#"
        peers ana bob
        ana: add rules {"statement": "s", "rationale": "a\nb\nc\n"} as r
        sync
        bob: read v
        ana: set r/statement "t"
        ana: replace r/rationale "a" "A"
        sync
        bob: set r/severity "must" base v unchanged
        landed merged ana
        bob: set r/statement "u" base v unchanged
        fails "has changed since"
        bob: append r/rationale "d\n" base v unchanged
        fails "has changed since"
        bob: set r/statement "u" unchanged
        fails "needs the base"
        bob: set r/statement "u" base 0123456789abcdef
        fails "read it again"
        expect * r/statement = "t"
    "#);
}

#[test]
fn whole_texts_that_come_back_change_only_what_they_changed() {
    run(r#"
        peers ana bob
        ana: add documents {"title": "Guide", "body": "one\ntwo\nthree\nfour\n"} as d
        sync
        bob: read v
        ana: replace d/body "two" "2"
        sync
        bob: set d/body "one\ntwo\nthree\nfour\nfive\n" base v
        landed merged ana
        sync
        expect * d/body = "one\n2\nthree\nfour\nfive\n"
        bob: read w
        bob: set d/body "all new\n" base w
        landed ontop
        expect bob d/body = "all new\n"
        ana: append d/body "at the end\n"
        sync
        bob: read x
        ana: replace d/body "all new" "ALL NEW"
        sync
        bob: replace d/body "all new" "all old" base x
        landed overlapping ana
        sync
        equal
    "#);
}

#[test]
fn a_passage_occurs_exactly_once() {
    run(r#"
        peers ana
        ana: add instructions {"title": "t", "body": "as as"} as i
        ana: replace i/body "as" "is"
        fails "occurs 2 times"
        ana: replace i/body "os" "is"
        fails "occurs 0 times"
        ana: replace i/body "as as" "äs"
        expect ana i/body = "äs"
        ana: append i/body "…"
        expect ana i/body = "äs…"
    "#);
}

#[test]
fn sets_maps_and_logs() {
    run(r#"
        peers ana bob
        ana: add rules {"statement": "s", "scope": ["src/**", "docs"]} as r
        ana: add people {"name": "Ana", "preferences": {"language": "de", "tone": "dry"}} as p
        ana: add tasks "ship" as t
        sync
        expect * r/scope = ["docs", "src/**"]
        ana: remove r/scope/src/**
        bob: append r/scope "tests"
        bob: append r/scope "src/**"
        ana: append t/notes "from ana"
        bob: append t/notes ["from bob", "more"]
        bob: set p/preferences/language "en"
        ana: remove p/preferences/tone
        sync
        expect * r/scope = ["docs", "src/**", "tests"]
        expect * p/preferences = {"language": "en"}
        expect * p/preferences/language = "en"
        conflicts * 0
        ana: set p/preferences {"language": "fr", "mood": "good"}
        expect ana p/preferences = {"language": "fr", "mood": "good"}
        ana: set t/notes ["x"]
        fails "append to it"
        ana: set r/scope ["docs"]
        expect ana r/scope = ["docs"]
    "#);
}

#[test]
fn an_element_added_and_removed_at_once_is_in_unless_the_context_says_otherwise() {
    run(r#"
        peers ana bob
        ana: add rules {"statement": "s", "scope": ["a"]} as r
        sync
        ana: remove r/scope "a"
        bob: remove r/scope "a"
        bob: append r/scope "a"
        sync
        expect * r/scope = ["a"]
        ana: set policies/rules/scope "remove-wins"
        sync
        expect * r/scope = []
        equal
    "#);
}

#[test]
fn deciding_policies_decide() {
    let world = run(r#"
        peers ana bob
        ana: add tools {"pattern": "shell/*", "limits": {"calls": 9}} as t
        ana: add tasks "ship" as k
        ana: add rules "s" as r
        sync
        ana: set t/effect "allow"
        bob: set t/effect "deny"
        ana: set t/limits/calls 5
        bob: set t/limits/calls 3
        ana: set k/status "done"
        bob: set k/status "in_progress"
        ana: set r/severity "may"
        bob: set r/severity "must"
        sync
        expect * t/effect = "deny"
        expect * t/limits/calls = 3
        expect * k/status = "done"
        expect * r/severity = "must"
        conflicts * 0
        equal
        ana: set policies/rules/severity "keep-all"
        sync
        expect * r/severity = both ["may", "must"]
        conflicts * 1
        bob: set policies/rules/severity "strictest(may,should,must)"
        ana: set policies/rules/severity "last-writer"
        sync
        conflicts * 2
        expect * r/severity = both ["may", "must"]
        ana: resolve policies/rules/severity keep:last-writer
        expect ana r/severity = "must"
        ana: set policies/rules/severity "merge"
        fails "another kind of field"
        ana: set policies/rules/severity "nonsense"
        fails "no policy"
        ana: remove policies/rules/severity
        sync
        conflicts * 0
        equal
    "#);
    let context = &world.replicas["ana"].context;
    let tools = context.section(crate::Section::Tools);
    let effect = &tools.items[0].fields["effect"];
    assert_eq!((effect.candidates.len(), effect.conflict.is_none()), (2, true));
}

#[test]
fn the_higher_role_decides_under_authority() {
    run(r#"
        peers ana bob cleo
        ana: add people "Ana" as p
        sync
        ana: set p/name "Ana A."
        bob: set p/name "Anna"
        sync
        expect * p/name = "Ana A."
        bob: set p/preferences/tone "dry"
        cleo: set p/preferences/tone "warm"
        sync
        expect * p/preferences/tone = both ["dry", "warm"]
        conflicts * 1
        equal
    "#);
}

#[test]
fn counters_add_up() {
    run(r#"
        peers ana bob
        ana: add tools {"pattern": "p", "limits": {"calls": 10}} as t
        ana: set policies/tools/limits "counter"
        sync
        ana: set t/limits/calls 11
        bob: set t/limits/calls 15
        sync
        expect * t/limits/calls = 16
        conflicts * 0
        ana: set t/limits/calls 17
        bob: set t/limits/calls 17
        sync
        expect * t/limits/calls = 18
        equal
    "#);
}

#[test]
fn who_deletes_what_another_edits_does_not_delete_it() {
    run(r#"
        peers ana bob
        ana: add rules {"statement": "s", "rationale": "why\n"} as r
        sync
        ana: delete r
        sync
        expect * r = "gone"
        conflicts * 0
        bob: set r/severity "must"
        fails "is deleted"
        bob: set r/deleted false
        sync
        expect * r = "there"
        ana: delete r
        bob: append r/rationale "because\n"
        sync
        expect * r = "there"
        conflicts * 1
        equal
        ana: resolve r true
        sync
        expect * r = "gone"
        conflicts * 0
        bob: set r/deleted false
        sync
        ana: delete r
        bob: set r/severity "must"
        sync
        conflicts * 1
        bob: resolve r false
        sync
        expect * r = "there"
        conflicts * 0
        equal
    "#);
}

#[test]
fn a_body_edited_while_its_document_is_deleted_keeps_it() {
    run(r#"
        peers ana bob
        ana: add documents {"title": "d", "body": "one\n"} as d
        sync
        ana: delete d
        bob: append d/body "two\n"
        sync
        expect * d = "there"
        conflicts * 1
        equal
        ana: delete d
        sync
        expect * d = "gone"
        conflicts * 0
        equal
    "#);
}

#[test]
fn refusals_name_the_limit() {
    let long = "x".repeat(501);
    run(&format!(
        r#"
        peers ana
        ana: add rules "{long}"
        fails "statement has 501 characters; at most 500"
        ana: add rules "" as r
        fails "an object with at least"
        ana: add rules {{"statement": "s", "colour": "red"}}
        fails "items of rules have no field"
        ana: add rules "s" as r
        ana: set r/severity "sometimes"
        fails "severity takes one of must, should, may"
        ana: set r/enabled "yes"
        fails "enabled takes true or false"
        ana: append r/scope "{long}"
        fails "scope has 501 bytes in a name or element; at most 200"
        ana: set nowhere/x "s"
        fails "there is no section"
        ana: set rules/nothing/statement "s"
        fails "there is no item"
        ana: delete rules
        fails "delete does not fit rules"
        ana: set r/statement/deeper "s"
        fails "nothing lies below"
        expect ana r/statement = "s"
    "#
    ));
}

#[test]
fn items_are_found_by_prefix_and_by_title() {
    let world = run(r#"
        peers ana bob
        ana: add rules "No deploys, on Friday!" as r
        ana: add rules "Zwei Prüfer" as s
        ana: add rules "zwei prüfer" as t
        ana: set rules/no-deploys-on-friday/severity "must"
        expect ana r/severity = "must"
        ana: set rules/zwei-prüfer/severity "must"
        fails "names several items of rules"
        ana: delete t
        ana: set rules/zwei-prüfer/severity "may"
        expect ana s/severity = "may"
    "#);
    let context = &world.replicas["ana"].context;
    let id = context.section(crate::Section::Rules).items[0].id.to_string();
    assert_eq!(
        context.locate(&format!("rules/{}", &id[..6])).unwrap().to_string(),
        format!("rules/{id}")
    );
}

#[test]
fn the_log_says_who_what_when_and_why() {
    let world = run(r#"
        peers ana bob
        ana: add rules "s" as r
        sync
        bob: set r/severity "must"
        bob: append r/scope "docs"
        ana: add documents {"title": "d", "body": "x"} as d
        sync
    "#);
    let context = &world.replicas["ana"].context;
    let log: Vec<String> = context
        .log(&Default::default())
        .into_iter()
        .map(|e| format!("{} {} {} {} {}", e.time_ms, e.by, e.client, e.why, e.paths.join("+")))
        .collect();
    let rules = context.document(&crate::Part::Section(crate::Section::Rules)).unwrap();
    let since = |version: &str| rules.entries_since(version).map(|entries| entries.len());
    let first = &context.log(&Default::default())[4].change[..16];
    let none = "0011223344556677";
    let versions = ["", first, &rules.version(), none];
    assert_eq!(versions.map(since), [Some(3), Some(2), Some(0), None]);
    assert_eq!(log.len(), 5);
    assert!(log.iter().all(|line| line.contains("test because")), "{log:?}");
    assert!(log[4].starts_with("1000 ana test because rules/"), "{log:?}");
    assert!(log[3].starts_with("2000 bob") && log[3].ends_with("/severity"), "{log:?}");
    assert!(log[2].starts_with("3000 bob") && log[2].ends_with("/scope/docs"), "{log:?}");
}

#[test]
fn versions_can_be_read_and_compared() {
    let world = run(r#"
        peers ana
        ana: add rules {"statement": "one", "scope": ["a"]} as r
        ana: add documents {"title": "d", "body": "x\n"} as d
        ana: read v
        ana: set r/statement "two"
        ana: append r/scope "b"
        ana: append d/body "y\n"
        ana: add tasks "t" as t
        ana: delete d
    "#);
    let ana = &world.replicas["ana"];
    let past = ana.context.at(&world.version("ana", "v")).unwrap();
    assert_eq!(past.section(crate::Section::Tasks).items.len(), 0);
    let rule = &past.section(crate::Section::Rules).items[0];
    assert_eq!(rule.fields["statement"].value, "one".into());
    let diff = ana.context.diff(&world.version("ana", "v"), &ana.context.version()).unwrap();
    let shown: Vec<String> = diff
        .iter()
        .map(|d| {
            let name = d.path.rsplit('/').next().unwrap();
            format!("{name}: {:?} -> {:?}", d.before.to_string(), d.after.to_string())
        })
        .collect();
    assert!(shown.contains(&r#"statement: "one" -> "two""#.to_owned()), "{shown:?}");
    assert!(shown.contains(&r#"scope: "a" -> "a, b""#.to_owned()), "{shown:?}");
    assert!(shown.contains(&r#"body: "x\n" -> "x\ny\n""#.to_owned()), "{shown:?}");
    assert!(shown.contains(&r#"title: "nothing" -> "t""#.to_owned()), "{shown:?}");
    assert!(shown.contains(&r#"title: "d" -> "nothing""#.to_owned()), "{shown:?}");
    assert!(ana.context.diff("rules:0011223344556677", "").is_err());
    assert!(ana.context.at("no version").is_err());
}
