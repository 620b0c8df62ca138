//! Bugs that are put in on purpose: each is found by the judge whose business it is, within a few seeds.

use wattle_sim::plan::{Size, generate};
use wattle_sim::scenario::parse;
use wattle_sim::{Bug, Options, run};

#[test]
fn a_relay_that_acknowledges_before_its_disk_is_found() {
    assert_found(Bug::AckBeforeDisk, &["durable"]);
}

#[test]
fn a_relay_that_forgets_changes_is_found() {
    assert_found(Bug::ForgetsChanges, &["nothing lost", "converged", "durable", "not refused"]);
}

#[test]
fn a_peer_that_acknowledges_before_its_disk_is_found() {
    assert_found(Bug::EditBeforeDisk, &["durable"]);
}

#[test]
fn a_peer_that_keeps_edits_to_itself_is_found() {
    assert_found(Bug::KeepsEdits, &["nothing lost", "converged", "not refused"]);
}

#[test]
fn a_relay_that_never_rests_is_found() {
    assert_found(Bug::Chatters, &["silent", "settles"]);
}

#[test]
fn a_peer_that_ignores_cutoffs_is_found() {
    let steps = parse(BEYOND_A_CUTOFF).unwrap();
    assert_eq!(run(&steps, Options::default()).violations, []);
    let options = Options { trace: false, bug: Some(Bug::IgnoresCutoffs) };
    let violations = run(&steps, options).violations;
    let judges = ["allowed", "converged", "settles"];
    assert!(judges.contains(&violations[0].checker), "{violations:?}");
}

/// A peer takes in over a direct link what its author was no longer allowed to write.
const BEYOND_A_CUTOFF: &str = "
    relay r
    peers ana eve
    peers bob as contributor
    settle
    cut bob r
    cut eve r
    link eve bob
    settle
    bob: tasks add \"beyond\"
    settle
    ana: revoke bob
    settle
    cut eve bob
    heal eve
    settle
";

fn assert_found(bug: Bug, judges: &[&str]) {
    let found = (0..SEEDS_MAX).find_map(|seed| {
        let options = Options { trace: false, bug: Some(bug) };
        let outcome = run(&generate(seed, Size { peers: 4, seconds: 30 }), options);
        Some((seed, outcome.violations.first()?.clone()))
    });
    let (seed, violation) =
        found.unwrap_or_else(|| panic!("{bug:?} not found in {SEEDS_MAX} seeds"));
    assert!(judges.contains(&violation.checker), "{bug:?}, seed {seed}: {violation:?}");
}

const SEEDS_MAX: u64 = 40;
