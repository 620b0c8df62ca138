use crate::plan::{Size, generate};

use super::parse;

#[test]
fn what_is_printed_is_read_back() {
    for seed in 0..40 {
        let steps = generate(seed, Size { peers: 5, seconds: 120 });
        let text: String = steps.iter().map(|step| format!("{step}\n")).collect();
        assert_eq!(parse(&text).as_ref(), Ok(&steps), "seed {seed}");
    }
}

#[test]
fn every_form_of_a_step_is_read() {
    let text = r#"
        seed 7                                   # chance
        net delay=1..60 tail=30/3000 rate=1000 disk=1..20 halfopen=300
        relay r
        peers ana bot
        peers bob eve as contributor
        peers eve as "read=rules;write=tasks"
        peers new as none
        ana: grant bob editor
        ana: grant bob reader for 60
        ana: agent bot contributor
        ana: revoke bob
        ana: rotate new
        ana: sequencer r
        ana: sequencer ana pass-by
        peers cid by door
        recovery safe
        patched mal as reader
        ana: invite door contributor
        ana: invite gate "read=rules;write=tasks" uses 2 for 60
        mal: forge f tasks add "x"
        mal: forge f epoch 1 time 0 naming ana tasks/t/title set "x"
        mal: reparent f as g
        mal: send f to r = yes
        mal: send g to r = bad-signature
        mal: order ana
        expect bob admitted = used-up
        expect * used door = 1
        expect ana forked
        link ana bot
        cut bot
        cut bot r
        cut bot half-open
        cut bot ana half-open
        slow bot
        heal
        heal ana bot
        crash bot
        restart bot
        compact r
        wait 250
        settle
        ana: rules add "no deploys on \"Friday\"" enabled=true severity="must" as friday
        ana: rules/friday/severity set "should"
        ana: tasks/t/priority set -3
        ana: documents/plan/body replace "old\n" with "new" base before
        ana: documents/plan/tags append "ops"
        ana: documents/plan/tags remove "ops"
        ana: documents/plan/tags set ["a", "b"]
        ana: rules/friday delete
        ana: mark before
        ana: resolve rules/friday/statement keep a
        ana: resolve rules/friday/statement set "x"
        try bot: rules add "x"
        expect * rules = "one" + "two"
        expect * rules = none
        expect bot tasks/ship/status = "done"
        expect * conflicts = 1
        expect * rights bob = none
        expect ana rights eve = "read=rules;write=tasks"
        expect * documents/plan/body contains "words"
        expect * documents/plan/body lacks "words"
    "#;
    printed_as_read(text);
}

#[test]
fn every_form_of_a_claim_is_read() {
    printed_as_read(
        r#"
        ana: claim tasks/t for 600
        try bob: claim tasks/t for 60 = leased
        bob: claim tasks/t for 5 = lost
        ana: renew tasks/t for 600 = optimistic
        ana: report tasks/t review
        ana: report tasks/t done = lost
        ana: release tasks/t
        expect * owner tasks/t = ana
        expect bob owner tasks/t = none
    "#,
    );
}

fn printed_as_read(text: &str) {
    let steps = parse(text).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for (step, line) in steps.iter().zip(&lines) {
        let line = line.split("   ").next().unwrap();
        assert_eq!(step.to_string(), line);
    }
    assert_eq!(steps.len(), lines.len());
}

#[test]
fn a_line_that_is_no_step_is_named() {
    let wrong = [
        ("relay r\nhop", "line 2: expected a step, or a name and a colon, found `hop`"),
        ("wait soon", "line 1: expected milliseconds, found `soon`"),
        ("ana: rules add \"x", "line 1: a quoted text does not end"),
        ("ana: rules add \"\\x\"", "line 1: unknown escape \\x"),
        ("heal = ana", "line 1: expected the end of the line, found `=`"),
        (
            "ana: rules/x change \"y\"",
            "line 1: expected set, add, replace, append, remove or delete, found `change`",
        ),
        ("expect * rules is \"x\"", "line 1: expected =, contains or lacks, found `is`"),
        ("peers bob as king", "line 1: expected a role, found `king`"),
        ("cut a b c", "line 1: expected at most two names, found `b`"),
    ];
    for (text, message) in wrong {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }
}
