//! Competing claims.

use proptest::collection::vec;
use proptest::prelude::*;

use super::scenario::{World, run};
use crate::{Conflict, ConflictKind};

fn only(world: &World, who: &str) -> Conflict {
    let mut open = world.replicas[who].context.conflicts();
    assert_eq!(open.len(), 1, "{open:#?}");
    open.remove(0)
}

#[test]
fn claims_made_apart_are_a_conflict_until_one_is_kept() {
    let world = run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        conflicts * 0
        sync
        conflicts * 1
        holds * t ana
        equal
    "#);
    let conflict = only(&world, "cleo");
    assert_eq!((conflict.kind, conflict.candidates.len()), (ConflictKind::Claim, 2));
    assert!(conflict.path.ends_with("/claims"), "{}", conflict.path);
    let mut candidates = conflict.candidates.iter();
    let first = candidates.find(|candidate| candidate.by == "ana").unwrap();
    assert_eq!((first.time, first.why.as_str(), first.key), (2_000, "because", [1; 32]));
    assert_eq!(conflict.in_force, std::slice::from_ref(&first.value));
    let shown = first.value.to_string();
    assert!(shown.contains("holder: ana, until: 1970-01-01T00:10:02.000Z"), "{shown}");
}

#[test]
fn whoever_is_kept_holds_the_task_and_the_others_have_ended() {
    run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        sync
        cleo: resolve t/claims keep:bob
        sync
        conflicts * 0
        holds * t bob
        ana: renew t
        sync
        conflicts * 0
        holds * t bob
        # The one that lost stays lost when the other has ended.
        bob: release t
        sync
        holds * t nobody
        equal
    "#);
}

#[test]
fn whoever_knew_of_a_claim_is_in_no_conflict_with_it() {
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        ana: claim t
        sync
        bob: claim t
        sync
        conflicts * 0
        holds * t ana
    "#);
}

#[test]
fn a_lease_decides_and_so_does_an_end() {
    run(r#"
        peers ana bob cleo
        ana: add tasks "leased" as l
        ana: add tasks "ended" as e
        sync
        ana: claim l
        bob: claim l leased 1
        ana: claim e
        bob: claim e
        bob: release e
        sync
        conflicts * 0
        holds * l bob
        holds * e ana
        # Between the others too: all have lost to the one with the lease.
        cleo: claim e
        sync
        conflicts * 0
    "#);
}

#[test]
fn a_lease_decides_as_long_as_it_lasts() {
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        ana: claim t at 10 for 100 leased 1
        ana: renew t at 90 for 600
        sync
        # The lease has run out, and where bob is the claim has too.
        bob: claim t at 800 for 600
        ana: renew t at 650 for 600
        sync
        moment 900
        conflicts * 1
        holds * t ana
        bob: resolve t/claims keep:bob
        sync
        conflicts * 0
        holds * t bob
    "#);
}

#[test]
fn claims_of_different_times_do_not_compete() {
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        sync
        ana: claim t at 10 for 600
        bob: claim t at 700 for 600
        sync
        conflicts * 0
        moment 800
        holds * t bob
    "#);
}

#[test]
fn a_claim_that_is_renewed_apart_competes_with_who_took_over() {
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        ana: claim t at 10 for 600
        sync
        bob: claim t at 700 for 600
        ana: renew t at 600 for 600
        sync
        moment 800
        conflicts * 1
        holds * t ana
    "#);
}

#[test]
fn a_conflict_of_claims_is_shown_while_two_are_held() {
    let world = run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t for 600
        bob: claim t for 1200
        cleo: claim t for 1200
        sync
        moment 100
        conflicts * 1
        moment 700
        conflicts * 1
        holds * t bob
    "#);
    let later = only(&world, "ana");
    let earlier = run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t for 600
        bob: claim t for 1200
        cleo: claim t for 1200
        sync
    "#);
    let earlier = only(&earlier, "ana");
    assert_eq!((&earlier.id, &earlier.candidates), (&later.id, &later.candidates));
    assert_ne!(earlier.in_force, later.in_force, "the first has expired");
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        sync
        ana: claim t for 600
        bob: claim t for 1200
        sync
        moment 700
        conflicts * 0
        holds * t bob
    "#);
}

#[test]
fn two_who_settle_differently_have_a_conflict_again() {
    run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        cleo: claim t
        sync
        ana: resolve t/claims keep:ana
        bob: resolve t/claims keep:bob
        conflicts ana 0
        conflicts bob 0
        sync
        # Both have ended cleo's.
        conflicts * 1
        holds * t ana
        equal
        cleo: resolve t/claims keep:bob
        sync
        conflicts * 0
        holds * t bob
        equal
    "#);
}

#[test]
fn a_settlement_of_a_part_and_one_of_all_contradict_each_other() {
    run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        cleo: claim t
        sync ana bob
        ana: resolve t/claims keep:ana
        sync bob cleo
        bob: resolve t/claims keep:bob
        sync
        # Bob's verdict did not see ana's.
        conflicts * 1
        holds * t ana
        bob: resolve t/claims keep:bob
        sync
        conflicts * 0
        holds * t bob
        equal
    "#);
}

#[test]
fn two_who_settle_alike_agree() {
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        sync
        ana: resolve t/claims keep:bob
        bob: resolve t/claims keep:bob
        sync
        conflicts * 0
        holds * t bob
        equal
    "#);
}

#[test]
fn a_claim_that_comes_in_later_is_another_conflict() {
    run(r#"
        peers ana bob cleo
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        cleo: claim t
        sync ana bob
        ana: resolve t/claims keep:bob
        sync
        conflicts * 1
        holds * t bob
        cleo: resolve t/claims keep:cleo
        sync
        conflicts * 0
        holds * t cleo
    "#);
}

#[test]
fn claims_cannot_be_merged() {
    run(r#"
        peers ana bob
        ana: add tasks "fix the build" as t
        sync
        ana: claim t
        bob: claim t
        sync
        ana: resolve t/claims "both of us"
        fails "keep one of them"
        conflicts * 1
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever does what to two tasks, apart or having met: who has the same shows the same.
    #[test]
    fn replicas_show_the_same_claims_and_conflicts(
        acts in vec((0..3_usize, 0..9_u8, 0..2_u8, 0..900_u32), 1..30),
        order in Just(["ana", "bob", "cleo"]).prop_shuffle(),
    ) {
        let names = ["ana", "bob", "cleo"];
        let mut script = "peers ana bob cleo\nana: add tasks \"one\" as t0\n\
                          ana: add tasks \"two\" as t1\nsync\n".to_owned();
        for (number, (who, what, task, at)) in acts.iter().enumerate() {
            let (name, other) = (names[*who], names[(who + 1) % 3]);
            let line = match what {
                0..=2 => format!("{name}: claim t{task} at {at}"),
                3 => format!("{name}: claim t{task} at {at} leased {number}"),
                4 => format!("{name}: renew t{task} at {at}"),
                5 => format!("{name}: release t{task} at {at}"),
                6 | 7 => format!("try {name} t{task} {}", number % 3),
                _ => format!("sync {name} {other}"),
            };
            script.push_str(&line);
            script.push('\n');
        }
        let [one, two, three] = order;
        script.push_str(&format!("sync {three} {two}\nsync {one} {two}\nsync\nsync\nequal\n"));
        script.push_str("moment 900\nequal\n");
        run(&script);
    }
}
