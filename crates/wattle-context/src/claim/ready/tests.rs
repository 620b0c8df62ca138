use super::*;
use crate::tests::scenario::run;

/// The titles of the tasks that are ready for who is called so.
fn titles(script: &str, words: &[&str]) -> Vec<String> {
    let world = run(script);
    let who = Claimant::called(words.iter().map(|word| (*word).to_owned()));
    let found = ready(&world.replicas["ana"].context, (&who, 0), 0);
    found.iter().map(|task| word(task, "title")).collect()
}

#[test]
fn a_task_is_ready_for_whom_it_is_meant() {
    let script = r#"
        peers ana bob
        ana: add tasks {"title": "all"}
        ana: add tasks {"title": "blank", "meant_for": " , "}
        ana: add tasks {"title": "keepers", "meant_for": "maintainer, Ana"}
        ana: add tasks {"title": "disputed", "meant_for": "nobody yet"} as d
        sync
        ana: set d/meant_for "cleo"
        bob: set d/meant_for "coder"
        sync
    "#;
    assert_eq!(titles(script, &[]), ["all", "blank"]);
    assert_eq!(titles(script, &["contributor", "bob"]), ["all", "blank"]);
    assert_eq!(titles(script, &["ana"]), ["all", "blank", "keepers"]);
    assert_eq!(titles(script, &["Maintainer"]), ["all", "blank", "keepers"]);
    assert_eq!(titles(script, &["cleo"]), ["all", "blank", "disputed"]);
    assert_eq!(titles(script, &["coder"]), ["all", "blank", "disputed"]);
}
