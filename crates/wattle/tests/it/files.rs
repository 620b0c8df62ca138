//! Files of instructions become rules and instructions, and a managed block shows what the context says.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::desk::Desk;

mod real;

/// Three files in the shapes of real ones, and where they stand.
const FILES: [(&str, &str); 3] = [
    ("AGENTS.md", include_str!("../data/agents/harbour.md")),
    ("orchard-rs/AGENTS.md", include_str!("../data/agents/orchard.md")),
    ("mill/AGENTS.md", include_str!("../data/agents/mill.md")),
];

const END: &str = "<!-- wattle:end -->";

fn three_files(name: &str) -> Desk {
    let desk = Desk::new(name);
    FILES.iter().for_each(|(file, text)| desk.write(file, text));
    desk
}

fn names() -> Vec<&'static str> {
    FILES.iter().map(|(file, _)| *file).collect()
}

fn text(desk: &Desk, file: &str) -> String {
    std::fs::read_to_string(desk.project().join(file)).unwrap()
}

/// The words of a text.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// All texts in the plain export.
fn values(desk: &Desk) -> String {
    let (mut open, mut texts) = (vec![serde_json::from_str(&desk.export()).unwrap()], Vec::new());
    while let Some(json) = open.pop() {
        match json {
            Json::String(text) => texts.push(text),
            Json::Array(list) => open.extend(list),
            Json::Object(map) => open.extend(map.into_iter().map(|(_, value)| value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
    texts.join("\n")
}

/// The items of a section in the plain export.
fn items(desk: &Desk, section: &str) -> Vec<Json> {
    let exported: Json = serde_json::from_str(&desk.export()).unwrap();
    exported[section].as_array().cloned().unwrap_or_default()
}

/// What is before the managed block, and what is after it.
fn around(text: &str) -> (String, String) {
    let begin = text.find("<!-- wattle:begin").unwrap();
    let end = text.find(END).unwrap() + END.len();
    (text[..begin].to_owned(), text[end..].to_owned())
}

#[test]
fn three_files_are_taken_in_whole_and_only_once() {
    let ana = three_files("ana");
    let import = [&["import"], names().as_slice()].concat();
    let foretold = ana.json(&import);
    assert_eq!(foretold["dry_run"], true);
    assert!(items(&ana, "rules").is_empty() && items(&ana, "instructions").is_empty());
    let done = ana.json(&[&import[..], &["--yes"]].concat());
    assert_eq!((&done["new"], &done["dry_run"]), (&foretold["new"], &false.into()));
    for (file, text) in FILES {
        assert_eq!(self::text(&ana, file), text, "{file} is only read");
        let exported = values(&ana);
        let lost: Vec<_> = words(text).difference(&words(&exported)).copied().collect();
        assert_eq!(lost, Vec::<&str>::new(), "{file}");
    }
    let rules = items(&ana, "rules");
    let wrap =
        rules.iter().find(|rule| rule["statement"] == "Always wrap with the library's `wrap`.");
    let wrap = wrap.unwrap();
    assert_eq!(wrap["severity"], "must");
    assert_eq!(wrap["source"], "orchard-rs/AGENTS.md#Terminal code › Wrapping");
    assert_eq!(wrap["scope"], serde_json::json!(["orchard-rs/**"]));
    let told = done["items"].as_array().unwrap();
    let told = told.iter().find(|item| item["title"] == wrap["statement"]).unwrap();
    assert_eq!((&told["line"], &told["section"]), (&41.into(), &"rules".into()));
    let before = ana.export();
    let again = ana.json(&[&import[..], &["--yes"]].concat());
    assert_eq!((&again["new"], &again["rewritten"]), (&0.into(), &0.into()), "{again:#}");
    assert_eq!(ana.export(), before);
}

#[test]
fn hand_edits_outside_and_inside_come_back_and_nothing_is_doubled() {
    let ana = three_files("ana");
    ana.ok(&[&["import", "--yes"], names().as_slice()].concat());
    ana.edit(&["rules", "add", "Keep the harbour clean"]);
    ana.edit(&["rules", "add", "No deploys on Friday"]);
    exported_behind_what_was_there(&ana);
    let count = |section: &str| items(&ana, section).len();
    let (rules, instructions) = (count("rules"), count("instructions"));
    // Outside: a rule is reworded, a paragraph is new. Inside: reworded, deleted, and new.
    let edited = text(&ana, "AGENTS.md")
        .replacen("No `assert` outside of tests.", "No `assert` outside of tests, ever.", 1)
        .replacen("## Commands\n", "## Greetings\n\nSay hello.\n\n## Commands\n", 1)
        .replacen(
            "- Keep the harbour clean\n",
            "- Keep the harbour very clean\n- Feed the gulls\n",
            1,
        )
        .replacen("- No deploys on Friday\n", "", 1);
    ana.write("AGENTS.md", &edited);
    let done = ana.json(&["import", "--yes", "AGENTS.md"]);
    assert_eq!(
        (&done["new"], &done["rewritten"], &done["removed"]),
        (&2.into(), &2.into(), &1.into()),
        "{done:#}"
    );
    assert_eq!((count("rules"), count("instructions")), (rules, instructions + 1));
    let now = text(&ana, "AGENTS.md");
    assert_eq!(around(&now), around(&edited), "outside of the block nothing has changed");
    let said = ana.export();
    for statement in ["very clean", "Feed the gulls", "outside of tests, ever", "Say hello."] {
        assert!(said.contains(statement), "{statement}");
    }
    assert!(!said.contains("No deploys") && !said.contains("outside of tests.\""));
    let again = ana.json(&["import", "--yes", "AGENTS.md"]);
    assert_eq!((&again["new"], &again["rewritten"]), (&0.into(), &0.into()), "{again:#}");
    assert_eq!((ana.export(), text(&ana, "AGENTS.md")), (said, now));
    assert_eq!(ana.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 0);
}

/// Each file gets a block, and keeps what it had, to the byte.
fn exported_behind_what_was_there(ana: &Desk) {
    for (file, before) in FILES {
        ana.ok(&["export", "--into", file]);
        let exported = text(ana, file);
        assert!(exported.starts_with(before), "{file}");
        assert_eq!(exported.contains("\r\n"), before.contains("\r\n"), "{file}");
        assert_eq!(exported.ends_with('\n'), before.ends_with('\n'), "{file}");
        assert!(exported.contains("Keep the harbour clean"));
        ana.ok(&["export", "--into", file]);
        assert_eq!(text(ana, file), exported, "{file}: a second export changes nothing");
    }
}

#[test]
fn a_hand_edit_is_based_on_what_was_written_there() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "Never push to main"]);
    let body = r#"{"title": "Build", "body": "one\ntwo\nthree\n"}"#;
    ana.edit(&["instructions", "add", body]);
    ana.ok(&["export", "--into", "AGENTS.md"]);
    let edited = text(&ana, "AGENTS.md")
        .replace("Never push to main", "Never push to main by hand")
        .replace("three", "THREE");
    ana.write("AGENTS.md", &edited);
    ana.edit(&["rules/never-push-to-main/statement", "set", "Push to main with a lease"]);
    ana.edit(&["instructions/build/body", "replace", "--old", "one", "ONE"]);
    let refused = ana.run(&["import", "AGENTS.md", "--yes"]);
    assert_eq!(refused.code, 0, "{refused:?}");
    let build = ana.json(&["show", "instructions/build"]);
    assert_eq!(build["fields"]["body"]["value"], "ONE\ntwo\nTHREE\n", "both edits are in the text");
    let open = ana.json(&["conflicts"]);
    let open = &open["conflicts"].as_array().unwrap()[0];
    let values: Vec<&str> = open["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].as_str().unwrap())
        .collect();
    assert_eq!(
        BTreeSet::from_iter(values),
        ["Never push to main by hand", "Push to main with a lease"].into()
    );
    // The block shows both, and neither is picked.
    let shown = text(&ana, "AGENTS.md");
    let id = open["id"].as_str().unwrap();
    assert!(shown.contains(id) && shown.contains(") Push to main with a lease (ana)"), "{shown}");
    assert!(shown.contains(") Never push to main by hand (ana)"), "{shown}");
    // Who puts a plain line there has settled it.
    let begin = shown.find("- > ⚠").unwrap();
    let end = shown.find("\n## Instructions").unwrap();
    let settled = [&shown[..begin], "- Nobody pushes to main\n", &shown[end..]].concat();
    ana.write("AGENTS.md", &settled);
    ana.ok(&["import", "AGENTS.md", "--yes"]);
    assert_eq!(ana.json(&["conflicts"])["conflicts"].as_array().unwrap().len(), 0);
    assert!(text(&ana, "AGENTS.md").contains("\n- Nobody pushes to main\n"));
    assert_eq!(items(&ana, "rules").len(), 1);
}

#[test]
fn an_edited_quotation_and_a_damaged_block_change_nothing() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "Be kind (for `all`)"]);
    ana.ok(&["export", "--into", "AGENTS.md"]);
    let exported = text(&ana, "AGENTS.md");
    let before = ana.export();
    for (from, to, told) in [
        ("> Be kind", "> Be unkind", "AGENTS.md, line 6: what is quoted there"),
        (END, "", "AGENTS.md, line 1: the managed block begins here and does not end"),
        (
            "<!-- wattle:begin",
            "<!-- wattle:end -->\n<!-- wattle:begin",
            "AGENTS.md, line 1: a managed block ends here",
        ),
        (" hash=", " ", "AGENTS.md, line 1: this mark of the managed block was changed"),
    ] {
        let damaged = exported.replacen(from, to, 1);
        assert_ne!(damaged, exported);
        ana.write("AGENTS.md", &damaged);
        for command in [&["import", "--yes", "AGENTS.md"][..], &["export", "--into", "AGENTS.md"]] {
            let (code, why) = ana.refused(command);
            assert_eq!(code, 1);
            assert!(why.contains(told), "{command:?}: {why}");
            assert_eq!((text(&ana, "AGENTS.md"), ana.export()), (damaged.clone(), before.clone()));
        }
    }
}

#[test]
fn a_block_is_taken_in_by_a_replica_that_did_not_write_it() {
    let ana = Desk::new("ana");
    ana.edit(&["rules", "add", "Never push to main"]);
    ana.ok(&["export", "--into", "AGENTS.md"]);
    let edited = text(&ana, "AGENTS.md").replace("Never push", "Never ever push");
    ana.write("AGENTS.md", &edited);
    // What was remembered beside the context is gone, as in another checkout.
    std::fs::remove_file(ana.project().join(".wattle/files.json")).unwrap();
    let done = ana.json(&["import", "--yes", "AGENTS.md"]);
    assert_eq!((&done["rewritten"], &done["new"]), (&1.into(), &0.into()), "{done:#}");
    assert_eq!(items(&ana, "rules").len(), 1);
    // A block of another context is not touched.
    let bob = Desk::new("bob");
    bob.write("AGENTS.md", &edited);
    let (code, why) = bob.refused(&["export", "--into", "AGENTS.md"]);
    assert_eq!(code, 1);
    assert!(why.contains("line 1: the managed block is of another context"), "{why}");
    assert_eq!(text(&bob, "AGENTS.md"), edited);
}

#[test]
fn what_claude_and_editors_read_is_followed_and_scoped() {
    let ana = Desk::new("ana");
    ana.write(
        "CLAUDE.md",
        "@AGENTS.md\n@docs/missing.md\nSee @docs/style.md too.\n@../../etc/passwd.txt\n",
    );
    ana.write("AGENTS.md", "## Rules\n\n- Never lie\n");
    ana.write("docs/style.md", "# Style\n\nPlain. See @../CLAUDE.md\n");
    let rule = "---\ndescription: Tests\nglobs: **/*.test.ts\n---\n\n- Always assert something\n";
    ana.write(".cursor/rules/tests.mdc", rule);
    ana.write(".github/copilot-instructions.md", "Answer in English.\n");
    ana.write(
        ".github/instructions/py.instructions.md",
        "---\napplyTo: '**/*.py'\n---\nUse black.\n",
    );
    let done = ana.json(&["import", "--yes", "CLAUDE.md", ".cursor/rules", ".github"]);
    let notes: Vec<String> = done["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            format!(
                "{}:{} {}",
                note["source"].as_str().unwrap(),
                note["line"],
                note["note"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        notes,
        [
            "CLAUDE.md:2 @docs/missing.md is not there",
            "CLAUDE.md:4 @../../etc/passwd.txt is not there",
            "docs/style.md:3 @../CLAUDE.md leads in a circle: read once"
        ]
    );
    let rules = items(&ana, "rules");
    let told: BTreeSet<_> = rules
        .iter()
        .map(|rule| (rule["statement"].as_str().unwrap(), rule["scope"][0].as_str()))
        .collect();
    assert_eq!(
        told,
        [("Never lie", None), ("Always assert something", Some("**/*.test.ts"))].into()
    );
    let python =
        items(&ana, "instructions").into_iter().find(|one| one["body"] == "Use black.").unwrap();
    assert_eq!(python["audience"], serde_json::json!(["**/*.py"]));
    let style =
        items(&ana, "instructions").into_iter().find(|one| one["title"] == "Style").unwrap();
    assert_eq!((&style["source"], &style["audience"]), (&"docs/style.md".into(), &Json::Null));
    // Whoever exports to AGENTS.md may have it named where it is not.
    ana.write("CLAUDE.md", "# Mine\r\n");
    ana.ok(&["export", "--into", "AGENTS.md", "--claude"]);
    assert_eq!(text(&ana, "CLAUDE.md"), "# Mine\r\n\r\n@AGENTS.md\r\n");
    ana.ok(&["export", "--into", "AGENTS.md", "--claude"]);
    assert_eq!(text(&ana, "CLAUDE.md"), "# Mine\r\n\r\n@AGENTS.md\r\n");
}

#[test]
fn a_memory_becomes_documents_once() {
    let ana = Desk::new("ana");
    let entity =
        r#"{"type":"entity","name":"shop","entityType":"project","observations":["sells tea"]}"#;
    let relation = r#"{"type":"relation","from":"shop","to":"ana","relationType":"owned by"}"#;
    ana.write("memory.json", &format!("{entity}\n{relation}\n"));
    for (new, unchanged) in [(1, 0), (0, 1)] {
        let done = ana.json(&["import", "--yes", "memory.json"]);
        assert_eq!((&done["new"], &done["unchanged"]), (&new.into(), &unchanged.into()));
    }
    let shop = ana.json(&["show", "documents/shop"]);
    assert_eq!(shop["fields"]["kind"]["value"], "project");
    assert_eq!(shop["body"]["value"], "- sells tea\n\n## Relations\n\n- owned by ana\n");
}

#[test]
fn what_was_deleted_in_the_context_stays_deleted() {
    let ana = Desk::new("ana");
    ana.write("AGENTS.md", "## Rules\n\n- Never lie\n- Always smile\n");
    ana.ok(&["import", "--yes", "AGENTS.md"]);
    ana.ok(&["edit", "rules/always-smile", "delete"]);
    let told = ana.ok(&["import", "--yes", "AGENTS.md"]);
    assert!(told.contains("deleted in the context since"), "{told}");
    assert_eq!(items(&ana, "rules").len(), 1);
    // What is no longer in the file stays in the context, and is told.
    ana.write("AGENTS.md", "## Rules\n\n- Always smile\n");
    let told = ana.ok(&["import", "--yes", "AGENTS.md"]);
    assert!(told.contains("no longer in the file"), "{told}");
    assert_eq!(items(&ana, "rules").len(), 1);
}

#[test]
fn a_file_with_a_secret_is_refused_with_its_line() {
    let ana = Desk::new("ana");
    let token = ["gh", "p_", "mZ8kQ2vT7xR4nB1cW6yL9dF3hJ5gS0aPqE2u"].concat();
    ana.write("AGENTS.md", &format!("## Rules\n\n- Never lie\n- Push with {token}\n"));
    ana.write("CLAUDE.md", "## Rules\n\n- Be kind\n");
    let (code, why) = ana.refused(&["import", "--yes", "CLAUDE.md", "AGENTS.md"]);
    assert_eq!(code, 1);
    assert!(
        why.contains("nothing was imported: AGENTS.md:4 holds a GitHub token (ghp_…)"),
        "{why}"
    );
    assert!(!why.contains(&token));
    let (code, why) = ana.refused(&["edit", "tasks", "add", &format!("Use {token}")]);
    assert_eq!(code, 1);
    assert!(why.contains("line 1 of tasks/title holds a GitHub token (ghp_…)"), "{why}");
    assert_eq!(ana.export(), "{}\n");
}

#[test]
fn a_watched_file_and_the_context_follow_each_other() {
    let ana = Desk::new("ana");
    ana.write("AGENTS.md", "# Mine\n");
    ana.edit(&["rules", "add", "Never lie"]);
    let watch = ana.start(&["watch", "--files", "AGENTS.md", "--json"]);
    watch.line_with(r#""written":true"#);
    assert!(text(&ana, "AGENTS.md").starts_with("# Mine\n\n<!-- wattle:begin"));
    // From the context into the file.
    ana.edit(&["rules", "add", "Always smile"]);
    watch.line_with(r#""written":true"#);
    assert!(text(&ana, "AGENTS.md").contains("\n- Always smile\n"));
    // From the file into the context; an editor writes a new file and puts it in place.
    let edited =
        text(&ana, "AGENTS.md").replace("- Always smile\n", "- Always smile twice\n- Wave\n");
    ana.write("AGENTS.md.tmp", &edited);
    std::fs::rename(ana.project().join("AGENTS.md.tmp"), ana.project().join("AGENTS.md")).unwrap();
    watch.line_with(r#""taken_in":2"#);
    assert!(text(&ana, "AGENTS.md").contains("\n- Always smile twice\n"));
    assert!(ana.export().contains("\"Wave\"") && ana.export().contains("Always smile twice"));
    // A damaged block is told, and not written over.
    let damaged = text(&ana, "AGENTS.md").replace(END, "");
    ana.write("AGENTS.md", &damaged);
    watch.line_with("does not end");
    ana.edit(&["rules", "add", "Sing"]);
    ana.write("AGENTS.md", "all gone\n");
    watch.line_with("the managed block is gone");
    assert_eq!(text(&ana, "AGENTS.md"), "all gone\n");
    ana.write("AGENTS.md", &edited);
    watch.line_with(r#""written":true"#);
    assert!(text(&ana, "AGENTS.md").contains("\n- Sing\n"));
    assert_eq!(items(&ana, "rules").len(), 4, "nothing is doubled");
    assert_eq!(watch.terminate(), 0);
}
